#!/usr/bin/env python3
"""Under a seccomp filter that kills for one system call and denies another, `probe` says so and goes on."""
import ctypes
import struct
import subprocess

import job

IO_URING_SETUP, PIDFD_OPEN = 425, 434  # the same on every architecture
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
KILL_PROCESS, NOT_THERE, ALLOW = 0x80000000, 0x00050000 | 38, 0x7FFF0000


def under_filter():
    steps = [(LOAD, 0, 0, 0), (EQUAL, 0, 1, IO_URING_SETUP), (RETURN, 0, 0, KILL_PROCESS),
             (EQUAL, 0, 1, PIDFD_OPEN), (RETURN, 0, 0, NOT_THERE), (RETURN, 0, 0, ALLOW)]  # fmt: skip
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for what in ((38, 1, 0), (22, 2, program)):  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
        if libc.prctl(*what, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


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
