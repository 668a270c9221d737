#!/usr/bin/env python3
"""With a /dev/shm of 1 MB everything is as with a large one: nothing of the program lies there."""
import os

import job

job.in_namespace("mount -t tmpfs -o size=1m tmpfs /dev/shm", "-m")


def body():
    names = job.numbered(2000)
    model, inputs = os.path.abspath(job.fake(sleep_us=100, output=1000)), "@" + os.path.abspath(job.listed(names)[1:])
    here = job.run(model, inputs, "--workers", 8, "--batch", 4).lines
    job.exactly_once(here, names)
    assert os.listdir("/dev/shm") == [] and os.statvfs("/dev/shm").f_blocks * 4096 == 1 << 20
    outside = job.run(model, inputs, "--workers", 8, "--batch", 4,
                      before=["nsenter", "-m", f"-t{os.getppid()}"]).lines  # fmt: skip
    assert job.essence(here) == job.essence(outside), "the results differ"


job.test(body)
