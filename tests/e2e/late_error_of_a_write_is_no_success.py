#!/usr/bin/env python3
"""What the share took at first and lost later, at a sync or at the close, is never a success: exit code 3 and the
reason; and --resume does again what is not there, even where the share left zeros in its place."""
import job
from unreliable import OUT, begin_with, resumed, share

LOST = "sync@out.jsonl:1-:lost"


def body():
    model, names = job.fake(), job.numbered(200)
    inputs = job.listed(names)
    stories = (([LOST], "Input/output error, for 0.1 s; the lines of 150 items are not kept", False),
               ([LOST, "write@out.jsonl:2-:lost", "cut@out.jsonl:1-:EIO"], "the lines of 150 items are not kept", True),
               (["close@out.jsonl:1-:EIO"], "closing it failed: Input/output error", False))  # fmt: skip
    for rules, said, mended in stories:
        begin_with(model, names, 50, "--overwrite")
        done = job.run(model, inputs, "--out", OUT, "--resume", "--patience", "100ms", code=3,
                       environment=share(*rules))  # fmt: skip
        assert f"headrace: error: cannot write {OUT}: " in done.said and said in done.said, done.said
        assert (b"\0" in job.Path(OUT).read_bytes()) == mended, "this share left no zeros"
        assert ("a write to it was lost; cutting off" in resumed(model, inputs, names)) == mended


job.test(body)
