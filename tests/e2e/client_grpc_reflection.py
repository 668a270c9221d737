#!/usr/bin/env python3
"""Tools that know nothing of the protocol, as grpcurl, ask the server what it speaks and call it by that: every service
is described, and a request made of the description is answered."""
import calling
import job
import serving
from calling import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "inference.GRPCInferenceService"


def call(channel, service, method, request):
    """As grpcurl does: JSON to the message that the method takes, and back. All answers, for a stream."""
    method = service.FindMethodByName(method)
    takes, gives = (message_factory.GetMessageClass(each) for each in (method.input_type, method.output_type))
    way = channel.unary_stream if method.server_streaming else channel.unary_unary
    asked = way(f"/{service.full_name}/{method.name}", takes.SerializeToString, gives.FromString)
    answer = asked(json_format.ParseDict(request, takes()), timeout=60)
    words = {"preserving_proto_field_name": True}
    return (json_format.MessageToDict(each, **words) for each in answer) if method.server_streaming \
        else json_format.MessageToDict(answer, **words)  # fmt: skip


def body():
    server = calling.Server(serving.echo(), "--workers", 1)
    channel = server.channel()
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    offered = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"} <= set(offered), offered
    for name in offered:
        for method in pool.FindServiceByName(name).methods:
            assert method.input_type.full_name and method.output_type.full_name, method.name
    service = pool.FindServiceByName(SERVICE)
    assert pool.FindMessageTypeByName("inference.ModelInferRequest").fields_by_name["raw_input_contents"].number == 7
    assert pool.FindFileContainingSymbol("inference.ModelConfig").package == "inference"

    assert call(channel, service, "ServerLive", {}) == {"live": True}
    assert call(channel, service, "ModelReady", {"name": "echo"}) == {"ready": True}
    question = {"model_name": "echo", "inputs": [{"name": "INPUT0", "datatype": "UINT8", "shape": [1, 3],
                                                  "contents": {"uint_contents": [1, 2, 255]}}]}  # fmt: skip
    answer = call(channel, service, "ModelInfer", question)
    assert answer["raw_output_contents"] == ["AQL/"] and answer["outputs"][0]["shape"] == ["1", "3"], answer
    assert call(channel, service, "ModelConfig", {"name": "echo"})["config"]["input"][0]["data_type"] == "TYPE_UINT8"

    health = pool.FindServiceByName("grpc.health.v1.Health")
    for name in ("", "echo"):
        job.until(lambda: "SERVING" == call(channel, health, "Check", {"service": name})["status"], 10, "it is healthy")
    watch = call(channel, health, "Watch", {"service": "echo"})
    assert next(watch) == {"status": "SERVING"}
    said = calling.refused(grpc.StatusCode.NOT_FOUND, call, channel, health, "Check", {"service": "other"})
    assert said is not None
    server.run.process.send_signal(job.TERM)
    assert next(watch) == {"status": "NOT_SERVING"}
    server.run.end(0)


job.test(body)
