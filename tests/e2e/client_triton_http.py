#!/usr/bin/env python3
"""Every call of another maker's HTTP client that the server supports is answered as the client expects; the others fail
with a sentence."""
import job
import other_makers
import serving

other_makers.needs("tritonclient", "geventhttpclient")

import numpy  # noqa: E402
import tritonclient.http as triton  # noqa: E402


def tensor(values, kind="UINT8", name="INPUT0", binary=True):
    given = triton.InferInput(name, list(values.shape), kind)
    return given.set_data_from_numpy(values, binary_data=binary)


def refused(status, holds, call, *arguments, **more):
    try:
        call(*arguments, **more)
    except triton.InferenceServerException as e:
        assert e.status() == str(status) and holds in e.message(), e
    else:
        raise AssertionError("the call was answered")


def asks_about(client):
    assert client.is_server_live() and client.is_server_ready(query_params={"test_1": 1, "test_2": "two words"})
    assert client.is_model_ready("echo") and client.is_model_ready("echo", "1") and not client.is_model_ready("other")
    about = client.get_server_metadata(headers={"X-Request-Id": "mine"})
    assert about["name"] == "headrace" and "binary_tensor_data" in about["extensions"], about
    about = client.get_model_metadata("two")
    assert [each["name"] for each in about["inputs"]] == ["INPUT0", "INPUT1"] and about["versions"] == ["1"], about
    assert client.get_model_config("two")["input"][1]["data_type"] == "TYPE_FP32"
    for call in (client.get_model_metadata, client.get_model_config, client.get_inference_statistics):
        refused(404, "unknown model: 'other' is", call, "other")
        refused(404, "'echo' version '7'", call, "echo", "7")
    for call in (client.get_model_repository_index, client.get_trace_settings, client.get_log_settings,
                 client.get_system_shared_memory_status, client.unregister_cuda_shared_memory):  # fmt: skip
        refused(404, "Not Found", call)


def infers(client):
    values = numpy.array([[1, 2, 250]], numpy.uint8)
    asked = triton.InferRequestedOutput
    for binary in (True, False):
        for outputs in (None, [asked("OUTPUT0", binary_data=True)], [asked("OUTPUT0", binary_data=False)]):
            answer = client.infer("echo", [tensor(values, binary=binary)], outputs=outputs, request_id="seven",
                                  priority=1, timeout=60_000_000, parameters={"mine": "x", "other": 3, "more": True},
                                  model_version="1", query_params={"a": 1})  # fmt: skip
            assert (answer.as_numpy("OUTPUT0") == values).all() and answer.get_response()["id"] == "seven"
            in_json = "data" in answer.get_output("OUTPUT0")
            assert in_json == (outputs is not None and not outputs[0]._binary), answer.get_response()
    for outputs in ([asked("OUTPUT0", class_count=2)], [asked("OUTPUT0", binary_data=False, class_count=2)]):
        best = client.infer("echo", [tensor(values)], outputs=outputs).as_numpy("OUTPUT0")
        assert [str(each) for each in best[0]] in (["b'250:2'", "b'2:1'"], ["250:2", "2:1"]), best
    large = numpy.arange(20_000, dtype=numpy.float32).reshape(1, -1)
    inputs = [tensor(-large, "FP32", "INPUT1"), tensor(large, "FP32", binary=False)]
    for there in (None, "gzip", "deflate"):
        for back in (None, "gzip", "deflate"):
            answer = client.infer("two", inputs, request_compression_algorithm=there,
                                  response_compression_algorithm=back)  # fmt: skip
            assert (answer.as_numpy("OUTPUT0") == large).all() and (answer.as_numpy("OUTPUT1") == -large).all()
    only = client.infer("two", inputs, outputs=[asked("OUTPUT1")])
    assert only.as_numpy("OUTPUT0") is None and (only.as_numpy("OUTPUT1") == -large).all()

    under_way = [client.async_infer("echo", [tensor(numpy.full((1, 4), i, numpy.uint8))]) for i in range(32)]
    assert [answer.get_result().as_numpy("OUTPUT0")[0][0] for answer in under_way] == list(range(32))

    floats = tensor(numpy.zeros((1, 2), numpy.float32), "FP32")
    refused(404, "unknown model", client.infer, "other", [tensor(values)])
    refused(400, "has shape [3]", client.infer, "echo", [tensor(values[0])])
    refused(400, "takes 'UINT8'", client.infer, "echo", [floats])
    refused(400, "'INPUT1' is missing", client.infer, "two", [floats])
    refused(400, "no output 'x'", client.infer, "echo", [tensor(values)], outputs=[asked("x")])
    refused(501, "sequence", client.infer, "echo", [tensor(values)], sequence_id=5)
    refused(504, "deadline", client.infer, "echo", [tensor(values)], timeout=1)


def makes_bodies(server):
    values = numpy.array([[1, 2, 250]], numpy.uint8)
    whole = triton.InferenceServerClient
    for binary in (True, False):
        body, length = whole.generate_request_body([tensor(values, binary=binary)], request_id="9")
        more = {"Inference_Header_Content_Length": str(length)} if length else {}
        reply = server.infer("echo", body, **more)
        length = reply.headers["Inference-Header-Content-Length"]
        answer = whole.parse_response_body(reply.body, header_length=length and int(length))
        assert (answer.as_numpy("OUTPUT0") == values).all() and answer.get_response()["id"] == "9"


def body():
    server = serving.Server(serving.echo(), serving.echo("two", input="f32", inputs=2), "--workers", 1)
    with triton.InferenceServerClient(f"{server.host}:{server.port}", concurrency=4) as client:
        asks_about(client)
        infers(client)
        statistics = {each["name"]: each for each in client.get_inference_statistics()["model_stats"]}
        assert statistics["echo"]["inference_count"] == 40 and statistics["two"]["inference_count"] == 10, statistics
        assert client.get_inference_statistics("echo", "1")["model_stats"] == [statistics["echo"]]
        # A load generator by the same maker ends itself when versions are no numbers, or these counts not alike.
        spent = statistics["echo"]["inference_stats"]
        assert {spent[part]["count"] for part in ("compute_input", "compute_infer", "compute_output")} == {40}, spent
        assert int(statistics["echo"]["version"]) == 1, statistics
    makes_bodies(server)
    server.end()


job.test(body)
