#!/usr/bin/env python3
"""A secret in the environment, in a file or in an option by mistake is in no output of `headrace deploy`."""
import os
from pathlib import Path

import deploying
import job

PLANTED = "PLANTED-8f3a1c"
PLAN = """format = 1
made_by = "headrace 0.1.0"
made_at = "2026-11-22T17:32:06Z"
[plan]
engine = "openvino"
workers = 4
threads = 1
streams = 1
batch = 1
[container]
cpus = 4.00
memory_mib = 8192
processor = "Some Processor"
[model]
name = "lite0"
hash = "838731d09d71f681"
equipment = "openvino 2026.4.1"
[goal]
for = "throughput"
[measured]
rate = 400.0
"""
AROUND = ["--name", "classify", "--image", "r.example/h:1", "--cpus", "1", "--memory", "2"]
SERVE = ["serve", "/m/lite0", "--public", *AROUND]
RUN = ["run", "/m/lite0", "/in", "--out", "/out/lines", "--mount", "results=claim:x:/out", *AROUND]
MISTAKES = [
    [*SERVE, "--env", f"API_TOKEN={PLANTED}"],
    [*SERVE, "--env", f"X=AccountKey={PLANTED}"],
    [*SERVE, "--env", f"X=https://u:{PLANTED}@h/"],
    [*SERVE, "--env", f"HEADRACE_X={PLANTED}"],
    [*SERVE, "--env-secret", f"API_TOKEN={PLANTED}"],
    [*SERVE, "--env-secret", f"X=SharedAccessKey={PLANTED}"],
    [*SERVE, "--from", "secret-file"],
    [*SERVE, "--from", "secret.json"],
    [*RUN, "--handler-settings", f"password={PLANTED}"],
    [*RUN, "--handler-settings", '{"api_key": "%s"}' % PLANTED],
    [word.replace("r.example", f"bob:{PLANTED}@r.example") for word in SERVE],
    [word.replace("r.example", f"https://bob:{PLANTED}@r.example") for word in SERVE],
    [*SERVE, "--mount", f"share=azurefile:acc/share?sv=1&sig={PLANTED}:/r"],
    [*SERVE, "--mount", f"share=secret:sk-{PLANTED}0123:/r"],
    [*SERVE, "--env", f"X=sk-{PLANTED}0123"],
    [*SERVE, "--env", f"X=ghp_{PLANTED}01"],
]


def body():
    Path("secret-file").write_text(PLANTED + "\n")
    Path("secret.json").write_text('{"%s": "%s"}\n' % (PLANTED, PLANTED))
    Path("plan.toml").write_text(f"# {PLANTED}\n" + PLAN)
    everywhere = {name: PLANTED for name in ("AZURE_TOKEN", "SB_CONN", "HEADRACE_TOKEN_FILE", "HEADRACE_WORKERS",
                                             "HEADRACE_HANDLER_SETTINGS", "STORAGE_KEY_PICTURES", "OMP_NUM_THREADS")}
    for name, arguments in deploying.cases():
        for extra in ([], ["--explain"], ["--from", "plan.toml"], ["--cost", "5"]):
            where = [] if "--cost" in extra else ["--into", f"{name}-{len(extra)}{''.join(extra)[2:5]}"]
            code, out, said = deploying.deploy(*arguments, *extra, *where, environment=everywhere)
            written = "".join(path.read_text() for path in Path(where[1]).iterdir()) if where and code == 0 else ""
            assert code == 0 and PLANTED not in out + said + written, (name, extra, code, said)
    for platform in ("aci", "k8s", "containerapps"):
        for arguments in MISTAKES:
            code, out, said = deploying.deploy(platform, *arguments, environment=everywhere)
            assert code == 2 and not out and PLANTED not in said, (platform, arguments, code, said)
    assert not [name for name in os.listdir(".") if PLANTED in name]


job.test(body)
