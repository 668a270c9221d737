#!/usr/bin/env python3
"""The command line wins over the environment, the environment over --config, of which each
command takes what it knows."""
import json
import os
import subprocess
from pathlib import Path

import job


def body():
    Path("headrace.toml").write_text('workers = 1\nbatch = 4\nordered = true\ntimeout = "7s"\nlog-level = "info"\n')
    model, inputs = job.fake(), job.listed(job.numbered(60))
    config, summary = ["--config", "headrace.toml"], ["--summary", "summary.json"]
    environment = {"HEADRACE_WORKERS": "2", "HEADRACE_OUT": "by-environment.jsonl"}

    done = job.run(model, inputs, *config, *summary)
    assert (done.summary["workers"], done.summary["batch"]) == (1, 4) and "is ready after" in done.said
    assert [line["index"] for line in done.lines] == list(range(60))
    done = job.run(model, inputs, *config, *summary, environment=environment)
    assert (done.summary["workers"], done.summary["batch"], done.lines) == (2, 4, []), done
    assert len(job.read("by-environment.jsonl")) == 60
    done = job.run(model, inputs, *config, *summary, "--workers", 3, "--out", "-", environment=environment)
    assert (done.summary["workers"], done.summary["batch"], len(done.lines)) == (3, 4, 60), done
    done = job.run(model, inputs, *summary, environment={"HEADRACE_CONFIG": "headrace.toml", "HEADRACE_CPUS": "0.5"})
    assert done.summary["workers"] == 1 and done.summary["cpu"]["budget_cores"] == 0.5, done.summary
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
    said = subprocess.run([job.BINARY, "plan", model, inputs, *config, "--json"], check=True, capture_output=True,
                          timeout=60, env={**clean, "HEADRACE_ENGINE": "fake"}).stdout  # fmt: skip
    planned = json.loads(said)["plan"]
    assert (planned["workers"]["value"], planned["batch"]["value"]) == (1, 4), planned
    subprocess.run([job.BINARY, "plan", *config], check=True, capture_output=True, timeout=60,
                   env={**clean, "HEADRACE_ENGINE": "fake"})  # fmt: skip


job.test(body)
