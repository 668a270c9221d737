#!/usr/bin/env python3
"""A model is being read from a folder that hangs, as on a network share that has gone, when the server is told to end:
it ends in time, and the client gets its answer."""
import fcntl
import os
import signal
import threading
from pathlib import Path

import job
import serving


def body():
    serving.tagged("one", 1, "models")
    hung = Path(serving.tagged("two", 2, "models"), "model.toml")
    server = serving.Server("one", "--repository", "models", "--admin", "127.0.0.1:0", "--workers", 1)
    reached, statuses = threading.Event(), []
    signal.signal(signal.SIGIO, lambda *_: reached.set())
    # Whoever opens it now waits until we let go, and we are told.
    file = os.open(hung, os.O_RDWR)
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as e:
        job.skip(f"files cannot be leased here: {e}")
    client = threading.Thread(target=lambda: statuses.append(server.repository("models/two/load").status))
    client.start()
    job.until(reached.is_set, 30, "its file is being opened")
    server.end(seconds=15)
    client.join()
    assert statuses == [503], statuses
    os.close(file)


job.test(body)
