#!/usr/bin/env python3
"""What `cmake --install` leaves behind is found by find_package and by pkg-config, wherever it is moved to."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

build, compiler = sys.argv[1:]
project = pathlib.Path(__file__).resolve().parent / "project"


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


with tempfile.TemporaryDirectory() as scratch:
    scratch = pathlib.Path(scratch)
    run("cmake", "--install", build, "--prefix", scratch / "made", "--component", "library")
    shutil.move(scratch / "made", scratch / "moved")
    prefix = scratch / "moved"
    library = next(prefix.rglob("libheadrace.so")).parent

    run("cmake", "-S", project, "-B", scratch / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_COMPILER={compiler}")
    run("cmake", "--build", scratch / "build")
    assert run(scratch / "build" / "outside") == "sum 12\n"
    assert (scratch / "build" / "libshout.so").exists()

    environment = os.environ | {"PKG_CONFIG_PATH": str(library / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "headrace", env=environment).split()
    run(compiler, project / "main.cpp", "-o", scratch / "program", *flags, f"-Wl,-rpath,{library}")
    assert run(scratch / "program") == "sum 12\n"
    assert run("pkg-config", "--modversion", "headrace", env=environment).strip()
