#!/usr/bin/env python3
"""When the queue is full the next call is refused at once, and so is what is larger than a request may be; the others
are answered."""
import calling
import job
import serving
from calling import grpc


def body():
    server = calling.Server(serving.echo(sleep_us=500_000), "--workers", 1, "--queue", 4, "--max-body", "1MiB",
                            "--queue-bytes", "2MiB")  # fmt: skip
    stub = server.stub()
    calls = [stub.ModelInfer.future(calling.question(b"%06d" % number), timeout=60) for number in range(12)]
    codes = [call.code() for call in calls]
    assert codes.count(grpc.StatusCode.OK) >= 4, codes
    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 12 - codes.count(grpc.StatusCode.OK) > 0, codes
    refused = next(call for call in calls if call.code() != grpc.StatusCode.OK)
    assert "try again later" in refused.details(), refused.details()
    for number, call in enumerate(calls):
        assert call.code() != grpc.StatusCode.OK or call.result().raw_output_contents[0] == b"%06d" % number
    large = calling.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, stub.ModelInfer, calling.question(bytes(1 << 21)))
    assert "larger than max" in large, large
    server.end()


job.test(body)
