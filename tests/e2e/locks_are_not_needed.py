#!/usr/bin/env python3
"""A share without locks is good enough; on one that refuses what is locked to every other descriptor, as SMB does,
--resume reads its own results; and a lock that is refused as SMB refuses it is another run."""
import job
from unreliable import OUT, begin_with, done_to_them, share


def body():
    model, names = job.fake(), job.numbered(60)
    inputs = job.listed(names)
    for refused in ("ENOLCK", "EOPNOTSUPP"):
        begin_with(model, names, 20, "--overwrite")
        rules = share(f"lock@out.jsonl:1-:{refused}", "open@out.jsonl:2-:EACCES")
        done = job.run(model, inputs, "--out", OUT, "--resume", "--log-level", "info", environment=rules)
        job.exactly_once(job.read(OUT), names)
        assert done_to_them() == {f"lock {refused}": 1}, "it was opened more than once"
        assert "has no locks" in done.said, done.said
    held = share("lock@out.jsonl:1-:EACCES")
    assert "another run" in job.run(model, inputs, "--out", OUT, "--resume", code=3, environment=held).said


job.test(body)
