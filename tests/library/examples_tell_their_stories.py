#!/usr/bin/env python3
"""The three examples do what the guide says, on good and on bad input."""
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import samples  # noqa: E402

examples, sources = map(pathlib.Path, sys.argv[1:])


def run(name, *arguments, code=0):
    done = subprocess.run([examples / name, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, f"{name} {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    good = 20
    for i in range(good):
        (folder / f"{i}.jpg").write_bytes(samples.JPEG)
    (folder / "not_a_picture.jpg").write_bytes(b"hello")
    (folder / "empty.jpg").touch()
    said = run("image_pool", folder)
    assert len(re.findall(r"brightness 0\.\d\d$", said, re.M)) == good, said
    assert re.search(r"not_a_picture\.jpg +failed: std::runtime_error: Not a JPEG", said), said
    assert re.search(r"empty\.jpg +failed: std::runtime_error: ", said), said
    assert re.search(rf"^{good + 2} files in \d+\.\d\d s$", said, re.M), said
run("image_pool", code=2)

assert "500 tasks done; 39 primes, the first is 1000003" in run("task_queue")
assert "mean of all row means is 99.0, expected 99.0" in run("shared_rows")
assert "mean of all row means is 2047.0, expected 2047.0" in run("shared_rows", 2048, 2048)

for source in sources.glob("*.cpp"):
    lines = len(source.read_text(encoding="utf-8").splitlines())
    assert lines < 60, f"{source.name} has {lines} lines"
