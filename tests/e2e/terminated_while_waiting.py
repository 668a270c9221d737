#!/usr/bin/env python3
"""SIGTERM is heard at once while the run waits: for a model to load, for names on standard input, for the writer
of a list."""
import os
import subprocess

import job


def terminated(ready, *arguments, **more):
    under_way = job.Run(*arguments, "--log-level", "info", "--summary", "summary.json", **more)
    under_way.until_said(ready)
    under_way.process.send_signal(job.TERM)
    done = under_way.end(143, seconds=3)
    assert done.lines == [] and done.summary["items"] == 0, done


def body():
    inputs = job.listed(job.numbered(5))
    terminated("CPU budget", job.fake("slow", load_sleep_ms=60_000), inputs)
    model = job.fake()
    terminated("is ready after", model, "-", stdin=subprocess.PIPE)
    os.mkfifo("fifo")
    terminated("is ready after", model, "@fifo")


job.test(body)
