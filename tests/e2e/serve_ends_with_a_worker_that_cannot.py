#!/usr/bin/env python3
"""A worker that does not end even when it is killed, as one that the kernel keeps: the server says so and ends without
it."""
import ctypes
import errno
import os

import job
import serving

SEIZE, ALL_KINDS = 0x4206, 0x40000000


def hold(pid):
    """From now on nobody else sees its end before we have looked at it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(SEIZE, pid, None, None) != 0:
        job.skip(f"processes may not be traced here: {errno.errorcode[ctypes.get_errno()]}")


def body():
    server = serving.Server(serving.echo(), "--workers", 1)
    (worker,) = server.run.workers()
    hold(worker)
    assert serving.ask_echo(server, b"still there") == b"still there"
    done = server.end(3)
    assert "workers were killed, and still do not end" in done.said, done.said
    assert job.state(worker) == "Z"
    os.waitpid(worker, ALL_KINDS)


job.test(body)
