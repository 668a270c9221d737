#!/usr/bin/env python3
"""Errors of a share that pass cost nothing: each line is in the results once, whether a write failed, was cut short or
was lost at a sync that failed; and the run says what happened."""
import job
from unreliable import OUT, done_to_them, share

STORIES = [
    (["open@out.jsonl:1-2:EIO", "write@out.jsonl:2-5:EHOSTDOWN"], {"write EHOSTDOWN": 4}, "Host is down"),
    (["write@out.jsonl:2-9:half", "write@out.jsonl:4-6:EIO", "open@out.jsonl:2-3:EACCES"], {"write EIO": 3},
     "Input/output error"),
    (["write@out.jsonl:3-5:ESTALE", "cut@out.jsonl:1-3:EIO"], {"write ESTALE": 3, "cut EIO": 3}, "Stale file handle"),
    (["sync@out.jsonl:1-3:lost"], {"sync lost": 3}, "Input/output error"),
    (["write@out.jsonl:3:lost"], {"write lost": 1}, "Input/output error"),
    (["write@out.jsonl:2-4:EHOSTDOWN", "lock@out.jsonl:2:EACCES"], {"lock EACCES": 1}, "Host is down"),
]


def body():
    model, names = job.fake(sleep_us=500), job.numbered(400)
    inputs = job.listed(names)
    for order in ([], ["--ordered"]):
        for rules, expected, said in STORIES:
            job.Path(OUT).unlink(missing_ok=True)
            done = job.run(model, inputs, *order, "--workers", 2, "--out", OUT, "--overwrite",
                           environment=share(*rules))  # fmt: skip
            happened = done_to_them()
            assert all(happened[what] == times for what, times in expected.items()), (rules, happened)
            assert f"cannot write {OUT}: {said}; trying again for 300 s" in done.said, done.said
            lines = job.read(OUT)
            job.exactly_once(lines, names)
            assert not order or [line["index"] for line in lines] == list(range(len(names)))
    summary = ["rename@summary.json:1-2:EBUSY", "sync@summary.json:2:EIO"]
    job.run(model, inputs, "--summary", "share/summary.json", environment=share(*summary))
    assert done_to_them()["rename EBUSY"] == 2 and job.os.listdir("share").count("summary.json.new") == 0
    assert job.json.loads(job.Path("share/summary.json").read_text())["complete"]


job.test(body)
