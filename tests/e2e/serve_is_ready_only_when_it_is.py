#!/usr/bin/env python3
"""Alive at once, ready when the model is loaded; not ready while no worker can be kept alive, and ready again after."""
import json
import os

import job
import serving


def body():
    server = serving.Server(serving.echo(load_sleep_ms=1000), "--workers", 1, ready=False)
    assert server.get("/livez").status == 200
    reply = server.get("/readyz")
    assert reply.status == 503 and "echo" in json.loads(reply.body)["error"], reply
    assert serving.ask_echo(server, b"too early").status == 503
    server.until_ready()
    assert serving.ask_echo(server, b"now") == b"now"
    # The model is gone: whoever starts now cannot load it.
    os.rename("echo/it.fake", "echo/away.fake")
    for pid in server.run.workers():
        os.kill(pid, job.KILL)
    job.until(lambda: server.get("/readyz").status == 503, 30, "it is not ready")
    assert server.get("/livez").status == 200
    os.rename("echo/away.fake", "echo/it.fake")
    server.until_ready()
    assert serving.ask_echo(server, b"again") == b"again"
    server.end()

    missing = job.run("nowhere", command="serve", code=3)
    assert "nowhere" in missing.said, missing.said


job.test(body)
