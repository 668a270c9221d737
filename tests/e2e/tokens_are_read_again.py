#!/usr/bin/env python3
"""After SIGHUP new tokens are good and old ones no more, for all doors; a file that cannot be read changes nothing at
any of them."""
import os
import signal
from pathlib import Path

import job
import calling
import serving


def body():
    Path("tokens").write_text("first\n")
    Path("admins").write_text("admin\n")
    server = calling.Server(serving.echo(), "--workers", 1, "--token-file", "tokens", "--admin", "127.0.0.1:0",
                            "--admin-token-file", "admins", ready=False)  # fmt: skip
    server.until_ready()

    def by_http(token):
        return server.ask("GET", "/v2/models/echo", Authorization=f"Bearer {token}").status

    def by_grpc(token):
        try:
            server.stub().ModelReady(calling.service_pb2.ModelReadyRequest(name="echo"),
                                     metadata=[("authorization", f"Bearer {token}")])  # fmt: skip
        except calling.grpc.RpcError as e:
            return e.code()
        return calling.grpc.StatusCode.OK

    def hang_up(times, text):
        server.run.process.send_signal(signal.SIGHUP)
        server.run.until_said(text, times)

    assert by_http("first") == 200 and by_http("second") == 401
    Path("tokens").write_text("second\n")
    assert by_http("first") == 200, "not before it is told to"
    hang_up(1, "were read again")
    assert by_http("second") == 200 and by_http("first") == 401
    assert by_grpc("second") == calling.grpc.StatusCode.OK and by_grpc("first") == calling.grpc.StatusCode.UNAUTHENTICATED
    os.rename("tokens", "away")
    hang_up(1, "all stays as it is")
    assert by_http("second") == 200 and by_grpc("second") == calling.grpc.StatusCode.OK
    Path("tokens").write_text("third\n")
    os.remove("admins")
    hang_up(2, "all stays as it is")
    assert by_http("second") == 200 and by_http("third") == 401, "one door has taken what another could not"
    assert by_grpc("second") == calling.grpc.StatusCode.OK
    assert by_grpc("third") == calling.grpc.StatusCode.UNAUTHENTICATED
    assert serving.Server.get(server, "/readyz").status == 200 and server.run.workers(), "nobody else was bothered"
    server.end()


job.test(body)
