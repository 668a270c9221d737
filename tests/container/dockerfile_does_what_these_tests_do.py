#!/usr/bin/env python3
"""No engine builds the Dockerfile here. So each of its lines is held against what these tests run: the scripts that it
calls are there and get what they read, the last stage is one copy of what image/make-root made, and everything that is
started is in exec form and in the image."""
import json
import os
import re
import shlex
import subprocess

import container
import job

KNOWN = {"ARG", "FROM", "WORKDIR", "RUN", "COPY", "LABEL", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT",
         "CMD"}  # fmt: skip


def ignored():
    lines = (job.ROOT / ".dockerignore").read_text().splitlines()
    return [line.strip("/*") for line in lines if line and not line.startswith("#")]


def body():
    lines = container.instructions()
    assert {word for word, _ in lines} <= KNOWN, lines
    there, scripts = set(), job.ROOT / "scripts"
    for word, rest in lines:
        words = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
        if word == "RUN":
            assert words[0] in there and os.access(job.ROOT / words[0], os.X_OK), f"RUN {rest}: copied, and a program?"
        if word == "COPY" and not words[0].startswith("--"):
            for source in words[:-1]:
                assert (job.ROOT / source).exists() and source not in ignored(), f"COPY {rest}"
                there |= {source} if source != "." else {f"scripts/{path.name}" for path in scripts.iterdir()}
    stages = [rest for word, rest in lines if word == "FROM"]
    assert stages == ["${DEBIAN} AS build", "scratch"] and ("ARG", "DEBIAN=debian:12-slim") in lines, stages
    assert [rest for word, rest in container.last_stage() if word == "COPY"] == ["--from=build /image/ /"]
    assert ("RUN", 'scripts/image --engines "$ENGINES" /image') in lines
    assert "image/make-root" in (job.ROOT / "scripts/image").read_text()

    assert json.loads(container.instruction("CMD")) == ["--help"]
    for command in (json.loads(container.instruction("ENTRYPOINT")), container.health_check()):
        assert os.access(container.IMAGE / command[0].lstrip("/"), os.X_OK), command
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", container.instruction("USER")), "a number: there is no /etc/passwd"
    assert container.instruction("STOPSIGNAL") == "SIGTERM" and container.instruction("EXPOSE") == "8080"
    (version,) = [rest for word, rest in container.last_stage() if word == "ARG" and rest.startswith("VERSION=")]
    said = subprocess.run([container.OUTSIDE, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.split()[-1] == version.split("=")[1], f"{said} is not {version}"


job.test(body)
