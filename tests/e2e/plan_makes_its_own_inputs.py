#!/usr/bin/env python3
"""Without INPUT, `plan MODEL` measures with something that the model takes; of a handler it says that it cannot."""
import subprocess

import job


def plan(*arguments, code=0):
    done = subprocess.run([job.BINARY, "plan", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, f"{done.returncode}: {done.stderr}"
    return done.stdout, done.stderr


def body():
    for kind in ("name", "bytes", "image"):
        said, complaints = plan(job.fake(kind, kind))
        assert "generated inputs" in said and "  failed" not in said and not complaints, said + complaints
    said, _ = plan(job.handler())
    assert "not measured: name an INPUT" in said and "s until it could work" in said and "(PSS)" in said, said
    said, _ = plan(job.fake("image", "image"), "no-such-file")
    assert "no-such-file: not_found" in said, said


job.test(body)
