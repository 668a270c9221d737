#!/usr/bin/env python3
"""A random worker is killed every 20 ms: every input is answered, once.

    killed_workers_lose_nothing.py [BATCH [SECONDS [SEED]]]

A program that starts slowly (a sanitizer's) is killed less often, or it would never come to work.
"""
import random
import sys

import job

batch, seconds, seed = (float(given) for given in (sys.argv[1:] + ["1", "2", "1"][len(sys.argv) - 1 :]))


def body():
    model = job.fake(sleep_us=300)
    few = job.listed(job.numbered(10))
    starts = [job.run(model, few, "--summary", "summary.json").summary["first_answer_seconds"] for _ in range(3)]
    every = max(0.02, 2 * min(starts))
    names = job.numbered(int(max(seconds, every * 40) * 4000))
    # An item is hit by chance more often than three times, if only the storm is long enough.
    under_way = job.Run(model, job.listed(names), "--workers", 4, "--batch", int(batch), "--attempts", 50,
                        "--summary", "summary.json", "--out", "out.jsonl")  # fmt: skip
    kills = job.storm(under_way, job.KILL, every, random.Random(seed).choice)
    done = under_way.end()
    job.exactly_once(job.read("out.jsonl"), names)
    assert done.summary["restarts"] >= 5, done.summary
    print(f"{len(names)} items, {kills} kills, {done.summary['restarts']} restarts, {done.summary['seconds']:.1f} s")


job.test(body)
