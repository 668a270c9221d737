#!/usr/bin/env python3
"""SIGTERM: what is in flight is finished, the rest is left, the exit code says so, and --resume does the rest."""
import job


def body():
    model, names = job.fake(sleep_us=400_000), job.numbered(12)
    inputs = job.listed(names)
    for number in (job.TERM, job.INT):
        under_way = job.Run(model, inputs, "--workers", 2, "--out", "out.jsonl", "--overwrite", "--log-level", "info",
                            "--summary", "summary.json")  # fmt: skip
        under_way.until_said("is ready after", 2)
        under_way.process.send_signal(number)
        summary = under_way.end(128 + number, seconds=5).summary
        lines = job.read("out.jsonl")
        assert 2 <= len(lines) < 12 and all(line["status"] == "ok" for line in lines), lines
        assert not summary["complete"] and summary["stopped"] and summary["ok"] == len(lines), summary
    job.run(job.fake("model"), inputs, "--resume", "--out", "out.jsonl")
    job.exactly_once(job.read("out.jsonl"), names)


job.test(body)
