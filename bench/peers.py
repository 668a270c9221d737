"""headrace serve beside other servers: the same model and pictures, two workers of one thread, the same clients; and
what each does when one of its workers is killed."""
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import load
import programs
from sampling import in_turns, table

PEERS = programs.HERE / "peers"
CONNECTIONS = (1, 8, 64)
WARM_SECONDS, SECONDS = 2, 6
CRASH_SECONDS = 20  # watched after the kill
CRASH_CLIENTS = 8
IMAGE = {"Content-Type": "image/jpeg"}
BOUNDARY = "picture-boundary"
NAMES = {"mosec": "mosec", "litserve": "LitServe", "mlserver": "MLServer", "fastapi": "FastAPI, gunicorn and uvicorn",
         "ray": "Ray Serve"}
OURS, DEFAULT = "headrace serve, OpenVINO, f32", "headrace serve, as it comes"


def command(name, port):
    """How a peer is started, in its own folder."""
    if name == "mlserver":
        return ["-c", "import mlserver.cli; mlserver.cli.main()", "start", "."]
    if name == "fastapi":
        return ["-m", "gunicorn", "-w", 2, "-k", "uvicorn_worker.UvicornWorker", "-b", f"127.0.0.1:{port}",
                "server:app"]
    return ["server.py"]


