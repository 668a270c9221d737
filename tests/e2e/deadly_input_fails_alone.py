#!/usr/bin/env python3
"""An input that always kills its worker is the only one that fails, and its line names the signal."""
import job

DEATHS = {"abort_on": "SIGABRT", "segv_on": "SIGSEGV", "exit_on": "code 3"}


def check(lines, names, bad, death, attempts):
    job.exactly_once(lines, names, failed=len(bad))
    for line in lines:
        if line["index"] in bad:
            assert line["status"] == "failed" and line["error"]["code"] == "worker_crashed", line
            assert death in line["error"]["message"] and line["attempts"] == attempts, line
        else:
            assert line["attempts"] == 1, f"an innocent was charged: {line}"


def body():
    names = job.numbered(600)
    bad = {0, 299, 300, 301, 599}
    for index in bad:
        names[index] += "-KILLME"
    for key, death in DEATHS.items():
        model = job.fake(key, **{key: "KILLME"}, sleep_us=50)
        for together in (("--batch", 1), ("--batch", 8), ("--streams", 3), ("--streams", 2, "--batch", 4)):
            for attempts in (1, 3):
                done = job.run(model, job.listed(names), *together, "--attempts", attempts)
                check(done.lines, names, bad, death, attempts)


job.test(body)
