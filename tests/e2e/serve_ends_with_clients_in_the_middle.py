#!/usr/bin/env python3
"""Told to end while clients have sent half of a request, or do not read what they asked for: it ends when the grace is
over, in order, and says so."""
import socket

import job
import serving


def body():
    for impatient in (False, True):
        server = serving.Server(serving.echo(), "--workers", 1, "--grace", "1s")
        head = b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\nx"
        clients = [socket.create_connection((server.host, server.port)) for _ in range(4)]
        for client in clients:
            client.sendall(head)
        job.until(lambda: server.metric("headrace_bytes_in_flight") >= 4 * 60000, 30, "four bodies are being read")
        server.run.process.send_signal(job.TERM)
        if impatient:
            server.run.until_said("asked to stop")
            server.run.process.send_signal(job.TERM)
        said = server.run.end(code=3).said
        assert "had not sent all of a request" in said, said
        for client in clients:
            client.close()


job.test(body)