class Peer(load.Program):
    """A peer that answers pictures, and has loaded its model."""

    def __init__(self, place, python, name, example):
        self.port, self.path, self.name = load.free_port(), "/infer", name
        environment = {"BENCH_MODEL": str(place.model.resolve()), "BENCH_PORT": str(self.port),
                       "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(PEERS), **programs.ONE_THREAD}
        if name == "mosec":
            self.path = "/inference"
        if name == "litserve":
            self.path = "/predict"
        if name == "mlserver":
            environment |= {"MLSERVER_HOST": "127.0.0.1", "MLSERVER_HTTP_PORT": str(self.port),
                            "MLSERVER_GRPC_PORT": str(load.free_port()),
                            "MLSERVER_METRICS_PORT": str(load.free_port()), "MLSERVER_DEBUG": "false",
                            "MLSERVER_PARALLEL_WORKERS": "2", "MLSERVER_METRICS_DIR": str(place.scratch),
                            "MLSERVER_ENVIRONMENTS_DIR": str(place.scratch)}
        if name == "ray":
            environment |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": str(place.scratch)}
        super().__init__([python, "-B", *command(name, self.port)], place.scratch, PEERS / name, **environment)
        try:
            load.until(lambda: self.classify(example) is not None, 180, f"{name} answers", self)
        except BaseException:
            self.end(signal.SIGKILL)
            raise

    @property
    def headers(self):
        return {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"} if self.name == "litserve" else IMAGE

    def body(self, picture):
        if self.name != "litserve":
            return picture
        return (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="picture"; filename="a.jpg"\r\n'
                "Content-Type: image/jpeg\r\n\r\n").encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()

    def classify(self, picture):
        return label(self.port, self.path, self.body(picture), self.headers)

    def bodies(self, place):
        """The list of files to be sent."""
        if self.name != "litserve":
            return place.list_of_pictures()
        folder = place.scratch / "forms"
        names = place.scratch / "forms.txt"
        if not folder.exists():
            folder.mkdir()
            for number, picture in enumerate(place.list_of_pictures().read_text().splitlines()):
                (folder / f"{number:04}").write_bytes(self.body(Path(picture).read_bytes()))
            names.write_text("".join(f"{file}\n" for file in sorted(folder.iterdir())))
        return names


class Ours(load.Headrace):
    """headrace serve, asked in the same way."""

    headers = IMAGE

    def __init__(self, place, model, *options):
        super().__init__(place, model, *options, workers=2)

    def body(self, picture):
        return picture

    def classify(self, picture):
        return label(self.port, self.path, picture, IMAGE)

    def bodies(self, place):
        return place.list_of_pictures()


def label(port, path, body, headers):
    with contextlib.suppress(OSError):
        status, answer = load.ask(port, "POST", path, body, headers)
        return answer["label"] if status == 200 and answer else None


def pythons(wanted):
    """{name: its Python} of the peers that are, or can be, installed."""
    subprocess.run([PEERS / "prepare", *wanted], stdout=sys.stderr, check=False)
    folder = Path(os.environ.get("HEADRACE_CACHE", programs.HERE.parent / ".cache")) / "peers"
    return {name: folder / name / "bin" / "python" for name in wanted if (folder / f"{name}.pin").exists()}


def starters(place, found, example):
    """{row: function that starts it}."""
    ours = {OURS: lambda: Ours(place, place.variant("f32"), "--engine", "openvino"),
            DEFAULT: lambda: Ours(place, place.model)}
    return ours | {NAMES[name]: (lambda n=name, p=python: Peer(place, p, n, example)) for name, python in found.items()}


def agreement(start, pictures, expected):
    """Whether it names pictures as headrace does; those whose best two are near each other may go either way."""
    with start() as server:
        named = [server.classify(picture) for picture in pictures]
    return sum(a == b for a, b in zip(named, expected))


def measured(place, start):
    """Rate and latency with each number of connections. A server has the machine to itself."""
    with start() as server:
        bodies = server.bodies(place)
        load.wrk(server.port, server.path, bodies, 8, WARM_SECONDS, server.headers)
        found = {}
        for connections in CONNECTIONS:
            found[connections] = load.wrk(server.port, server.path, bodies, connections, SECONDS, server.headers)
        found["pss"] = load.pss_mib(server.pid)
    return found


async def watched(server, requests):
    """Clients that ask again and again, and the busiest process below the server killed in the middle."""
    stop = asyncio.Event()
    asking = asyncio.create_task(load.asking(server.port, requests, CRASH_CLIENTS, stop))
    await asyncio.sleep(2)
    used = {pid: load.cpu_seconds(pid) for pid in load.descendants(server.pid)}
    await asyncio.sleep(3)
    busiest = max(used, key=lambda pid: load.cpu_seconds(pid) - used[pid])
    killed = time.perf_counter()
    os.kill(busiest, signal.SIGKILL)
    await asyncio.sleep(CRASH_SECONDS)
    stop.set()
    answers = await asking
    return answers, killed, killed + CRASH_SECONDS


def crash(place, start, pictures):
    with start() as server:
        requests = [load.request(server.path, server.body(picture), **{key.replace("-", "_"): value for key, value in
                                                                      server.headers.items()}) for picture in pictures]
        answers, killed, end = asyncio.run(watched(server, requests))
        running = server.running()
        code = "" if running else str(server.process.returncode)
    good = sorted(a.sent + a.seconds for a in answers if a.status == 200)
    bad = [a for a in answers if a.sent + a.seconds > killed and a.status != 200]
    words = {load.BROKEN: "connection ended", load.REFUSED: "refused", load.SILENT: "no answer in 10 s"}
    statuses = sorted({words.get(a.status, str(a.status)) for a in bad})
    moments = [killed, *(at for at in good if killed < at < end), end]
    gap = max(b - a for a, b in zip(moments, moments[1:]))
    rate = lambda begin, over: sum(begin <= at < over for at in good) / (over - begin)
    before, after = rate(killed - 3, killed), rate(end - 5, end)
    longest = max((a.seconds for a in answers if a.status == 200 and a.sent + a.seconds > killed), default=float("nan"))
    return [str(len(bad)), ", ".join(statuses), f"{gap:.2f}", f"{longest:.2f}",
            f"{after / before:.2f}" if before else "", "runs" if running else f"ended with {code}"]


def rows_of(samples, cases):
    rows = []
    for case in cases:
        for connections in CONNECTIONS:
            rate = lambda m, c=connections: m[c]["rate"]
            ratio = samples.ratio(case, OURS, rate)
            rows.append([case if connections == CONNECTIONS[0] else "", str(connections),
                         *samples.spread(case, rate).columns(), *ratio.columns("{:.2f}"),
                         *(f"{samples.median(case, lambda m, c=connections, k=key: m[c][k]) / 1000:.1f}"
                           for key in ("p50_us", "p99_us")),
                         f"{samples.median(case, lambda m, c=connections: m[c]['client_cpu']):.2f}",
                         str(sum(samples.of(case, lambda m, c=connections: m[c]["not_200"] + m[c]["broken"]))),
                         f"{samples.median(case, lambda m: m['pss']):.0f}" if connections == CONNECTIONS[0] else ""])
    return rows


def measure(place, turns, wanted):
    names = place.list_of_pictures().read_text().splitlines()
    some = [Path(name).read_bytes() for name in names[::max(len(names) // 40, 1)]][:40]
    found = pythons(wanted)
    cases = starters(place, found, some[0])
    with cases[OURS]() as server:
        expected = [server.classify(picture) for picture in some]
    notes, usable = [f"{NAMES[name]} could not be installed." for name in wanted if name not in found], {}
    for case, start in cases.items():
        print(f"    {case}: answers", file=sys.stderr, flush=True)
        try:
            same = agreement(start, some, expected)
        except SystemExit as e:
            print(e, file=sys.stderr)
            notes.append(f"{case} does not start here.")
            continue
        if same < 0.9 * len(some):
            notes.append(f"{case} gives other answers ({same} of {len(some)} the same) and is left out.")
            continue
        notes.append(f"{case}: {same} of {len(some)}.")
        usable[case] = start
    samples = in_turns({case: (lambda s=start: measured(place, s)) for case, start in usable.items()}, turns)
    crashes = []
    for case, start in usable.items():
        if case != DEFAULT:
            print(f"    {case}: a worker is killed", file=sys.stderr, flush=True)
            crashes.append([case, *crash(place, start, some)])
    return ("### Rate\n\n"
            + table(["", "connections", "pictures a second, median", "least to most", f"to {OURS}, within a turn",
                     "least to most", "p50 ms", "p99 ms", "processors that `wrk` took", "not 200", "PSS MiB"],
                    rows_of(samples, usable))
            + f"\n{len(names)} pictures in turn, {SECONDS} s each after {WARM_SECONDS} s of warming up, {turns} turns. "
            "Versions: " + ", ".join(version(python, name) for name, python in found.items()) + ". Same best class as "
            f"headrace, of {len(some)} pictures: " + " ".join(notes) + "\n\n### One worker killed\n\n"
            + table(["", "requests that failed", "how", "longest time without any answer, s", "slowest answer, s",
                     "rate after 15 s, of that before", "the server"], crashes)
            + f"\n{CRASH_CLIENTS} clients that ask again and again, over HTTP, for {CRASH_SECONDS} s after the kill "
            "of the process that is busiest. A client gives up after 10 s.\n")


def version(python, name):
    script = f"import importlib.metadata as m; print(m.version('{name}'))"
    return f"{name} {programs.run([python, '-c', script]).strip()}"
