#!/usr/bin/env python3
"""A file that goes while the job runs is `not_found`; what was answered before and after it stands."""
from pathlib import Path

import job


def body():
    # Far more than are opened ahead.
    names = [f"{i:03}.txt" for i in range(400)]
    for name in names:
        Path(name).write_text("some bytes")
    under_way = job.Run(job.fake(input="bytes", sleep_us=2_000), job.listed(names), "--workers", 1, "--ordered",
                        "--out", "out.jsonl")  # fmt: skip
    job.until(lambda: Path("out.jsonl").exists() and Path("out.jsonl").stat().st_size > 0, 10, "a line is written")
    Path(names[-1]).unlink()
    under_way.end()
    lines = job.read("out.jsonl")
    job.exactly_once(lines, names, failed=1)
    assert lines[-1]["error"]["code"] == "not_found", lines[-1]


job.test(body)
