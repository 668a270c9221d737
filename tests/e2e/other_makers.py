"""The Python of scripts/venv, which has the clients of other makers that tests/e2e/client_*.py show to work."""
import importlib.util
import os
import sys
from pathlib import Path

import job


def needs(*packages):
    """Goes on with the same test in that Python, or skips when it has not all of these."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if not missing:
        return
    place = Path(os.environ.get("HEADRACE_TEST_PYTHON") or job.CACHE / "venv/bin/python")
    if not place.exists() or os.environ.get("E2E_IN_VENV"):
        job.skip(f"{place} has no {', '.join(missing)}: scripts/venv makes it")
    os.execve(place, [str(place), "-B", *sys.argv], {**os.environ, "E2E_IN_VENV": "1"})
