#!/usr/bin/env python3
"""However many inputs kill their workers, or hang, in a row, and however often each is tried: all others are
answered."""
import job


def body():
    model = job.fake(abort_on="KILLME", hang_on="HANG")
    deadly = [f"{i}-KILLME" for i in range(40)]
    hanging = [f"{i}-HANG" for i in range(12)]
    good = job.numbered(60)
    for names, extra in ((["KILLME"], ["--attempts", 20]), (deadly + good, ["--workers", 6]), (deadly, ["--batch", 8]),
                         (deadly + good, ["--workers", 6, "--batch", 8]), (good + deadly, ["--attempts", 5]),
                         (hanging + good, ["--workers", 6, "--timeout", "0.1s"])):  # fmt: skip
        bad = [name for name in names if name not in good]
        lines = job.run(model, job.listed(names), *extra, seconds=30).lines
        job.exactly_once(lines, names, failed=len(bad))
        assert {line["input"] for line in lines if line["status"] == "failed"} == set(bad)


job.test(body)
