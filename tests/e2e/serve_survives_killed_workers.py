#!/usr/bin/env python3
"""Workers are killed all the time under load: every request is answered, and with its own answer."""
import os
import random
import time

import job
import serving


def body():
    server = serving.Server(serving.echo(sleep_us=500), "--workers", 2, "--spare", 1, "--attempts", 50,
                            "--log-level", "error")  # fmt: skip
    clients = serving.Clients(server, 6)
    rng, kills = random.Random(1), 0
    clients.until_answered(50)
    deadline = time.monotonic() + 60
    while kills < 40 and time.monotonic() < deadline:
        before = clients.answered
        workers = [pid for pid in server.run.workers() if job.state(pid) in ("R", "S", "D")]
        if workers:
            try:
                os.kill(rng.choice(workers), job.KILL)
                kills += 1
            except ProcessLookupError:
                pass
        # The pace of the storm: twenty times a second, slower where nothing gets done meanwhile.
        time.sleep(0.05)
        job.until(lambda: clients.answered > before, 60, "an answer after a kill")
    clients.stop()
    assert not clients.wrong and not clients.broken, (clients.wrong[:3], clients.broken[:3])
    assert server.metric("headrace_worker_restarts_total") >= 20
    print(f"{kills} kills, {clients.answered} answers")
    server.end()


job.test(body)
