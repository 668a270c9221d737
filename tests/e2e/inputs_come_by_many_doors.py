#!/usr/bin/env python3
"""Files, folders, lists and standard input: 20,000 names, each answered once; --ordered keeps their order."""
import os
from pathlib import Path

import job


def body():
    names = job.numbered(20_000)
    model, inputs = job.fake(kind="noop"), job.listed(names)
    job.exactly_once(job.run(model, inputs).lines, names)
    job.exactly_once(job.run(model, inputs, "--batch", 32, "--workers", 5).lines, names)
    with open(inputs[1:], "rb") as standard_input:
        lines = job.run(model, "-", "--ordered", stdin=standard_input).lines
    assert [line["index"] for line in lines] == list(range(len(names)))
    job.exactly_once(lines, names)

    os.makedirs("tree/deep/er")
    for name in ("tree/b.txt", "tree/a.txt", "tree/.hidden", "tree/deep/c.txt", "tree/deep/er/d.txt", "single.txt"):
        Path(name).write_text("bytes")
    os.symlink("..", "tree/deep/circle")
    mixed = ["single.txt", "tree", "@three.txt", "single.txt"]
    expected = ["single.txt", "tree/a.txt", "tree/b.txt", "tree/deep/c.txt", "tree/deep/circle", "tree/deep/er/d.txt",
                *names[:3], "single.txt"]  # fmt: skip
    job.listed(names[:3], "three.txt")
    lines = job.run(model, *mixed, "--ordered").lines
    shown = [line["input"] for line in lines if line["input"] != "tree/deep/circle"]
    assert shown == [name for name in expected if name != "tree/deep/circle"], shown
    assert job.run(model, "@no-such-list", code=3).lines == []


job.test(body)
