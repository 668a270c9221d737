#!/usr/bin/env python3
"""The supervisor is killed at random moments, several times in a row, and --resume ends the job: the results are
those of an undisturbed run, and after each kill no process and no shared memory of the run is left.

    resumes_after_killed_supervisor.py [--ordered] [--kills N]
"""
import argparse
import os
import random

import job

parser = argparse.ArgumentParser()
parser.add_argument("--ordered", action="store_true")
parser.add_argument("--kills", type=int, default=6)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()


def body():
    chance = random.Random(options.seed)
    model, names = job.fake(sleep_us=200), job.numbered(1200 * options.kills)
    inputs = job.listed(names)
    how = ["--workers", 3, "--ordered"] if options.ordered else ["--workers", 3]
    undisturbed = job.run(model, inputs).lines
    named = set(os.listdir("/dev/shm"))
    done, partial, kills, longest = 0, 0, 0, 0.25
    # On a slow machine no line may come in a quarter of a second; then the moments are drawn from a longer while.
    while kills < options.kills or (partial < 2 and done < len(names)):
        kills += 1
        under_way = job.Run(model, inputs, *how, "--out", "out.jsonl", "--resume")
        under_way.until_said("", 0)
        job.time.sleep(chance.uniform(0.01, longest))
        under_way.process.kill()
        under_way.process.wait()
        job.until(lambda: not under_way.everyone(), 10, "no process of the run is left")
        content = job.Path("out.jsonl").read_bytes() if job.Path("out.jsonl").exists() else b""
        before, done = done, content.count(b"\n")
        partial += before < done < len(names)
        if before == done:
            longest = min(2 * longest, 4)
        # Nor may the last line come before the first kill, when the test is kept waiting.
        if partial == 0 and done == len(names) and kills < 20:
            os.remove("out.jsonl")
            done = 0
    assert partial >= 1, "no kill came while lines were being written"
    left = [name for name in set(os.listdir("/dev/shm")) - named if "headrace" in name]
    assert not left, f"left in /dev/shm: {left}"
    job.run(model, inputs, *how, "--out", "out.jsonl", "--resume")
    lines = job.read("out.jsonl")
    job.exactly_once(lines, names)
    assert job.essence(lines) == job.essence(undisturbed), "the results differ from those of an undisturbed run"
    if options.ordered:
        assert [line["index"] for line in lines] == list(range(len(names))), "the lines are not in order"
    print(f"{len(names)} items, {kills} kills, {partial} of them with the work half done")


job.test(body)
