#!/usr/bin/env python3
"""A full disk under --out ends the job with exit code 3, the file with a whole line; --resume goes on when
there is room."""
import subprocess

import job

DISK = "/mnt"
job.in_namespace(f"mount -t tmpfs -o size=64k tmpfs {DISK}", "-m")


def body():
    out = f"{DISK}/out.jsonl"
    model, names = job.fake(sleep_us=50), job.numbered(3000)
    inputs = job.listed(names)
    for how in ([], ["--ordered"]):
        done = job.run(model, inputs, *how, "--out", out, "--overwrite", "--workers", 3, code=3, seconds=10)
        assert f"cannot write {out}: No space left on device" in done.said, done.said
        some = job.read(out)
        assert 50 < len(some) < 1000, len(some)
        done = job.run(model, inputs, *how, "--out", out, "--resume", code=3, seconds=10)
        assert len(job.read(out)) >= len(some)
        subprocess.run(["mount", "-o", "remount,size=4m", DISK], check=True)
        job.run(model, inputs, *how, "--out", out, "--resume")
        lines = job.read(out)
        job.exactly_once(lines, names)
        assert not how or [line["index"] for line in lines] == list(range(len(names))), "the lines are not in order"
        job.Path(out).unlink()
        subprocess.run(["mount", "-o", "remount,size=64k", DISK], check=True)


job.test(body)
