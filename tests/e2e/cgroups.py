"""Real cgroup v1 groups for a test, which go when it ends. Without the right to make them, the test is skipped."""

import os
from pathlib import Path

import job

made = []


def own_group(controller):
    """The folder of the v1 group that we are in."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        options, _, kind = line.partition(" - ")
        if kind.startswith("cgroup ") and controller in kind.split()[-1].split(","):
            for group in Path("/proc/self/cgroup").read_text().splitlines():
                _, controllers, path = group.split(":", 2)
                if controller in controllers.split(","):
                    return Path(options.split()[4] + path.rstrip("/"))
    job.skip(f"no cgroup v1 hierarchy for {controller}")


def group(controller, file, value):
    folder = own_group(controller) / f"headrace-e2e-{os.getpid()}-{len(made)}"
    try:
        folder.mkdir()
        made.append(folder)
        (folder / file).write_text(str(value))
    except OSError as e:
        job.skip(f"no right to make cgroups: {e}")
    return folder


def removed_after(body):
    def with_removal():
        try:
            body()
        finally:
            for folder in made:
                folder.rmdir()

    return with_removal


def join(*folders):
    """What to put before a command to run it inside of these groups."""
    moves = "".join(f"echo $$ > '{folder}/cgroup.procs' && " for folder in folders)
    return ["sh", "-c", f'{moves}exec "$@"', "sh"]
