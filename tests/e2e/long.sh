#!/bin/sh
# The storms for as long as you like: workers killed and stopped, supervisors killed, with ever new seeds.
#   long.sh [SECONDS [BINARY]]      (default 600 s, build/release/headrace); ends at the first failure
set -eu
here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:-600}
[ $# -lt 2 ] || export HEADRACE_TEST_BINARY="$2"
part=$((seconds / 20 + 1))
end=$(($(date +%s) + seconds))
seed=1
run() {
  echo "$*"
  python3 -B "$here/$@" || [ $? -eq 77 ]
}
while [ "$(date +%s)" -lt "$end" ]; do
  seed=$((seed + 1))
  run killed_workers_lose_nothing.py 1 "$part" "$seed"
  run killed_workers_lose_nothing.py 8 "$part" "$seed"
  run stopped_workers_lose_nothing.py 3 "$seed"
  run resumes_after_killed_supervisor.py --kills 20 --seed "$seed"
  run resumes_after_killed_supervisor.py --kills 20 --seed "$seed" --ordered
  run pictures_survive_killed_workers.py
done
echo "no failure in $seconds s"
