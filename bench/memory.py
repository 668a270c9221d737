"""What workers cost in memory, what they share, and what streams in one worker save instead.

Through `headrace run`: all workers of a job that has work for long, read from /proc when each has answered some items.
What headrace does not offer is tried by memory_engine.py, in processes of the engine's own Python package.
"""
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import programs
from sampling import in_turns, table

ENGINES = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
SHAPES = ((1, 1), (2, 1), (4, 1), (8, 1), (1, 2), (1, 4), (1, 8))  # workers, streams; a thread a stream
RATES = {"2 workers": (2, 1, 1), "1 worker, 2 streams": (1, 2, 2), "1 worker, 2 threads": (1, 2, 1)}
TRIALS = {
    "openvino-onnx": "OpenVINO, .onnx, as headrace has it",
    "openvino-ir": "OpenVINO, IR, mapped",
    "openvino-cache": "OpenVINO, .onnx, compiled-model cache, mapped",
    "onnxruntime-onnx": "ONNX Runtime, .onnx, as headrace has it",
    "onnxruntime-unpacked": "ONNX Runtime, .onnx, without prepacking",
    "onnxruntime-mapped": "ONNX Runtime, its own format, mapped",
    "onnxruntime-mapped-unpacked": "ONNX Runtime, its own format, mapped, without prepacking",
}
PROCESSES = 4
WARM = 12  # answers of each worker before it counts as warm


