#!/usr/bin/env python3
"""`probe --signals` outlives what a platform sends before SIGKILL, and prints each signal and how long it is ago."""
import signal
import subprocess

import job


def body():
    command = [job.BINARY, "probe", "--signals"]
    traced = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    line = traced.stdout.readline()
    assert f"process {traced.pid} waits for signals" in line, line
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        traced.send_signal(number)
        line = traced.stdout.readline()
        assert f": {number.name} from process " in line, line
    line = traced.stdout.readline()
    assert "still here, " in line and " s after the first signal" in line, line
    traced.kill()
    assert traced.wait(10) == -signal.SIGKILL
    traced = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    traced.stdout.readline()
    for _ in range(3):
        traced.send_signal(signal.SIGINT)
        traced.stdout.readline()
    assert traced.wait(10) == 0, "three interrupts did not end it"


job.test(body)
