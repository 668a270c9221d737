#!/usr/bin/env python3
"""Away from a terminal, progress is a plain line every few seconds: done, failed, rate, time left, worker states."""
import re

import job

LINE = re.compile(r"headrace: (\d+) of 14 done, 1 failed, [0-9.]+ items/s, \d+:\d\d left, "
                  r"CPU [0-9.]+ of [0-9.]+, memory \d+ of \d+ MiB(, throttled \d+ %)?, workers \[[#=.x]{2}\]")


def body():
    names = job.numbered(14)
    names[0] += "-FAIL"
    model, inputs = job.fake(sleep_us=850_000, fail_on="FAIL"), job.listed(names)
    said = job.run(model, inputs, "--workers", 2).said.splitlines()
    found = [int(match[1]) for line in said if (match := LINE.fullmatch(line))]
    # How far it was when a line was due is the machine's business; that it never goes back is ours.
    assert found and found == sorted(found) and found[-1] <= 14, said
    assert not any("\r" in line or "\x1b" in line for line in said), said
    quick = job.run(job.fake(), inputs, "--progress", "none", "--log-level", "off").said
    assert quick.startswith("14 items in "), quick


job.test(body)
