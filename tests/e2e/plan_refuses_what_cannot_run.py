#!/usr/bin/env python3
"""`plan` with a MODEL that cannot run is exit code 3 and one clear sentence; with one for which there is no room, it
says how much room there must be, also when the kernel has killed it."""
import re
import subprocess

import cgroups
import job


def refused(holds, *arguments, before=()):
    command = [*before, job.BINARY, "plan", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    errors = [line for line in done.stderr.splitlines() if ": error: " in line]
    assert done.returncode == 3, f"{done.returncode}: {done.stderr}"
    assert len(errors) == 1 and all(word in errors[0] for word in holds), f"{holds}: {done.stderr}"
    return done


def body():
    assert refused(["modle"], "modle").stdout == ""
    assert refused(["the weights are gone"], job.fake(load_fail="the weights are gone")).stdout == ""
    assert refused(["SIGABRT"], job.fake(load_abort=1)).stdout == ""
    assert refused(["not ready after 0.1 s"], job.fake(load_sleep_ms=60_000), "--load-timeout", "0.1s").stdout == ""
    done = refused(["no worker fits", "measured", "give the container at least"], job.fake(), "--memory-mb", "40")
    # The plan is shown all the same, and what is asked for is enough.
    assert "warning: " in done.stdout, done.stdout
    enough = re.search(r"at least (\d+) MiB", done.stderr)[1]
    done = subprocess.run([job.BINARY, "plan", job.fake(), "--memory-mb", enough], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr

    command = [job.BINARY, "plan", job.fake(fail_on="bad"), "bad"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "warning: not one item was done" in done.stdout, done

    # By the estimate it fits, but the kernel kills it.
    group = cgroups.group("memory", "memory.limit_in_bytes", 300 << 20)
    done = refused(["no worker fits", "the kernel killed", "MiB or more"], job.fake("large", load_mb=400),
                   before=cgroups.join(group))  # fmt: skip
    assert "Plan for large" in done.stdout and "(estimated)" in done.stdout, done.stdout
    assert int(re.search(r"give it (\d+) MiB", done.stderr)[1]) > 300, done.stderr


job.test(cgroups.removed_after(body))
