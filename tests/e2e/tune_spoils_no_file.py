#!/usr/bin/env python3
"""A tuning that cannot come to a plan worth having changes no file, keeps to its time, and takes no place for its plan
from what is meant for a run."""
import time
from pathlib import Path

import job


def tune(*arguments, **more):
    return job.run(*arguments, "--report", "none", "--progress", "none", command="tune", **more)


def body():
    model, inputs = job.fake(spin_us=1000), job.listed(job.numbered(40))
    for wrong, words in ((["--time", "1s"], "5s at least"), (["--time", 0], "5s at least"),
                         (["--for", "latency", "--rate", "nan"], "--rate"),
                         (["--for", "latency", "--rate", 5, "--p99", 0], "too short")):  # fmt: skip
        said = tune(model, inputs, *wrong, code=2).said
        assert words in said, said

    Path("results.jsonl").write_text("precious\n")
    Path("headrace.toml").write_text('out = "results.jsonl"\nattempts = 2\nworkers = 3\n')
    done = tune(model, inputs, "--time", "6s", "--config", "headrace.toml", environment={"HEADRACE_OUT": "results.jsonl"})
    assert f"written to {model}/plan.toml" in done.said, done.said
    assert "is no plan" in tune(model, inputs, "--out", "results.jsonl", code=3).said
    assert "cannot write no/where.toml" in tune(model, inputs, "--out", "no/where.toml", code=3).said
    assert Path("results.jsonl").read_text() == "precious\n" and not Path("results.jsonl.try").exists()

    # No time for a comparison, for the model loads slowly (on a busy machine too slowly), and does not load at all.
    late = "not loaded within"
    for load_ms, words in ((2500, ("--time is too short", late)), (60000, (late,))):
        slow = job.fake(f"slow{load_ms}", load_sleep_ms=load_ms)
        Path(slow, "plan.toml").write_text("[plan]\nworkers = 7\n")
        began = time.monotonic()
        said = tune(slow, inputs, "--time", "6s", code=3).said
        assert any(word in said for word in words) and time.monotonic() - began < 40, said
        assert Path(slow, "plan.toml").read_text() == "[plan]\nworkers = 7\n"

    # No room for one worker.
    assert "no worker fits" in tune(model, inputs, "--memory-mb", 20, code=3).said


job.test(body)
