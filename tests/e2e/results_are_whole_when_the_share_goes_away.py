#!/usr/bin/env python3
"""A share that goes away for good ends the run with exit code 3 and a count of what is not kept; the file holds whole
lines, or can be mended, and on the healed share --resume ends the job with one line for each input."""
import job
from unreliable import OUT, resumed, share

GONE = "EHOSTDOWN"
STORIES = [
    [f"write@out.jsonl:3-:{GONE}"],
    [f"write@out.jsonl:3-:{GONE}", f"sync@out.jsonl:1-:{GONE}"],
    ["write@out.jsonl:3:half", f"write@out.jsonl:4-:{GONE}", f"cut@out.jsonl:1-:{GONE}", f"open@out.jsonl:2-:{GONE}"],
    ["write@out.jsonl:3:half", "write@out.jsonl:4-:ENOSPC"],
    ["write@out.jsonl:2-:hang"],
    ["write@out.jsonl:3:lost-full"],
    ["write@out.jsonl:3-:lost-full"],
]


def body():
    names = job.numbered(300)
    inputs = job.listed(names)
    for rules in STORIES:
        done = job.run(job.fake(sleep_us=1000), inputs, "--workers", 2, "--out", OUT, "--patience", "200ms",
                       "--summary", "summary.json", environment=share(*rules), code=3)  # fmt: skip
        assert f"headrace: error: cannot write {OUT}: " in done.said, done.said
        full = "No space left on device"
        why = {"ENOSPC": full, "lost-full": full, "hang": "it has not answered for 3 s"}
        assert why.get(rules[-1].rpartition(":")[2], "Host is down, for 0.2 s") in done.said, done.said
        left = job.Path(OUT).read_bytes()
        whole = left.count(b"\n")
        assert left.endswith(b"\n") or not left or "cut@" in " ".join(rules), left[-100:]
        assert b"\0" not in left, "lines that were lost are still in their place"
        summary = done.summary
        assert not summary["complete"] and summary["not_kept"] > 0, summary
        assert summary["items"] - summary["not_kept"] <= whole < len(names), (summary, whole)
        said = resumed(job.fake(), inputs, names)
        assert ("cutting off a torn last line" in said) == (left != b"" and not left.endswith(b"\n")), said
        assert job.Path(OUT).read_bytes().startswith(left[: left.rfind(b"\n") + 1]), "whole lines were touched"
        job.Path(OUT).unlink()


job.test(body)
