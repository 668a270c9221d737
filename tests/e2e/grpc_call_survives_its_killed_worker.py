#!/usr/bin/env python3
"""A worker is killed while a call is open: the call is answered all the same."""
import os

import calling
import job
import serving


def body():
    server = calling.Server(serving.echo(sleep_us=300_000), "--workers", 1, "--log-level", "error")
    call = server.stub().ModelInfer.future(calling.question(b"hello"), timeout=60)
    job.until(lambda: server.metric("headrace_requests_open") == 1, 30, "the request is open")
    os.kill(server.run.workers()[0], job.KILL)
    assert call.result().raw_output_contents[0] == b"hello"
    job.until(lambda: server.metric("headrace_worker_restarts_total") == 1, 30, "the death was noticed")
    server.end()


job.test(body)
