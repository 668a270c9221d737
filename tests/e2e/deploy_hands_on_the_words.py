#!/usr/bin/env python3
"""The container's command is what was asked for, in words that `run` and `serve` themselves take."""
import subprocess

import deploying
import job

NAMED = ["--name", "classify", "--image", "r.example/h:1", "--cpus", "2", "--memory", "4"]
RUN = [["/no/model", "/no/in", "@/no/list"], ["--workers", "auto"], ["--batch", "4"], ["--out", "/no/lines"],
       ["--ordered"], ["--max-bytes", "3MiB"], ["--timeout", "90s"], ["--sandbox", "off"],
       ["--handler-settings", "it's \"x\"\ny: $A"],
       ["--config", "/no/config.toml"], ["--recycle-growth", "64MiB"]]  # fmt: skip
SERVE = [["one", "/no/model"], ["--repository", "/no/models"], ["--admin", "127.0.0.1:8081"],
         ["--grpc", "0.0.0.0:8001"], ["--queue", "9"], ["--grace", "40s"], ["--access-log", "-"],
         ["--batch-delay", "2ms"]]  # fmt: skip


def words(platform, *arguments):
    code, out, said = deploying.deploy(platform, *arguments, *NAMED)
    assert code == 0, said
    (tree, *_) = deploying.check_yaml(platform, out)
    if platform == "aci":
        program, *rest = tree["properties"]["containers"][0]["properties"]["command"]
        assert program.endswith("/headrace")
        return rest
    return tree["spec"]["template"]["spec"]["containers"][0]["args"]


def body():
    mount = ["--mount", "results=claim:results:/no"]
    sizes = {"3MiB": str(3 << 20), "64MiB": str(64 << 20)}
    wanted = ["run", *[sizes.get(word, word) for part in RUN for word in part], "--resume"]
    got = words("k8s", "run", *sum(RUN, []), *mount)
    assert sorted(word.replace("$$", "$") for word in got) == sorted(wanted), got
    assert got[:4] == wanted[:4] and got[-1] == "--resume"
    wanted = ["serve", *sum(SERVE, [])]
    got = words("aci", "serve", *sum(SERVE, []), "--public")
    assert sorted(got) == sorted(wanted), got
    for command in (words("aci", "run", *sum(RUN[:-2], []), "--overwrite"), got):
        done = subprocess.run([job.BINARY, *command], capture_output=True, text=True)
        assert done.returncode == 3, f"not one of wrong usage, for these are not there: {done}"
    for wrong, named in ((["--workers", "0"], "--workers"), (["--resume", "--overwrite", "--out", "/x"], "--overwrite"),
                         (["--out", "lines"], "--out"), (["-"], "INPUT"), (["--no-such"], "--no-such")):  # fmt: skip
        code, out, said = deploying.deploy("aci", "run", "/no/model", "/no/in", *wrong, *NAMED)
        assert code == 2 and not out and named in said.splitlines()[0], said
    few_words = (([], "name a platform"), (["aci"], "run or serve"), (["aci", "run"], "MODEL"), (["vms"], "vms"))
    for few, wanted in few_words:
        code, out, said = deploying.deploy(*few)
        assert code == 2 and not out and wanted in said.splitlines()[0] and "--help" in said, said


job.test(body)
