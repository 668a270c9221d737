#!/usr/bin/env python3
"""A worker with streams gives what as many workers give: for names, for pictures, with every engine that is there."""
from pathlib import Path

import job


def same(model, inputs, *more):
    workers = job.run(model, inputs, "--workers", 2, "--threads", 1, *more)
    streams = job.run(model, inputs, "--workers", 1, "--threads", 2, "--streams", 2, "--summary", "summary.json", *more)
    assert job.essence(streams.lines) == job.essence(workers.lines), more
    assert "2 streams" in streams.summary["equipment"], streams.summary
    return streams.lines


def body():
    names = job.numbered(2000)
    job.exactly_once(same(job.fake(classes=7), job.listed(names)), names)
    job.exactly_once(same(job.fake(sleep_us=20), job.listed(names), "--batch", 3), names)
    refused = job.run(job.handler(), job.listed(names), "--streams", 2, code=3).said
    assert "is a handler" in refused and "--streams" in refused, refused
    refused = job.run(job.fake(), job.listed(names), "--streams", 4, "--threads", 2, code=3).said
    assert "--streams 4 with --threads 2" in refused, refused
    pictures = job.real_pictures()[::5]
    for engine in "openvino", "onnxruntime":
        if (Path(job.BINARY).parent / f"engines/headrace_engine_{engine}.so").exists():
            lines = same(job.real_model(), job.listed(pictures), "--engine", engine)
            assert {line["input"] for line in lines if line["status"] == "ok"}, "no picture was read"


job.test(body)
