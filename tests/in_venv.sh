#!/bin/sh
# Runs a test in the Python that scripts/venv made, which has the engines' own packages, Pillow and numpy.
#   in_venv.sh SCRIPT ARG...     an ARG cache:PLACE is that file of the cache, or all files below that folder
# Without that Python, or without such a place, it skips (exit code 77). HEADRACE_TEST_PYTHON names another Python.
set -u
cache=${HEADRACE_CACHE:-$(dirname "$0")/../.cache}
python=${HEADRACE_TEST_PYTHON:-$cache/venv/bin/python}
skip() { echo "SKIP: $1"; exit 77; }

[ -x "$python" ] || skip "no Python in $python: scripts/venv makes it"
given=$#
for argument in "$@"; do
  case $argument in
    cache:*)
      place=$cache/${argument#cache:}
      [ -e "$place" ] || skip "$place is not there: scripts/prepare makes it"
      for file in $(find "$place" -follow -type f | sort); do set -- "$@" "$file"; done ;;
    *) set -- "$@" "$argument" ;;
  esac
done
shift "$given"
exec "$python" -B "$@"
