#!/usr/bin/env python3
"""When opening the results or the summary hangs, the run ends after --patience (3 s at least) or at a signal, and a
summary that an earlier run left does not say that this one was complete. Signals do not put off the end."""
import time

import job
from unreliable import OUT, share


def body():
    model, inputs = job.fake(), job.listed(job.numbered(5))
    summary = ["--summary", "share/summary.json"]
    job.run(model, inputs, *summary, environment=share())
    done = job.run(model, inputs, "--out", OUT, "--patience", "10ms", *summary, code=3, seconds=10,
                   environment=share("open@out.jsonl:1-:hang"))  # fmt: skip
    assert f"cannot open {OUT}: it has not answered for 3 s" in done.said, done.said
    assert not job.json.loads(job.Path("share/summary.json").read_text())["complete"]

    log = job.Path("share.log")
    for rule, code in (("open@summary.json:1-:hang", 130), ("write@out.jsonl:1-:hang", 3)):
        under_way = job.Run(model, inputs, "--out", OUT, *summary, environment=share(rule))
        job.until(lambda: log.exists() and "hang" in log.read_text(), 20, f"{rule} hangs")
        deadline = time.monotonic() + 8
        while under_way.running() and time.monotonic() < deadline:
            under_way.process.send_signal(job.signal.SIGINT)
            time.sleep(0.2)
        done = under_way.end(None, seconds=1)
        # The last of them may meet a process that has done with signals, and is ending.
        assert done.code in (code, -job.signal.SIGINT), (rule, done)


job.test(body)
