#!/usr/bin/env python3
"""The image: under 150 MB, one program and no shell, nothing with more rights than its user, every library that is
needed and none that is not, no debug information, and the licence of everything in it."""
import os
import re
import stat
import subprocess
from pathlib import Path

import container
import job

LOADER = "usr/lib64/ld-linux-x86-64.so.2"


def needed(path):
    said = subprocess.run(["readelf", "--dynamic", "--wide", path], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", said))


def sections(path):
    said = subprocess.run(["readelf", "--sections", "--wide", path], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"\] (\.\S+)", said))


def body():
    files = {path: path.lstat() for path in container.IMAGE.rglob("*") if not path.is_symlink()}
    size = sum(info.st_size for info in files.values() if stat.S_ISREG(info.st_mode))
    assert size < 150e6, f"{size / 1e6:.1f} MB"
    for path, info in files.items():
        kind = stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)
        assert kind and not info.st_mode & (stat.S_ISUID | stat.S_ISGID), path
        assert not info.st_mode & stat.S_IWOTH or path == container.IMAGE / "tmp", f"{path} is for everybody to write"
        assert info.st_mode & stat.S_IROTH, f"{path} is not for everybody to read"
    executable = {str(path.relative_to(container.IMAGE)) for path, info in files.items()
                  if stat.S_ISREG(info.st_mode) and info.st_mode & 0o111}  # fmt: skip
    assert executable == {"usr/bin/headrace", LOADER}, executable
    links = {path for path in container.IMAGE.rglob("*") if path.is_symlink()}
    assert {os.readlink(path) for path in links} == {"usr/lib", "usr/lib64", "usr/bin"}, links

    code = {path for path, info in files.items() if stat.S_ISREG(info.st_mode) and path.read_bytes()[:4] == b"\x7fELF"}
    wanted = set.union(*map(needed, code))
    by_name = {"headrace", "headrace_door_grpc.so", "headrace_engine_openvino.so", "libtbbmalloc.so.2"}
    opened = {path.name for path in code if re.match(r"libopenvino_(intel_cpu|ir_front|onnx_front)", path.name)}
    assert {path.name for path in code} == wanted | by_name | opened, {path.name for path in code} ^ (wanted | by_name)
    for path in code:
        assert not any(name.startswith((".debug", ".symtab")) for name in sections(path)), f"{path} is not stripped"
    assert ".note.gnu.build-id" in sections(container.IMAGE / "usr/bin/headrace")
    licences = container.IMAGE / "usr/share/doc"
    packages = {path.name for path in (container.IMAGE / "var/lib/dpkg/status.d").iterdir()}
    assert {path.name for path in licences.iterdir()} == packages | {"headrace", "openvino"}, packages
    assert all(any(folder.iterdir()) for folder in licences.iterdir()) and len(packages) > 15, packages


job.test(body)
