#!/usr/bin/env python3
"""`probe` in a container says that it is in one: rights, rules, file systems, process 1. So it also shows that these
tests start it as they claim to."""
import subprocess

import container
import job


def body():
    before = container.started(limits=container.groups())
    done = subprocess.run([*before, job.BINARY, "probe"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done
    facts = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert facts["capabilities"] == "none" and facts["bounding capabilities"] in ("", "none"), facts
    assert facts["seccomp"] == "filter" and facts["no new privileges"] == "yes", facts
    assert facts["process"].startswith("1") and "user 12345, group 0" in facts["process"], facts["process"]
    assert facts["/dev/shm"].startswith("64 MiB tmpfs") or "64 MiB" in facts["/dev/shm"], facts["/dev/shm"]
    for folder in ("/", "/tmp", "/run", "."):
        assert "writable" not in facts[folder], f"{folder}: {facts[folder]}"
    assert facts["memfd_create, sealed, 8 MiB reserved"] == facts["pidfd_open"] == facts["landlock"] == "yes", facts
    assert facts["io_uring_setup"] == facts["mbind"] == "Operation not permitted", facts
    assert facts["clone3"] == "Function not implemented", facts
    assert facts["starting and ending a process"].endswith(" ms"), facts
    assert facts["sandbox for workers"].endswith(", seccomp"), facts["sandbox for workers"]
    assert facts["system image"].strip('"').startswith("Debian"), facts["system image"]


container.test(body)
