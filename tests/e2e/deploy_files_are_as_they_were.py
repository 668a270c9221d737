#!/usr/bin/env python3
"""What `headrace deploy` writes for known options is, byte for byte, what was read and found good."""
import os
import sys
from pathlib import Path

import deploying
import job

RENEW = os.environ.get("HEADRACE_RENEW_GOLDEN") == "1"


def body():
    problems = []
    for name, arguments in deploying.cases():
        code, out, said = deploying.deploy(*arguments, "--into", name)
        assert code == 0 and out == "", (name, said)
        golden = deploying.GOLDEN / name
        if RENEW:
            for old in golden.iterdir():
                if old.name != "command":
                    old.unlink()
            for new in Path(name).iterdir():
                (golden / new.name).write_bytes(new.read_bytes())
            continue
        written = {path.name: path.read_text() for path in Path(name).iterdir()}
        known = {path.name: path.read_text() for path in golden.iterdir() if path.name != "command"}
        problems += [f"{name}/{file}" for file in written.keys() | known.keys() if written.get(file) != known.get(file)]
        first = deploying.deploy(*arguments)[1]
        assert first == written[next(file for file in written if file.endswith(".yaml"))], "the first form is the YAML"
    assert not problems, f"{problems} differ: HEADRACE_RENEW_GOLDEN=1 {sys.argv[0]} writes them anew, to be read"


job.test(body)
