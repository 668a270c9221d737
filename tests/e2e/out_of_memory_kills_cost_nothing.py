#!/usr/bin/env python3
"""Workers that leak until the kernel kills them at the memory limit of a real cgroup: they are replaced,
and all is answered. The governor only watches; leaking_engine_stays_within_its_limit.py is what it does about it."""
import cgroups
import job


def body():
    job.needs_true_memory()
    limit = cgroups.group("memory", "memory.limit_in_bytes", 256 << 20)
    names = job.numbered(500)
    model = job.fake(leak_kb=2048, sleep_us=500)
    done = job.run(model, job.listed(names), "--workers", 2, "--attempts", 20, "--summary", "summary.json",
                   "--governor", "watch", before=cgroups.join(limit))  # fmt: skip
    job.exactly_once(done.lines, names)
    assert done.summary["restarts"] >= 2 and "SIGKILL" in done.said, done


job.test(cgroups.removed_after(body))
