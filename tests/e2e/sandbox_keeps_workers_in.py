#!/usr/bin/env python3
"""What has taken over a worker reaches no network, no other process and no file, under run and serve alike; and with
--sandbox off it would have."""
import json
from pathlib import Path

import job
import serving

INSIDE = "Operation not permitted"


def outcomes(message):
    """What came of each try, by what was tried."""
    found = dict(part.rsplit(": ", 1) for part in message[message.index("socket: "):].split(", "))
    assert list(found) == ["socket", "process", "supervisor", "file", "written"], message
    return found


def tried(*arguments):
    names = [*job.numbered(20), "item-ESCAPE", *job.numbered(20)]
    done = job.run(job.fake(escape_on="ESCAPE"), job.listed(names), "--workers", 1, *arguments)
    job.exactly_once(done.lines, names, failed=1)
    (line,) = (line for line in done.lines if line["status"] == "failed")
    return outcomes(line["error"]["message"])


def body():
    usual = ((), ("--streams", 2, "--threads", 2)) if not job.sanitized() else ()
    for arguments in (*usual, ("--sandbox", "on")):
        found = tried(*arguments)
        assert set(found.values()) == {INSIDE}, (arguments, found)
    assert not Path("escaped").exists(), "a worker wrote a file"
    found = tried("--sandbox", "off")
    assert found["socket"] == found["file"] == found["written"] == "worked", found

    server = serving.Server(serving.echo(escape_on="ESCAPE"), "--sandbox", "on")
    for _ in range(2):
        assert serving.ask_echo(server, b"calm") == b"calm"
        reply = serving.ask_echo(server, b"ESCAPE")
        assert reply.status == 500, reply
        assert set(outcomes(json.loads(reply.body)["error"]).values()) == {INSIDE}, reply
    server.end()


job.test(body)
