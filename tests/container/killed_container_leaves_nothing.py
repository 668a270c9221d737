#!/usr/bin/env python3
"""SIGKILL to process 1 of a container, a job's or a server's: no process, no mount and no memory of it is left."""
from pathlib import Path

import container
import job


def shared_memory(group):
    return int(dict(line.split() for line in (group / "memory.stat").read_text().splitlines())["shmem"])


def killed(under_way, ready, limits):
    under_way.until_said(*ready)
    first, mounts = under_way.first, Path("/proc/self/mountinfo").read_text()
    assert len(limits) == 0 or shared_memory(limits[1]) > 1 << 20, "the slots lie in memory of this group"
    job.os.kill(first, job.KILL)
    under_way.end(137, seconds=10)
    assert Path("/proc/self/mountinfo").read_text() == mounts
    for group in limits:
        job.until(lambda: (group / "cgroup.procs").read_text() == "", 10, "no process is left in the group")
    if limits:
        job.until(lambda: shared_memory(limits[1]) == 0, 10, "no shared memory is left in the group")


def body():
    limits = container.groups()
    image = container.with_fake_engine(sleep_us=200_000, output=10000)
    names_file = job.listed(job.numbered(5000), container.volume("list.txt"))
    before = container.started(*container.mounted(container.volume()), image=image, limits=limits)
    killed(container.Contained("/model", names_file, "--workers", 2, "--log-level", "info", before=before),
           ("is ready after", 2), limits)  # fmt: skip
    killed(container.Contained("/model", "--workers", 2, command="serve", before=before), ("is ready",), limits)


container.test(body)
