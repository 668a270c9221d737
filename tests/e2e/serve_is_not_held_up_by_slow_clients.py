#!/usr/bin/env python3
"""Clients that send large bodies slowly fill the queue, and have to go: the others are served again."""
import socket

import job
import serving


def slow(server):
    """A request whose body never comes; the connection."""
    connection = socket.create_connection((server.host, server.port), timeout=60)
    connection.sendall(b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx")
    return connection


def body():
    server = serving.Server(serving.echo(), "--workers", 1, "--queue", 4)
    held = [slow(server) for _ in range(4)]
    job.until(lambda: getattr(serving.ask_echo(server, b"now"), "status", 200) == 429, 30, "the queue is full")
    job.until(lambda: serving.ask_echo(server, b"now") == b"now", 60, "there is room again")
    for connection in held:
        assert b" 408 " in connection.recv(1000), "it was told why"
    server.end()


job.test(body)
