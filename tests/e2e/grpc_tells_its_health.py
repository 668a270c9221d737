#!/usr/bin/env python3
"""gRPC's own health protocol says SERVING only while models take requests, for each and for all; reflection lists the
services."""
import calling
import job
import serving
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def body():
    server = calling.Server(serving.echo(load_sleep_ms=1500), "--workers", 1, ready=False)
    channel = server.channel()
    health = health_pb2_grpc.HealthStub(channel)
    words = health_pb2.HealthCheckResponse

    def status(name):
        return health.Check(health_pb2.HealthCheckRequest(service=name)).status

    assert status("") == status("echo") == words.NOT_SERVING
    assert calling.refused(calling.grpc.StatusCode.NOT_FOUND, status, "other")
    watch = health.Watch(health_pb2.HealthCheckRequest(service="echo"))
    assert [next(watch).status for _ in range(2)] == [words.NOT_SERVING, words.SERVING]
    assert status("echo") == words.SERVING and server.client().is_server_ready()
    job.until(lambda: status("") == words.SERVING, 10, "all of it is healthy")
    services = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {"inference.GRPCInferenceService", "grpc.health.v1.Health"} <= set(services), services
    server.run.process.send_signal(job.TERM)
    assert next(watch).status == words.NOT_SERVING
    server.run.end(0)


job.test(body)
