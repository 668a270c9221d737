"""What the container image costs: the demo's run in it, as a container engine starts it, against the same program
outside, both in the same control groups."""
import contextlib
import json
import resource
import sys
from pathlib import Path

import programs
from sampling import in_turns, table

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/e2e"))
import cgroups  # noqa: E402
import job  # noqa: E402

CPUS, MEMORY = 1.0, 1 << 30
USER = "12345:0"


@contextlib.contextmanager
def limits():
    """What to put before a command that is to run within them. Ends the benchmark where nobody may make groups."""
    try:
        yield cgroups.join(cgroups.group("cpu", "cpu.cfs_quota_us", round(100_000 * CPUS)),
                           cgroups.group("memory", "memory.limit_in_bytes", MEMORY))
    finally:
        for folder in cgroups.made:
            folder.rmdir()
        cgroups.made.clear()


def lay_out(place):
    """The image of this build, and its table of sizes."""
    root = place.scratch / "image"
    return root, programs.run([HERE.parent / "image/make-root", "--sizes", place.build, root])


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(place, names, out, before, program):
    """Pictures a second after the first answer, and the CPU time of each, as the run's own summary has them."""
    summary, before_it = out.with_suffix(".summary"), children_seconds()
    programs.run([*before, program, "run", place.model, f"@{names}", "--progress", "none", "--log-level", "error",
                  "--out", out, "--overwrite", "--summary", summary])
    measured = json.loads(summary.read_text())
    measured["cpu_ms"] = 1000 * (children_seconds() - before_it) / measured["items"]
    measured["rate"] = measured["items"] / (measured["seconds"] - measured["first_answer_seconds"])
    return measured


def measure(place, turns, passes):
    root, sizes = lay_out(place)
    volume = place.scratch / "volume"
    volume.mkdir(mode=0o777)
    volume.chmod(0o777)
    place.scratch.chmod(0o755)
    names = volume / "names.txt"
    names.write_text(place.repeated(place.list_of_pictures(), passes).read_text())
    mounts = [word for path, mode in ((place.model.resolve(), ":ro"), (place.pictures.resolve(), ":ro"), (volume, ""))
              for word in ("--volume", f"{path}:{path}{mode}")]  # fmt: skip
    contained = [place.build / "bin/start_contained", "--user", USER, *mounts, root]
    outs = {name: volume / f"{name}.jsonl" for name in ("inside", "outside")}
    with limits() as within:
        samples = in_turns({
            "in the image": lambda: run(place, names, outs["inside"], [*within, *contained], "/usr/bin/headrace"),
            "outside": lambda: run(place, names, outs["outside"], within, place.headrace)}, turns)  # fmt: skip
    if job.essence(job.read(outs["inside"])) != job.essence(job.read(outs["outside"])):
        raise SystemExit("bench: the results in the image differ from those outside")
    rows = [[name, *samples.spread(name, lambda m: m["rate"]).columns(),
             f"{samples.median(name, lambda m: m['cpu_ms']):.2f}",
             f"{samples.median(name, lambda m: 1000 * m['first_answer_seconds']):.0f}"]
            for name in ("in the image", "outside")]  # fmt: skip
    rate, cpu = (samples.ratio("in the image", "outside", lambda m, key=key: m[key]) for key in ("rate", "cpu_ms"))
    count = samples.values["outside"][-1]["items"] // passes
    return (f"{sizes}\nA run of the demo in it:\n\n"
            + table(["", "pictures a second, median", "least to most", "CPU ms a picture", "ms to first answer"], rows)
            + f"\nInside to outside, turn by turn: rate {rate.median:.3f} ({rate.least:.3f} to {rate.most:.3f}), CPU "
            f"time {cpu.median:.3f} ({cpu.least:.3f} to {cpu.most:.3f}); the same results in both. A quota of {CPUS:g} "
            f"core, a limit of {MEMORY >> 20} MiB, {passes} pass{'es' if passes > 1 else ''} over {count} pictures, "
            f"{turns} turns.\n")  # fmt: skip
