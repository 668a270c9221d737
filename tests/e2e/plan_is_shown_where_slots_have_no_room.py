#!/usr/bin/env python3
"""`plan` in a container that others have filled: the slots have no room now, which is exit code 3 and one error with the
numbers; but what is known, the container and the plan, is shown all the same, and nothing is measured."""
import json
import subprocess
import sys

import cgroups
import job

FILL = "import sys; kept = bytearray(b'x') * (360 << 20); print('full', flush=True); sys.stdin.read()"


def plan(*arguments, before):
    command = [*before, job.BINARY, "plan", job.fake(), "--result-bytes", str(32 << 20), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    errors = [line for line in done.stderr.splitlines() if ": error: " in line]
    assert done.returncode == 3 and len(errors) == 1, f"{done.returncode}: {done.stderr}"
    for words in ("the slots for results need", "MiB left", "--result-bytes"):
        assert words in errors[0], (words, errors[0])
    return done.stdout


def body():
    job.needs_true_memory()
    inside = cgroups.join(cgroups.group("memory", "memory.limit_in_bytes", 400 << 20))
    neighbour = subprocess.Popen([*inside, sys.executable, "-c", FILL], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert neighbour.stdout.readline() == b"full\n", "the neighbour does not fit"
        shown = plan(before=inside)
        for words in ("Plan for model", "limit 400 MiB", "<- binds", "workers ", "slots ", "others use"):
            assert words in shown, (words, shown)
        assert "Measured" not in shown, shown
        told = json.loads(plan("--json", before=inside))
        assert told["model"] == "model" and told["measured"] is None and told["fits"] is False, told
        assert told["plan"]["slots"]["value"] >= 1, told
    finally:
        neighbour.communicate()


job.test(cgroups.removed_after(body))
