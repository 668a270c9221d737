#!/usr/bin/env python3
"""--resume over inputs that have changed: those answered are known by name, each as often as it is
listed; new ones are done."""
import collections

import job


def body():
    model = job.fake()
    names = ["same", "same", "other", "odd \u2028 'name\"\\", "n" * 5000] * 20
    job.run(model, job.listed(names), "--out", "whole.jsonl")
    content = job.Path("whole.jsonl").read_bytes()
    for lines in (1, 37, 99):
        part = b"".join(line + b"\n" for line in content.split(b"\n")[:lines])
        job.Path("out.jsonl").write_bytes(part)
        more = ["new", *reversed(names), "another"]
        job.run(model, job.listed(more), "--out", "out.jsonl", "--resume")
        found = collections.Counter(line["input"][:4000] for line in job.read("out.jsonl"))
        assert found == collections.Counter(name[:4000] for name in more), found.most_common(6)


job.test(body)
