#!/usr/bin/env python3
"""Real engines and pictures: workers in the sandbox answer what workers without one do, and lose no worker by it."""
import json
from pathlib import Path

import job
import serving


def body():
    build = Path(job.BINARY).resolve().parent
    engines = [name for name in ("openvino", "onnxruntime") if (build / f"engines/headrace_engine_{name}.so").exists()]
    if not engines:
        job.skip("no real engine was built")
    model, pictures = job.real_model(), job.real_pictures()[:50]
    for engine in engines:
        with_engine = ("--engine", engine, "--workers", 1, "--threads", 2, "--streams", 2)
        found = {}
        for sandbox in ("off", "on"):
            done = job.run(model, job.listed(pictures), *with_engine, "--sandbox", sandbox,
                           "--summary", "summary.json")  # fmt: skip
            assert "sandbox" not in done.said, done.said
            found[sandbox] = job.essence(done.lines)
        assert found["on"] == found["off"], f"{engine}: {found['on'] ^ found['off']}"
        server = serving.Server(model, *with_engine, "--sandbox", "on")
        results = {name: result for _, name, _, result, _ in found["off"]}
        for picture in pictures[:5]:
            reply = server.infer("lite0", Path(picture).read_bytes(), Content_Type="image/jpeg")
            assert reply.status == 200 and json.dumps(json.loads(reply.body), sort_keys=True) == results[picture], reply
        assert server.metric("headrace_worker_restarts_total") == 0
        server.end()


job.test(body)
