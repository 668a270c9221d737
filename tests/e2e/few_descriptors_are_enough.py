#!/usr/bin/env python3
"""With a limit of 64 descriptors (ulimit -n) all inputs are answered, in a deep tree too, and a dying worker costs
nothing; with fewer than a job can be done with, it says so before it starts."""
import os
import resource
from pathlib import Path

import job


def limited(hard):
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))}


def body():
    names = []
    for i in range(400):
        folder = "tree" + "/d" * (i % 40)
        os.makedirs(folder, exist_ok=True)
        names.append(f"{folder}/{i:03}.txt")
        Path(names[-1]).write_text("KILLME" if i == 200 else "some bytes")
    model = job.fake(input="bytes", abort_on="KILLME", sleep_us=200)
    for more in ("--workers", 2), ("--workers", 1, "--batch", 16), ("--workers", 2, "--streams", 2, "--ordered"):
        done = job.run(model, "tree", *more, **limited(64))
        assert sorted(line["input"] for line in done.lines) == sorted(names), f"{len(done.lines)} lines"
        (failed,) = [line for line in done.lines if line["status"] == "failed"]
        assert failed["error"]["code"] == "worker_crashed" and "200.txt" in failed["input"], failed
    done = job.run(model, "tree", "--workers", 8, code=3, **limited(64))
    assert "ulimit -n" in done.said and "lower --workers" in done.said and not done.lines, done.said


job.test(body)
