#!/usr/bin/env python3
"""Each line of a server's log has its time; a text that comes again and again is said a few times, and at the end how
often more."""
import os
import re

import job
import serving

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z headrace: \S.*")


def body():
    server = serving.Server(serving.echo(), "--workers", 1, "--log-level", "warn")
    for ended in range(1, 7):
        assert serving.ask_echo(server, b"anything") == b"anything"
        (worker,) = server.run.workers()
        os.kill(worker, job.KILL)
        job.until(lambda: server.metric("headrace_worker_restarts_total") == ended, 60, "it was seen")  # noqa: B023
        job.until(lambda: 'state="ready"} 1' in server.get("/metrics").body.decode(), 60, "the next one is ready")
    lines = server.end().said.splitlines()
    assert all(LINE.fullmatch(line) for line in lines), lines
    killed = [line for line in lines if "worker 0 was killed by SIGKILL" in line]
    assert len(killed) == 4 and "(3 times more in the last minute)" in killed[-1], lines


job.test(body)
