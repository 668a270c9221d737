#!/usr/bin/env python3
"""However many models share the container, the page's numbers and the metrics of it are of all of it; when one has gone
as well."""
import json

import job
import serving


def body():
    models = serving.echo("one"), serving.echo("two")
    server = serving.Server(*models, "--workers", 1, "--cpus", 2, "--admin", "127.0.0.1:0")

    def budget():
        return json.loads(server.admin().get("/status").body)["container"]["cpu_budget_cores"]

    assert budget() == 2 and server.metric("headrace_cpu_budget_cores") == 2, server.get("/metrics").body
    assert server.repository("models/one/unload").status == 200
    job.until(lambda: len(server.run.workers()) == 1, 60, "one model's worker has left")
    assert budget() == 2 and server.metric("headrace_cpu_budget_cores") == 2, server.get("/metrics").body
    server.end()


job.test(body)
