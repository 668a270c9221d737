"""A share that fails on order: the program's calls for files in the folder `share` pass through a library that makes
them fail, hang or take their time (tests/shares/unreliable_files.cc says what can be ordered)."""

import collections
import os
from pathlib import Path

import job

LIBRARY = Path(job.BINARY).resolve().parent / "testdata/unreliable_files.so"
OUT = "share/out.jsonl"


def share(*rules):
    """What a run needs in its environment for these rules; makes the folder."""
    if not LIBRARY.exists():
        job.skip(f"there is no {LIBRARY}: it is not built with sanitizers")
    os.makedirs("share", exist_ok=True)
    Path("share.log").unlink(missing_ok=True)
    return {"LD_PRELOAD": str(LIBRARY), "LD_UNRELIABLE": os.path.abspath("share"),
            "LD_UNRELIABLE_RULES": " ".join(rules), "LD_UNRELIABLE_LOG": os.path.abspath("share.log")}  # fmt: skip


def done_to_them():
    """How often each call was met with what: {"write EIO": 3}."""
    log = Path("share.log").read_text().splitlines() if Path("share.log").exists() else []
    return collections.Counter(line.split()[0] + " " + line.split(" ", 2)[2] for line in log)


def begin_with(model, names, count, *arguments):
    """A run over the first of these names while the share is well: so many lines are in the results."""
    share()
    job.run(model, job.listed(names[:count], "some.txt"), "--out", OUT, *arguments)
    assert len(job.read(OUT)) == count


def resumed(model, inputs, names, *arguments):
    """The run goes on on a share that is well, and ends with one line for each input. Returns what it said."""
    done = job.run(model, inputs, "--out", OUT, "--resume", *arguments)
    job.exactly_once(job.read(OUT), names)
    return done.said
