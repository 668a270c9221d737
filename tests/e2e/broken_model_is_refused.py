#!/usr/bin/env python3
"""A model that cannot run is exit code 3 and one clear sentence, soon, and no results are begun."""
from pathlib import Path

import job

TOML = 'file = "it.fake"\nengine = "fake"\n[input]\nkind = "name"\n[output]\nkind = "raw"\n'
WRONG = {  # what model.toml says, and what the message must hold
    TOML.replace("kind", "knid", 1): ["model.toml:4", "knid", "kind"],
    TOML.replace('"name"', '"nmae"'): ["model.toml:4", "nmae", "name"],
    TOML.replace("it.fake", "other.fake"): ["model.toml:1", "other.fake"],
    TOML.replace('"fake"', '"fkae"', 1): ["model.toml:2", "fkae", "fake"],
    TOML.replace('"fake"', '"abacus"', 1): ["abacus", "fake"],
    TOML + "top_k = 5\n": ["model.toml:7", "top_k"],
    TOML + "softmax = maybe\n": ["model.toml:7"],
    "": ["model.toml"],
}


def body():
    job.listed(job.numbered(20))
    job.fake()
    for toml, holds in WRONG.items():
        Path("model/model.toml").write_text(toml)
        job.refused(holds, "model")
    job.refused(["modle", "model"], "modle")
    job.refused(["list.txt"], "list.txt")
    job.refused(["abacus", "fake"], job.fake(), "--engine", "abacus")
    job.refused(["the weights are gone"], job.fake(load_fail="the weights are gone"))
    job.refused(["no setting called", "slepe_us"], job.fake(slepe_us=1))
    job.refused(["gave up", "while it was loading", "SIGABRT"], job.fake(load_abort=1))
    job.refused(["gave up", "not ready after 0.1 s"], job.fake(load_sleep_ms=60_000), "--load-timeout", "0.1s")


job.test(body)
