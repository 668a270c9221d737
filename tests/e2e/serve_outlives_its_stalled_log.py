#!/usr/bin/env python3
"""Nobody reads its standard error any more: it serves, replaces workers and ends all the same, and says how many lines
were lost as soon as somebody reads again."""
import os
import re

import job
import serving


def fill(pipe):
    # Opened anew: the server's own end stays as it is, and waits.
    end = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    for size in (4096, 1):
        try:
            while True:
                os.write(end, b"x" * size)
        except BlockingIOError:
            pass
    os.close(end)


def body():
    read, write = os.pipe()
    run = job.Run(serving.echo(), "--workers", 1, "--http", "127.0.0.1:0", command="serve", stderr=write)
    place = job.until(lambda: re.search(rb"serving .* on http://([0-9.]+):(\d+)", os.read(read, 65536)), 60, "it serves")
    server = serving.Listener(place[1].decode(), int(place[2]))
    ready = lambda: server.get("/readyz").status == 200  # noqa: E731
    job.until(ready, 60, "it is ready")

    def lose_a_worker():
        worker = run.workers()[0]
        os.kill(worker, job.KILL)
        job.until(lambda: worker not in run.workers() and run.workers() and ready(), 60, "the next worker")

    fill(write)
    lose_a_worker()
    assert server.get("/livez").status == 200
    while len(os.read(read, 1 << 20)) == 1 << 20:
        pass
    lose_a_worker()
    said = os.read(read, 65536)
    assert re.search(rb"warning: \d+ lines? w\w+ lost", said) and b"SIGKILL" in said, said
    fill(write)
    run.process.send_signal(job.TERM)
    assert run.process.wait(60) == 0
    os.close(read)
    os.close(write)


job.test(body)
