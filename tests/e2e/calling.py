"""What the tests of the gRPC door stand on: the server of serving.py with that door, and other makers' clients.

The clients are packages, which the Python of scripts/venv has; whoever imports this goes on in that Python, or skips.
"""
import importlib.util
import os
import re
import sys
from pathlib import Path

import job
import serving

if importlib.util.find_spec("tritonclient") is None:
    place = Path(os.environ.get("HEADRACE_TEST_PYTHON") or job.CACHE / "venv/bin/python")
    if not place.exists() or os.environ.get("E2E_IN_VENV"):
        job.skip(f"{place} has no tritonclient: scripts/venv makes it")
    os.execve(place, [str(place), "-B", *sys.argv], {**os.environ, "E2E_IN_VENV": "1"})

import grpc  # noqa: E402
import numpy  # noqa: E402
import tritonclient.grpc as triton  # noqa: E402
from tritonclient.grpc import service_pb2, service_pb2_grpc  # noqa: E402

INFER = "/inference.GRPCInferenceService/ModelInfer"


class Server(serving.Server):
    """`headrace serve` with both doors."""

    def __init__(self, *arguments, grpc_place="127.0.0.1:0", **more):
        # Where the address sanitizer looks for leaks at the end, it falls over what gRPC's threads leave behind.
        options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        more["environment"] = {"ASAN_OPTIONS": options.lstrip(":"), **more.get("environment", {})}
        super().__init__(*arguments, "--grpc", grpc_place, **more)
        found = job.until(lambda: re.search(r"on grpcs?://(\S+)", self.run.said()) or not self.run.running(), 60,
                          "it serves gRPC")  # fmt: skip
        assert found is not True, f"it did not start:\n{self.run.said()}"
        self.place = found[1]

    def client(self, **more):
        return triton.InferenceServerClient(self.place, **more)

    def channel(self):
        return grpc.insecure_channel(self.place, options=[("grpc.enable_retries", 0)])

    def stub(self):
        return service_pb2_grpc.GRPCInferenceServiceStub(self.channel())


def tensor(name, values):
    """An input for tritonclient."""
    kinds = {"uint8": "UINT8", "float32": "FP32", "int64": "INT64", "bool": "BOOL", "float16": "FP16"}
    given = triton.InferInput(name, list(values.shape), kinds[str(values.dtype)])
    given.set_data_from_numpy(values)
    return given


def question(text, **more):
    """A request to the echo model of serving.py as gRPC's own stubs take it."""
    shape = service_pb2.ModelInferRequest.InferInputTensor(name="INPUT0", datatype="UINT8", shape=[1, len(text)])
    return service_pb2.ModelInferRequest(model_name="echo", inputs=[shape], raw_input_contents=[text], **more)


def refused(code, call, *arguments, **more):
    """The sentence of a call that must fail with this status."""
    try:
        call(*arguments, **more)
    except grpc.RpcError as e:
        assert e.code() == code, (e.code(), e.details())
        return e.details()
    raise AssertionError(f"the call was answered, and not {code}")


def code_of(call, *arguments, **more):
    """The status of a call of tritonclient that must fail."""
    try:
        call(*arguments, **more)
    except triton.InferenceServerException as e:
        return e.status().removeprefix("StatusCode.")
    raise AssertionError("the call was answered")


def zeros(*shape):
    return numpy.zeros(shape, numpy.uint8)
