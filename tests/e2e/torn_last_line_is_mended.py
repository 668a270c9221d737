#!/usr/bin/env python3
"""A results file that ends in the middle of a line is cut back to its last whole one, and --resume does the rest."""
import job


def body():
    model, names = job.fake(), job.numbered(300)
    inputs = job.listed(names)
    for ordered in ([], ["--ordered"]):
        whole = job.Path("whole.jsonl")
        job.run(model, inputs, *ordered, "--out", whole, "--overwrite")
        content = whole.read_bytes()
        last = content.rfind(b"\n", 0, len(content) - 1) + 1
        for size in (len(content) - 1, last + 1, last, len(content) // 2, 7, 0):
            job.Path("out.jsonl").write_bytes(content[:size])
            done = job.run(model, inputs, *ordered, "--out", "out.jsonl", "--resume")
            lines = job.read("out.jsonl")
            job.exactly_once(lines, names)
            torn = size - (content.rfind(b"\n", 0, size) + 1)
            assert (f"torn last line of {torn} bytes" in done.said) == (torn > 0), done.said
            kept = content[: size - torn]
            assert job.Path("out.jsonl").read_bytes().startswith(kept), "whole lines were touched"
            assert job.essence(lines) == job.essence(job.read(whole))


job.test(body)
