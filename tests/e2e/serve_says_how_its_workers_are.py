#!/usr/bin/env python3
"""It says when a model is ready, which worker of which model ended at what, and that others follow; SIGHUP without
tokens and certificates is no success."""
import os
import signal

import job
import serving


def body():
    server = serving.Server(serving.echo("one"), serving.echo("two"), "--workers", 1)
    for name in ("one", "two"):
        server.run.until_said(f"headrace: {name} is ready: 1 worker of fake")
    assert "stopped for" not in server.run.said(), server.run.said()
    for pid in server.run.workers():
        os.kill(pid, signal.SIGABRT)
    for name in ("one", "two"):
        server.run.until_said(f"{name}: worker 0 was killed by SIGABRT while it had nothing to do; another takes its place")
    os.kill(server.run.process.pid, signal.SIGHUP)
    server.run.until_said("but there are none")
    server.until_ready()
    server.end()


job.test(body)
