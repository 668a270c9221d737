#!/usr/bin/env python3
"""In real memory cgroups that hold two workers, one, and none: the first two work with what fits; the third is refused
with numbers and with what to ask for, before the kernel kills anybody."""
import cgroups
import job


def body():
    job.needs_true_memory()
    model, names = job.fake(load_mb=100, sleep_us=500), job.numbered(300)
    inputs = job.listed(names)
    for limit, workers in ((420, 2), (200, 1)):
        group = cgroups.group("memory", "memory.limit_in_bytes", limit << 20)
        done = job.run(model, inputs, "--summary", "summary.json", "--cpus", 2, before=cgroups.join(group))
        job.exactly_once(done.lines, names)
        assert done.summary["workers"] == workers, (limit, done.summary, done.said)
        assert done.summary["memory"]["oom_kills"] == 0, done.summary
    group = cgroups.group("memory", "memory.limit_in_bytes", 80 << 20)
    refused = job.run(model, inputs, "--cpus", 2, code=3, before=cgroups.join(group))
    errors = [line for line in refused.said.splitlines() if ": error: " in line]
    assert len(errors) == 1, refused.said
    for words in ("no worker fits", "of 80 MiB", "MiB or more", "smaller model"):
        assert words in errors[0], (words, errors[0])
    assert refused.lines == [], refused.lines


job.test(cgroups.removed_after(body))
