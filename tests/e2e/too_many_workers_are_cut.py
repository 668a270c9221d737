#!/usr/bin/env python3
"""More workers than a real CPU quota carries are cut, and with --governor watch they are not."""
import cgroups
import job


def body():
    group = cgroups.group("cpu", "cpu.cfs_quota_us", 20_000)  # a fifth of a core: throttled even on a busy machine
    model = job.fake(spin_us=4000)
    run = job.Fed(model, "--workers", 2, before=cgroups.join(group))
    run.until_said("now 1 worker: throttled in ")
    done = run.end()
    assert done.summary["workers"] == 1 and done.summary["cpu"]["throttled_periods"] > 0, done.summary

    names = job.numbered(400)
    done = job.run(model, job.listed(names), "--workers", 2, "--governor", "watch", "--summary", "summary.json",
                   before=cgroups.join(group))  # fmt: skip
    job.exactly_once(done.lines, names)
    assert done.summary["workers"] == 2 and done.summary["governor"]["acts"] == 0, done.summary


job.test(cgroups.removed_after(body))
