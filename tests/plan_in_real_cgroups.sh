#!/bin/sh
# The budget inside real cgroup v1 groups: a quota of 1.5 and of 0.5 CPUs, a limit of the parent, a memory
# limit, and limits that change while a process runs. Needs the right to make groups; without it, it skips
# (exit code 77).
#   plan_in_real_cgroups.sh PATH_OF_print_budget
set -u
program=${1:?usage: plan_in_real_cgroups.sh PATH_OF_print_budget}
unset HEADRACE_CPUS HEADRACE_MEMORY_MB
failures=0
made=

skip() { echo "SKIP: $1"; exit 77; }
remove() { for group in $made; do rmdir "$group"; done; made=; }
trap remove EXIT
trap 'exit 1' INT TERM

# The mount point of a v1 controller and, below it, the group that this shell is in.
own_group() {
  point=$(awk -v c="$1" '/ - cgroup / && $NF ~ "(^|,)"c"(,|$)" && $4 == "/" {print $5; exit}' /proc/self/mountinfo)
  below=$(awk -F: -v c="$1" '$2 ~ "(^|,)"c"(,|$)" {print $3; exit}' /proc/self/cgroup)
  [ -n "$point" ] && [ -d "$point${below%/}" ] && echo "$point${below%/}"
}
make_group() { mkdir "$1" 2>/dev/null || skip "no right to make the group $1"; made="$1 $made"; }
set_value() { echo "$2" 2>/dev/null >"$1" || skip "no right to write $1"; }

# expect WHAT KEY VALUE GROUP...: runs the program inside of the groups.
expect() {
  what=$1 key=$2 value=$3
  shift 3
  found=$(for group in "$@"; do sh -c 'echo $PPID' >"$group/cgroup.procs"; done; "$program" | awk -v k="$key" '$1 == k {print $2; exit}')
  if [ "$found" = "$value" ]; then
    echo "ok: $what: $key $found"
  else
    echo "FAILED: $what: $key is '$found', not '$value'"
    failures=$((failures + 1))
  fi
}

cpu=$(own_group cpu) || skip "no cgroup v1 hierarchy for cpu is visible"
memory=$(own_group memory) || skip "no cgroup v1 hierarchy for memory is visible"
name=headrace-test-$$
make_group "$cpu/$name"
make_group "$cpu/$name/inner"
make_group "$memory/$name"
cpus=$(nproc)

set_value "$cpu/$name/cpu.cfs_quota_us" 50000
expect "a quota of 0.5" cpus 0.5 "$cpu/$name"
expect "a quota of 0.5" cpus_from "$cpu/$name" "$cpu/$name"
expect "a quota of 0.5" workers 1 "$cpu/$name"
expect "a quota of 0.5 in the parent" cpus 0.5 "$cpu/$name/inner"
expect "a quota of 0.5 in the parent" cpus_from "$cpu/$name" "$cpu/$name/inner"

if [ "$cpus" -ge 2 ]; then
  set_value "$cpu/$name/cpu.cfs_quota_us" 150000
  expect "a quota of 1.5" cpus 1.5 "$cpu/$name"
  expect "a quota of 1.5" workers 2 "$cpu/$name"
  set_value "$cpu/$name/inner/cpu.cfs_quota_us" 25000
  expect "a quota of 0.25 below one of 1.5" cpus 0.25 "$cpu/$name/inner"
fi
set_value "$cpu/$name/inner/cpu.cfs_quota_us" -1
set_value "$cpu/$name/cpu.cfs_quota_us" -1
expect "no quota" cpus_from affinity "$cpu/$name"

# One process that reads again after its limits were changed: a line into its input is an answer from it.
follow() {
  dir=$(mktemp -d) || exit 1
  mkfifo "$dir/ask" "$dir/answers"
  sh -c 'echo $$ >"$1/cgroup.procs"; echo $$ >"$2/cgroup.procs"; exec "$3" --again' - \
    "$cpu/$name" "$memory/$name" "$program" <"$dir/ask" >"$dir/answers" &
  exec 3>"$dir/ask" 4<"$dir/answers"
  rm -r "$dir"
}
# next_answer KEY: its value in the next answer, which begins with its version.
next_answer() {
  while read -r key value <&4; do [ "$key" = version ] && break; done
  while read -r key value <&4; do [ "$key" = "$1" ] && echo "$value" && return; done
}
expect_answer() {
  if [ "$3" = "$4" ]; then echo "ok: $1: $2 $3"; else
    echo "FAILED: $1: $2 is '$3', not '$4'"
    failures=$((failures + 1))
  fi
}
set_value "$cpu/$name/cpu.cfs_quota_us" 50000
follow
expect_answer "a process that goes on" cpus "$(next_answer cpus)" 0.5
set_value "$cpu/$name/cpu.cfs_quota_us" 25000
echo again >&3
expect_answer "its quota is lowered" cpus "$(next_answer cpus)" 0.25
set_value "$memory/$name/memory.limit_in_bytes" 134217728
echo again >&3
expect_answer "its memory is limited" memory_limit "$(next_answer memory_limit)" 134217728
set_value "$cpu/$name/cpu.cfs_quota_us" -1
echo again >&3
expect_answer "its quota is lifted" cpus_from "$(next_answer cpus_from)" affinity
exec 3>&- 4<&-
wait

set_value "$memory/$name/memory.limit_in_bytes" 268435456
expect "a limit of 256 MiB" memory_limit 268435456 "$memory/$name"
expect "a limit of 256 MiB" memory_from "$memory/$name" "$memory/$name"
set_value "$memory/$name/memory.limit_in_bytes" -1
outside=$("$program" | awk '$1 == "memory_limit" {print $2; exit}')
expect "no limit of its own" memory_limit "$outside" "$memory/$name"

[ "$failures" -eq 0 ] || { echo "$failures expectations failed"; exit 1; }
