#!/usr/bin/env python3
"""What else another maker's gRPC client offers: answers as JSON, futures, headers of a plugin, versions, parameters,
several inputs, and its asynchronous form with its stream; compression is refused with a sentence."""
import asyncio
import queue

import calling
import job
import numpy
import serving
import tritonclient.grpc.aio as asynchronous
from calling import code_of, tensor, triton
from tritonclient.grpc.auth import BasicAuth

VALUES = numpy.array([[1, 2, 250]], numpy.uint8)


def asks(client):
    for call in (client.get_server_metadata, client.get_model_repository_index, client.get_inference_statistics):
        assert "echo" in str(call(as_json=True)) or call(as_json=True)["name"] == "headrace"
    for call in (client.get_model_metadata, client.get_model_config):
        assert call("echo", "1", headers={"x-mine": "1"}, client_timeout=30, as_json=True)
        assert code_of(call, "echo", "7") == "NOT_FOUND"
    assert client.is_model_ready("echo", "1")
    client.register_plugin(BasicAuth("user", "word"))
    assert client.is_server_live()
    client.unregister_plugin()

    given = [tensor("INPUT0", VALUES)]
    answers = queue.SimpleQueue()
    for number in range(32):
        client.async_infer("echo", given, lambda result, error: answers.put((result, error)), request_id=str(number))
    results = [answers.get(timeout=60) for _ in range(32)]
    assert all(error is None and (result.as_numpy("OUTPUT0") == VALUES).all() for result, error in results), results
    assert {result.get_response().id for result, _ in results} == {str(number) for number in range(32)}
    answer = client.infer("echo", given, model_version="1", priority=2,
                          parameters={"mine": "x", "n": 3, "b": True, "f": 0.5})  # fmt: skip
    assert answer.get_response(as_json=True)["model_version"] == "1" and answer.get_output("x") is None
    halves = numpy.array([[0.5, 65504]], numpy.float16)
    asked = [triton.InferRequestedOutput("OUTPUT1")]
    answer = client.infer("halves", [tensor("INPUT1", -halves), tensor("INPUT0", halves)], outputs=asked)
    assert answer.as_numpy("OUTPUT0") is None and (answer.as_numpy("OUTPUT1") == -halves).all()
    for algorithm in ("gzip", "deflate"):
        assert code_of(client.infer, "echo", given, compression_algorithm=algorithm) == "UNIMPLEMENTED"
    assert code_of(client.infer, "echo", given, sequence_id=5) == "UNIMPLEMENTED"


async def asks_at_once(place):
    async with asynchronous.InferenceServerClient(place) as client:
        assert await client.is_server_live() and await client.is_server_ready() and await client.is_model_ready("echo")
        assert (await client.get_server_metadata()).name == "headrace"
        assert (await client.get_model_metadata("echo", as_json=True))["versions"] == ["1"]
        assert (await client.get_model_config("echo")).config.backend == "fake"
        assert len((await client.get_model_repository_index()).models) == 2
        answers = await asyncio.gather(*(client.infer("echo", [tensor("INPUT0", VALUES)]) for _ in range(32)))
        assert all((answer.as_numpy("OUTPUT0") == VALUES).all() for answer in answers)
        assert (await client.get_inference_statistics("echo")).model_stats[0].inference_count == 32 + 33

        async def questions():
            for number in range(8):
                yield {"model_name": "echo" if number != 4 else "other", "inputs": [tensor("INPUT0", VALUES)],
                       "request_id": str(number)}  # fmt: skip

        seen = [answer async for answer in client.stream_infer(questions())]
        names = [result and result.get_response().id for result, _ in seen]
        assert names == ["0", "1", "2", "3", None, "5", "6", "7"] and "unknown model" in str(seen[4][1]), seen


def body():
    server = calling.Server(serving.echo(), serving.echo("halves", input="f16", inputs=2), "--workers", 1)
    keep_alive = triton.KeepAliveOptions(keepalive_time_ms=300_000, keepalive_timeout_ms=20_000)
    with server.client(keepalive_options=keep_alive) as client:
        asks(client)
    asyncio.run(asks_at_once(server.place))
    server.end()


job.test(body)
