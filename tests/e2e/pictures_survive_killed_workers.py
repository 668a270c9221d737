#!/usr/bin/env python3
"""The real model over all pictures, a worker killed every 500 ms: every picture is answered, once.

    pictures_survive_killed_workers.py [RUNS]

It is always the worker that lived longest, which has done the most.
"""
import sys

import job

runs = int((sys.argv + ["1"])[1])


def one_run(model, pictures, every):
    job.Path("out.jsonl").unlink(missing_ok=True)
    under_way = job.Run(model, job.listed(pictures), "--workers", 4, "--attempts", 20, "--out", "out.jsonl",
                        "--summary", "summary.json")  # fmt: skip
    kills = job.storm(under_way, job.KILL, every, min)
    summary = under_way.end().summary
    lines = job.read("out.jsonl")
    foreign = [line for line in lines if line.get("error", {}).get("code") == "unsupported"]
    job.exactly_once(lines, pictures, failed=len(foreign))
    assert len(foreign) < 10 and kills >= 3 and summary["restarts"] >= 2, (kills, summary)
    print(f"{len(pictures)} pictures, a kill every {every:.2f} s, {summary['restarts']} restarts, "
          f"{summary['seconds']:.1f} s")  # fmt: skip


def body():
    model, pictures = job.real_model(), job.real_pictures()
    alone = job.run(model, pictures[0], "--summary", "summary.json").summary
    for _ in range(runs):
        one_run(model, pictures, max(0.5, 0.7 * alone["first_answer_seconds"]))


job.test(body)
