#!/usr/bin/env python3
"""image/make-root makes its own folder anew, and leaves alone what somebody put at the same path since."""
import os
import subprocess
import sys
from pathlib import Path

import container
import job

MAKE_ROOT = [sys.executable, "-B", job.ROOT / "image/make-root", "--cache", job.CACHE,
             Path(container.OUTSIDE).parent]  # fmt: skip


def made(code):
    done = subprocess.run([*MAKE_ROOT, "root"], capture_output=True, text=True, check=False)
    assert done.returncode == code, done
    return done.stderr


def body():
    made(0)
    Path("root/left").touch()
    made(0)
    assert not Path("root/left").exists() and Path("root/usr/bin/headrace").exists()
    os.rename("root", "kept")
    Path("root").mkdir()
    Path("root/mine").write_text("mine")
    assert "not made here" in made(1)
    assert Path("root/mine").read_text() == "mine"


job.test(body)
