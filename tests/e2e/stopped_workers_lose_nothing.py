#!/usr/bin/env python3
"""A random worker is stopped (SIGSTOP) again and again: its deadline finds it, and every input is answered, once.

    stopped_workers_lose_nothing.py [SECONDS [SEED]]
"""
import random
import sys

import job

seconds, seed = (float(given) for given in (sys.argv[1:] + ["1", "1"][len(sys.argv) - 1 :]))


def one_run():
    names = job.numbered(int(seconds * 4000))
    job.Path("out.jsonl").unlink(missing_ok=True)
    under_way = job.Run(job.fake(sleep_us=300), job.listed(names), "--workers", 4, "--timeout", "0.3s",
                        "--load-timeout", "2s", "--attempts", 50, "--out", "out.jsonl",
                        "--summary", "summary.json")  # fmt: skip
    stops = job.storm(under_way, job.STOP, 0.1, random.Random(seed).choice)
    summary = under_way.end().summary
    job.exactly_once(job.read("out.jsonl"), names)
    print(f"{len(names)} items, {stops} stops, {summary['timeouts']} timeouts, {summary['seconds']:.1f} s")
    return summary["timeouts"]


def body():
    # The run may be over before three stops have hit an item, if the test itself is kept waiting.
    assert any(one_run() >= 3 for _ in range(5)), "the stops never hit three items"


job.test(body)
