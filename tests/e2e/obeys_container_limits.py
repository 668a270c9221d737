#!/usr/bin/env python3
"""In real cgroup v1 groups with a quota of 1.5, 1 and 0.5 cores and with a memory limit, a run plans by them
and works."""
import os
import re

import cgroups
import job


def planned(model, inputs, *groups):
    """The plan of a run inside of these groups, and its summary."""
    done = job.run(model, inputs, "--log-level", "info", "--summary", "summary.json", seconds=30,
                   before=cgroups.join(*groups))  # fmt: skip
    job.exactly_once(done.lines, job.numbered(500))
    lines = re.findall(r"^(CPU budget|memory budget|workers|threads each)  +([0-9.]+) ", done.said, re.M)
    return dict(lines), done.summary


def body():
    model, inputs = job.fake(sleep_us=50), job.listed(job.numbered(500))
    cpus = len(os.sched_getaffinity(0))
    for quota, workers in ((1.5, 2), (1, 1), (0.5, 1)):
        if cpus < workers:
            continue
        plan, summary = planned(model, inputs, cgroups.group("cpu", "cpu.cfs_quota_us", int(quota * 100_000)))
        assert (plan["CPU budget"], plan["workers"], plan["threads each"]) == (f"{quota:g}", str(workers), "1"), plan
        assert summary["cpu"]["budget_cores"] == quota and summary["workers"] == workers, summary
        assert summary["cpu"]["used_cores"] < quota * 1.2, summary
    memory = cgroups.group("memory", "memory.limit_in_bytes", 320 << 20)
    plan, summary = planned(model, inputs, memory)
    assert int(plan["memory budget"]) < 320, plan
    assert int((memory / "memory.failcnt").read_text()) == 0, "it went to the limit"
    # What the first worker really costs is known once it is warm; before that the estimate allows but one.
    assert plan["workers"] == "1" and 1 <= summary["workers"] <= cpus, (plan, summary)
    assert summary["workers"] * summary["threads"] <= cpus, f"more threads than CPUs: {summary}"


job.test(cgroups.removed_after(body))
