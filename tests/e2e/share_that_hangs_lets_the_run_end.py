#!/usr/bin/env python3
"""SIGTERM ends a run whose share hangs: while the results are opened or written, a folder is listed, an input is opened
or read by its worker. What is in the results stays, and --resume does the rest."""
import job
from unreliable import OUT, resumed, share


def body():
    names = job.orders(["some bytes"] * 30, "share/in")
    model = job.fake(input="bytes")
    # (what hangs, lines that are written in spite of it, signals until it ends)
    for rule, lines, signals in (("open@in/000005:1-:hang", 29, 1), ("list@share/in:10-:hang", 0, 1),
                                 ("stat@share/in:1-:hang", 0, 1), ("read@passed:20:hang", 1, 1),
                                 ("write@out.jsonl:1-:hang", 0, 2), ("open@out.jsonl:1-:hang", 0, 1)):  # fmt: skip
        environment = share(rule)
        timeout = "1s" if "read" in rule else "60s"
        under_way = job.Run(model, "share/in", "--workers", 1, "--timeout", timeout, "--out", OUT,
                            environment=environment)  # fmt: skip
        log = job.Path("share.log")
        job.until(lambda: log.exists() and "hang" in log.read_text(), 20, f"{rule} hangs")
        job.until(lambda: lines == 0 or job.Path(OUT).read_bytes().count(b"\n") >= lines, 20, "the others are done")
        under_way.process.send_signal(job.TERM)
        for _ in range(1, signals):
            under_way.until_said("asked to stop")
            under_way.process.send_signal(job.TERM)
        done = under_way.end(None, seconds=8)
        assert done.code in ((143,) if signals == 1 else (3,)), (rule, done)
        resumed(model, "share/in", names)
        job.Path(OUT).unlink()


job.test(body)
