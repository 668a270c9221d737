#!/usr/bin/env python3
"""`plan` in a container: its CPUs and memory are those of the container, and one worker is started and measured."""
import json
import subprocess

import container
import job


def body():
    limits = container.groups(cpus=1.5, memory=1 << 30) or job.skip("without control groups there is nothing to see")
    before = container.started(*container.real_mounts(), limits=limits)
    done = subprocess.run([*before, job.BINARY, "plan", job.real_model(), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["budget"]["cpu"]["cpus"] == min(1.5, len(job.os.sched_getaffinity(0))), said["budget"]
    assert said["budget"]["memory"]["limit_bytes"] == 1 << 30, said["budget"]
    assert said["fits"] and said["measured"]["pss_bytes"] > 0 and said["measured"]["items"] > 0, said["measured"]
    assert "sandbox" not in " ".join(said["warnings"]), said["warnings"]


container.test(body)
