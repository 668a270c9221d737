#!/usr/bin/env python3
"""The client that is generated from the protocol's own description of HTTP: every call, in both forms. It writes every
number with a fraction, and truths as numbers."""
import asyncio

import job
import other_makers
import serving

other_makers.needs("open_inference")

from open_inference.openapi import InferenceRequest, RequestInput, RequestOutput  # noqa: E402
from open_inference.openapi.client import AsyncOpenInferenceClient, OpenInferenceClient  # noqa: E402
from open_inference.openapi.core import ApiError  # noqa: E402
from open_inference.openapi.errors import BadRequestError, NotFoundError  # noqa: E402


def request(kind, data, shape, **more):
    return InferenceRequest(inputs=[RequestInput(name="INPUT0", shape=shape, datatype=kind, data=data)], **more)


QUESTIONS = (("echo", "UINT8", [[1, 2], [3, 255]]), ("floats", "FP32", [[0.5, -1.5], [0.1, 3]]),
             ("truths", "BOOL", [[True, False], [False, True]]),
             ("large", "INT64", [[2**53, -2**53], [0, 1]]))  # fmt: skip


async def asks(client, answer):
    assert await answer(client.check_server_liveness()) is None
    assert await answer(client.check_server_readiness()) is None
    assert await answer(client.check_model_readiness("echo")) is None
    assert await answer(client.check_model_version_readiness("echo", "1")) is None
    about = await answer(client.read_server_metadata())
    assert about.name == "headrace" and "statistics" in about.extensions, about
    about = await answer(client.read_model_metadata("echo"))
    assert about == await answer(client.read_model_version_metadata("echo", "1")) and about.versions == ["1"], about
    for model, kind, data in QUESTIONS:
        flat = [number for row in data for number in row]
        for given in (data, flat):
            asked = request(kind, given, [2, 2], id="seven", parameters={"priority": 1},
                            outputs=[RequestOutput(name="OUTPUT0")])  # fmt: skip
            response = await answer(client.model_infer(model, request=asked))
            output = response.outputs[0]
            assert (response.model_version, response.id) == ("1", "seven"), response
            assert (output.name, output.shape, output.datatype) == ("OUTPUT0", [2, 2], kind), response
            assert all(abs(got - number) < 1e-6 for got, number in zip(output.data.__root__, flat)), response
            assert response.outputs == (await answer(client.model_version_infer(model, "1", request=asked))).outputs
    for kind, holds, call in ((NotFoundError, "unknown model", lambda: client.check_model_readiness("other")),
                              (ApiError, "unknown model", lambda: client.read_model_metadata("other")),
                              (ApiError, "version '2'", lambda: client.model_version_infer(
                                  "echo", "2", request=request("UINT8", [1], [1, 1]))),
                              (BadRequestError, "takes 'UINT8'", lambda: client.model_infer(
                                  "echo", request=request("FP32", [0.5], [1, 1]))),
                              (BadRequestError, "'1.5'", lambda: client.model_infer(
                                  "echo", request=request("UINT8", [1.5], [1, 1]))),
                              (BadRequestError, "values", lambda: client.model_infer(
                                  "echo", request=request("UINT8", [1], [1, 2])))):  # fmt: skip
        try:
            await answer(call())
            raise AssertionError("the call was answered")
        except kind as e:
            assert holds in e.body["error"], e


async def as_it_is(value):
    return value


async def when_it_comes(value):
    return await value


def body():
    server = serving.Server(serving.echo(), serving.echo("floats", input="f32"), serving.echo("truths", input="bool"),
                            serving.echo("large", input="i64"), "--workers", 1, "--cpus", 8)  # fmt: skip
    place = f"http://{server.host}:{server.port}"
    asyncio.run(asks(OpenInferenceClient(base_url=place), as_it_is))
    asyncio.run(asks(AsyncOpenInferenceClient(base_url=place), when_it_comes))
    server.end()


job.test(body)
