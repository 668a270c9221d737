#!/usr/bin/env python3
"""On a share where every question takes its time, eight are under way at once: opening inputs, asking what the entries
of a folder are, asking what the arguments are."""
import job
from unreliable import done_to_them, share


def body():
    names = job.orders(["some bytes"] * 40, "share/in")
    model = job.fake(input="bytes")
    for inputs, rules, met in ((["share/in"], ["open@share/in/:1-8:meet"], "open met 8"),
                               (["share/in"], ["list@share/in:1-:unknown", "stat@share/in/:1-8:meet"], "stat met 8"),
                               (names, ["stat@share/in/:1-8:meet"], "stat met 8")):  # fmt: skip
        done = job.run(model, *inputs, "--progress", "none", environment=share(*rules))
        job.exactly_once(done.lines, names)
        assert done_to_them()[met] == 8, done_to_them()


job.test(body)
