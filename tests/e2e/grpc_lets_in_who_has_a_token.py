#!/usr/bin/env python3
"""With tokens a call without one is refused, but for health; with a certificate the same goes over TLS."""
from pathlib import Path

import calling
import job
import serving
from calling import grpc, service_pb2, service_pb2_grpc


def body():
    Path("tokens").write_text("secret\n")
    serving.make_certificate()
    plain = calling.Server(serving.echo(), "--workers", 1, "--token-file", "tokens")
    check(plain, service_pb2_grpc.GRPCInferenceServiceStub(plain.channel()))
    plain.end()
    sealed = calling.Server("echo", "--workers", 1, "--token-file", "tokens", "--tls-cert", "cert.pem", "--tls-key",
                            "key.pem", ready=False)  # fmt: skip
    trust = grpc.ssl_channel_credentials(Path("cert.pem").read_bytes())
    channel = grpc.secure_channel(sealed.place.replace("127.0.0.1", "localhost"), trust)
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    job.until(lambda: stub.ServerReady(service_pb2.ServerReadyRequest()).ready, 30, "it is ready")
    check(sealed, stub)
    assert calling.refused(grpc.StatusCode.UNAVAILABLE, sealed.stub().ServerLive, service_pb2.ServerLiveRequest())
    sealed.end()


def check(server, stub):
    question = calling.question(b"hello")
    assert stub.ServerLive(service_pb2.ServerLiveRequest()).live
    for given in ((), (("authorization", "Bearer wrong"),)):
        said = calling.refused(grpc.StatusCode.UNAUTHENTICATED, stub.ModelInfer, question, metadata=given)
        assert "Bearer" in said, said
    answer = stub.ModelInfer(question, metadata=(("authorization", "Bearer secret"),))
    assert answer.raw_output_contents[0] == b"hello"


job.test(body)
