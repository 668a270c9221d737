#!/usr/bin/env python3
"""A run that a share holds up says for how long, and for what: its results, an input, the names of inputs."""
import job
from unreliable import share


def body():
    job.orders(["some bytes"] * 5, "share/in")
    model = job.fake(input="bytes")
    under_way = []
    for number, (rule, what) in enumerate((("write@0.jsonl:1-:hang", "share/0.jsonl"),
                                           ("open@in/000004:1-:hang", "share/in/000004.txt"),
                                           ("list@share/in:1-:hang", "the names of inputs"))):  # fmt: skip
        run = job.Run(model, "share/in", "--workers", 1, "--progress", "bar", "--out", f"share/{number}.jsonl",
                      environment=share(rule))  # fmt: skip
        under_way.append((run, f" s for {what}"))
    for run, what in under_way:
        run.until_said(what)
        run.process.send_signal(job.TERM)
        run.until_said("asked to stop")
        run.process.send_signal(job.TERM)
        run.end(None, seconds=10)


job.test(body)
