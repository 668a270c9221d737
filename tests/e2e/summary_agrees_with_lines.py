#!/usr/bin/env python3
"""The summary, for people and as JSON, counts what the lines say; it comes last and fits the last 16 KB of a log."""
import collections

import job


def body():
    names = job.numbered(400)
    for i in range(0, 400, 10):
        names[i] += "-FAIL"
    for i in range(5, 400, 50):
        names[i] += "-KILLME"
    names += ["x" * 70] * 3 + ["y" * 5000]
    model = job.fake(fail_on="FAIL", abort_on="KILLME", sleep_us=100)
    done = job.run(model, job.listed(names), "--summary", "summary.json", "--out", "out.jsonl", "--attempts", 2)
    lines, summary = job.read("out.jsonl"), done.summary
    codes = collections.Counter(line["error"]["code"] for line in lines if line["status"] == "failed")
    assert codes == {"infer_failed": 40, "worker_crashed": 8, "too_large": 3, "not_found": 1}, codes
    assert summary["failed_by_code"] == codes and summary["complete"] is True and "stopped" not in summary
    assert summary["items"] == len(lines) == len(names) == summary["ok"] + summary["failed"]
    assert summary["failed"] == sum(codes.values()) and summary["retries"] == 8 and summary["restarts"] >= 15
    assert 0 < summary["first_answer_seconds"] <= summary["seconds"]
    milliseconds = summary["item_ms"]
    assert 0 < milliseconds["p50"] <= milliseconds["p95"] <= milliseconds["p99"], milliseconds
    tail = done.said[-16_384:].splitlines()
    (at,) = [i for i, line in enumerate(tail) if line.startswith(f"{len(names)} items in ")]
    assert "352 ok, 52 failed (3 too_large" in tail[at] or "52 failed (1 not_found" in tail[at], tail[at]
    assert not [line for line in tail[at:] if line.startswith("headrace:")], "the log goes on after the summary"
    assert all(word in "\n".join(tail[at:]) for word in ("p50", "p95", "p99", "2 workers of fake", "restarts", "cores"))

    again = job.run(model, job.listed(names), "--summary", "summary.json", "--out", "out.jsonl", "--resume").summary
    assert again["answered_before"] == len(names) and again["items"] == 0 and again["complete"], again


job.test(body)
