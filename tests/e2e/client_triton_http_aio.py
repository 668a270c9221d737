#!/usr/bin/env python3
"""The asynchronous form of another maker's HTTP client: the same calls, many at once on few connections."""
import asyncio

import job
import other_makers
import serving

other_makers.needs("tritonclient", "aiohttp")

import numpy  # noqa: E402
import tritonclient.http.aio as triton  # noqa: E402


def tensor(values):
    return triton.InferInput("INPUT0", list(values.shape), "UINT8").set_data_from_numpy(values)


async def asks(place):
    async with triton.InferenceServerClient(place, conn_limit=4) as client:
        assert await client.is_server_live() and await client.is_server_ready()
        assert await client.is_model_ready("echo") and not await client.is_model_ready("other")
        assert (await client.get_server_metadata())["name"] == "headrace"
        assert (await client.get_model_metadata("echo"))["inputs"][0]["datatype"] == "UINT8"
        assert (await client.get_model_config("echo"))["backend"] == "fake"
        given = [numpy.full((1, 100), i, numpy.uint8) for i in range(32)]
        ways = (None, "gzip", "deflate")

        def ask(i, values):
            asked = triton.InferRequestedOutput("OUTPUT0", binary_data=i % 2 == 0)
            return client.infer("echo", [tensor(values)], request_id=str(i), outputs=[asked],
                                request_compression_algorithm=ways[i % 3],
                                response_compression_algorithm=ways[(i + 1) % 3])  # fmt: skip

        answers = await asyncio.gather(*(ask(i, values) for i, values in enumerate(given)))
        assert all((answer.as_numpy("OUTPUT0") == each).all() for answer, each in zip(answers, given))
        assert [answer.get_response()["id"] for answer in answers] == [str(i) for i in range(32)]
        statistics = await client.get_inference_statistics("echo")
        assert statistics["model_stats"][0]["inference_stats"]["success"]["count"] == 32, statistics
        for model, inputs, status in (("other", given[0], "404"), ("echo", given[0][0], "400")):
            try:
                await client.infer(model, [tensor(inputs)])
                raise AssertionError("the call was answered")
            except triton.InferenceServerException as e:
                assert e.status() == status and e.message(), e


def body():
    server = serving.Server(serving.echo(), "--workers", 1)
    asyncio.run(asks(f"{server.host}:{server.port}"))
    server.end()


job.test(body)
