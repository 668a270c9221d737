#!/usr/bin/env python3
"""A handler runs over files as a model does: JSON, text and bytes come out, with every option; what it prints goes
nowhere; a worker that leaves says goodbye."""
import base64
from pathlib import Path

import job

WAYS = [[], ["--workers", 1], ["--workers", 3, "--batch", 8], ["--batch", 3, "--ordered"], ["--threads", 2],
        ["--attempts", 1, "--timeout", 0], ["--strict", "--progress", "plain"], ["--memory-mb", 600]]  # fmt: skip


def body():
    contents, expected = [], []
    for i in range(100):
        contents += [f'json {{"i":\n{i}}}\n', f'text "{i}" \n\u2028', f"bytes {i}\0\n", f"print line {i}"]
        expected += [{"i": i}, f'"{i}" \n\u2028', {"base64": base64.b64encode(f"{i}\0\n".encode()).decode()}, None]
    names = job.orders(contents)
    for way in WAYS:
        done = job.run(job.handler(), "in", *way, "--summary", "summary.json")
        job.exactly_once(done.lines, names)
        for line in done.lines:
            assert line["result"] == expected[line["index"]], line
        assert done.summary["equipment"].startswith("handler Obedient 1.2, "), done.summary
        if "--ordered" in way:
            assert [line["index"] for line in done.lines] == list(range(len(names))), "the lines are not in order"


def settings():
    Path("headrace.toml").write_text('handler-settings = "by file"\n')
    how = ["--config", "headrace.toml", "--batch", 7, "--threads", 2]
    result = job.run(job.handler(), *job.orders(["state"], "state"), *how).lines[0]["result"]
    assert result == {"settings": "by file", "threads": 2, "batch": 7, "calls": 1, "together": 1}, result
    fifty = job.orders(["json 1"] * 50, "fifty")
    job.run(job.handler(), *fifty, "--handler-settings", "farewell calls", "--workers", 2)
    calls = [int(line) for line in Path("calls").read_text().split()]
    assert sum(calls) == 50, f"those who did the work did not all say goodbye: {calls}"


def files():
    names = job.orders([f"bytes content {i}" for i in range(50)], "a/b") + job.orders(["text t", "bytes "], "c")
    names += [str(Path(job.orders(["bytes whole"], "d")[0]).resolve())] * 20
    done = job.run(job.handler(), job.listed(names), "--files", "out/put", "--workers", 2)
    job.exactly_once(done.lines, names)
    for line in done.lines:
        if line["result"] == "t":
            continue
        place, content = Path(line["result"]["file"]), Path(line["input"]).read_bytes().removeprefix(b"bytes ")
        assert place == Path("out/put", line["input"].lstrip("/")) and place.read_bytes() == content, line
        assert line["result"]["bytes"] == len(content), line
    left = [path for path in Path("out/put").rglob("*") if path.is_file()]
    assert len(left) == 52, f"{len(left)} files for 52 results of bytes: {left}"


def everything():
    body()
    settings()
    files()


job.test(everything)
