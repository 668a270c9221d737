#!/usr/bin/env python3
"""A share that is away for a moment while inputs are listed, opened or read costs no input; one whose errors stay fails
alone, and a folder that cannot be read to its end is never taken for a shorter one. A share that stays away for longer
than --patience costs no input either."""
import job
from unreliable import OUT, done_to_them, resumed, share

RULES = ["stat@share/in:1-2:EHOSTDOWN", "open@share/in:1-2:ESTALE", "list@share/in:5-7:EIO", "open@in/000:10-13:EIO",
         "read@passed:2-4:EHOSTDOWN", "read@passed:6-9:half"]  # fmt: skip


def body():
    names = job.orders(["some bytes"] * 60, "share/in")
    model = job.fake(input="bytes")
    done = job.run(model, "share/in", "--workers", 1, environment=share(*RULES))
    job.exactly_once(done.lines, names)
    happened = done_to_them()
    for what in ("stat EHOSTDOWN", "open ESTALE", "list EIO", "open EIO", "read EHOSTDOWN", "read half"):
        assert happened[what] >= 2, happened

    done = job.run(model, "share/in", "--patience", "50ms", environment=share("open@in/000007:1-:EIO"))
    job.exactly_once(done.lines, names, failed=1)
    bad = next(line for line in done.lines if line["status"] == "failed")
    assert bad["input"] == names[7] and bad["error"] == {"code": "unreadable", "message": "Input/output error"}, bad

    done = job.run(model, "share/in", "--patience", "50ms", environment=share("list@share/in:20-:EIO"), code=3)
    bad = [line for line in done.lines if line["status"] == "failed"]
    assert 0 < len(done.lines) < 60 and len(bad) == 1, done.lines
    assert "cannot read the folder to its end: Input/output error" in bad[0]["error"]["message"], bad
    assert "files in it may be missing" in done.said, done.said

    job.Path("share/list.txt").write_text("\n".join(names))
    job.run(model, "@share/list.txt", environment=share("open@share/list.txt:1-2:EHOSTDOWN"))

    names = job.orders(["some bytes"] * 150, "share/in")
    gone = share("open@share/in/:20-:EHOSTDOWN")
    job.run(model, "share/in", "--patience", "50ms", "--out", OUT, environment=gone, code=3)
    assert all(line["status"] == "ok" for line in job.read(OUT))
    resumed(model, "share/in", names)


job.test(body)
