#!/usr/bin/env python3
"""The script of a Container Apps job starts it and ends as it ended; that of an app waits until it is ready, or fails."""
import os
import subprocess
from pathlib import Path

import deploying
import job

TOKEN = "t\"o\\k$en `x` ${SHARED}\nanother & one\t\r\nümlaut"
# Answers as az would; the first look finds nothing decided.
AZ = r"""#!/usr/bin/env bash
printf '%s\n' "$*" >>calls
look() { if [[ -e looked ]]; then printf "$END\n"; else touch looked; printf "$1\n"; fi; }
case "$*" in
  "containerapp create"* | "containerapp job create"*)
    all=$*; file=${all##*--yaml }; file=${file%% *}
    cp "$file" taken; printf '%s' "$file" >place ;;
  "containerapp job start"*) echo classify-run1 ;;
  "containerapp job logs"*)  # there is nothing to follow at first
    if [[ ! -e tried ]]; then touch tried; echo 'No replicas found' >&2; exit 1; fi ;;
  "containerapp job execution list"*) echo classify-run0 ;;
  "containerapp job execution show"*) look Running ;;
  "containerapp env show"*location*) echo westeurope ;;
  "containerapp env show"*) echo /subscriptions/x/environment ;;
  "containerapp revision show"*) echo "${STATE:-Processing}" ;;
  "containerapp show"*latestRevisionName*) if [[ -e $(<place) ]]; then touch left; fi; look 'classify--1\t' ;;
  "containerapp show"*fqdn*) echo classify.example ;;
  "group show"*) echo westeurope ;;
esac
"""


def run(case, *words, **variables):
    for old in ("calls", "looked", "taken", "tried", "left"):
        Path(old).unlink(missing_ok=True)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
    path = {"PATH": f"{os.getcwd()}/bin:{os.environ['PATH']}", "SECONDS_BETWEEN_LOOKS": "0"}
    script = deploying.GOLDEN / case / "classify.sh"
    link = Path("linked")  # the file beside it is found all the same
    link.unlink(missing_ok=True)
    link.symlink_to(script)
    done = subprocess.run(["bash", link, *words], capture_output=True, text=True,
                          env={**clean, **path, **variables})  # fmt: skip
    return done, Path("calls").read_text() if Path("calls").exists() else ""


def body():
    Path("bin").mkdir()
    Path("bin/az").write_text(AZ)
    Path("bin/az").chmod(0o755)
    done, calls = run("containerapps-job", END="Succeeded")
    assert done.returncode == 0 and "classify-run1: Succeeded" in done.stdout, done
    assert "logs show" in calls and "--execution classify-run1" in calls, calls
    assert calls.count("logs show") == 2 and "No replicas" in done.stderr, "it is followed once it is there"
    assert run("containerapps-job", END="Failed")[0].returncode == 3
    done, calls = run("containerapps-job", "wait", END="Stopped")
    assert done.returncode == 3 and "classify-run0: Stopped" in done.stdout and "create" not in calls, done
    done, calls = run("containerapps-job", "delete")
    assert calls == "containerapp job delete --resource-group headrace --name classify --yes --output none\n", calls

    Path("token").write_text(TOKEN + "\n")
    asked = {"RESOURCE_GROUP": "headrace", "API_TOKEN": TOKEN, "SHARED": "s", "SECRET_SECRETS_TOKEN_FILE": "token", "REGISTRY_PASSWORD": "p"}
    done, calls = run("containerapps-server", END="classify--1\\tclassify--1", **asked)
    assert done.returncode == 0 and done.stdout == "classify.example\n", done
    (tree,) = deploying.read_yaml(Path("taken").read_text())
    values = {secret["name"]: secret["value"] for secret in tree["properties"]["configuration"]["secrets"]}
    assert values == {"api-token": TOKEN, "shared": "s", "token": TOKEN, "registry-password": "p"}, values
    assert tree["properties"]["environmentId"] == "/subscriptions/x/environment" and tree["location"] == "westeurope"
    assert not Path(Path("place").read_text()).exists() and TOKEN not in calls, "a value was left"
    assert not Path("left").exists(), "a value was left while the script waits"
    for wrong in ("\x7f", "\x85", "\u2028", "\x01"):
        done, calls = run("containerapps-server", END="", **{**asked, "API_TOKEN": f"a{wrong}b"})
        assert done.returncode == 2 and "API_TOKEN holds a control" in done.stderr and "create" not in calls, done
    done, _ = run("containerapps-server", "wait", END="None\\tNone", STATE="Processing", **asked)
    assert done.returncode == 3, "there is no revision yet, so none is ready"
    done, _ = run("containerapps-server", "wait", END="classify--1\\t", STATE="Failed", **asked)
    assert done.returncode == 3 and "classify--1 is Failed" in done.stderr, done
    done, _ = run("containerapps-server", "wait", END="", STATE="Processing", RESOURCE_GROUP="headrace")
    assert done.returncode == 3 and "nobody says" in done.stderr, done


job.test(body)
