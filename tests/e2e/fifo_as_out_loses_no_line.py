#!/usr/bin/env python3
"""A FIFO as --out waits for its reader, who gets every line; a reader that leaves early ends the run with exit code 3;
and SIGTERM is heard while there is none."""
import subprocess

import job


def body():
    names = job.numbered(3000)
    inputs = job.listed(names)
    job.os.mkfifo("pipe")
    waiting = job.Run(job.fake(), inputs, "--out", "pipe")
    waiting.until_said("waiting for a reader")
    waiting.process.send_signal(job.TERM)
    waiting.end(143, seconds=5)

    under_way = job.Run(job.fake(), inputs, "--out", "pipe")
    with open("pipe", "rb") as reader:
        lines = [job.json.loads(line) for line in reader]
    under_way.end(0)
    job.exactly_once(lines, names)

    under_way = job.Run(job.fake("slow", sleep_us=1000), inputs, "--out", "pipe")
    subprocess.run(["head", "-1", "pipe"], stdout=subprocess.DEVNULL, check=True)
    assert "cannot write pipe: Broken pipe" in under_way.end(3, seconds=10).said


job.test(body)
