#!/usr/bin/env python3
"""A share without locks is good enough; on one that refuses what is locked to every other descriptor, as SMB does,
--resume reads its own results; and a lock that is refused as SMB refuses it is another run, which is waited for."""
import job
from unreliable import OUT, begin_with, done_to_them, share


def body():
    model, names = job.fake(), job.numbered(60)
    inputs = job.listed(names)
    for refused in ("ENOLCK", "EOPNOTSUPP"):
        begin_with(model, names, 20, "--overwrite")
        rules = share(f"lock@out.jsonl:1-:{refused}", "open@out.jsonl:2-:EACCES")
        done = job.run(model, inputs, "--out", OUT, "--resume", environment=rules)
        job.exactly_once(job.read(OUT), names)
        assert done_to_them() == {f"lock {refused}": 1}, "it was opened more than once"
        assert "has no locks" in done.said, done.said
    held = share("lock@out.jsonl:1-:EACCES")
    done = job.run(model, inputs, "--out", OUT, "--resume", "--patience", "100ms", code=3, environment=held)
    assert "another run" in done.said, done.said
    for rule, said in (("1-2:EACCES", "waiting for the lock"), ("1-2:EIO", "60 items")):
        done = job.run(model, inputs, "--out", OUT, "--overwrite", environment=share("lock@out.jsonl:" + rule))
        job.exactly_once(job.read(OUT), names)
        assert said in done.said and "has no locks" not in done.said, done.said


job.test(body)
