#!/usr/bin/env python3
"""A picture as one element of BYTES gets the very result that `headrace run` gives it."""
import json
from pathlib import Path

import calling
import job
import numpy
from calling import triton


def body():
    model, pictures = job.real_model(), job.real_pictures()[:20]
    expected = {line["input"]: line["result"] for line in job.run(model, job.listed(pictures), "--workers", 1).lines}
    server = calling.Server(model, "--workers", 1)
    client, name = server.client(), server.client().get_model_repository_index().models[0].name
    for picture in pictures:
        given = triton.InferInput("image", [1], "BYTES")
        given.set_data_from_numpy(numpy.array([Path(picture).read_bytes()], object))
        result = json.loads(client.infer(name, [given]).as_numpy("result")[0])
        assert result == expected[picture], (picture, result, expected[picture])
    given.set_data_from_numpy(numpy.array([b"no picture"], object))
    assert calling.code_of(client.infer, name, [given]) == "INVALID_ARGUMENT"
    client.close()
    server.end()


job.test(body)
