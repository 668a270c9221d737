"""Servers under load, and the clients that make it.

A server is any program that answers HTTP on 127.0.0.1; whatever it started is ended with it. wrk and h2load measure
rates: they cost less than anything in Python. Clients in Python are for what those two cannot do: keep a rate
whatever the server does, say which request was lost, compare one request with the server's own line about it.
"""
import asyncio
import collections
import ctypes
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import programs

PR_SET_CHILD_SUBREAPER = 36
# In place of a status: no connection; a connection that ended without an answer; patience that ended before.
REFUSED, BROKEN, SILENT = -1, 0, -2
Answer = collections.namedtuple("Answer", "sent seconds status")  # sent: when, or when it should have been


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def descendants(pid):
    """All processes below this one, itself not among them."""
    children = collections.defaultdict(list)
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(place.read_text(errors="replace").rpartition(")")[2].split()[1])
            children[parent].append(int(place.parent.name))
        except OSError:
            pass
    found, ahead = [], [pid]
    while ahead:
        below = children[ahead.pop()]
        found += below
        ahead += below
    return found


def cpu_seconds(pid):
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_mib(pid):
    """Of a process and all below it."""
    total = 0
    for each in (pid, *descendants(pid)):
        try:
            text = Path(f"/proc/{each}/smaps_rollup").read_text(encoding="ascii")
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
        except (OSError, AttributeError):
            pass
    return total / 1024


def adopt_orphans():
    """From now on a process whose parent has died becomes ours, so that `Program` finds and ends it."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Program:
    """A program that runs until its end is wished, and all that it starts, wherever it puts it."""

    def __init__(self, command, scratch, folder=None, **environment):
        adopt_orphans()
        self.before = set(descendants(os.getpid()))
        self.said_to, self.wrote_to = (tempfile.TemporaryFile(dir=scratch) for _ in range(2))
        self.process = subprocess.Popen([str(part) for part in command], cwd=folder, env={**os.environ, **environment},
                                        stdin=subprocess.DEVNULL, stdout=self.wrote_to, stderr=self.said_to)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(signal.SIGKILL)

    @staticmethod
    def _whole(file):
        return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")

    def said(self):
        return self._whole(self.said_to)

    def wrote(self):
        return self._whole(self.wrote_to)

    def running(self):
        return self.process.poll() is None

    def end(self, number=signal.SIGTERM, seconds=20):
        """Its exit code. What is left of it then, or of its orphans, is killed."""
        if self.running():
            self.process.send_signal(number)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for file in (self.said_to, self.wrote_to):
            file.close()
        for _ in range(50):
            left = set(descendants(os.getpid())) - self.before
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, os.WNOHANG)  # ours only when its parent is gone
                except OSError:
                    pass
            if not left:
                break
            time.sleep(0.02)
        return code


class Headrace(Program):
    """`headrace serve`, ready."""

    def __init__(self, place, model, *options, workers=2, grpc=False):
        doors = ["--http", "127.0.0.1:0", *(["--grpc", "127.0.0.1:0"] if grpc else [])]
        super().__init__([place.headrace, "serve", model, *doors, "--workers", workers, "--threads", 1, *options],
                         place.scratch)
        try:
            self.port = self._port("http")
            self.grpc_port = self._port("grpc") if grpc else None
            until(lambda: ask(self.port, "GET", "/readyz")[0] == 200, 60, "headrace serve is ready", self)
        except BaseException:
            self.end(signal.SIGKILL)
            raise
        self.name = ask(self.port, "GET", "/v2/models")[1]["models"][0]

    def _port(self, scheme):
        found = lambda: re.search(rf"serving .* on {scheme}://[0-9.]+:(\d+)", self.said())
        until(found, 60, "headrace serve opens its doors", self)
        return int(found()[1])

    @property
    def path(self):
        return f"/v2/models/{self.name}/infer"

    def workers(self):
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        return [int(pid) for pid in children if b"--worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def metric(self, name, labels=""):
        """The sum over all labels that hold these."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode()
        connection.close()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*{labels}[^}}]*}})? (\S+)$", page, re.M))


def until(condition, seconds, what, program=None):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or (program and not program.running()):
            raise SystemExit(f"bench: not within {seconds} s: {what}\n{program.said()[-2000:] if program else ''}")
        time.sleep(0.02)


