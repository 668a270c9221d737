#!/usr/bin/env python3
"""FROM headrace, COPY model /model: an image of the user's own answers, with no volume and nothing to write to."""
import json
import shutil
from pathlib import Path

import container
import job


def body():
    image = container.copy_of_image()
    shutil.copytree(job.real_model(), image / "model")
    server = container.ContainedServer("/model", "--sandbox", "on", before=container.started(image=image))
    (name,) = json.loads(server.get("/v2/models").body)["models"]
    name = name if isinstance(name, str) else name["name"]
    reply = server.ask("POST", f"/v2/models/{name}/infer", Path(job.real_pictures()[0]).read_bytes())
    assert reply.status == 200 and json.loads(reply.body)["top"], reply
    server.end(code=0)


container.test(body)
