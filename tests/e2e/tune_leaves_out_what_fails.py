#!/usr/bin/env python3
"""Inputs that fail are named and left out of the tuning; when all fail there is no plan; a plan that memory does not
hold is not tried."""
from pathlib import Path

import job


def body():
    model = job.fake(spin_us=500, fail_on="item-00000")
    some = ["--time", "6s", "--report", "page.html", "--progress", "none"]
    done = job.run(model, job.listed(job.numbered(60)), *some, command="tune")
    assert "10 of 60 inputs failed" in done.said and "infer_failed" in done.said, done.said
    assert "item-000003: infer_failed" in Path("page.html").read_text()
    Path(model, "plan.toml").unlink()
    done = job.run(model, job.listed(job.numbered(10)), *some, command="tune", code=3)
    assert "all inputs that were tried failed, 10 of them" in done.said, done.said
    assert not Path(model, "plan.toml").exists()

    if job.sanitized():
        return
    large = job.fake("large", spin_us=500, load_mb=150)
    done = job.run(large, job.listed(job.numbered(60)), *some, "--memory-mb", 420, "--cpus", 4, command="tune")
    assert "not tried: " in done.said, done.said


job.test(body)
