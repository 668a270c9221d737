#!/usr/bin/env python3
"""A model is changed ten times under load, once for one that cannot be loaded, and with workers killed meanwhile: every
request is answered, and the last ones by the last model."""
import os
import threading

import job
import serving

ASK = serving.json_request(input=("UINT8", [1, 1, 1, 2], [1, 2]))


def hammer(server, stopping, seen):
    connection = server.connect()
    while not stopping.is_set():
        seen.append(serving.tag_of(server.infer("it", ASK, connection=connection)))


def body():
    server = serving.Server(serving.tagged("it", 1, sleep_us=500), "--workers", 2, "--admin", "127.0.0.1:0",
                            "--attempts", 20)  # fmt: skip
    assert serving.tag_of(server.infer("it", ASK)) == 1
    stopping, seen = threading.Event(), []
    threads = [threading.Thread(target=hammer, args=(server, stopping, seen)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for tag in range(2, 12):
        broken = tag == 6
        serving.tagged("it", tag, sleep_us=500, **({"load_fail": "out of luck"} if broken else {}))
        if tag % 3 == 0:
            os.kill(server.run.workers()[0], job.KILL)
        reply = server.repository("models/it/load")
        assert reply.status == (400 if broken else 200), reply
        assert not broken or b"out of luck" in reply.body and b"/" not in reply.body, reply.body
        assert serving.tag_of(server.infer("it", ASK)) == (5 if broken else tag)
    before = len(seen)
    job.until(lambda: len(seen) >= before + 50, 60, "requests go on")
    stopping.set()
    for thread in threads:
        thread.join()
    wrong = [tag for tag in seen if not isinstance(tag, int) or tag == 6]
    assert not wrong, (len(wrong), wrong[:3])
    assert seen[-1] == 11 and set(seen) > {1, 11}, set(seen)
    assert server.metric("nv_inference_request_success") >= len(seen), "the counters go on"
    # The workers of those that went are gone as well.
    job.until(lambda: len(server.run.workers()) == 2, 60, "only the last one's workers are left")
    server.end()


job.test(body)
