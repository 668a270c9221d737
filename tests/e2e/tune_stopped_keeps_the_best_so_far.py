#!/usr/bin/env python3
"""A tuning that is interrupted writes the best plan so far, one that headrace run takes up, and leaves no process."""
from pathlib import Path

import job


def body():
    model, inputs = job.fake(spin_us=1000), job.listed(job.numbered(40))
    for signal in (job.INT, job.TERM):
        tuning = job.Run(model, inputs, "--time", "100s", "--progress", "plain", "--report", "none", command="tune")
        tuning.until_said("items/s, p99", times=2)
        tuning.process.send_signal(signal)
        done = tuning.end(code=128 + signal, seconds=20)
        assert "the plan: " in done.said, done.said
        assert f"plan of {model}/plan.toml" in job.run(model, inputs, "--log-level", "info").said
        Path(model, "plan.toml").unlink()

    tuning = job.Run(job.fake("slow", load_sleep_ms=60000), inputs, "--progress", "plain", command="tune")
    job.until(tuning.workers, 20, "a worker loads")
    tuning.process.send_signal(job.TERM)
    assert "there is no plan" in tuning.end(code=128 + job.TERM, seconds=20).said
    assert not Path("slow", "plan.toml").exists() and not Path("headrace-tune.html").exists()


job.test(body)
