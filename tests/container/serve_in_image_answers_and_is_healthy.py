#!/usr/bin/env python3
"""`serve` in a container, where the image says it listens: it answers pictures, opens the gRPC door, and the image's
own health check follows its state."""
import json
import os
import signal
from pathlib import Path

import container
import job


def body():
    model = job.real_model()
    server = container.ContainedServer(model, "--grpc", "127.0.0.1:8001", "--load-timeout", "60s",
                                       before=container.started(*container.real_mounts()))  # fmt: skip
    picture = Path(job.real_pictures()[0]).read_bytes()
    reply = server.ask("POST", "/v2/models/lite0/infer", picture)
    assert reply.status == 200 and json.loads(reply.body)["label"], reply
    assert "127.0.0.1:8001" in server.run.said(), server.run.said()

    well = server.run.inside(*container.health_check())
    assert (well.returncode, well.stderr) == (0, ""), well
    assert well.stdout == "live: 0.0.0.0:8080 answered /livez with 200\n", well
    ready = server.run.inside(job.BINARY, "probe", "--ready")
    assert ready.returncode == 0 and "/readyz with 200" in ready.stdout, ready
    os.kill(server.run.first, signal.SIGSTOP)
    unwell = server.run.inside(*container.health_check())
    os.kill(server.run.first, signal.SIGCONT)
    assert unwell.returncode == 1 and "no answer within" in unwell.stdout, unwell
    assert server.run.inside(*container.health_check()).returncode == 0
    server.end(code=0)


container.test(body)
