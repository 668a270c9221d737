#!/usr/bin/env python3
"""Under a seccomp filter that kills for one system call and denies another, `probe` says so and goes on."""
import subprocess

import job
from filters import ALLOW, EQUAL, KILL_PROCESS, LOAD, NOT_THERE, RETURN, under

IO_URING_SETUP, PIDFD_OPEN = 425, 434  # the same on every architecture


def under_filter():
    steps = [(LOAD, 0, 0, 0), (EQUAL, 0, 1, IO_URING_SETUP), (RETURN, 0, 0, KILL_PROCESS),
             (EQUAL, 0, 1, PIDFD_OPEN), (RETURN, 0, 0, NOT_THERE), (RETURN, 0, 0, ALLOW)]  # fmt: skip
    under(steps)


def body():
    try:
        done = subprocess.run([job.BINARY, "probe"], preexec_fn=under_filter, capture_output=True, text=True, timeout=60)
    except subprocess.SubprocessError as e:
        job.skip(f"no seccomp filters here: {e}")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "io_uring_setup: killed by SIGSYS" in lines, done.stdout
    assert "pidfd_open: Function not implemented" in lines, done.stdout
    assert "futex: yes" in lines and "seccomp: filter" in lines and lines[-1].startswith("headrace "), done.stdout


job.test(body)
