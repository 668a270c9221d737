#!/usr/bin/env python3
"""SIGTERM under load: what was admitted is answered, and the exit code says so; the next request finds nobody."""
import json

import job
import serving


def body():
    server = serving.Server(serving.echo(sleep_us=20000), "--workers", 2)
    clients = serving.Clients(server, 8)
    clients.until_answered(30)
    done = server.end(code=0)
    clients.stop()
    # Whoever asked while it was ending got a word, or no connection; nobody a torn answer or a wrong one.
    for reply in clients.wrong:
        assert reply.status == 503 and "shutting down" in json.loads(reply.body)["error"], reply
    for trouble in clients.broken:
        assert "IncompleteRead" not in trouble, clients.broken
    assert "answering what is in flight" in done.said, done.said


job.test(body)
