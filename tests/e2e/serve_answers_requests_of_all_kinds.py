#!/usr/bin/env python3
"""Tensors in JSON and in binary, what the server says of itself, and every wrong request with its sentence."""
import json
import re
import struct

import job
import serving


def body():
    model = serving.echo()
    job.fake("rows", kind="raw")
    server = serving.Server(model, "rows", "--workers", 1)
    assert json.loads(server.get("/v2").body)["name"] == "headrace"
    assert json.loads(server.get("/v2/health/live").body) == {"live": True}
    assert json.loads(server.get("/v2/health/ready").body) == {"ready": True}
    assert json.loads(server.get("/v2/models/echo/ready").body) == {"name": "echo", "ready": True}
    about = json.loads(server.get("/v2/models/echo").body)
    assert about["inputs"] == [{"name": "INPUT0", "datatype": "UINT8", "shape": [-1, -1]}], about

    assert serving.ask_echo(server, b"hello") == b"hello"
    reply = server.infer("echo", serving.json_request(INPUT0=("UINT8", [1, 3], [1, 2, 255])), Content_Type="text/plain")
    assert reply.status == 200 and json.loads(reply.body)["outputs"][0]["data"] == [1, 2, 255], reply
    # The length shows only at the end.
    chunked, length = serving.binary_request(INPUT0=("UINT8", [2, 2], b"abcd"))
    reply = server.infer("echo", iter([chunked[:50], chunked[50:]]), Inference_Header_Content_Length=length)
    assert serving.outputs_of(reply) == {"OUTPUT0": b"abcd"}, reply
    # The whole body is the only input, but its shape must have no more than one open dimension.
    assert server.infer("echo", b"abc", Inference_Header_Content_Length="0").status == 400

    # Rows: as many values come back as went in.
    rows, length = serving.binary_request(input=("UINT8", [3, 64], bytes(3 * 64)))
    reply = server.infer("rows", rows, Inference_Header_Content_Length=length)
    assert len(struct.unpack("<3f", serving.outputs_of(reply)["values"])) == 3, reply

    for status, what, reply in (
        (404, "unknown model", server.infer("nobody", b"{}")),
        (404, "Not Found", server.get("/v2/nothing")),
        (405, "POST", server.get("/v2/models/echo/infer")),
        (400, "JSON", server.infer("echo", b"{")),
        (400, "nobody", server.infer("echo", serving.json_request(nobody=("UINT8", [1, 1], [1])))),
        (400, "FP32", server.infer("echo", serving.json_request(INPUT0=("FP32", [1, 1], [1])))),
        (400, "", server.infer("echo", serving.json_request(INPUT0=("UINT8", [1, 2], [1])))),
        (400, "256", server.infer("echo", serving.json_request(INPUT0=("UINT8", [1, 1], [256])))),
        (400, "", server.infer("echo", serving.json_request(INPUT0=("UINT8", [2**62, 2**62], [1])))),
        (413, "", server.infer("echo", b"", Content_Length=str(2**40))),
        (415, "tensors", server.infer("echo", b"\xff\xd8\xff", Content_Type="image/jpeg")),
    ):  # fmt: skip
        assert reply.status == status and what in json.loads(reply.body)["error"], (status, what, reply)
    assert serving.ask_echo(server, b"still here") == b"still here"

    stats = {model["name"]: model for model in json.loads(server.get("/v2/models/stats").body)["model_stats"]}
    assert stats["echo"]["inference_stats"]["success"]["count"] == 4, stats
    assert stats["rows"]["inference_count"] == 3 and stats["rows"]["execution_count"] == 1, stats
    assert server.metric("nv_inference_request_success") == 5 and server.metric("headrace_workers") == 2
    sample = re.compile(r'(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"]*",?)+\})? [-+0-9.e]+)')
    for line in server.get("/metrics").body.decode().splitlines():
        assert sample.fullmatch(line), line
    server.end()


job.test(body)
