#!/usr/bin/env python3
"""A stream's requests are worked on at once and answered in their order; one that fails does not end the stream."""
import queue

import calling
import job
import numpy
import serving

COUNT = 200


def body():
    server = calling.Server(serving.echo(sleep_us=2000), "--workers", 2)
    client, answers = server.client(), queue.SimpleQueue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    for number in range(COUNT):
        name = "INPUT0" if number != 100 else "nothing"
        values = numpy.frombuffer(number.to_bytes(4, "little"), numpy.uint8).reshape(1, 4)
        client.async_stream_infer("echo", [calling.tensor(name, values)], request_id=str(number))
    for number in range(COUNT):
        result, error = answers.get(timeout=60)
        if number == 100:
            assert "no input 'nothing'" in str(error), error
            continue
        assert error is None and result.get_response().id == str(number), (number, error)
        assert int.from_bytes(result.as_numpy("OUTPUT0").tobytes(), "little") == number
    client.stop_stream()
    client.close()
    server.end()


job.test(body)
