#!/usr/bin/env python3
"""--recycle-after and --recycle-growth replace workers between items: nothing is lost, and nobody dies of it."""
import job


def body():
    names = job.numbered(1500)
    leaking = job.fake("leaking", sleep_us=2000, leak_kb=256)
    for model, wish in ((job.fake(sleep_us=2000), ("--recycle-after", 100)), (leaking, ("--recycle-growth", "16MiB"))):
        done = job.run(model, job.listed(names), "--workers", 2, *wish, "--summary", "summary.json")
        job.exactly_once(done.lines, names)
        assert done.summary["governor"]["recycled"] >= 2 and done.summary["restarts"] == 0, (wish, done.summary)


job.test(body)
