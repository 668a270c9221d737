#!/usr/bin/env python3
"""Where there is neither seccomp nor Landlock: `auto` warns once and works, `on` ends with the reason before a worker
starts, `off` says nothing. So it is where the kernel has seccomp and refuses it, and for handlers without Landlock."""
import subprocess

import job
from filters import ALLOW, EQUAL, LOAD, NOT_THERE, REFUSED, RETURN, under

SECCOMP, LANDLOCK_CREATE_RULESET = 317, 444  # of x86-64
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
