#!/usr/bin/env python3
"""The real model: a picture that is sent gets the same answer as the same file under `headrace run`, however it is
sent; so do its tensors, row by row."""
import json
import struct
from pathlib import Path

import job
import serving


def form(parts):
    lines = []
    for name, content in parts:
        lines += [b"--edge", f'Content-Disposition: form-data; name="p"; filename="{name}"'.encode(),
                  b"Content-Type: image/jpeg", b"", content]  # fmt: skip
    return b"\r\n".join([*lines, b"--edge--", b""])


def body():
    pictures = job.real_pictures()[:8]
    done = job.run(job.real_model(), *pictures, "--ordered")
    expected = [line["result"] for line in done.lines]
    server = serving.Server(job.real_model(), "--workers", 2)
    contents = [Path(picture).read_bytes() for picture in pictures]
    for content, result in zip(contents, expected):
        for how in ({"Content_Type": "image/jpeg"}, {"Content_Type": "application/x-www-form-urlencoded"}):
            reply = server.infer("lite0", content, **how)
            assert reply.status == 200 and json.loads(reply.body) == result, (reply, result)
    # As a tensor: one element of BYTES, answered as JSON or as binary data.
    for content, result in zip(contents[:3], expected):
        for binary in (False, True):
            element = struct.pack("<I", len(content)) + content
            tensor, length = serving.binary_request(binary, image=("BYTES", [1], element))
            for chunked in (False, True):
                sent = iter([tensor]) if chunked else tensor
                reply = server.infer("lite0", sent, Inference_Header_Content_Length=length)
                assert reply.status == 200, reply
                if binary:
                    got = serving.outputs_of(reply)["result"][4:]
                else:
                    (got,) = json.loads(reply.body)["outputs"][0]["data"]
                assert json.loads(got) == result, (got, result)
    lying, length = serving.binary_request(image=("BYTES", [1], struct.pack("<I", 5) + contents[0]))
    assert server.infer("lite0", lying, Inference_Header_Content_Length=length).status == 400
    assert server.infer("lite0", serving.json_request(image=("BYTES", [1], ["/9j/4AAQ"]))).status == 400
    empty, length = serving.binary_request(image=("BYTES", [1], struct.pack("<I", 10) + b"no picture"))
    assert server.infer("lite0", empty, Inference_Header_Content_Length=length).status == 415

    parts = [*((f"{i}.jpg", content) for i, content in enumerate(contents)), ("bad.jpg", b"no picture")]
    reply = server.infer("lite0", form(parts), Content_Type="multipart/form-data; boundary=edge")
    results = json.loads(reply.body)["results"]
    assert [one.get("result") for one in results] == [*expected, None], results
    assert results[-1]["status"] == "failed" and results[-1]["error"]["code"] == "unsupported", results[-1]

    broken = server.infer("lite0", contents[0][:2000], Content_Type="image/jpeg")
    assert broken.status == 400 and json.loads(broken.body)["error"].startswith("corrupt"), broken
    assert server.infer("lite0", b"GIF89a....", Content_Type="image/gif").status == 415

    about = json.loads(server.get("/v2/models/lite0").body)
    name = about["inputs"][0]["name"]
    rows, length = serving.binary_request(**{name: ("FP32", [3, 3, 224, 224], bytes(3 * 4 * 3 * 224 * 224))})
    outputs = serving.outputs_of(server.infer("lite0", rows, Inference_Header_Content_Length=length))
    (scores,) = outputs.values()
    assert len(scores) == 3 * 4000 and scores[:4000] == scores[4000:8000] == scores[8000:], len(scores)
    # More rows than their results have room for: said before any work is done.
    many, length = serving.binary_request(**{name: ("FP32", [64, 3, 224, 224], bytes(64 * 4 * 3 * 224 * 224))})
    reply = server.infer("lite0", many, Inference_Header_Content_Length=length)
    assert reply.status == 400 and "rows" in json.loads(reply.body)["error"], reply
    server.end()


job.test(body)
