"""What every end-to-end test stands on: models of the fake engine, runs of the program, and a strict reader of
its results.

A test is a program with one `job.test(body)`: exit code 0 passed, 77 skipped (it says why), anything else failed.
HEADRACE_TEST_BINARY names the program under test; HEADRACE_CACHE is where scripts/prepare put model and pictures.
Nothing here is part of the product, and nothing needs more than Python's own library.
"""

import collections
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("HEADRACE_TEST_BINARY", str(ROOT / "build/release/headrace"))
CACHE = Path(os.environ.get("HEADRACE_CACHE", ROOT / ".cache"))
CODES = {"not_found", "unreadable", "unsupported", "corrupt", "too_large", "infer_failed", "result_too_large",
         "worker_crashed", "timeout", "cancelled"}  # fmt: skip
Done = collections.namedtuple("Done", "code lines said summary")


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


def sanitized():
    """Whether the program under test watches its own memory, and takes several times as much of it for that."""
    content = Path(BINARY).read_bytes()
    return b"__asan_init" in content or b"__tsan_init" in content


def needs_true_memory():
    if sanitized():
        skip("what processes take under a sanitizer has nothing to do with what they take")


def test(body):
    """Runs `body` in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="headrace-e2e-") as folder:
        os.chdir(folder)
        try:
            body()
        finally:
            os.chdir("/")
    print("passed")


def until(condition, seconds, what):
    """Waits for a condition, and fails when it is not met in time. Returns its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.005)
    return value


# --- models and inputs


def fake(name="model", input="name", **keys):
    """A model folder for the fake engine; `keys` go into its file. Answers raw numbers."""
    os.makedirs(name, exist_ok=True)
    of_input = {"name": "max_bytes = 64", "bytes": "max_bytes = 4096", "image": 'size = 32\ntype = "u8"'}[input]
    Path(name, "model.toml").write_text(
        f'file = "it.fake"\nengine = "fake"\n[input]\nkind = "{input}"\n{of_input}\n[output]\nkind = "raw"\n')
    keys = {"kind": "raw", **({"input": "u8"} if input == "image" else {}), **keys}
    Path(name, "it.fake").write_text("".join(f"{key} = {value}\n" for key, value in keys.items()))
    return name


def handler(name="obedient_handler"):
    """A handler of the build: one of src/worker for tests, or an example."""
    build = Path(BINARY).resolve().parent
    found = [path for path in (build / f"testdata/handlers/{name}.so", build / f"examples/handler/lib{name}.so")
             if path.exists()]  # fmt: skip
    assert found, f"{build} holds no handler {name}"
    return found[0]


def orders(contents, folder="in"):
    """Files with these contents, which the obedient handler (src/worker) takes for orders; their names."""
    os.makedirs(folder, exist_ok=True)
    names = [f"{folder}/{i:06}.txt" for i in range(len(contents))]
    for name, content in zip(names, contents):
        Path(name).write_text(content)
    return names


def listed(names, file="list.txt"):
    """The argument that stands for these inputs."""
    Path(file).write_bytes(b"".join(os.fsencode(name) + b"\n" for name in names))
    return "@" + file


def numbered(count):
    return [f"item-{i:06}" for i in range(count)]


def real_model():
    model = CACHE / "models/lite0"
    return str(model) if (model / "model.toml").exists() else skip(f"no model in {model}: scripts/prepare makes it")


def real_pictures():
    folder = CACHE / "pictures"
    found = sorted(str(path) for path in folder.rglob("*") if path.is_file())
    return found or skip(f"no pictures in {folder}: scripts/prepare makes them")


# --- runs


