#!/usr/bin/env python3
"""A container is killed in the middle of its job; the next one on the same volume goes on with --resume, behind what
the others have written: each picture has one line, and they are those of an undisturbed run."""
import container
import job


def body():
    model, pictures = job.real_model(), job.real_pictures()[::3]
    names = job.listed(pictures, container.volume("list.txt"))
    out = job.Path(container.volume("out.jsonl"))
    before = container.started(*container.real_mounts())
    kept = b""  # whole lines
    for _ in range(2):
        size = out.stat().st_size if out.exists() else 0
        under_way = container.Contained(model, names, "--out", out, "--resume", before=before)
        job.until(lambda: out.exists() and out.stat().st_size > size, 60, "a line is written")
        job.os.kill(under_way.first, job.KILL)
        under_way.end(137, seconds=10)
        content = out.read_bytes()
        assert content.startswith(kept), "it began anew"
        kept = content[: content.rfind(b"\n") + 1]
        assert kept.count(b"\n") < len(pictures), "it was over before it was killed"
    container.run(model, names, "--out", out, "--resume", before=before)
    assert kept and out.read_bytes().startswith(kept), "it began anew"
    lines = job.read(out)
    job.exactly_once(lines, pictures, failed=sum(line["status"] == "failed" for line in lines))
    job.BINARY = container.OUTSIDE
    assert job.essence(lines) == job.essence(job.run(model, names).lines), "the results differ"


container.test(body)
