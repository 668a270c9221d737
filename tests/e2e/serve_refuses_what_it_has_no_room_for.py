#!/usr/bin/env python3
"""More requests than the queue holds: 429 at once with a time to come back, and the others get their answers."""
import json
import threading

import job
import serving


def body():
    server = serving.Server(serving.echo(sleep_us=100000), "--workers", 1, "--queue", 4)
    replies, lock = [], threading.Lock()

    def ask():
        got = serving.ask_echo(server, b"abc")
        with lock:
            replies.append(got)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served = [reply for reply in replies if reply == b"abc"]
    refused = [reply for reply in replies if reply != b"abc"]
    assert len(served) >= 4 and len(refused) >= 1, replies
    for reply in refused:
        assert reply.status == 429 and int(reply.headers["Retry-After"]) >= 1, reply
        assert "try again" in json.loads(reply.body)["error"], reply
    assert server.metric("headrace_refused_total") == len(refused)
    assert serving.ask_echo(server, b"later") == b"later"
    server.end()
    # A body larger than all there is for bodies.
    small = serving.Server("echo", "--workers", 1, "--queue-bytes", "1MiB", "--max-body", "16MiB")
    reply = small.infer("echo", bytes(2 << 20), Content_Type="application/octet-stream")
    assert reply.status == 413, reply
    small.end()


job.test(body)
