#!/usr/bin/env python3
"""A share without locks holds up one run for so long that another takes over its file: the first ends with exit code 3,
whether its write went on over the other's lines or failed; and it cuts nothing off."""
import job
from unreliable import OUT, share

NO_LOCKS = "lock@out.jsonl:1-:ENOLCK"
STORIES = [
    (["write@out.jsonl:1:1500ms"], "write 1500ms"),
    (["sync@out.jsonl:1:1500ms", "sync@out.jsonl:1:ENOSPC"], "sync 1500ms"),
]


def body():
    names = job.numbered(400)
    few, rest = job.listed(names[:20], "few.txt"), job.listed(names[20:], "rest.txt")
    for rules, held_up in STORIES:
        first = job.Run(job.fake(), few, "--out", OUT, environment=share(NO_LOCKS, *rules))
        log = job.Path("share.log")
        job.until(lambda: log.exists() and " ".join(held_up.split()[1:]) in log.read_text(), 20, "it is held up")
        took_over = share(NO_LOCKS)
        job.run(job.fake(), rest, "--out", OUT, "--resume", environment=took_over)
        size = job.os.path.getsize(OUT)
        done = first.end(3, seconds=10)
        assert f"somebody else writes to {OUT}" in done.said or "No space left" in done.said, done.said
        assert job.os.path.getsize(OUT) >= size
        job.Path(OUT).unlink()


job.test(body)
