#!/usr/bin/env python3
"""The demo's pictures in a container: the answers are those outside, and nothing is written but the results."""
import os

import container
import job


def body():
    model, pictures = job.real_model(), job.real_pictures()
    names = job.listed(pictures, container.volume("list.txt"))
    container.run(model, names, "--out", container.volume("out.jsonl"),
                  before=container.started(*container.real_mounts()))  # fmt: skip
    lines = job.read(container.volume("out.jsonl"))
    job.exactly_once(lines, pictures, failed=sum(line["status"] == "failed" for line in lines))
    assert sorted(os.listdir(container.volume())) == ["list.txt", "out.jsonl"], os.listdir(container.volume())
    job.BINARY = container.OUTSIDE
    assert job.essence(lines) == job.essence(job.run(model, names).lines), "the results differ from those outside"


container.test(body)