def ask(port, method, path, body=None, headers=None):
    """One request: status, and the answer's JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read()
    except OSError:
        return REFUSED, None
    finally:
        connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, None


def request(path, body, **headers):
    """The bytes of a POST."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}",
             *(f"{key.replace('_', '-')}: {value}" for key, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def tensors(name, datatype, shape, data):
    """One binary tensor, binary outputs: the body, and its header's fields."""
    head = json.dumps({"inputs": [{"name": name, "datatype": datatype, "shape": shape,
                                   "parameters": {"binary_data_size": len(data)}}],
                       "parameters": {"binary_data_output": True}}).encode()
    return head + data, {"Inference_Header_Content_Length": len(head)}


# --- programs that make load


def _measured(command):
    """Runs it; what it said on both streams, and the processor time that it took itself."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode(errors="replace")
    if process.returncode != 0:
        raise SystemExit(f"bench: {command[0]} ended with {process.returncode}:\n{text[-2000:]}")
    return text, used.ru_utime + used.ru_stime


def wrk(port, path, bodies, connections, seconds, headers=None):
    """Each connection sends its next request as soon as it has an answer; `bodies` lists files, sent in turn. Rate of
    answers that are 200, latency, and the share of one processor that wrk took."""
    fields = [f"{key.replace('_', '-')}:{value}" for key, value in (headers or {}).items()]
    text, cpu = _measured(["wrk", "-t", 1, "-c", connections, "-d", f"{seconds}s", "--timeout", "60s", "-s",
                           programs.HERE / "load.lua", f"http://127.0.0.1:{port}{path}", "--", bodies, *fields])
    measured = json.loads(text[text.index('{"requests"'):].splitlines()[0])
    measured["rate"] = (measured["requests"] - measured["not_200"]) / measured["seconds"]
    measured["client_cpu"] = cpu / measured["seconds"]
    return measured


def h2load(port, path, body, clients, seconds, scratch):
    """The same for gRPC, with one message again and again. A failed call is a 200 too: count answers at the server."""
    log = Path(scratch, "h2load.log")
    log.unlink(missing_ok=True)
    _, cpu = _measured(["h2load", "-c", clients, "-m", 1, "-t", 1, "-D", seconds, "-d", body, "-H",
                        "content-type: application/grpc", "-H", "te: trailers", f"--log-file={log}",
                        f"http://127.0.0.1:{port}{path}"])
    # The log: start in µs since 1970, status, µs that it took.
    lines = [line.split() for line in log.read_text().splitlines()]
    took = sorted(int(line[2]) for line in lines if line[1] == "200")
    ends = [(int(line[0]) + int(line[2])) / 1e6 for line in lines]
    span = max(ends) - min(int(line[0]) for line in lines) / 1e6
    return {"requests": len(lines), "not_200": len(lines) - len(took), "rate": len(took) / span,
            "p50_us": quantile(took, 0.5), "p99_us": quantile(took, 0.99), "client_cpu": cpu / span}


def quantile(values, share):
    values = sorted(values)
    return values[round(share * (len(values) - 1))] if values else float("nan")


# --- clients in Python


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self):
        self.transport, self.answer, self.got = None, None, b""

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, data):
        """A future of the status."""
        self.answer, self.got = asyncio.get_running_loop().create_future(), b""
        self.transport.write(data)
        return self.answer

    def data_received(self, data):
        self.got += data
        head, found, body = self.got.partition(b"\r\n\r\n")
        if not found or not self.answer or self.answer.done():
            return
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        if length and len(body) >= int(length[1]) or not length and body.endswith(b"0\r\n\r\n"):
            if b"\r\nconnection: close" in head.lower():
                self.transport.abort()
            self.answer.set_result(int(head.split(b" ", 2)[1]))

    def connection_lost(self, _):
        if self.answer and not self.answer.done():
            self.answer.set_result(BROKEN)

    @property
    def usable(self):
        return not self.transport.is_closing()


async def connect(port):
    try:
        return (await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port))[1]
    except OSError:
        return None


async def arrivals(port, requests, rate, seconds, patience=60):
    """Requests at this rate, whatever becomes of them; each on a connection that waits for nothing, new if there is
    none. Latency counts from the moment at which a request was due."""
    idle, answers, begin = collections.deque(), [], time.perf_counter()

    async def one(due, data):
        connection = None
        while idle and connection is None:
            connection = idle.pop()
            connection = connection if connection.usable else None
        connection = connection or await connect(port)
        status = REFUSED
        if connection:
            try:
                status = await asyncio.wait_for(connection.ask(data), patience)
            except asyncio.TimeoutError:
                connection.transport.abort()
                status = SILENT
            if connection.usable:
                idle.append(connection)
        answers.append(Answer(due, time.perf_counter() - due, status))

    tasks, number = [], 0
    while number < rate * seconds:
        due = begin + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(due, requests[number % len(requests)])))
        number += 1
    await asyncio.gather(*tasks)
    for connection in idle:
        connection.transport.abort()
    return answers


async def asking(port, requests, count, stop, pause=0.05):
    """`count` clients, each with its next request as soon as it has an answer, until `stop` (an asyncio.Event)."""
    answers = []

    async def one(number):
        connection = None
        while not stop.is_set():
            connection = connection if connection and connection.usable else await connect(port)
            sent = time.perf_counter()
            status = REFUSED
            if connection:
                try:
                    status = await asyncio.wait_for(connection.ask(requests[number % len(requests)]), 10)
                except asyncio.TimeoutError:
                    connection.transport.abort()
                    status = SILENT
            answers.append(Answer(sent, time.perf_counter() - sent, status))
            number += count
            if status != 200:
                await asyncio.sleep(pause)
        if connection:
            connection.transport.abort()

    await asyncio.gather(*(one(number) for number in range(count)))
    return answers
