#!/usr/bin/env python3
"""A worker that was stopped gets no requests while another can take them, and alone it makes the server not ready."""
import os
import signal

import job
import serving


def body():
    server = serving.Server(serving.echo(), "--workers", 2)
    first, second = server.run.workers()
    os.kill(first, job.STOP)
    job.until(lambda: job.state(first) == "T", 10, "it is stopped")
    # What it was sent before that is known may wait for it; the others do not.
    clients = serving.Clients(server, 2)
    clients.until_answered(200)
    os.kill(first, signal.SIGCONT)
    clients.stop()
    assert not clients.wrong, clients.wrong[:3]
    for pid in (first, second):
        os.kill(pid, job.STOP)
    job.until(lambda: server.get("/readyz").status == 503, 30, "it is not ready")
    for pid in (first, second):
        os.kill(pid, signal.SIGCONT)
    server.until_ready()
    assert serving.ask_echo(server, b"again") == b"again"
    server.end()

    # Nobody wakes it: it is replaced like one that hangs.
    server = serving.Server(serving.echo(), "--workers", 1, "--timeout", "1s")
    [only] = server.run.workers()
    os.kill(only, job.STOP)
    job.until(lambda: server.run.workers() not in ([only], []), 30, "another takes its place")
    server.until_ready()
    assert serving.ask_echo(server, b"still here") == b"still here"
    server.end()


job.test(body)
