#!/usr/bin/env python3
"""As process 1 of a container: it works, reaps orphans that are not its own, and SIGTERM drains it."""
import subprocess

import job


def children(pid):
    return [int(child) for child in job.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def body():
    before = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*before, "true"], capture_output=True).returncode != 0:
        job.skip("namespaces are not allowed here")
    names = job.numbered(200)
    quick = job.run(job.fake(), job.listed(names), before=before)
    job.exactly_once(quick.lines, names)

    under_way = job.Run(job.fake(sleep_us=100_000), job.listed(names), "--workers", 2, "--log-level", "info",
                        "--summary", "summary.json", before=before)  # fmt: skip
    under_way.until_said("is ready after", 2)
    (first,) = children(under_way.pid)
    assert job.Path(f"/proc/{first}/status").read_text().count(f"NSpid:\t{first}\t1\n") == 1
    workers = children(first)
    for _ in range(20):
        subprocess.run(["nsenter", "-t", str(first), "-p", "sh", "-c", "true & exit 0"], check=True)
    job.until(lambda: not [pid for pid in children(first) if pid not in workers], 5, "the orphans are reaped")
    job.os.kill(first, job.TERM)
    done = under_way.end(143, seconds=5)
    assert done.summary["stopped"] == "asked to stop" and done.summary["ok"] == len(done.lines) < 200, done.summary


job.test(body)
