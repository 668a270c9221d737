#!/usr/bin/env python3
"""What `plan MODEL` says is what `run MODEL` does, with each number asked for and with none; and its JSON has the
documented keys."""
import json
import os
import subprocess

import job

KEYS = {
    "": ["version", "container", "budget", "model", "measured", "plan", "worker_bytes", "fits", "warnings", "notes"],
    "container": ["cpu", "memory", "platform"],
    "container.cpu": ["affinity", "online", "configured", "cpuset", "levels", "used_seconds", "pressure", "model",
                      "features"],
    "container.memory": ["machine_bytes", "machine_available_bytes", "levels", "left_bytes", "oom_kills_group",
                         "oom_kills", "pressure", "shm"],
    "container.platform": ["kernel", "architecture", "cgroups", "first_process", "user", "capabilities", "seccomp",
                           "no_new_privileges"],
    "budget.cpu": ["cpus", "from", "why"],
    "budget.memory": ["limit_bytes", "reserve_bytes", "usable_bytes", "from", "why"],
    "measured": ["equipment", "load_seconds", "pss_bytes", "uss_bytes", "inputs", "items", "failed", "failure",
                 "items_per_second", "decode_ms", "infer_ms"],
    "plan": ["workers", "threads", "streams", "batch", "mailbox", "slots", "in_flight_bytes", "memory_bytes"],
}  # fmt: skip


def plan(*arguments, code=0, environment=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HEADRACE_")}
    done = subprocess.run([job.BINARY, "plan", *map(str, arguments), "--json"], capture_output=True, text=True,
                          timeout=60, env={**clean, **(environment or {})})  # fmt: skip
    assert done.returncode == code, f"{done.returncode}: {done.stderr}"
    said = json.loads(done.stdout, object_pairs_hook=job.no_twins, parse_constant=job.no_constant)
    for place, keys in KEYS.items():
        part = said
        for key in filter(None, place.split(".")):
            part = part[key]
        assert part is None or list(part) == keys, f"{place}: {list(part)}"
    for number in said["plan"].values():
        assert list(number) == ["value", "why"] and number["why"], number
    return said


def body():
    job.needs_true_memory()
    model, inputs = job.fake(sleep_us=50), job.listed(job.numbered(200))
    for asked in ([], ["--workers", 3], ["--threads", 2], ["--batch", 4], ["--cpus", "1.5"], ["--memory-mb", "300"]):
        said = plan(model, inputs, *asked)
        done = job.run(model, inputs, *asked, "--summary", "summary.json")
        for key in ("workers", "threads", "batch"):
            assert said["plan"][key]["value"] == done.summary[key], (asked, key, said["plan"], done.summary)
        assert said["budget"]["cpu"]["cpus"] == done.summary["cpu"]["budget_cores"], asked
        measured = said["measured"]
        assert measured["items"] > 0 and measured["failed"] == 0 and measured["inputs"] == "given", measured
        assert 0 < measured["uss_bytes"] <= measured["pss_bytes"] == said["worker_bytes"], measured
    said = plan()
    assert said["model"] is None and said["measured"] is None and said["worker_bytes"] == 256 << 20, said


job.test(body)
