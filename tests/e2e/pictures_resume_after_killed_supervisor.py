#!/usr/bin/env python3
"""With the real model: the supervisor is killed while workers load and while they work; nothing of it is left, and
--resume ends with the results of an undisturbed run."""
import random

import job


def body():
    model, inputs = job.real_model(), job.listed(pictures := job.real_pictures()[::5])
    undisturbed = job.run(model, inputs).lines
    chance = random.Random(1)
    for least in (0.02, 0.3, None, None):  # seconds after the start; None: after the first new line
        under_way = job.Run(model, inputs, "--out", "out.jsonl", "--resume")
        out = job.Path("out.jsonl")
        job.until(out.exists, 10, "the results are begun")
        before = out.stat().st_size
        if least is None:
            job.until(lambda: out.stat().st_size > before, 30, "a line is written")
        job.time.sleep((least or 0) + chance.uniform(0, 0.2))
        under_way.process.kill()
        under_way.process.wait()
        job.until(lambda: not under_way.everyone(), 10, "no process of the run is left")
    job.run(model, inputs, "--out", "out.jsonl", "--resume")
    lines = job.read("out.jsonl")
    assert len(lines) == len(pictures) and job.essence(lines) == job.essence(undisturbed), "the results differ"


job.test(body)
