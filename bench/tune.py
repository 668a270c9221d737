"""What headrace tune is worth: the plan without tuning against the tuned one, and against a guess in a container whose
quota is smaller than the machine."""
import contextlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import programs
from sampling import in_turns, table

QUOTA = 1.0  # cores, of the group in the second part


def tuned(place, name, before=(), seconds=100):
    """Tunes the demo's model; the plan's file, and what it says at its end."""
    plan = place.scratch / f"{name}.plan.toml"
    began = time.perf_counter()
    done = subprocess.run([*before, str(place.headrace), "tune", str(place.model), f"@{place.list_of_pictures()}",
                           "--out", str(plan), "--report", str(place.scratch / f"{name}.html"), "--progress", "none",
                           "--time", f"{seconds}s"], text=True, capture_output=True, check=True)
    return plan, done.stderr, time.perf_counter() - began


def run(place, passes, *options, before=(), stat=None):
    """One headrace run: its summary, and what the group's counters grew by."""
    def counters():
        return dict(line.split() for line in stat.read_text().splitlines()) if stat else {}

    with tempfile.NamedTemporaryFile(dir=place.scratch, suffix=".json") as summary:
        start = counters()
        names = place.repeated(place.list_of_pictures(), passes)
        programs.run([*before, place.headrace, "run", place.model, f"@{names}", "--progress", "none", "--log-level",
                      "error", "--out", place.scratch / "results.jsonl", "--overwrite", "--summary", summary.name,
                      *options])
        measured = json.loads(Path(summary.name).read_text())
        end = counters()
    measured["rate"] = measured["items"] / (measured["seconds"] - measured["first_answer_seconds"])
    if stat:
        periods, throttled = (int(end[key]) - int(start[key]) for key in ("nr_periods", "nr_throttled"))
        measured["throttled"] = 100 * throttled / max(periods, 1)
    return measured


@contextlib.contextmanager
def quota(cores):
    """A group of cgroup v1 with so many cores: what to put before a command, and its cpu.stat. Nothing without the
    right to make one."""
    own = next((line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines()
                if "cpu" in line.split(":")[1].split(",")), None)
    place = next((Path(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines()
                  if " - cgroup " in line and "cpu" in line.split()[-1].split(",")), None)
    folder = place / own.strip("/") / f"headrace-bench-{os.getpid()}" if own and place else None
    try:
        if folder is None:
            raise OSError("no cgroup v1 hierarchy for cpu")
        folder.mkdir()
        (folder / "cpu.cfs_quota_us").write_text(str(round(cores * 100_000)))
    except OSError as e:
        yield None, str(e)
        return
    try:
        yield ["sh", "-c", f"echo $$ > '{folder}/cgroup.procs' && exec \"$@\"", "sh"], folder / "cpu.stat"
    finally:
        folder.rmdir()


def plan_in_words(said):
    return next((line for line in said.splitlines() if line.startswith("the plan: ")), "?")


def against_no_tuning(place, turns, passes):
    plan, said, seconds = tuned(place, "whole")
    samples = in_turns({"without tuning": lambda: run(place, passes, "--plan", "none"),
                        "tuned": lambda: run(place, passes, "--plan", plan)}, turns)
    rows = [[name, *samples.spread(name, lambda m: m["rate"]).columns("{:.1f}")] for name in ("without tuning", "tuned")]
    ratio = samples.ratio("tuned", "without tuning", lambda m: m["rate"])
    return (f"Tuning took {seconds:.0f} s. {plan_in_words(said)}.\n\n"
            + table(["plan", "items/s, median", "least to most"], rows)
            + f"\nTuned against not tuned, in pairs of alternating runs: {ratio.median:.3f} times the rate.\n")


def against_guessing(place, turns, passes):
    with quota(QUOTA) as (before, stat):
        if before is None:
            return f"Not measured here: {stat}.\n"
        plan, said, _ = tuned(place, "quota", before)
        n = str(place.cores)
        guess = f"guessed: {n} workers x {n} threads"
        samples = in_turns({
            guess: lambda: run(place, passes, "--plan", "none", "--workers", n, "--threads", n, before=before, stat=stat),
            "without tuning": lambda: run(place, passes, "--plan", "none", before=before, stat=stat),
            "tuned": lambda: run(place, passes, "--plan", plan, before=before, stat=stat)}, turns)
    rows = [[name, *samples.spread(name, lambda m: m["rate"]).columns("{:.1f}"),
             f"{samples.median(name, lambda m: m['item_ms']['p50']):.1f}",
             f"{samples.median(name, lambda m: m['item_ms']['p99']):.1f}",
             f"{samples.median(name, lambda m: m['throttled']):.0f} %"] for name in (guess, "without tuning", "tuned")]
    ratio = samples.ratio("tuned", guess, lambda m: m["rate"])
    return (f"A group with a quota of {QUOTA:g} of {place.cores} cores. {plan_in_words(said)}.\n\n"
            + table(["plan", "items/s, median", "least to most", "an item, p50 ms", "p99 ms", "throttled periods"], rows)
            + f"\nTuned against guessed: {ratio.median:.2f} times the rate.\n")


def measure(place, turns, passes):
    return ("### With the whole machine\n\n" + against_no_tuning(place, turns, passes)
            + "\n### With a quota smaller than the machine\n\n" + against_guessing(place, turns, passes))
