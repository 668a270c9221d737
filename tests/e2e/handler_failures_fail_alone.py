#!/usr/bin/env python3
"""An input that a handler refuses, throws at, dies at or hangs at is the only one that fails, with the code or the
signal that tells why; one at a time and in batches."""
import os

import job

FATES = {  # order: code, word of the message, attempts
    "fail 1": ("not_found", "told to fail", 1),
    "fail 3": ("unsupported", "told to fail", 1),
    "fail 4": ("corrupt", "told to fail", 1),
    "fail 8": ("infer_failed", "told to fail", 1),
    "throw a fit": ("infer_failed", "a fit", 1),
    "throw-int": ("infer_failed", "threw", 1),
    "json {'no': json}": ("infer_failed", "no JSON", 1),
    "text " + "x" * 5000: ("result_too_large", "--result-bytes", 1),
    "y" * 9000: ("too_large", "--max-bytes", 1),
    "abort": ("worker_crashed", "SIGABRT", 2),
    "segv": ("worker_crashed", "SIGSEGV", 2),
    "exit": ("worker_crashed", "code 3", 2),
    "hang": ("timeout", "0.5 s", 2),
}


def body():
    contents = []
    for order in FATES:
        contents += ["json 1"] * 6 + [order] + ["json 1"] * 6
    names = job.orders(contents)
    os.unlink(names[3])
    os.unlink(names[5])
    os.mkdir(names[5])
    for batch in (1, 4):
        done = job.run(job.handler(), job.listed(names), "--batch", batch, "--attempts", 2, "--timeout", "500ms",
                       "--max-bytes", 8000, "--result-bytes", 4096)  # fmt: skip
        job.exactly_once(done.lines, names, failed=len(FATES) + 2)
        for line in done.lines:
            index, order = line["index"], contents[line["index"]]
            if index in (3, 5):
                assert line["error"]["code"] == ("not_found" if index == 3 else "unreadable"), line
            elif order in FATES:
                code, word, attempts = FATES[order]
                assert line["error"]["code"] == code and word in line["error"]["message"], (order[:20], line)
                assert line["attempts"] == attempts, (order[:20], line)
            else:
                assert line["result"] == 1, f"an innocent was hit: {line}"


job.test(body)
