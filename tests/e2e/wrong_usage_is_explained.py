#!/usr/bin/env python3
"""Wrong usage is exit code 2, with one sentence that names the culprit, and nothing is touched."""
import os
from pathlib import Path

import job

WRONG = [  # arguments after MODEL and INPUT, and what must be named
    (["--no-such"], "--no-such"),
    (["--workers", "0"], "--workers"),
    (["--workers", "-3"], "--workers"),
    (["--workers", "many"], "many"),
    (["--workers", "1.5"], "1.5"),
    (["--workers", "99999999999999999999"], "--workers"),
    (["--threads", "0"], "--threads"),
    (["--batch", "0"], "--batch"),
    (["--batch", "129"], "129"),
    (["--attempts", "0"], "--attempts"),
    (["--timeout", "abc"], "abc"),
    (["--timeout", "-1s"], "--timeout"),
    (["--timeout", "5 parsecs"], "parsecs"),
    (["--timeout"], "--timeout"),
    (["--max-bytes", "huge"], "--max-bytes"),
    (["--progress", "loud"], "loud"),
    (["--log-level", "shout"], "shout"),
    (["--resume"], "--out"),
    (["--resume", "--overwrite", "--out", "out.jsonl"], "--overwrite"),
    (["--cpus", "0"], "--cpus"),
    (["--cpus", "1e9"], "HEADRACE_CPUS='1e9' is not a number from 0.01 to 65536"),
    (["--memory-mb", "few"], "--memory-mb"),
    (["--governor", "maybe"], "'maybe' is none of act|watch"),
    (["--governor", "1"], "'1' is none of act|watch"),
    (["--recycle-after", "0"], "not in range 1 to"),
    (["--recycle-growth", "0"], "not in range 1 to"),
    (["--config", "no-such.toml"], "no-such.toml"),
    (["--config", "unknown-key.toml"], "unknown-key.toml:3:"),
    (["--config", "bad-value.toml"], "bad-value.toml:2:"),
    (["--config", "not-toml.toml"], "not-toml.toml:1:"),
]


def body():
    Path("unknown-key.toml").write_text("batch = 1\n\nwrokers = 2\n")
    Path("bad-value.toml").write_text("batch = 1\nworkers = 0\n")
    Path("not-toml.toml").write_text("workers = = 2\n")
    model, inputs = job.fake(), job.listed(["a"])
    before = sorted(os.listdir("."))
    cases = [([model, inputs, *extra], culprit) for extra, culprit in WRONG]
    cases += [([model], "INPUT"), ([], "MODEL")]
    cases = [("run", arguments, culprit) for arguments, culprit in cases]
    cases += [("plan", ["--plan", "no-such.toml"], "--plan needs a MODEL"),
              ("plan", ["--engine", "fake"], "--engine needs a MODEL"),
              ("tune", [model, inputs, "--for", "speed"], "'speed' is none of throughput|latency")]  # fmt: skip
    problems = []
    for command, arguments, culprit in cases:
        done = job.run(*arguments, code=None, command=command)
        if done.code != 2 or culprit not in done.said.splitlines()[0] or "--help" not in done.said or done.lines:
            problems.append(f"{command} {arguments}: exit code {done.code}, {done.said!r}")
    assert job.run(model, inputs, code=None, environment={"HEADRACE_WORKERS": "none"}).code == 2
    assert not problems, "\n".join(problems)
    assert sorted(os.listdir(".")) == before, "something was written"


job.test(body)
