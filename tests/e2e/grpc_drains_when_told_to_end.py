#!/usr/bin/env python3
"""SIGTERM under load: what was admitted is answered, streams end, and clients that stay connected hold nobody up."""
import threading

import calling
import job
import serving
from calling import grpc


def ask(stub, number, answers):
    while True:
        try:
            answers.append(stub.ModelInfer(calling.question(b"%06d" % number), timeout=60).raw_output_contents[0])
            assert answers[-1] == b"%06d" % number, answers[-1]
        except grpc.RpcError as e:
            return answers.append((e.code(), e.details()))


def body():
    server = calling.Server(serving.echo(sleep_us=20_000), "--workers", 2)
    idle = server.stub()
    assert idle.ServerLive(calling.service_pb2.ServerLiveRequest()).live
    questions, first = threading.Event(), calling.question(b"stream")

    def asked():
        yield first
        questions.wait(60)

    stream = server.stub().ModelStreamInfer(asked())
    assert next(stream).infer_response.raw_output_contents[0] == b"stream"
    answers = [[] for _ in range(6)]
    threads = [threading.Thread(target=ask, args=(server.stub(), i, answers[i])) for i in range(6)]
    for thread in threads:
        thread.start()
    job.until(lambda: sum(map(len, answers)) >= 30, 60, "answers")
    done = server.end(code=0, seconds=20)
    for thread in threads:
        thread.join()
    for said in answers:
        assert said[-1][0] == grpc.StatusCode.UNAVAILABLE, said[-1]
    assert calling.refused(grpc.StatusCode.UNAVAILABLE, next, stream)
    questions.set()
    assert "answering what is in flight" in done.said, done.said
    print(f"{sum(map(len, answers))} answers; the last: {sorted({said[-1] for said in answers})}")


job.test(body)
