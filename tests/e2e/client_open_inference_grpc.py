#!/usr/bin/env python3
"""The stubs that come with the protocol's own description of gRPC: every call, tensors typed and raw."""
import re
import struct

import job
import other_makers
import serving

# Not by way of calling.py: tritonclient's messages have the same names, and one process cannot hold both.
other_makers.needs("grpc", "open_inference")

import grpc  # noqa: E402
from open_inference.grpc import protocol  # noqa: E402
from open_inference.grpc.service import GRPCInferenceServiceStub  # noqa: E402


def question(model, kind, shape, raw=(), **contents):
    tensor = protocol.ModelInferRequest.InferInputTensor(name="INPUT0", datatype=kind, shape=shape)
    if contents:
        tensor.contents.CopyFrom(protocol.InferTensorContents(**contents))
    asked = protocol.ModelInferRequest(model_name=model, id="seven", inputs=[tensor], raw_input_contents=raw)
    asked.parameters["priority"].int64_param = 1
    return asked


def refused(code, call, request):
    try:
        call(request, timeout=60)
        raise AssertionError("the call was answered")
    except grpc.RpcError as e:
        assert e.code() == code and e.details(), e


def asks(stub):
    assert stub.ServerLive(protocol.ServerLiveRequest()).live and stub.ServerReady(protocol.ServerReadyRequest()).ready
    assert stub.ModelReady(protocol.ModelReadyRequest(name="floats", version="1")).ready
    assert stub.ServerMetadata(protocol.ServerMetadataRequest()).name == "headrace"
    about = stub.ModelMetadata(protocol.ModelMetadataRequest(name="floats"))
    assert about.inputs[0].datatype == "FP32" and list(about.versions) == ["1"] and not about.properties, about
    for asked in (question("floats", "FP32", [2, 2], fp32_contents=[0.5, 1, 2, -3]),
                  question("floats", "FP32", [2, 2], raw=[struct.pack("<4f", 0.5, 1, 2, -3)])):  # fmt: skip
        answer = stub.ModelInfer(asked)
        assert (answer.model_name, answer.model_version, answer.id) == ("floats", "1", "seven"), answer
        assert list(answer.outputs[0].shape) == [2, 2], answer
        assert struct.unpack("<4f", answer.raw_output_contents[0]) == (0.5, 1, 2, -3)
    answer = stub.ModelInfer(question("truths", "BOOL", [1, 3], bool_contents=[True, False, True]))
    assert answer.raw_output_contents[0] == b"\1\0\1", answer
    assert not stub.ModelReady(protocol.ModelReadyRequest(name="other")).ready
    refused(grpc.StatusCode.NOT_FOUND, stub.ModelMetadata, protocol.ModelMetadataRequest(name="other"))
    for asked in (question("truths", "FP32", [1, 1], fp32_contents=[1]),
                  question("floats", "FP32", [1, 1], raw=[b"abc"])):  # fmt: skip
        refused(grpc.StatusCode.INVALID_ARGUMENT, stub.ModelInfer, asked)


def body():
    server = serving.Server(serving.echo("floats", input="f32"), serving.echo("truths", input="bool"), "--workers", 1,
                            "--grpc", "127.0.0.1:0")  # fmt: skip
    server.run.until_said("on grpc://")
    with grpc.insecure_channel(re.search(r"on grpc://(\S+)", server.run.said())[1]) as channel:
        asks(GRPCInferenceServiceStub(channel))
    server.end()


job.test(body)
