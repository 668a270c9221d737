#!/usr/bin/env python3
"""As process 1 of a container the supervisor reaps what others leave behind."""
import subprocess

import container
import job


def body():
    image, names = container.with_fake_engine(sleep_us=100_000), job.numbered(2000)
    names_file = job.listed(names, container.volume("list.txt"))
    under_way = container.Contained("/model", names_file, "--workers", 2, "--log-level", "info",
                                    before=container.started(*container.mounted(container.volume()), image=image))
    under_way.until_said("is ready after", 2)
    first = under_way.first
    assert job.Path(f"/proc/{first}/status").read_text().count(f"NSpid:\t{first}\t1\n") == 1

    def children():
        return set(job.Path(f"/proc/{first}/task/{first}/children").read_text().split())

    workers = children()
    for _ in range(20):
        subprocess.run(["nsenter", "-t", str(first), "-p", "sh", "-c", "true & exit 0"], check=True)
    job.until(lambda: children() <= workers, 5, "the orphans are reaped")
    assert under_way.running() and children() == workers, "its own children are another matter"
    under_way.process.terminate()
    under_way.end(143, seconds=10)


container.test(body)
