#!/usr/bin/env python3
"""Files that are removed, replaced or locked after they were opened are read all the same: the supervisor opens them
ahead, and a worker needs no name of them. None stays open behind."""
import contextlib
import os
import signal
import subprocess
from pathlib import Path

import job


def opened(pid, folder):
    """Which files of that folder a process holds open."""
    links = []
    for place in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            links.append(os.readlink(place))
    return {os.path.basename(link) for link in links if os.path.dirname(link) == folder}


def body():
    os.mkdir("in")
    names = [f"in/{i:02}.txt" for i in range(20)]
    for name in names:
        Path(name).write_text("bytes of " + name)
    under_way = job.Run(job.fake(input="bytes"), "-", "--workers", 1, "--out", "out.jsonl", "--log-level", "info",
                        stdin=subprocess.PIPE)  # fmt: skip
    under_way.until_said("is ready after")
    (worker,) = under_way.workers()
    os.kill(worker, job.STOP)
    under_way.process.stdin.write("".join(name + "\n" for name in names).encode())
    under_way.process.stdin.flush()
    folder = os.path.realpath("in")
    job.until(lambda: len(opened(under_way.pid, folder)) == len(names), 20, "all files are open")
    for name in names[:10]:
        Path(name).unlink()
    Path("other").write_text("x" * 5000)  # too large for the model
    os.rename("other", names[10])
    os.kill(worker, signal.SIGCONT)
    job.until(lambda: Path("out.jsonl").read_bytes().count(b"\n") == len(names), 20, "all are answered")
    assert not opened(under_way.pid, folder) and not opened(worker, folder), "some file stayed open"
    under_way.process.stdin.close()
    under_way.end()
    job.exactly_once(job.read("out.jsonl"), names)


job.test(body)
