#!/usr/bin/env python3
"""Another maker's HTTP client sends and gets every element type to the last bit, in JSON where that can carry it."""
import job
import other_makers
import serving

other_makers.needs("tritonclient", "geventhttpclient")

import numpy  # noqa: E402
import tritonclient.http as triton  # noqa: E402

LARGE = {"INT64": 2**62 + 1, "UINT64": 2**64 - 1, "INT32": -2**31, "UINT32": 2**32 - 1, "INT16": -2**15,
         "UINT16": 2**16 - 1, "INT8": -128,
         "UINT8": 255, "BOOL": True, "FP32": 0.1, "FP64": 1e300, "FP16": 65504}  # fmt: skip
OF_NUMPY = {"BOOL": "bool", "FP16": "float16", "FP32": "float32", "FP64": "float64"}
OF_ENGINE = {"BOOL": "bool", "FP16": "f16", "FP32": "f32", "FP64": "f64"}


def short(kind):
    return OF_ENGINE.get(kind, kind.lower().replace("uint", "u").replace("int", "i"))


def body():
    models = [serving.echo(kind, input=short(kind)) for kind in LARGE]
    server = serving.Server(*models, "--workers", 1, "--cpus", 2 * len(models), "--memory-mb", 8192)
    client = triton.InferenceServerClient(f"{server.host}:{server.port}")
    for kind, large in LARGE.items():
        values = numpy.array([[large, 1], [0, large]], OF_NUMPY.get(kind, kind.lower()))
        for binary in (True, False):
            given = triton.InferInput("INPUT0", [2, 2], kind).set_data_from_numpy(values, binary_data=binary)
            asked = triton.InferRequestedOutput("OUTPUT0", binary_data=binary)
            try:
                got = client.infer(kind, [given], outputs=[asked]).as_numpy("OUTPUT0")
                assert got.dtype == values.dtype and (got == values).all() and (binary or kind != "FP16"), (kind, got)
            except triton.InferenceServerException as e:
                assert kind == "FP16" and not binary and "binary data" in e.message(), (kind, e)
    client.close()
    server.end()


job.test(body)
