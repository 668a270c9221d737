#!/usr/bin/env python3
"""Real engines write nothing into the home folder or the one where they were started, confined or not."""
import os
from pathlib import Path

import job


def body():
    build = Path(job.BINARY).resolve().parent
    engines = [name for name in ("openvino", "onnxruntime") if (build / f"engines/headrace_engine_{name}.so").exists()]
    if not engines:
        job.skip("no real engine was built")
    # Where a machine is known to be one for tests, libraries may hold back.
    for variable in ("CI", "GITHUB_ACTIONS", "TF_BUILD", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY"):
        os.environ.pop(variable, None)
    model, picture = job.real_model(), job.real_pictures()[0]
    Path("home").mkdir()
    for engine in engines:
        for sandbox in ("off", "auto"):
            job.run(model, picture, "--engine", engine, "--workers", 1, "--sandbox", sandbox,
                    environment={"HOME": str(Path("home").absolute())})  # fmt: skip
            assert list(Path().rglob("*")) == [Path("home")], (engine, sandbox, list(Path().rglob("*")))


job.test(body)