def memory_of(pid):
    """MiB: its proportional share, and what would come back if it alone were killed."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
    return {"pss": kib["Pss"] / 1024, "uss": (kib["Private_Clean"] + kib["Private_Dirty"]) / 1024}


def total(memories):
    return {key: sum(memory[key] for memory in memories) for key in ("pss", "uss")}


def workers_of(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [child for child in children if b"--worker\0" in Path(f"/proc/{child}/cmdline").read_bytes()]


def command(place, model, engine, inputs, workers, threads, streams, out):
    return [str(part) for part in (
        place.headrace, "run", model, f"@{inputs}", "--engine", engine, "--workers", workers, "--threads", threads,
        "--streams", streams, "--progress", "none", "--log-level", "error", "--out", out, "--overwrite")]


def warm(out, workers):
    """Whether each worker has answered enough."""
    answers = [0] * workers
    for line in out.read_text().splitlines()[:-1] if out.exists() else ():
        answers[json.loads(line).get("worker", 0)] += 1
    return min(answers) >= WARM


def footprint(place, model, engine, workers, streams):
    """Of all workers together while they work, after warm-up."""
    out = place.scratch / "footprint.jsonl"
    out.unlink(missing_ok=True)
    names = place.repeated(place.list_of_pictures(), 100)
    with subprocess.Popen(command(place, model, engine, names, workers, streams, streams, out),
                          stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as job:
        try:
            deadline = time.monotonic() + 120
            while not warm(out, workers):
                if job.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"bench: no warm workers of {model} within 120 s, or the run ended")
                time.sleep(0.05)
            return total([memory_of(pid) for pid in workers_of(job.pid)])
        finally:
            job.kill()


def rate(place, model, engine, passes, shape):
    """Pictures a second and CPU time of each, start and end left out: a run of one pass is subtracted."""
    def once(times):
        with tempfile.NamedTemporaryFile(dir=place.scratch, suffix=".json") as summary:
            names = place.repeated(place.list_of_pictures(), times)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            programs.run([*command(place, model, engine, names, *shape, place.scratch / "rate.jsonl"), "--summary",
                          summary.name])
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            measured = json.loads(Path(summary.name).read_text())
        return measured["items"], measured["seconds"], sum(after[:2]) - sum(before[:2])

    (items, seconds, cpu), (one, start, start_cpu) = once(passes + 1), once(1)
    return {"rate": (items - one) / (seconds - start), "cpu": 1000 * (cpu - start_cpu) / (items - one)}


def in_headrace(place, models):
    rows = []
    for engine, model, name in models:
        alone = None
        for workers, streams in SHAPES:
            print(f"    {name}: {workers} x {streams}", file=sys.stderr, flush=True)
            found = footprint(place, model, engine, workers, streams)
            alone = alone or found
            times = workers * streams
            rows.append([f"{name}: {workers} worker{'s' * (workers > 1)} of {streams} stream{'s' * (streams > 1)}",
                         str(times), f"{found['pss']:.0f}", f"{found['uss']:.0f}", f"{found['pss'] / times:.1f}",
                         f"{found['pss'] / (times * alone['pss']):.2f}"])
    return table(["", "items at once", "PSS of all, MiB", "USS of all, MiB", "PSS an item at once, MiB",
                  "of as many times one"], rows)


def streams_table(place, model, turns, passes):
    cases = {f"{name}: {what}": (lambda e=engine, s=shape: rate(place, model, e, passes, s))
             for engine, name in ENGINES.items() for what, shape in RATES.items()}
    samples = in_turns(cases, turns)
    rows = []
    for name in ENGINES.values():
        for what in RATES:
            case, base = f"{name}: {what}", f"{name}: {next(iter(RATES))}"
            rows.append([case, *samples.spread(case, lambda m: m["rate"]).columns(),
                         *samples.ratio(case, base, lambda m: m["rate"]).columns("{:.3f}"),
                         f"{samples.median(case, lambda m: m['cpu']):.2f}"])
    return table(["", "pictures a second, median", "least to most", "to 2 workers, median", "least to most",
                  "CPU ms a picture"], rows)


def trial(place, name, model, folder):
    """PROCESSES processes at once, each with the model; what loading it added to each, and its speed in one."""
    processes = [subprocess.Popen([place.python, "-B", programs.HERE / "memory_engine.py", name, model, folder],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                 for _ in range(PROCESSES)]
    try:
        def together():
            for process in processes:
                if process.stdout.readline() == "":
                    raise SystemExit(f"bench: a process of {name} ended")
            return total([memory_of(process.pid) for process in processes])

        before = together()
        for process in processes:
            print("load", file=process.stdin, flush=True)
        loaded = together()
        print("time", file=processes[0].stdin, flush=True)
        milliseconds = float(processes[0].stdout.readline())
        return {**{key: (loaded[key] - before[key]) / PROCESSES for key in before}, "ms": milliseconds}
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def trials_table(place, model, folder, turns):
    samples = in_turns({name: (lambda n=name: trial(place, n, model, folder)) for name in TRIALS}, turns)
    rows = []
    for name, text in TRIALS.items():
        base = name.split("-")[0] + "-onnx"
        rows.append([text, *(f"{samples.median(name, lambda m, k=key: m[k]):.1f}" for key in ("pss", "uss")),
                     f"{samples.median(name, lambda m: m['ms']):.2f}",
                     *samples.ratio(name, base, lambda m: m["ms"]).columns("{:.2f}")])
    return table(["", "PSS a process, MiB", "USS a process, MiB", "ms an inference", "time, to the first of its engine",
                  "least to most"], rows)


def as_ir(place, model, converted):
    """The model's folder, with OpenVINO's IR in place of the .onnx."""
    folder = place.scratch / "model-ir"
    folder.mkdir(exist_ok=True)
    text = (model / "model.toml").read_text().replace("lite0.onnx", "lite0.xml")
    (folder / "model.toml").write_text(text)
    for name in ("lite0.xml", "lite0.bin"):
        shutil.copy(converted / name, folder / name)
    shutil.copy(model / "labels.txt", folder)
    return folder


def measure(place, turns, passes):
    model = place.variant("f32")
    converted = place.scratch / "converted"
    converted.mkdir(exist_ok=True)
    programs.run([place.python, "-B", programs.HERE / "memory_engine.py", "convert", model / "lite0.onnx", converted])
    models = [("openvino", model, "OpenVINO"), ("openvino", as_ir(place, model, converted), "OpenVINO, IR"),
              ("onnxruntime", model, "ONNX Runtime")]
    file = (model / "lite0.onnx").stat().st_size / 2**20
    return ("### Workers and streams\n\n" + in_headrace(place, models)
            + "\n### How fast\n\n" + streams_table(place, model, turns, passes)
            + "\n### What engines could share\n\n" + trials_table(place, model / "lite0.onnx", converted, turns)
            + f"\nThe model file has {file:.1f} MiB, f32, batch 1. {turns} turns; rates: {passes} passes each. "
              f"What engines could share: {PROCESSES} processes of the engine's Python package at once, 1 thread each; "
              "what loading and first running the model added to each, code of the engine not counted.\n")
