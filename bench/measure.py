#!/usr/bin/env python3
"""Runs the benchmarks and prints their tables; see docs/benchmarks.md. Called by bench/run.

Needs the release build, the demo's model and pictures, and the Python of the comparison; makes nothing of that.
Everything it writes goes to a scratch folder, but with --write the tables go into docs/benchmarks.md and the plots
beside it.
"""
import argparse
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dispatch
import governor
import growth
import image
import library
import memory
import peers
import pictures
import programs
import serve
import start
import tune

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "benchmarks.md"
FIGURES = ROOT / "docs" / "figures"
PARTS = ("pictures", "dispatch", "growth", "start", "library", "tune", "memory", "governor", "serve")
# Parts that are measured only when they are named: they take long and download much, or take root.
APART = ("peers", "image")
# Parts whose table stands in a document of its own.
ELSEWHERE = {name: ROOT / "docs" / f"{name}.md" for name in ("tune", "memory", "governor", "image")}


def first_match(pattern, text, otherwise="?"):
    found = re.search(pattern, text, re.M)
    return found.group(1).strip() if found else otherwise


def hardware():
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    memory = int(first_match(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(encoding="utf-8"), "0"))
    release = first_match(r'^PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text(encoding="utf-8"))
    virtual = " (virtual machine)" if re.search(r"^flags.*\bhypervisor\b", cpu, re.M) else ""
    model, family, number = (first_match(rf"^{key}\s*:\s*(.*)", cpu) for key in ("model name", "cpu family", "model"))
    bf16 = ", bfloat16" if re.search(r"^flags.*\bavx512_bf16\b", cpu, re.M) else ""
    return (f"{model} (family {family}, model {number}{bf16}){virtual}, "
            f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} cores, {memory / 2**20:.0f} GiB; "
            f"Linux {platform.release()}, {release}")


def software(place):
    text = subprocess.run([place.python, "-c", "import sys, numpy, PIL, openvino, onnxruntime; print("
                           "f'Python {sys.version.split()[0]}, numpy {numpy.__version__}, Pillow {PIL.__version__}, "
                           "openvino {openvino.__version__.split(\"-\")[0]}, onnxruntime {onnxruntime.__version__}')"],
                          capture_output=True, text=True, check=True).stdout.strip()
    version = programs.run([place.headrace, "--version"]).strip()
    commit = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "-C", ROOT, "describe", "--always", "--dirty"],
                            capture_output=True, text=True, check=False).stdout.strip()
    return f"{version} ({commit or 'no git'}); {text}"


def others():
    """Processors' worth of work that was on this machine before we began."""
    return os.getloadavg()[0]


def processor_seconds():
    """What all processes took since the machine's start, and what ours took."""
    user, nice, system, _, _, irq, soft, *_ = map(int, Path("/proc/stat").read_text(encoding="utf-8").split()[1:9])
    ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return ((user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK"),
            sum(usage.ru_utime + usage.ru_stime for usage in ours))


def put(document, name, text):
    """Replaces what stands between the marks of a part."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    head, found, rest = document.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not found or not found_end:
        raise SystemExit(f"bench: the document has no marks {begin} and {end}")
    return f"{head}{begin}\n{text}{end}{tail}"


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="?", default="all", choices=(*PARTS, *APART, "all"))
    parser.add_argument("--write", action="store_true", help="put the tables into docs/")
    parser.add_argument("--turns", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--passes", type=int, default=4, help="passes over the pictures in one measurement")
    parser.add_argument("--peers", nargs="*", default=list(peers.NAMES), choices=list(peers.NAMES), help="only these")
    parser.add_argument("--items", type=int, default=4_000_000, help="items of a dispatch measurement")
    parser.add_argument("--items-a-worker", type=int, default=40, help="of 100 ms each")
    parser.add_argument("--build", default=ROOT / "build" / "release")
    parser.add_argument("--model", default=ROOT / ".cache" / "models" / "lite0")
    parser.add_argument("--pictures", default=ROOT / ".cache" / "pictures")
    parser.add_argument("--python", default=ROOT / ".cache" / "venv" / "bin" / "python")
    return parser.parse_args()


def main():
    o = options()
    figures = FIGURES if o.write else None
    if figures:
        figures.mkdir(parents=True, exist_ok=True)
    tables = []  # document, name, text
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        place = programs.Place(o.build, o.model, o.pictures, o.python, scratch)
        measures = {
            "pictures": lambda: pictures.measure(place, o.turns, o.passes),
            "dispatch": lambda: dispatch.measure(place, o.turns, o.items),
            "growth": lambda: growth.measure(place, o.turns, o.items_a_worker, figures),
            "start": lambda: start.measure(place, 2 * o.turns),
            "library": lambda: library.measure(place, o.turns),
            "tune": lambda: tune.measure(place, o.turns, o.passes),
            "memory": lambda: memory.measure(place, o.turns, o.passes),
            "governor": lambda: governor.measure(place, o.turns, o.passes),
            "serve": lambda: serve.measure(place, min(o.turns, 3), min(o.passes, 2)),
            "peers": lambda: peers.measure(place, o.turns, o.peers),
            "image": lambda: image.measure(place, o.turns, o.passes),
        }
        load = others()
        machine = f"{hardware()}.  \n{software(place)}.\n"
        print(machine)
        for part in PARTS if o.part == "all" else (o.part,):
            print(f"==> bench: {part}", file=sys.stderr, flush=True)
            began, (all_before, ours_before) = time.time(), processor_seconds()
            text = measures[part]()
            seconds, (all_after, ours_after) = time.time() - began, processor_seconds()
            others_took = max(0.0, (all_after - all_before - ours_after + ours_before) / seconds)
            text += f"\nMeasured {time.strftime('%Y-%m-%d')} in {seconds:.0f} s; load of the machine before: {load:.1f}; "
            text += f"processors that other work took meanwhile: {others_took:.2f}.\n"
            print(f"## {part}\n\n{text}", flush=True)
            place_of_table = ELSEWHERE.get(part, DOCUMENT)
            tables.append((place_of_table, part, text))
            if place_of_table == DOCUMENT:
                tables.append((DOCUMENT, "machine", machine))
    if o.write:
        # Read only now: somebody may have written in them meanwhile.
        for path, name, text in tables:
            path.write_text(put(path.read_text(encoding="utf-8"), name, text), encoding="utf-8")
        print("==> bench: wrote the tables into docs/", file=sys.stderr)


if __name__ == "__main__":
    main()
