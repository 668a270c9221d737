#!/usr/bin/env python3
"""An input that never ends is failed by its deadline; all others are answered."""
import job


def body():
    names = job.numbered(300)
    names[150] += "-HANG"
    model = job.fake(hang_on="HANG", sleep_us=50)
    for together in ("--batch", 1), ("--batch", 4), ("--streams", 3):
        lines = job.run(model, job.listed(names), "--timeout", "200ms", "--attempts", 2, *together).lines
        job.exactly_once(lines, names, failed=1)
        (failed,) = [line for line in lines if line["status"] == "failed"]
        assert failed["index"] == 150 and failed["attempts"] == 2, failed
        assert failed["error"]["code"] == "timeout" and "0.2 s" in failed["error"]["message"], failed


job.test(body)
