"""The programs that are measured: how each is started and what it says.

Every function runs one program once and returns what it measured as a dictionary. They differ only in what is
started; processes and threads are always given explicitly, so that nothing guesses.
"""
import json
import os
import re
import resource
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TBB_NUM_THREADS")}


class Place:
    """Where things are: the build folder, model, pictures, the Python of the comparison, a scratch folder."""

    def __init__(self, build, model, pictures, python, scratch):
        self.build, self.model, self.pictures = Path(build), Path(model), Path(pictures)
        self.python, self.scratch = Path(python), Path(scratch)
        self.headrace = self.build / "headrace"
        self.engines = self.build / "engines"
        self.cores = len(os.sched_getaffinity(0))

    def program(self, name):
        return self.build / "bench" / name

    def variant(self, precision):
        """The model folder, with this precision."""
        folder = self.scratch / f"model-{precision}"
        if not folder.exists():
            folder.mkdir()
            text = (self.model / "model.toml").read_text()
            if not re.search(r"^precision\s*=", text, re.M):
                text = f'precision = "{precision}"\n' + text
            text = re.sub(r"^precision\s*=.*", f'precision = "{precision}"', text, flags=re.M)
            (folder / "model.toml").write_text(text)
            for file in self.model.iterdir():
                if file.name != "model.toml":
                    (folder / file.name).symlink_to(file.resolve())
        return folder

    def list_of_pictures(self):
        """A file with every picture, one a line; all of them in the page cache."""
        file = self.scratch / "pictures.txt"
        if not file.exists():
            found = sorted(p for p in self.pictures.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
            if not found:
                raise SystemExit(f"bench: no pictures below {self.pictures}")
            for picture in found:
                picture.read_bytes()
            file.write_text("".join(f"{p}\n" for p in found))
        return file

    def repeated(self, names, times):
        file = self.scratch / f"{names.stem}-{times}.txt"
        if not file.exists():
            file.write_text(names.read_text() * times)
        return file

    def fake_model(self, name, settings, output="raw"):
        """A model of the fake engine that takes an item's name and opens no file."""
        folder = self.scratch / name
        if not folder.exists():
            folder.mkdir()
            (folder / "model.fake").write_text(settings)
            (folder / "model.toml").write_text(
                'file = "model.fake"\nengine = "fake"\n[input]\nkind = "name"\nmax_bytes = 64\n'
                f'[output]\nkind = "{output}"\n')
        return folder


def run(command, **environment):
    done = subprocess.run([str(part) for part in command], env={**os.environ, **environment}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def headrace(place, model, inputs, workers, *options, results=None):
    """The summary of one `headrace run`, and the CPU seconds of it and its workers."""
    with tempfile.NamedTemporaryFile(dir=place.scratch, suffix=".json") as summary:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run([place.headrace, "run", model, *inputs, "--workers", workers, "--threads", 1, "--progress", "none",
             "--log-level", "error", "--out", results or place.scratch / "results.jsonl", "--overwrite",
             "--summary", summary.name, *options])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        measured = json.loads(Path(summary.name).read_text())
    measured["cpu_seconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return measured


def limit(place, model, engine, names, passes):
    return json.loads(run([place.program("limit"), model, engine, place.engines, names, passes, place.cores],
                          **ONE_THREAD))


def python_pool(place, *arguments):
    return json.loads(run([place.python, HERE / "python_pool.py", *arguments], **ONE_THREAD))


def mailbox(place, workers):
    """How many items `headrace run` plans to queue at each of so many workers, with a classifier."""
    model = place.fake_model("classify", "kind = classify\n", "classification")
    one = place.scratch / "one.txt"
    one.write_text("item\n")
    done = subprocess.run([str(place.headrace), "run", str(model), f"@{one}", "--workers", str(workers), "--log-level",
                           "info", "--progress", "none"], text=True, stdin=subprocess.DEVNULL, capture_output=True,
                          check=True)
    return int(re.search(r"^mailbox\s+(\d+)", done.stderr, re.M).group(1))


def dispatch(place, workers, depth, items, round_trips):
    return json.loads(run([place.program("dispatch"), workers, depth, items, round_trips]))


def figures(place, name, *arguments):
    """One program of the library's part: it prints numbers by name."""
    return json.loads(run([place.program(name), *arguments]))


def python_library(place, *arguments):
    return json.loads(run([place.python, "-B", HERE / "python_library.py", *arguments]))


def benchmark_app(place, model, seconds, *options):
    """The engine's own measurement of the model alone: no files, no decoding. Inferences a second."""
    start = "import sys, openvino.tools.benchmark.main as app; sys.exit(app.main())"  # what its console script does
    text = run([place.python, "-c", start, "-m", model / "lite0.onnx", "-d", "CPU", "-hint",
                "none", "-nstreams", place.cores, "-nthreads", place.cores, "-infer_precision", "f32",
                "-shape", "[1,3,224,224]", "-t", seconds, *options])
    found = re.search(r"Throughput:\s*([0-9.]+)", text)
    if not found:
        raise SystemExit(f"bench: benchmark_app says no throughput:\n{text[-2000:]}")
    return {"rate": float(found.group(1))}


def seconds_to_first_line(command, **environment):
    """From the start of the process to the first line that it prints; then it is left to end."""
    begin = time.perf_counter()
    with subprocess.Popen([str(part) for part in command], env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        line = process.stdout.readline()
        seconds = time.perf_counter() - begin
        process.stdout.read()
    if not line or process.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, command))} ended with {process.returncode} and no result")
    return seconds
