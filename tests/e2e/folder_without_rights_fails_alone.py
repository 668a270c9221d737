#!/usr/bin/env python3
"""A folder or file that may not be read is a failed line; the rest of the tree is done."""
import os
from pathlib import Path

import job


def body():
    for folder in ("tree/a", "tree/locked/below", "tree/z"):
        Path(folder).mkdir(parents=True)
        Path(folder, "some.txt").write_text("bytes")
    Path("tree/secret.txt").write_text("bytes")
    os.chmod("tree/secret.txt", 0)
    os.chmod("tree/locked", 0)
    # Root may read everything, unless it gives up the right to.
    rights = "-dac_override,-dac_read_search"
    before = ["setpriv", "--bounding-set=" + rights, "--inh-caps=" + rights] if os.geteuid() == 0 else []
    model = job.fake(input="bytes")
    if before and job.subprocess.run([*before, "ls", "tree/locked"], capture_output=True).returncode == 0:
        job.skip("cannot give up root's right to read everything")
    lines = job.run(model, "tree", before=before).lines
    os.chmod("tree/locked", 0o700)
    found = {line["input"]: line.get("error", {}).get("code", "ok") for line in lines}
    assert found == {"tree/secret.txt": "unreadable", "tree/locked": "unreadable", "tree/a/some.txt": "ok",
                     "tree/z/some.txt": "ok"}, found  # fmt: skip
    assert all("ermission denied" in line["error"]["message"] for line in lines if "error" in line), lines


job.test(body)
