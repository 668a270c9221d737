#!/usr/bin/env python3
"""A limit on the size of files (ulimit -f) is like a full disk: exit code 3, whole lines, and --resume goes on."""
import job


def body():
    model, names = job.fake(), job.numbered(40_000)
    inputs = job.listed(names)
    # Above what the slots need (small results, so few bytes): the limit counts for shared memory too.
    done = job.run(model, inputs, "--workers", 2, "--result-bytes", 1024, "--out", "out.jsonl", before=["prlimit", "--fsize=4000000"], code=3)
    assert "cannot write out.jsonl: File too large" in done.said, done.said
    some = job.read("out.jsonl")
    assert 1000 < len(some) < 40_000, len(some)
    job.run(model, inputs, "--out", "out.jsonl", "--resume")
    job.exactly_once(job.read("out.jsonl"), names)


job.test(body)
