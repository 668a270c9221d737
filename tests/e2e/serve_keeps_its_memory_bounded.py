#!/usr/bin/env python3
"""What a client claims, or sends beside its tensors, costs no private memory of the supervisor; nor does a log that nobody
reads stop it."""
import json
import os
import socket
from pathlib import Path

import job
import serving


def resident_mib(pid):
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) / 1024


def body():
    job.needs_true_memory()
    read, write = os.pipe()  # nobody reads
    server = serving.Server(serving.echo(sleep_us=200000), "--workers", 1, "--access-log", "-", stdout=write)
    before = resident_mib(server.run.pid)
    # Headers that claim sixty megabytes each.
    head = b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n{"
    clients = [socket.create_connection((server.host, server.port)) for _ in range(3)]
    for client in clients:
        client.sendall(head)
    job.until(lambda: server.metric("headrace_bytes_in_flight") >= 180e6, 30, "their room is taken")
    assert resident_mib(server.run.pid) < before + 30, (before, resident_mib(server.run.pid))
    for client in clients:
        client.close()
    # Megabytes of blanks around one byte, while it waits; and more of them than are taken.
    request = serving.json_request(INPUT0=("UINT8", [1, 1], [7])).replace("{", "{" + " " * 8_000_000, 1)
    for more in ({}, {"Inference_Header_Content_Length": str(2 * len(request))}):
        refused = server.infer("echo", 2 * request, **more)
        assert refused.status == 413 and b"as binary data" in refused.body, refused
    asked = [server.connect() for _ in range(4)]
    for connection in asked:
        connection.request("POST", "/v2/models/echo/infer", request)
    replies = [json.loads(connection.getresponse().read()) for connection in asked]
    assert all(reply["outputs"][0]["data"] == [7] for reply in replies), replies
    # More lines than a pipe holds.
    connection = server.connect()
    for _ in range(1000):
        assert server.ask("GET", "/livez", connection=connection).status == 200
    connection.close()
    server.run.process.send_signal(job.TERM)
    assert server.run.process.wait(60) == 0
    os.close(read)
    os.close(write)


job.test(body)