class Run:
    """One `headrace run` (or another command) under way, with all processes that come of it."""

    def __init__(self, *arguments, command="run", before=(), environment=None, **popen):
        self.mark = "E2E_MARK=" + uuid.uuid4().hex
        clean = {k: v for k, v in os.environ.items() if not k.startswith("HEADRACE_")}
        key, value = self.mark.split("=")
        clean = {**clean, key: value, **(environment or {})}
        self.stdout, self.stderr = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        popen = {"stdin": subprocess.DEVNULL, "stdout": self.stdout, "stderr": self.stderr, **popen}
        command = [*before, BINARY, command, *map(str, arguments)]
        self.process = subprocess.Popen(command, env=clean, **popen)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def said(self):
        size = os.fstat(self.stderr.fileno()).st_size
        return os.pread(self.stderr.fileno(), size, 0).decode(errors="replace")

    def workers(self):
        """Its workers. A child that has not begun to run its program yet is none: the supervisor waits for that moment,
        so a child that is stopped before it would stop them both."""
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            return [int(pid) for pid in children if b"--worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        except OSError:
            return []

    def everyone(self):
        """Every process of this run that still exists, whoever its parent is now."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
            except OSError:
                pass
        return found

    def until_said(self, text, times=1, seconds=30):
        until(lambda: self.said().count(text) >= times or not self.running(), seconds, f"it said {text!r}")
        assert self.said().count(text) >= times, f"it never said {text!r}:\n{self.said()}"

    def end(self, code=0, seconds=60):
        """Waits for its end; its exit code must be `code` (None: any)."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"still running after {seconds} s; it said:\n{self.said()}") from None
        assert code in (None, self.process.returncode), \
            f"exit code {self.process.returncode}, not {code}; it said:\n{self.said()[-4000:]}"
        until(lambda: not self.everyone(), 10, "no process of the run is left")
        self.stdout.seek(0)
        summary = Path("summary.json")
        return Done(self.process.returncode, read(self.stdout.read()), self.said(),
                    json.loads(summary.read_text()) if summary.exists() else None)


class Fed:
    """A run that gets names through its standard input until it is told that these were all, so that it goes on for as
    long as a test needs. Its results are exactly these names' or the test fails."""

    def __init__(self, model, *arguments, **more):
        self.names = []
        self.run = Run(model, "-", "--out", "out.jsonl", "--overwrite", "--summary", "summary.json", *arguments,
                       stdin=subprocess.PIPE, **more)  # fmt: skip

    def until_said(self, text, times=1, seconds=60):
        deadline = time.monotonic() + seconds
        while self.run.said().count(text) < times:
            assert self.run.running() and time.monotonic() < deadline, f"never said {text!r}:\n{self.run.said()}"
            if len(self.names) - self.done() > 200:
                time.sleep(0.005)
                continue
            more = [f"item-{i:06}" for i in range(len(self.names), len(self.names) + 50)]
            self.names += more
            self.run.process.stdin.write("".join(name + "\n" for name in more).encode())
            self.run.process.stdin.flush()

    def done(self):
        return Path("out.jsonl").read_bytes().count(b"\n") if Path("out.jsonl").exists() else 0

    def end(self):
        self.run.process.stdin.close()
        done = self.run.end()
        exactly_once(read("out.jsonl"), self.names)
        return done


def run(*arguments, code=0, seconds=60, **more):
    return Run(*arguments, **more).end(code, seconds)


def state(pid):
    """The kernel's letter for it: R, S, T (stopped), Z; nothing once it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def storm(under_way, number, every, choose, out="out.jsonl"):
    """Sends signal `number` to one worker, which `choose` picks, every `every` seconds until the run ends. Returns how
    often it did. The pace is what the test is about; nothing is synchronised by it.

    The first comes after the first line of results, and no more than four come between two lines: ten deaths without
    an item done in between rightly end a run, and on a machine that is busy with other things a storm could catch
    every worker while it loads."""
    sent, in_a_row, size, deadline = 0, 0, 0, time.monotonic() + 120
    while under_way.running():
        assert time.monotonic() < deadline, f"the run does not end; it said:\n{under_way.said()[-4000:]}"
        before, size = size, os.path.getsize(out) if os.path.exists(out) else 0
        in_a_row = in_a_row if size == before else 0
        workers = [pid for pid in under_way.workers() if state(pid) in ("R", "S", "D")]
        if workers and size > 0 and in_a_row < 4:
            try:
                os.kill(choose(workers), number)
                sent, in_a_row = sent + 1, in_a_row + 1
            except ProcessLookupError:
                pass
        time.sleep(every)
    return sent


def in_namespace(script, *flags):
    """Goes on with this same test inside of new namespaces, after the shell command `script`. Skips if not allowed."""
    if os.environ.get("E2E_INSIDE"):
        return
    tried = subprocess.run(["unshare", *flags, "sh", "-c", script], capture_output=True, text=True)
    if tried.returncode != 0:
        skip(f"namespaces are not allowed here: {tried.stderr.strip()}")
    command = ["unshare", *flags, "sh", "-c", f'{script} && exec "$@"', "sh"]
    command += [sys.executable, "-B", os.path.abspath(sys.argv[0]), *sys.argv[1:]]
    os.chdir("/")
    sys.exit(subprocess.run(command, env={**os.environ, "E2E_INSIDE": "1"}).returncode)


# --- results


def no_twins(pairs):
    assert len({key for key, _ in pairs}) == len(pairs), f"a key stands twice in {pairs}"
    return dict(pairs)


def no_constant(word):
    raise AssertionError(f"{word} is not JSON")


def check_line(line):
    failed = line["status"] == "failed"
    assert line["status"] in ("ok", "failed"), line
    tail = ["error"] if failed else ["result", "ms"]
    never_worked = failed and "worker" not in line
    assert list(line) == ["index", "input", "status", "attempts", *([] if never_worked else ["worker"]), *tail], line
    assert isinstance(line["index"], int) and isinstance(line["input"], str), line
    assert line["attempts"] >= (0 if never_worked else 1), line
    if failed:
        assert list(line["error"]) == ["code", "message"] and line["error"]["code"] in CODES, line
        assert line["error"]["message"].strip(), line
    else:
        assert list(line["ms"]) == ["queue", "decode", "infer"] and min(line["ms"].values()) >= 0, line


def read(content):
    """Lines of results, from bytes or a file: each one object, whole, with the keys that are documented."""
    content = content if isinstance(content, bytes) else Path(content).read_bytes()
    assert content == b"" or content.endswith(b"\n"), f"the last line is torn: {content[-80:]!r}"
    lines = []
    for text in content.split(b"\n")[:-1]:
        lines.append(json.loads(text.decode("utf-8"), parse_constant=no_constant, object_pairs_hook=no_twins))
        check_line(lines[-1])
    return lines


def exactly_once(lines, names, failed=0):
    """Every input has one line under its own index, and `failed` of them failed."""
    seen = collections.Counter(line["index"] for line in lines)
    twice = [index for index, times in seen.items() if times > 1]
    lost = [index for index in range(len(names)) if index not in seen]
    assert not twice and not lost, f"{len(twice)} twice {twice[:5]}, {len(lost)} lost {lost[:5]}"
    assert len(lines) == len(names), f"{len(lines)} lines for {len(names)} inputs"
    wrong = [line for line in lines if line["input"] != names[line["index"]]]
    assert not wrong, f"under the wrong name: {wrong[0]}"
    bad = [line for line in lines if line["status"] == "failed"]
    assert len(bad) == failed, f"{len(bad)} failed, not {failed}: {bad[:3]}"


def essence(lines):
    """What two runs over the same inputs must agree on."""
    return {(line["index"], line["input"], line["status"], json.dumps(line.get("result"), sort_keys=True),
             line.get("error", {}).get("code")) for line in lines}  # fmt: skip


KILL, STOP, TERM, INT = signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT


def refused(holds, *arguments):
    """The run ends soon with exit code 3 and one error that holds all these words, and no results are begun."""
    done = run(*arguments, "@list.txt", "--out", "out.jsonl", code=3, seconds=15)
    errors = [line for line in done.said.splitlines() if ": error: " in line]
    assert len(errors) == 1 and all(word in errors[0] for word in holds), f"{holds}: {done.said}"
    assert not Path("out.jsonl").exists() or Path("out.jsonl").read_bytes() == b"", "results were begun"
