#!/usr/bin/env python3
"""An engine that leaks a megabyte an item, in a real memory cgroup: its workers are replaced between items, in time.

    leaking_engine_stays_within_its_limit.py [ITEMS]
"""
import sys

import cgroups
import job

items = int((sys.argv + ["1500"])[1])


def body():
    job.needs_true_memory()
    limit = 200
    group = cgroups.group("memory", "memory.limit_in_bytes", limit << 20)
    names = job.numbered(items)
    done = job.run(job.fake(leak_kb=1024, sleep_us=4000), job.listed(names), "--workers", 2, "--attempts", 20,
                   "--summary", "summary.json", seconds=60 + items / 50, before=cgroups.join(group))  # fmt: skip
    job.exactly_once(done.lines, names)
    governor, memory = done.summary["governor"], done.summary["memory"]
    assert governor["recycled"] >= 3, governor
    assert memory["peak_bytes"] <= limit << 20, memory
    print(f"{items} MiB leaked within {limit} MiB: {governor['recycled']} recycled, {governor['evictions']} evicted, "
          f"{memory['oom_kills']} killed by the kernel, peak {memory['peak_bytes'] >> 20} MiB, "
          f"{done.summary['seconds']:.1f} s")  # fmt: skip


job.test(cgroups.removed_after(body))
