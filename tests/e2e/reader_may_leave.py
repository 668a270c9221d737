#!/usr/bin/env python3
"""When the reader of standard output goes, as `head -1` does, the run ends by itself."""
import subprocess

import job


def body():
    inputs = job.listed(job.numbered(50_000))
    under_way = job.Run(job.fake(sleep_us=300), inputs, stdout=subprocess.PIPE)
    first = under_way.process.stdout.readline()
    under_way.process.stdout.close()
    done = under_way.end(3, seconds=5)
    assert first.startswith(b'{"index":') and "cannot write standard output: Broken pipe" in done.said, done.said


job.test(body)
