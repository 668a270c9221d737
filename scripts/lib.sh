# shellcheck shell=bash disable=SC2034
# The frame every script here stands in; sourced, never run.
#
# Without it each script would have its own idea of where downloads live, and a question asked by
# some tool deep inside would hang a machine that has nobody to answer. It owns: strict mode, the
# places on disk, the one spelling of messages, the lock on the cache. It installs and fetches nothing.

set -euo pipefail
exec </dev/null # nothing here may wait for an answer
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1
export GIT_TERMINAL_PROMPT=0 GIT_PAGER=cat

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)

# Downloads and all that is made from them. Safe to delete: the next run makes it again.
cache=$(realpath -m -- "${HEADRACE_CACHE:-$root/.cache}")

# The distribution's own Python, so that it is the same one whatever else is in PATH.
python=/usr/bin/python3

# Which distribution this is, as in debian-12.
release() { (. /etc/os-release && printf '%s-%s' "$ID" "${VERSION_ID:-rolling}"); }

say() { printf '==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# quietly NAME COMMAND...: a long talker is heard only if it fails; what it said stays in the cache.
quietly() {
  local log="$cache/logs/$1.log"
  shift
  mkdir -p "$cache/logs"
  "$@" >"$log" 2>&1 || {
    tail -n 30 -- "$log" >&2
    die "this failed: $* (all of what it said: $log)"
  }
}

# cache_lock: two runs at the same time would unpack over each other. Held until the script ends;
# scripts started below it inherit the fact.
cache_lock() {
  [[ ${HEADRACE_CACHE_LOCKED:-} == "$cache" ]] && return
  mkdir -p "$cache"
  exec {cache_lock_fd}>"$cache/lock"
  flock -n "$cache_lock_fd" || {
    note "another run is preparing $cache: waiting for it"
    flock "$cache_lock_fd"
  }
  export HEADRACE_CACHE_LOCKED=$cache
}

# pinned PATH PIN: is PATH there, whole, and made from exactly PIN? The pin lies beside it, as PATH.pin.
pinned() { [[ -e $1 && -f $1.pin && $(<"$1.pin") == "$2" ]]; }

# publish NEW PATH PIN: NEW becomes PATH in one rename, so that whatever bears the name is whole.
publish() {
  mkdir -p -- "$(dirname -- "$2")"
  rm -rf -- "$2" "$2.pin"
  mv -T -- "$1" "$2"
  printf '%s\n' "$3" >"$2.pin"
}

# scratch: a folder in the cache (so that a rename stays on one disk) that goes when the script goes, or, if
# that was killed, at the next call. Only under cache_lock.
scratch() {
  rm -rf -- "$cache"/tmp.??????
  scratch_dir=$(mktemp -d "$cache/tmp.XXXXXX")
  trap 'rm -rf -- "$scratch_dir"' EXIT
}

# as_root COMMAND...: directly for root, else through sudo, which must not ask.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif sudo -n true 2>/dev/null; then
    sudo -n env DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} \
      ${https_proxy:+https_proxy="$https_proxy"} "$@"
  else
    echo "this takes root: run it as root, or with sudo that does not ask for a password (sudo -v, just before)" >&2
    return 1
  fi
}

# Git refuses folders of another user, as a checkout mounted in a container is; here it only reads.
git_here() { git -c safe.directory="$root" -C "$root" "$@"; }

# project_files PATTERN...: the project's files, tracked or about to be, each ended by a NUL.
project_files() {
  git_here ls-files -z --cached --others --exclude-standard --deduplicate -- "$@" |
    while IFS= read -r -d '' file; do [[ ! -f $root/$file ]] || printf '%s\0' "$file"; done
}
