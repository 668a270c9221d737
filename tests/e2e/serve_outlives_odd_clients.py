#!/usr/bin/env python3
"""Clients that leave in the middle, send nonsense, or too slowly: each gets what is due to it, and the next one its answer."""
import json
import socket
import struct

import job
import serving


def raw(server, data, half_close=False):
    """Sends these bytes; what came back until the server closed."""
    with socket.create_connection((server.host, server.port), timeout=30) as client:
        client.sendall(data)
        if half_close:
            client.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while more := client.recv(65536):
                got += more
        except ConnectionResetError:
            pass
        return got


def leave(server, data):
    """Sends these bytes and is gone, with a reset."""
    with socket.create_connection((server.host, server.port), timeout=30) as client:
        client.sendall(data)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def body():
    server = serving.Server(serving.echo(sleep_us=50000), "--workers", 1, "--queue", 8)
    tensor, length = serving.binary_request(INPUT0=("UINT8", [1, 5], b"hello"))
    head = (f"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: {length}\r\n"
            f"Content-Length: {len(tensor)}\r\n\r\n").encode()  # fmt: skip
    # Wherever a client leaves, its place is given back: eight places, and many more clients.
    whole = head + tensor
    for cut in range(10, len(whole) + 1, 7):
        leave(server, whole[:cut])
    leave(server, whole)
    job.until(lambda: server.metric("headrace_requests_open") == 0 and server.metric("headrace_bytes_in_flight") == 0,
              30, "every place is given back")  # fmt: skip
    assert serving.ask_echo(server, b"well") == b"well"

    for data, status in (
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /v2 HTTP/9.9\r\nHost: x\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\r\n\r\n", 400),
        (b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /v2 HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20000 + b"\r\n\r\n", 431),
        (b"GET /../v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
    ):
        got = raw(server, data, half_close=True)
        assert got.startswith(f"HTTP/1.1 {status} ".encode()), (data[:60], got[:200])
        assert "error" in json.loads(got.partition(b"\r\n\r\n")[2]), got
    # Three at once on one connection: three answers, in order.
    three = raw(server, (head + tensor) * 2 + b"GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert three.count(b"HTTP/1.1 200 ") == 3 and three.rfind(b"hello") < three.find(b'"extensions"'), three
    server.end()


job.test(body)
