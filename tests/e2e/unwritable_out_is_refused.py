#!/usr/bin/env python3
"""An --out that cannot be written is exit code 3 before any work, with nothing half done; results that are there are
neither overwritten nor mixed with others."""
import os
from pathlib import Path

import job


def body():
    model, inputs = job.fake(), job.listed(job.numbered(5))
    os.mkdir("folder")
    Path("file").write_text("")
    for out, why in (("no/such/out", "No such file"), ("folder", "Is a directory"), ("file/out", "Not a directory"),
                     ("/proc/out", "No such file"), ("o" * 300, "File name too long")):  # fmt: skip
        done = job.run(model, inputs, "--out", out, code=3)
        assert "headrace: error: cannot write " in done.said and why in done.said, done.said
        assert len(done.said.splitlines()) == 1, f"it went on after that: {done.said}"
    assert sorted(os.listdir(".")) == ["file", "folder", "list.txt", "model"] and os.listdir("folder") == []

    job.run(model, inputs, "--out", "out.jsonl")
    before = Path("out.jsonl").read_bytes()
    assert "--resume" in job.run(model, inputs, "--out", "out.jsonl", code=3).said
    assert Path("out.jsonl").read_bytes() == before
    Path("letter.txt").write_text("Dear reader,\nthis is no file of results.\n")
    assert "line 1" in job.run(model, inputs, "--out", "letter.txt", "--resume", code=3).said
    assert Path("letter.txt").read_text().startswith("Dear reader,\nthis is")
    assert "No space left" in job.run(model, inputs, "--out", "/dev/full", code=3).said
    slow = job.Run(job.fake("slow", sleep_us=500_000), inputs, "--out", "shared.jsonl")
    shared = Path("shared.jsonl")
    job.until(lambda: shared.exists() and shared.stat().st_size > 0, 10, "a line is written")
    for how in ("--overwrite", "--resume"):
        assert "another run" in job.run(model, inputs, "--out", "shared.jsonl", how, "--patience", "10ms", code=3).said
    slow.end()
    job.exactly_once(job.read(shared), job.numbered(5))
    job.run(model, inputs, "--out", "out.jsonl", "--summary", "no/such/summary", "--overwrite", code=3)


job.test(body)
