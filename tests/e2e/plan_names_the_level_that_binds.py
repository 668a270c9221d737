#!/usr/bin/env python3
"""In a real cgroup v1 group with a quota of 1.5 cores inside of one with more, `plan` names the one that binds and
how often it throttled."""
import json
import os
import subprocess

import cgroups
import job


def body():
    if len(os.sched_getaffinity(0)) < 2:
        job.skip("one CPU: no quota of 1.5 could bind")
    quota = cgroups.group("cpu", "cpu.cfs_quota_us", 150_000)
    memory = cgroups.group("memory", "memory.limit_in_bytes", 700 << 20)
    command = [*cgroups.join(quota, memory), job.BINARY, "plan"]
    said = json.loads(subprocess.run([*command, "--json"], check=True, capture_output=True, timeout=60).stdout)
    levels = said["container"]["cpu"]["levels"]
    assert [level["path"] for level in levels if level["binds"]] == [str(quota)], levels
    assert levels[0]["quota"] == 1.5 and levels[0]["throttling"]["periods"] >= 0, levels
    assert levels[1]["path"] == str(quota.parent), levels
    assert said["budget"]["cpu"]["cpus"] == 1.5 and said["plan"]["workers"]["value"] == 2, said["budget"]
    levels = said["container"]["memory"]["levels"]
    assert [level["path"] for level in levels if level["binds"]] == [str(memory)], levels
    assert said["budget"]["memory"]["limit_bytes"] == 700 << 20
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert f"1.5 at {quota}  <- binds" in text and "throttled" in text, text
    assert "budget   |" + "=" * 48 + " " * 16 + "| 1.5" in text, text


job.test(cgroups.removed_after(body))
