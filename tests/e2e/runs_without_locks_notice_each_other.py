#!/usr/bin/env python3
"""Two runs into one file on a share without locks: at least one of them finds lines that are not its own, and ends
with exit code 3 without cutting anything off."""
import job
from unreliable import OUT, share


def body():
    inputs, rules = job.listed(job.numbered(100_000)), ["--out", OUT, "--workers", 1]
    environment = share("lock@out.jsonl:1-:ENOLCK")
    first = job.Run(job.fake(sleep_us=1000), inputs, *rules, environment=environment)
    job.until(lambda: job.os.path.exists(OUT) and job.os.path.getsize(OUT) > 0, 20, "a line is written")
    second = job.Run(job.fake("other", sleep_us=1000), inputs, *rules, "--resume", environment=environment)
    job.until(lambda: not (first.running() and second.running()), 20, "one of them ends")
    size = job.os.path.getsize(OUT)
    for run in (first, second):
        if run.running():
            run.process.send_signal(job.TERM)
    codes = [run.end(None) for run in (first, second)]
    ended = [done for done in codes if done.code == 3]
    assert ended and all(f"somebody else writes to {OUT}" in done.said for done in ended), codes
    assert job.os.path.getsize(OUT) >= size


job.test(body)
