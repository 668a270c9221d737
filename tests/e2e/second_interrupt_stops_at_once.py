#!/usr/bin/env python3
"""A second SIGINT does not wait for what is in flight; even then nothing is half done, and --resume goes on."""
import job


def body():
    names = job.numbered(40)
    names[0] += "-HANG"  # the line that the others wait for, with --ordered
    inputs = job.listed(names)
    for ordered in ([], ["--ordered"]):
        model = job.fake(hang_on="HANG", sleep_us=2000)
        under_way = job.Run(model, inputs, "--workers", 2, *ordered, "--out", "out.jsonl", "--overwrite",
                            "--timeout", 0, "--log-level", "info", "--progress", "none")  # fmt: skip
        under_way.until_said("is ready after", 2)
        under_way.process.send_signal(job.INT)
        under_way.until_said("once more stops at once")
        assert under_way.running()
        under_way.process.send_signal(job.INT)
        under_way.end(130, seconds=3)
        some = job.read("out.jsonl")
        assert len(some) < len(names)
        job.run(job.fake("model"), inputs, *ordered, "--resume", "--out", "out.jsonl")
        lines = job.read("out.jsonl")
        job.exactly_once(lines, names)
        if ordered:
            assert [line["index"] for line in lines] == list(range(len(names))), "the lines are not in order"


job.test(body)
