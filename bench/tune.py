"""What headrace tune is worth: the plan without tuning against the tuned one, and against guesses in a container whose
quota is smaller than the machine: as many processes as the machine has processors, and the engines' own defaults."""
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


def counters(stat):
    return dict(line.split() for line in stat.read_text().splitlines()) if stat else None


def throttled(start, end):
    """Percent of the periods between two readings in which the group was stopped."""
    if start is None:
        return None
    periods, stopped = (int(end[key]) - int(start[key]) for key in ("nr_periods", "nr_throttled"))
    return 100 * stopped / max(periods, 1)


def run(place, passes, *options, before=(), stat=None):
    """One headrace run: its summary, and how often its group was throttled."""
    with tempfile.NamedTemporaryFile(dir=place.scratch, suffix=".json") as summary:
        start = counters(stat)
        names = place.repeated(place.list_of_pictures(), passes)
        programs.run([*before, place.headrace, "run", place.model, f"@{names}", "--progress", "none", "--log-level",
                      "error", "--out", place.scratch / "results.jsonl", "--overwrite", "--summary", summary.name,
                      *options])
        measured = json.loads(Path(summary.name).read_text())
        end = counters(stat)
    measured["rate"] = measured["items"] / (measured["seconds"] - measured["first_answer_seconds"])
    measured["throttled"] = throttled(start, end)
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


def python_pool(place, engine, precision, processes, passes, before, stat):
    """One multiprocessing.Pool: the clock starts when all is loaded."""
    start = counters(stat)
    measured = json.loads(programs.run([*before, place.python, "-B", programs.HERE / "python_pool.py", "pictures",
                                        place.model, engine, precision, place.list_of_pictures(), passes, processes, 4,
                                        "plain"]))
    return {"rate": measured["items"] / measured["seconds"], "throttled": throttled(start, counters(stat))}


def plan_in_words(said):
    return next((line for line in said.splitlines() if line.startswith("the plan: ")), "?")


def against_no_tuning(place, turns, passes):
    plan, said, seconds = tuned(place, "whole")
    samples = in_turns({"without tuning": lambda: run(place, passes, "--plan", "none"),
                        "tuned": lambda: run(place, passes, "--plan", plan)}, turns)
    rows = [[name, *samples.spread(name, lambda m: m["rate"]).columns("{:.1f}")] for name in ("without tuning", "tuned")]
    ratio = samples.ratio("without tuning", "tuned", lambda m: m["rate"])
    return (f"Tuning took {seconds:.0f} s; {plan_in_words(said)}.\n\n"
            + table(["plan", "items/s, median", "least to most"], rows)
            + f"\nNot tuned against tuned, in pairs of alternating runs: {ratio.median:.3f} of the rate.\n")


def against_guessing(place, turns, passes):
    with quota(QUOTA) as (before, stat):
        if before is None:
            return f"Not measured here: {stat}.\n"
        plan, said, _ = tuned(place, "quota", before)
        n = str(place.cores)

        def ours(*options):
            return lambda: run(place, passes, *options, before=before, stat=stat)

        def pool(engine, precision, processes):
            return lambda: python_pool(place, engine, precision, processes, passes, before, stat)

        guess = f"Python Pool of {n}, OpenVINO's defaults"
        cases = {guess: pool("openvino", "defaults", n),
                 f"Python Pool of {n}, ONNX Runtime's defaults": pool("onnxruntime", "defaults", n),
                 "Python Pool of 1, OpenVINO with 1 thread": pool("openvino", "auto", 1),
                 f"headrace run, {n} workers x {n} threads": ours("--plan", "none", "--workers", n, "--threads", n),
                 "headrace run, without tuning": ours("--plan", "none"),
                 "headrace run, tuned": ours("--plan", plan)}
        samples = in_turns(cases, turns)

    def milliseconds(name, which):
        return f"{samples.median(name, lambda m: m['item_ms'][which]):.1f}" if name.startswith("headrace") else ""

    rows = [[name, *samples.spread(name, lambda m: m["rate"]).columns("{:.1f}"), milliseconds(name, "p50"),
             milliseconds(name, "p99"), f"{samples.median(name, lambda m: m['throttled']):.0f} %"] for name in cases]
    return (f"A group with a quota of {QUOTA:g} of {place.cores} cores; {plan_in_words(said)}.\n\n"
            + table(["", "items/s, median", "least to most", "an item, p50 ms", "p99 ms", "throttled periods"], rows)
            + "\nThe rate of the tuned plan, as times that of the others in pairs of alternating runs, from the top: "
            + ", ".join(f"{samples.ratio('headrace run, tuned', name, lambda m: m['rate']).median:.2f}"
                        for name in list(cases)[:-1]) + ".\n")


def measure(place, turns, passes):
    return ("### With the whole machine\n\n" + against_no_tuning(place, turns, passes)
            + "\n### With a quota smaller than the machine\n\n" + against_guessing(place, turns, passes))
