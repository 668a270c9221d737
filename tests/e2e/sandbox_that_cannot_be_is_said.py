#!/usr/bin/env python3
"""Where there is neither seccomp nor Landlock: `auto` warns once and works, `on` ends with the reason before a worker
starts, `off` says nothing. So it is where the kernel has seccomp and refuses it, and for handlers without Landlock."""
import ctypes
import struct
import subprocess

import job

SECCOMP, LANDLOCK_CREATE_RULESET = 317, 444  # of x86-64
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
NOT_THERE, REFUSED, ALLOW = 0x00050000 | 38, 0x00050000 | 1, 0x7FFF0000
SET_MODE_FILTER = 1


def under_filter():
    under([(LOAD, 0, 0, 0), (EQUAL, 1, 0, SECCOMP), (EQUAL, 0, 1, LANDLOCK_CREATE_RULESET),
           (RETURN, 0, 0, NOT_THERE), (RETURN, 0, 0, ALLOW)])  # fmt: skip


def without_landlock():
    under([(LOAD, 0, 0, 0), (EQUAL, 0, 1, LANDLOCK_CREATE_RULESET), (RETURN, 0, 0, NOT_THERE), (RETURN, 0, 0, ALLOW)])


def refusing_filters():
    """What seccomp can do is told, but nobody gets a filter."""
    under([(LOAD, 0, 0, 0), (EQUAL, 0, 3, SECCOMP), (LOAD, 0, 0, 16), (EQUAL, 0, 1, SET_MODE_FILTER),
           (RETURN, 0, 0, REFUSED), (RETURN, 0, 0, ALLOW)])  # fmt: skip


def under(steps):
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for what in ((38, 1, 0), (22, 2, program)):  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
        if libc.prctl(*what, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def body():
    names = job.numbered(20)
    arguments = (job.fake(), job.listed(names), "--workers", 2)
    try:
        done = job.run(*arguments, "--sandbox", "off", preexec_fn=under_filter)
    except subprocess.SubprocessError as e:
        job.skip(f"no seccomp filters here: {e}")
    job.exactly_once(done.lines, names)
    assert "sandbox" not in done.said, done.said
    if not job.sanitized():
        for how in (under_filter, refusing_filters):
            done = job.run(*arguments, preexec_fn=how)
            job.exactly_once(done.lines, names)
            assert done.said.count("workers are not sandboxed: ") == 1, done.said
    done = job.run(*arguments, "--sandbox", "on", code=3, preexec_fn=under_filter)
    assert "cannot be sandboxed here" in done.said and "--sandbox auto" in done.said and not done.lines, done
    done = job.run(job.handler(), job.listed(names), "--sandbox", "on", code=3, preexec_fn=without_landlock)
    assert "cannot be sandboxed here" in done.said and "Landlock" in done.said and not done.lines, done


job.test(body)
