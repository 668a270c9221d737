#!/usr/bin/env python3
"""Counters of the container are there before, while and after a model is: they never run backwards or vanish. What is so
now is known only while there is a model, and counts the supervisor once."""
import json
import re

import job
import serving

COUNTERS = ("throttled_seconds_total", "throttled_periods_total", "periods_total", "oom_kills_total")


def body():
    serving.tagged("one", 1, "models")
    serving.tagged("two", 2, "models")
    server = serving.Server("--repository", "models", "--admin", "127.0.0.1:0", "--workers", 1)
    before = {}

    def look(models):
        page = server.get("/metrics").body.decode()
        for name in COUNTERS:
            found = re.search(rf"^headrace_{name} (\S+)$", page, re.M)
            assert found and float(found[1]) >= before.get(name, 0), (name, before)
            before[name] = float(found[1])
        assert ("headrace_cpu_budget_cores" in page) == (models > 0)
        container = json.loads(server.admin().get("/status").body)["container"]
        assert (container is not None) == (models > 0), container

    look(0)
    for models, change in ((1, "one/load"), (1, "one/load"), (2, "two/load"), (1, "one/unload"), (0, "two/unload")):
        assert server.repository(f"models/{change}").status == 200
        if models == 0:
            job.until(lambda: not server.run.workers(), 60, "no worker is left")
        look(models)
    server.end()


job.test(body)
