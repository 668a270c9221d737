#!/usr/bin/env python3
"""Every call of another maker's client that the server supports is answered as the client expects; the others say what
is not supported."""
import calling
import job
import numpy
import serving
from calling import code_of, tensor, triton


def body():
    server = calling.Server(serving.echo(), serving.echo("floats", input="f32"), "--workers", 1)
    client = server.client()
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("echo") and not client.is_model_ready("other")

    assert client.get_server_metadata().name == "headrace"
    about = client.get_model_metadata("echo").inputs[0]
    assert (about.name, about.datatype, list(about.shape)) == ("INPUT0", "UINT8", [-1, -1]), about
    config = client.get_model_config("echo").config
    assert config.input[0].name == "INPUT0" and config.backend == "fake", config
    assert code_of(client.get_model_config, "other") == "NOT_FOUND"

    values = numpy.array([[1, 2, 250]], numpy.uint8)
    answer = client.infer("echo", [tensor("INPUT0", values)], request_id="seven", priority=1, timeout=60_000_000)
    assert (answer.as_numpy("OUTPUT0") == values).all() and answer.get_response().id == "seven", answer.get_response()
    asked = [triton.InferRequestedOutput("OUTPUT0", class_count=1)]
    best = client.infer("echo", [tensor("INPUT0", values)], outputs=asked).as_numpy("OUTPUT0")
    assert best.shape == (1, 1) and best[0][0].endswith(b":2"), best
    floats = numpy.array([[0.5, -1.5]], numpy.float32)
    assert (client.infer("floats", [tensor("INPUT0", floats)]).as_numpy("OUTPUT0") == floats).all()

    for inputs, code in (([tensor("INPUT0", floats)], "INVALID_ARGUMENT"), ([tensor("x", values)], "INVALID_ARGUMENT"),
                         ([], "INVALID_ARGUMENT")):  # fmt: skip
        assert code_of(client.infer, "echo", inputs) == code
    assert code_of(client.infer, "other", [tensor("INPUT0", values)]) == "NOT_FOUND"

    statistics = client.get_inference_statistics("echo").model_stats[0]
    assert statistics.inference_count == 2 and statistics.inference_stats.success.count == 2, statistics
    assert len(client.get_inference_statistics().model_stats) == 2
    index = client.get_model_repository_index().models
    assert {(model.name, model.state) for model in index} == {("echo", "READY"), ("floats", "READY")}, index
    for call in (lambda: client.load_model("echo"), lambda: client.unload_model("echo"), client.get_trace_settings,
                 client.get_log_settings, client.get_system_shared_memory_status,
                 client.get_cuda_shared_memory_status, client.unregister_system_shared_memory):  # fmt: skip
        assert code_of(call) == "UNIMPLEMENTED"
    client.close()
    server.end()


job.test(body)
