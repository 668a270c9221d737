#!/usr/bin/env python3
"""A run of a handler is killed half way, several times, and --resume ends it: every input has one line and its file."""
from pathlib import Path

import job

COUNT, KILLS = 3000, 3


def body():
    names = job.orders([f"bytes {i}" for i in range(COUNT)])
    arguments = [job.handler(), job.listed(names), "--files", "files", "--out", "out.jsonl", "--resume", "--workers", 2]
    arguments += ["--batch", 4]
    written = lambda: Path("out.jsonl").read_bytes().count(b"\n") if Path("out.jsonl").exists() else 0
    partial, kills = 0, 0
    while kills < KILLS or (partial == 0 and kills < 20):
        kills += 1
        if written() == COUNT:  # it ended before the kill, the test was kept waiting
            Path("out.jsonl").unlink()
        under_way = job.Run(*arguments)
        wanted = written() + COUNT // (KILLS + 1)
        job.until(lambda: not under_way.running() or written() >= wanted, 30, "some lines")
        under_way.process.kill()
        under_way.process.wait()
        job.until(lambda: not under_way.everyone(), 10, "no process of the run is left")
        partial += written() < COUNT
    assert partial >= 1, "no kill came while lines were being written"
    job.run(*arguments)
    job.exactly_once(job.read("out.jsonl"), names)
    for i, name in enumerate(names):
        assert Path("files", name).read_text() == str(i), f"{name} is not whole"


job.test(body)
