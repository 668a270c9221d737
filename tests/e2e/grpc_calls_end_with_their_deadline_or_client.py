#!/usr/bin/env python3
"""Nobody works for a call whose deadline came or whose client left: its request gives its place to others."""
import calling
import job
import serving
from calling import grpc


def body():
    server = calling.Server(serving.echo(sleep_us=1_000_000), "--workers", 1, "--batch", 1)
    stub = server.stub()
    first = stub.ModelInfer.future(calling.question(b"first"), timeout=60)
    job.until(lambda: server.metric("headrace_requests_open") == 1, 30, "the first one is open")
    late = stub.ModelInfer.future(calling.question(b"late"), timeout=0.2)
    # The same by parameter, so that the server says it.
    slow = calling.question(b"slow")
    slow.parameters["timeout"].int64_param = 200_000
    said = calling.refused(grpc.StatusCode.DEADLINE_EXCEEDED, stub.ModelInfer, slow, timeout=60)
    assert "deadline" in said, said
    assert late.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    gone = stub.ModelInfer.future(calling.question(b"gone"), timeout=60)
    job.until(lambda: server.metric("headrace_requests_open") >= 2, 30, "the one that will be cancelled is open")
    gone.cancel()
    job.until(lambda: server.metric("headrace_requests_open") <= 1, 30, "the cancelled one is gone")
    assert first.result().raw_output_contents[0] == b"first"
    assert stub.ModelInfer(calling.question(b"next"), timeout=60).raw_output_contents[0] == b"next"
    statistics = server.client().get_inference_statistics("echo").model_stats[0]
    assert statistics.inference_stats.success.count == 2, statistics
    server.end()


job.test(body)
