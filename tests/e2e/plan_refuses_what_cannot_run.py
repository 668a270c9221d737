#!/usr/bin/env python3
"""`plan` with a MODEL that cannot run is exit code 3 and one clear sentence; with one for which there is no room, it
says how much room there must be."""
import re
import subprocess

import job


def refused(holds, *arguments):
    done = subprocess.run([job.BINARY, "plan", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    errors = [line for line in done.stderr.splitlines() if ": error: " in line]
    assert done.returncode == 3, f"{done.returncode}: {done.stderr}"
    assert len(errors) == 1 and all(word in errors[0] for word in holds), f"{holds}: {done.stderr}"
    return done


def body():
    assert refused(["modle"], "modle").stdout == ""
    assert refused(["the weights are gone"], job.fake(load_fail="the weights are gone")).stdout == ""
    assert refused(["SIGABRT"], job.fake(load_abort=1)).stdout == ""
    assert refused(["not ready after 0.1 s"], job.fake(load_sleep_ms=60_000), "--load-timeout", "0.1s").stdout == ""
    assert refused(["HEADRACE_CPUS", "many"], "--cpus", "many").stdout == ""
    done = refused(["no worker fits", "measured", "give the container at least"], job.fake(), "--memory-mb", "40")
    # The plan is shown all the same, and what is asked for is enough.
    assert "warning: " in done.stdout, done.stdout
    enough = re.search(r"at least (\d+) MiB", done.stderr)[1]
    done = subprocess.run([job.BINARY, "plan", job.fake(), "--memory-mb", enough], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


job.test(body)
