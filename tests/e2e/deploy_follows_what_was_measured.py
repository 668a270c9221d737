#!/usr/bin/env python3
"""Sizes, threads, probes and costs follow from what `plan --json` or `tune` found, and what does not fit is said."""
import json
import os
import subprocess
from pathlib import Path

import deploying
import job

NAMED = ["--name", "classify", "--image", "r.example/h:1", "--public"]
TUNED = """format = 1
[plan]
workers = 2
threads = 2
streams = 1
batch = 1
[container]
cpus = 1.50
memory_mib = 3584
[model]
name = "lite0"
hash = "838731d09d71f681"
[measured]
rate = 200.0
memory_mib = 300.0
"""


def container(*arguments):
    code, out, said = deploying.deploy("aci", "serve", "/m/lite0", *NAMED, *arguments)
    assert code == 0, said
    (tree,) = deploying.check_yaml("aci", out)
    inside = tree["properties"]["containers"][0]["properties"]
    return inside, {entry["name"]: entry.get("value") for entry in inside["environmentVariables"]}, said


def body():
    Path("plan.toml").write_text(TUNED)
    inside, variables, said = container("--from", "plan.toml")
    assert inside["resources"]["requests"] == {"cpu": 1.5, "memoryInGB": 3.5}, inside
    assert variables["OMP_NUM_THREADS"] == "2" and variables["HEADRACE_CPUS"] == "1.5", variables
    assert inside["livenessProbe"]["initialDelaySeconds"] == 120, "nothing was said of loading"
    assert "the measured plan takes 300 MiB of the 3584" in said, said
    said = container("--from", "plan.toml", "--cpus", "4")[2]
    assert "measured with 1.5 CPUs, and the container gets 4" in said, said

    clean = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
    limits = {"HEADRACE_CPUS": "2", "HEADRACE_MEMORY_MB": "4096"}
    command = [job.BINARY, "plan", job.fake(), job.listed(["a", "b"]), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env={**clean, **limits}, check=True)
    Path("plan.json").write_text(done.stdout)
    found = json.loads(done.stdout)
    inside, variables, _ = container("--from", "plan.json")
    assert inside["resources"]["requests"]["cpu"] == found["budget"]["cpu"]["cpus"] == 2, inside
    wanted = 3 * found["measured"]["load_seconds"] + 10
    assert wanted <= inside["livenessProbe"]["initialDelaySeconds"] <= wanted + 1, (wanted, inside)
    assert container("--from", "plan.json", "--load-time", "4s")[0]["livenessProbe"]["initialDelaySeconds"] == 22

    arguments = ["aci", "serve", "/m/lite0", *NAMED, "--from", "plan.toml", "--cost"]
    code, out, said = deploying.deploy(*arguments, "measured", "--price-cpu", "0.001", "--price-memory", "0.0001")
    assert code == 0 and "1000 / 200.0 = 5.000 s" in out and "1.5 x 5.000 = 7.500" in out, (out, said)
    assert "7.500 x 0.001 + 17.50 x 0.0001 = 0.009250" in out and "name: classify" not in out, out
    assert "measured: plan.toml" in out and "an hour" in out
    for wrong, named in ((["fast"], "--cost"), (["0"], "--cost"), (["5", "--price-cpu", "1"], "--price-memory")):
        code, out, said = deploying.deploy(*arguments, *wrong)
        assert code == 2 and named in said and not out, (wrong, said)


job.test(body)
