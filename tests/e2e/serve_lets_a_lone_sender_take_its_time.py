#!/usr/bin/env python3
"""Who sends slowly and takes the only place of a model may do so as long as nobody else wants it, whatever is refused by
another model."""
import socket
import time

import job
import serving

ASK = serving.json_request(input=("UINT8", [1, 1, 1, 2], [1, 2])).encode()
PIECE = 10_000


def head(model, length):
    return b"POST /v2/models/%s/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (model, length)


def body():
    server = serving.Server(serving.tagged("it", 1), serving.tagged("full", 2), "--workers", 1, "--queue", 1)
    sender, holder = (socket.create_connection((server.host, server.port), timeout=60) for _ in range(2))
    request = ASK + b" " * 40 * PIECE
    sender.sendall(head(b"it", len(request)))
    holder.sendall(head(b"full", 1000) + b"x")
    refused = 0
    for at in range(0, len(request), PIECE):
        sender.sendall(request[at:at + PIECE])
        refused += server.infer("full", ASK).status == 429
        time.sleep(0.1)
    assert refused > 2, refused
    assert b" 200 " in sender.recv(1000)
    server.end()


job.test(body)
