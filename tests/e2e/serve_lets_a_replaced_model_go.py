#!/usr/bin/env python3
"""A model is replaced while one client sends to it slowly and another does not take its answers: its memory is given
back all the same, long before their time is over."""
import socket
from pathlib import Path

import job
import serving

ASK = serving.json_request(input=("UINT8", [1, 1, 1, 2], [1, 2])).encode()


def areas(server):
    """How often memory for requests is mapped."""
    return Path(f"/proc/{server.run.process.pid}/maps").read_text().count("headrace-slots")


def head(length):
    return b"POST /v2/models/it/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length


def body():
    server = serving.Server(serving.tagged("it", 100_000), "--workers", 1, "--queue", 4, "--result-bytes", 1 << 20,
                            "--admin", "127.0.0.1:0")  # fmt: skip
    before = areas(server)
    connections = [socket.create_connection((server.host, server.port), timeout=60) for _ in range(2)]
    connections[0].sendall(head(1_000_000) + b"x")
    connections[1].sendall((head(len(ASK)) + ASK) * 100)
    job.until(lambda: server.metric("nv_inference_request_success") > 2, 60, "answers wait for their client")
    serving.tagged("it", 5)
    assert server.repository("models/it/load").status == 200
    assert serving.tag_of(server.infer("it", ASK)) == 5
    job.until(lambda: areas(server) == before, 15, "the old one's memory is given back")
    assert b" 408 " in connections[0].recv(1000), "it was told why"
    for connection in connections:
        connection.close()
    server.end()


job.test(body)
