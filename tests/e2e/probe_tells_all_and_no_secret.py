#!/usr/bin/env python3
"""`probe` reports with no right, no environment and no /proc, in fewer lines than a paste takes, and shows no value of
the environment."""
import json
import os
import shutil
import subprocess

import job

SECRET = "hunter2-5f3c"
HEADINGS = ["CPU", "Memory", "Platform", "cgroup files", "kernel", "file systems", "resource limits",
            "environment (names; values of sizes only)", "system calls, tried", "costs"]  # fmt: skip


def probe(*arguments, before=(), environment=None, program=job.BINARY):
    done = subprocess.run([*before, program, "probe", *arguments], capture_output=True, text=True, timeout=60,
                          env=environment)  # fmt: skip
    assert done.returncode == 0 and (done.stderr == "" or job.sanitized()), f"{done.returncode}: {done.stderr}"
    lines = done.stdout.splitlines()
    assert SECRET not in done.stdout, done.stdout
    return done.stdout, lines


def whole(lines):
    assert len(lines) < 300, f"{len(lines)} lines"
    assert [line[3:] for line in lines if line.startswith("== ")] == HEADINGS, lines
    assert all(line.startswith("== ") or ": " in line for line in lines[:-1]), lines
    assert lines[-1].startswith("headrace "), lines[-1]


def body():
    secrets = {name: SECRET for name in ("HEADRACE_BROKER", "HEADRACE_CPUS", "AZURE_CLIENT_SECRET", "OMP_NUM_THREADS",
                                         "KUBERNETES_SERVICE_HOST", "DATABASE_PASSWORD")}  # fmt: skip
    text, lines = probe(environment={**os.environ, **secrets, "HEADRACE_WORKERS": "3"})
    whole(lines)
    assert "AZURE_CLIENT_SECRET: set" in lines and "HEADRACE_WORKERS: 3" in lines, text
    assert "DATABASE_PASSWORD" not in text, text

    said = json.loads(probe("--json", environment=secrets)[0], object_pairs_hook=job.no_twins)
    assert list(said) == [*HEADINGS, "version"], list(said)
    assert all(list(fact) == ["key", "value"] for heading in HEADINGS for fact in said[heading])

    if job.sanitized():
        return  # it cannot look for leaks where it has no rights and /proc is hidden
    copy = shutil.copy(job.BINARY, "headrace")  # where a stranger can reach it
    os.chmod(".", 0o755)
    if os.geteuid() == 0 and shutil.which("setpriv"):
        nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs",
                  "--bounding-set", "-all"]  # fmt: skip
        text, lines = probe(before=nobody, environment={}, program=os.path.abspath(copy))
        whole(lines)
        assert "process: " in text and "user 65534" in text and "capabilities: none" in text, text
        no_proc = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
        if subprocess.run([*no_proc, "true"], capture_output=True).returncode == 0:
            text, lines = probe(before=[*no_proc, *nobody], environment={}, program=os.path.abspath(copy))
            whole(lines)
            assert "/proc/self/cgroup: unreadable: No such file or directory" in lines, text


job.test(body)
