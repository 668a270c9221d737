#!/usr/bin/env python3
"""The demo's squirrel, orange and baboon are named as such with each engine, and in f32 the engines agree on the
scores."""
import os
from pathlib import Path

import job

NAMES = {"squirrel_cls.jpg": "fox squirrel", "orange.jpg": "orange", "baboon.jpg": "baboon"}
AGREE = 2e-3  # of a probability


def in_f32(model):
    os.mkdir("f32")
    for entry in Path(model).iterdir():
        if entry.name != "model.toml":
            os.symlink(entry.resolve(), Path("f32", entry.name))
    Path("f32/model.toml").write_text('precision = "f32"\n' + Path(model, "model.toml").read_text())
    return "f32"


def results(model, engine, pictures):
    lines = job.run(model, job.listed(pictures), "--engine", engine).lines
    job.exactly_once(lines, pictures)
    return {line["input"]: line["result"] for line in lines}


def differ(one, other):
    """The largest difference of the score of a class that both name."""
    scores = {entry["class"]: entry["score"] for entry in other["top"]}
    assert one["top"][0]["class"] in scores, (one, other)
    return max(abs(entry["score"] - scores.get(entry["class"], entry["score"])) for entry in one["top"])


def body():
    model, pictures = job.real_model(), job.real_pictures()
    named = [path for path in pictures if Path(path).name in NAMES]
    assert {Path(path).name for path in named} == set(NAMES), named
    jpegs = [path for path in pictures if Path(path).read_bytes()[:3] == b"\xff\xd8\xff"]
    some = sorted({*named, *jpegs[:: len(jpegs) // 20]})
    for engine in ("openvino", "onnxruntime"):
        for path, result in results(model, engine, named).items():
            assert result["label"].split(",")[0] == NAMES[Path(path).name], (engine, path, result)
    exact = in_f32(model)
    one, other = (results(exact, engine, some) for engine in ("openvino", "onnxruntime"))
    worst = max(differ(one[path], other[path]) for path in some)
    assert worst <= AGREE, f"they differ by {worst}"
    print(f"{len(some)} pictures: the engines differ by {worst:.7f} at most")


job.test(body)
