#!/usr/bin/env python3
"""Each load, unload and SIGHUP has its line in the log, however often it is done: the last one says how things are."""
import signal

import job
import serving

TIMES = 6


def body():
    serving.tagged("one", 1, "models")
    server = serving.Server("--repository", "models", "--admin", "127.0.0.1:0", "--workers", 1, ready=False)
    for time in range(1, TIMES + 1):
        for act, done in (("load", "one is loaded"), ("unload", "one is unloaded")):
            assert server.repository(f"models/one/{act}").status == 200
            server.run.until_said(f"headrace: warning: {done}\n", time)
        server.run.process.send_signal(signal.SIGHUP)
        server.run.until_said("but there are none", time)
    assert server.repository("models/one/load").status == 200
    lines = server.end().said.splitlines()
    (last,) = [line for line in lines if "loaded" in line][-1:]
    assert last.endswith("one is loaded") and "more in the last minute" not in "".join(lines), lines


job.test(body)
