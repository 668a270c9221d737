#!/usr/bin/env python3
"""No engine builds the Dockerfile here. So its lines are followed in an empty folder: each COPY puts there what
.dockerignore lets through, each RUN finds its script and all that this reads of the checkout. The last stage is one
copy of what image/make-root made, and everything that is started is in exec form and in the image. That these checks
see what they are for is shown by Dockerfiles that are wrong in one line."""
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import container
import job

KNOWN = {"ARG", "FROM", "WORKDIR", "RUN", "COPY", "LABEL", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT",
         "CMD"}  # fmt: skip
MADE = (".cache", "build")  # by the scripts themselves
# What the build reads without a script that names it: CMakeLists.txt asks whether they are there.
PARTS = ("CMakeLists.txt", "CMakePresets.json", "LICENSE", "bench", "cmake", "doors/grpc", "engines/openvino",
         "examples", "image/contents", "include/headrace", "proto", "src/cli", "tests/container",
         "tools/make_tiny_onnx.py")
# One line of either file, and what it is without what is needed.
WRONG = (
    ("Dockerfile", "COPY scripts/lib.sh scripts/setup scripts/", "COPY scripts/setup scripts/"),
    ("Dockerfile", "COPY tools/engines.lock tools/pictures.lock tools/", "COPY tools/engines.lock tools/"),
    ("Dockerfile", "COPY tools/engines.lock tools/pictures.lock tools/\n", ""),
    ("Dockerfile", "COPY . .\n", ""),
    ("Dockerfile", "WORKDIR /headrace\n", ""),
    ("Dockerfile", "ARG ENGINES=openvino\n", ""),
    ("Dockerfile", "ARG ENGINES=openvino\n", "ARG ENGINES=openvine\n"),
    (".dockerignore", "**/__pycache__", "/tools/"),
    (".dockerignore", "**/__pycache__", "**/*.lock"),
    (".dockerignore", "!proto\n", ""),
    (".dockerignore", "!image\n", ""),
)


def covers(pattern, path):
    """Whether a pattern of .dockerignore is about this path, or a folder that it lies in."""
    expression = ""
    for part in re.findall(r"\*\*/?|\*|\?|[^*?]+", pattern.strip("/")):
        expression += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    return re.fullmatch(rf"{expression}(?:/.*)?", path) is not None


class Sent:
    """What an engine is sent of the checkout: of the patterns that are about a file the last one decides."""

    def __init__(self, text):
        lines = [line.strip() for line in text.splitlines()]
        self.patterns = [line for line in lines if line and not line.startswith("#")]

    def holds(self, path):
        sent = True
        for pattern in self.patterns:
            if covers(pattern.removeprefix("!"), path):
                sent = pattern.startswith("!")
        return sent

    def beneath(self, path):
        """Its files, or itself."""
        if (job.ROOT / path).is_file():
            return [path] if self.holds(path) else []
        found = []
        for name in sorted(os.listdir(job.ROOT / path)):
            inner = os.path.normpath(os.path.join(path, name))
            if os.path.isdir(job.ROOT / inner) and self.holds(inner):
                found += self.beneath(inner)
            elif os.path.isfile(job.ROOT / inner) and self.holds(inner):
                found.append(inner)
        return found


def copy(sent, sources, target, place):
    for source in sources:
        files = sent.beneath(source)
        assert files, f"COPY {source}: nothing of it is sent"
        for file in files:
            into = place / target / (file if source == "." else Path(file).name)
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(job.ROOT / file, into)


def check_script(path, place, seen):
    """That a script is there with what it sources, calls and reads."""
    if path in seen:
        return
    seen.add(path)
    assert (place / path).exists(), f"{path} is not copied when it is needed"
    if not path.startswith("scripts/"):
        return
    text = re.sub(r"(?m)^\s*#.*$", "", (place / path).read_text())
    beside = re.findall(r'source "\$\(dirname -- "\$\{BASH_SOURCE\[0\]\}"\)/([\w.-]+)"', text)
    assert len(beside) == len(re.findall(r"(?m)^\s*source ", text)), f"{path}: what does it source?"
    for needed in [f"scripts/{name}" for name in beside] + re.findall(r"\$root/([\w][\w./-]*|\.[\w][\w./-]*)", text):
        if needed.split("/")[0] not in MADE:
            check_script(needed, place, seen)


def stages(lines):
    begins = [i for i, (word, _) in enumerate(lines) if word == "FROM"] + [len(lines)]
    return [lines[begin:end] for begin, end in zip(begins, begins[1:])]


def check_build_stage(lines, ignored):
    place, sent, workdir, arguments = Path("context").resolve(), Sent(ignored), None, {}
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for word, rest in lines:
        words = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
        if word == "ARG":
            arguments.update([rest.split("=", 1)])
        if word == "WORKDIR":
            workdir = rest
        if word == "COPY":
            assert workdir and workdir != "/" and workdir.startswith("/"), f"COPY {rest}: into which folder?"
            copy(sent, words[:-1], words[-1], place)
        if word == "RUN":
            assert os.access(place / words[0], os.X_OK), f"RUN {rest}: copied, and a program?"
            check_script(words[0], place, set())
            unknown = set(re.findall(r"\$(\w+)", rest)) - set(arguments)
            assert not unknown, f"RUN {rest}: {unknown} is not set"
    assert lines[-1] == ("RUN", 'scripts/image --engines "$ENGINES" /image'), lines[-1]
    engines = re.findall(r"(?m)^engine (\S+)", (place / "image/contents").read_text())
    assert set(arguments["ENGINES"].split()) <= set(engines), f"{arguments} is none of {engines}"
    for part in PARTS:
        assert (place / part).exists(), f"{part} is not sent"
    assert {path.name for path in place.iterdir()}.isdisjoint({".git", ".cache", "build", "models"})


def lines_of(text):
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def body():
    files = {name: (job.ROOT / name).read_text() for name in ("Dockerfile", ".dockerignore")}
    lines = lines_of(files["Dockerfile"])
    assert {word for word, _ in lines} <= KNOWN and lines == container.instructions(), lines
    check_build_stage(stages(lines)[0], files[".dockerignore"])
    for name, right, wrong in WRONG:
        assert right in files[name], (name, right)
        spoilt = {**files, name: files[name].replace(right, wrong)}
        try:
            check_build_stage(stages(lines_of(spoilt["Dockerfile"]))[0], spoilt[".dockerignore"])
        except AssertionError:
            continue
        raise AssertionError(f"{name} with {wrong!r} in place of {right!r} is not seen to be wrong")

    begins = [rest for word, rest in lines if word == "FROM"]
    assert begins == ["${DEBIAN} AS build", "scratch"] and ("ARG", "DEBIAN=debian:12-slim") in lines, begins
    assert [rest for word, rest in container.last_stage() if word == "COPY"] == ["--from=build /image/ /"]
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
