#!/usr/bin/env python3
"""The script of `az` commands fills in what is asked for, leaves no copy, waits, and ends with the container's code."""
import os
import shutil
import subprocess
from pathlib import Path

import deploying
import job

KEY = "k+/=\"\\'&$x `y` ${STORAGE_KEY_PICTURES}"
# Answers as az would; the second look finds the job done.
AZ = r"""#!/usr/bin/env bash
all="$*"
printf '%s\n' "$all" >>calls
case "$1 $2" in
  "container create")
    file=${all##*--file }
    file=${file%% *}
    cp "$file" taken
    printf '%s' "$file" >place
    stat -c %a "$file" "${file%/*}" >mode
    ;;
  "container show")
    case "$all" in
      *ipAddress.fqdn*) echo 203.0.113.7:8443 ;;
      *)
        if [[ -e looked ]]; then printf '%s\t%s\t1\n' "$END" "$CODE"; else printf 'Pending\tnull\t0\n'; fi
        touch looked
        ;;
    esac
    ;;
  "group show") echo westeurope ;;
  "storage account") printf '%s\n' "$ACCOUNT_KEY" ;;
esac
"""


def run(script, *words, **variables):
    for old in ("calls", "looked", "taken", "place"):
        Path(old).unlink(missing_ok=True)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
    path = {"PATH": f"{os.getcwd()}/bin:{os.environ['PATH']}", "SECONDS_BETWEEN_LOOKS": "0", "ACCOUNT_KEY": KEY}
    environment = {**clean, **path, **variables}
    return subprocess.run(["bash", script, *words], capture_output=True, text=True, env=environment)


def created():
    """What az was given, and its volumes by name."""
    (tree,) = deploying.read_yaml(Path("taken").read_text())
    return tree, {volume["name"]: volume for volume in tree["properties"]["volumes"]}


def body():
    Path("bin").mkdir()
    Path("bin/az").write_text(AZ)
    Path("bin/az").chmod(0o755)
    for name, _ in deploying.cases():
        for script in (deploying.GOLDEN / name).glob("*.sh"):
            subprocess.run(["bash", "-n", script], check=True)
            if shutil.which("shellcheck"):
                subprocess.run(["shellcheck", "-S", "warning", script], check=True)
    golden = deploying.GOLDEN / "aci-job"
    done = run(golden / "img-batch-001.sh", END="Succeeded", CODE="0")
    assert done.returncode == 0 and "Succeeded, exit code 0, 1 restarts" in done.stdout, done
    tree, volumes = created()
    assert volumes["models"]["azureFile"]["storageAccountKey"] == KEY, volumes
    assert tree["name"] == "img-batch-001" and not Path(Path("place").read_text()).exists(), "a copy was left"
    assert Path("mode").read_text().split() == ["600", "700"] and KEY not in Path("calls").read_text()
    assert run(golden / "img-batch-001.sh", END="Failed", CODE="137").returncode == 137
    assert run(golden / "img-batch-001.sh", "nonsense").returncode == 2
    run(golden / "img-batch-001.sh", "delete")
    deletion = "container delete --resource-group headrace --name img-batch-001 --yes --output none"
    assert Path("calls").read_text().splitlines() == [deletion]

    golden = deploying.GOLDEN / "aci-server"
    missing = run(golden / "classify.sh", RESOURCE_GROUP="headrace")
    assert missing.returncode != 0 and "set it to" in missing.stderr, missing
    assert not Path("taken").exists(), "created without what it needs"
    Path("token").write_text("a-token\n")
    files = {f"SECRET_SECRETS_{name}_FILE": "token" for name in ("TOKEN", "CERT_PEM", "KEY_PEM")}
    done = run(golden / "classify.sh", RESOURCE_GROUP="headrace", LOG_WORKSPACE_KEY="w", QUEUE_CONNECTION="q",
               END="Running", CODE="null", **files)  # fmt: skip
    assert done.returncode == 0 and done.stdout.strip() == "203.0.113.7:8443", done
    tree, volumes = created()
    assert volumes["secrets"]["secret"]["token"] == "YS10b2tlbgo=" and tree["location"] == "westeurope"


job.test(body)
