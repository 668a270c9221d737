"""Clients that no server should meet, and what each gets: a status or the end of its connection, and after how long.

Another client asks all the while, on a connection of its own, and must get its answers.
"""
import contextlib
import gzip
import json
import re
import resource
import select
import socket
import ssl
import struct
import threading
import time
import zlib

import load
from sampling import table

PATIENCE = 100  # seconds for the slowest of them
CROWD = 10_000  # connections
MIB = 1 << 20


class Talk:
    """One connection, and what came of it."""

    def __init__(self, port, receive_buffer=None):
        self.socket, self.got, self.begin, self.first = socket.socket(), b"", time.perf_counter(), None
        self.over = False
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))

    def listen(self, seconds):
        """Until something new came, the connection ended, or the time is over. Whether to go on."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return not self.over
        try:
            more = self.socket.recv(65536)
        except OSError:
            more = b""
        self.first = self.first or time.perf_counter() - self.begin
        self.got += more
        self.over = self.over or not more
        return not self.over

    def send(self, data):
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def result(self):
        statuses = re.findall(rb"HTTP/1\.[01] (\d+) ", self.got)
        words = ", ".join(sorted({status.decode() for status in statuses})) or "no answer"
        self.socket.close()
        return f"{words}{', closed' if self.over else ''}", self.first


def talk(port, *pieces, half_close=False):
    """Sends the pieces, waits where one is a number, and stops when it is answered."""
    one = Talk(port)
    for piece in pieces:
        if isinstance(piece, bytes):
            one.send(piece)
        else:
            one.listen(piece)
        if one.got or one.over:
            break
    if half_close:
        with contextlib.suppress(OSError):
            one.socket.shutdown(socket.SHUT_WR)
    end = time.perf_counter() + PATIENCE
    while not one.got and not one.over and time.perf_counter() < end:
        one.listen(1)
    while not one.over and one.listen(0.3) and time.perf_counter() < end:  # whether it closes
        if not select.select([one.socket], [], [], 0.3)[0]:
            break
    return one.result()


def never_reads(port):
    """Asks for the same page again and again, and takes none."""
    one = Talk(port, receive_buffer=4096)
    one.socket.setblocking(False)
    watch = select.poll()
    watch.register(one.socket, select.POLLOUT)
    many = memoryview(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
    at, result = many, (f"open after {PATIENCE} s", None)
    while time.perf_counter() < one.begin + PATIENCE:
        try:
            if any(events & (select.POLLERR | select.POLLHUP) for _, events in watch.poll(1000)):
                raise ConnectionError
            at = at[one.socket.send(at):] or many
        except BlockingIOError:
            continue
        except ConnectionError:
            result = "closed", time.perf_counter() - one.begin
            break
    one.socket.close()
    return result


def crowd(port):
    """So many connections that say nothing, as fast as they can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(CROWD, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    begin, members, refused = time.perf_counter(), [], 0
    for _ in range(count):
        try:
            members.append(socket.create_connection(("127.0.0.1", port), timeout=10))
        except OSError:
            refused += 1
    seconds = time.perf_counter() - begin
    status, _ = load.ask(port, "GET", "/v2")
    kinds = {"open": 0, "closed": 0, "503": 0}
    for member in members:
        member.setblocking(False)
        try:
            got = member.recv(100)
            kinds["503" if b" 503 " in got else "closed"] += 1
        except BlockingIOError:
            kinds["open"] += 1
        except OSError:
            kinds["closed"] += 1
        member.close()
    words = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number)
    return f"{words}{f', {refused:,} refused' if refused else ''}; the next client: {status}", seconds


def png(width, height, rows):
    """A picture that says it is so large, and holds so many of its rows."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes((1 + 3 * width) * rows), 9)) + chunk(b"IEND", b""))


def hello_of_tls():
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(into, out, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def cases(port, tensors, images, picture):
    """(what is sent, function); the slow ones first."""
    def head(path=tensors, **fields):
        return (f"POST {path} HTTP/1.1\r\nHost: x\r\n" + "".join(f"{key.replace('_', '-')}: {value}\r\n"
                                                              for key, value in fields.items()) + "\r\n").encode()

    def post(body, path=tensors, **fields):
        return lambda: talk(port, load.request(path, body, **fields))

    def says(*pieces, **how):
        return lambda: talk(port, *pieces, **how)

    def tensor(shape, data=b"", datatype="UINT8", **more):
        return post(json.dumps({"inputs": [{"name": "INPUT0", "datatype": datatype, "shape": shape, "data": list(data),
                                            **more}]}).encode())

    drop = [b"a", 1.0] * PATIENCE
    slow = [
        ("connects, says nothing", says()),
        ("a header, one byte a second", says(b"GET /v2 HTTP/1.1\r\nX: ", *drop)),
        ("a body of 1 MB, one byte a second", says(head(Content_Length=1_000_000), *drop)),
        ("half a body, then silence", says(head(Content_Length=1000) + bytes(500))),
        ("half a body, then the end of its half", says(head(Content_Length=1000) + bytes(500), half_close=True)),
        ("`GET /openapi.json` without end, and never reads", lambda: never_reads(port)),
    ]
    quick = [
        ("a request line of 20 kB", says(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a header field of 20 kB", says(b"GET /v2 HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n")),
        ("1,000 header fields", says(b"GET /v2 HTTP/1.1\r\nHost: x\r\n" + b"X: 1\r\n" * 1000 + b"\r\n")),
        ("Content-Length: 10 GB", says(head(Content_Length=10**10))),
        ("Content-Length: -1", says(head(Content_Length=-1))),
        ("two Content-Lengths that differ",
         says(head(Content_Length=5)[:-2] + b"Content-Length: 6\r\n\r\nhello")),
        ("Content-Length and Transfer-Encoding",
         says(head(Content_Length=5, Transfer_Encoding="chunked") + b"0\r\n\r\n")),
        ("a chunk whose size is no number", says(head(Transfer_Encoding="chunked") + b"zz\r\nhello\r\n")),
        ("a chunk of 2^64 bytes", says(head(Transfer_Encoding="chunked") + b"1" + b"0" * 16 + b"\r\nhello\r\n")),
        ("not HTTP at all", says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")),
        ("TLS to the port without TLS", says(hello_of_tls(), half_close=True)),
        ("HTTP/9.9", says(b"GET /v2 HTTP/9.9\r\nHost: x\r\n\r\n")),
        ("no Host", says(b"GET /v2 HTTP/1.1\r\n\r\n")),
        ("`GET /v2/models/../../etc/passwd`", says(b"GET /v2/models/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("the same with `%2e%2e%2f`",
         says(b"GET /v2/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a path with `%00`", says(b"GET /v2/models/a%00b HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a method that does not exist", says(b"BREW /v2 HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("JSON, 100,000 deep", post(b"[" * 100_000)),
        ("JSON that ends early", post(b'{"inputs": [{"name": "INPUT0", "da')),
        ("JSON that is not UTF-8", post(b'{"inputs": "\xff\xfe"}')),
        ("a shape of 2^40 x 2^40 x 2^40", tensor([2**40] * 3)),
        ("a negative shape", tensor([-1, 5], b"hello")),
        ("shape 5, 4 numbers", tensor([1, 5], b"hell")),
        ("a type that the model has not", tensor([1, 5], b"hello", "FP64")),
        ("binary_data_size larger than the body", tensor([1, 5], parameters={"binary_data_size": 5})),
        ("Inference-Header-Content-Length larger than the body", post(b"{}", Inference_Header_Content_Length=10**18)),
        ("half a JPEG", post(picture[:len(picture) // 2], images)),
        ("a JPEG of the first 100 bytes", post(picture[:100], images)),
        ("a PNG of 60,000 x 60,000, 4 kB", post(png(60_000, 60_000, 20), images)),
        ("a PNG of 9,999 x 9,999 that holds 10 rows", post(png(9_999, 9_999, 10), images)),
        ("text instead of a picture", post(b"hello", images, Content_Type="image/jpeg")),
        ("1 GB of zeros in 1 MB of gzip", post(bomb(), Content_Encoding="gzip")),
        ("gzip that is none", post(b"hello", Content_Encoding="gzip")),
        ("an encoding that does not exist", post(b"hello", Content_Encoding="brotli-9")),
        (f"{CROWD:,} connections that say nothing", lambda: crowd(port)),
    ]
    return slow, quick


def bomb():
    """Made of members, each 64 MiB of zeros."""
    return gzip.compress(bytes(64 * MIB), 9) * 16


class Polite:
    """Asks every 20 ms on a connection of its own; (when, seconds, status) of each."""

    def __init__(self, port, data):
        self.port, self.data, self.asked, self.stop = port, data, [], threading.Event()
        self.thread = threading.Thread(target=self.go)
        self.thread.start()

    def go(self):
        connection = None
        while not self.stop.wait(0.02):
            begin, status = time.perf_counter(), load.BROKEN
            with contextlib.suppress(OSError):
                connection = connection or socket.create_connection(("127.0.0.1", self.port), timeout=30)
                connection.sendall(self.data)
                got = connection.recv(65536)
                status = int(got.split(b" ", 2)[1]) if got else load.BROKEN
            if status == load.BROKEN and connection:
                connection.close()
                connection = None
            self.asked.append((begin, time.perf_counter() - begin, status))

    def during(self, begin, end):
        """How long it had to wait at most, and for how many it did not get a 200."""
        found = [(seconds, status) for at, seconds, status in self.asked if begin <= at + seconds and at <= end]
        worst = max((seconds for seconds, _ in found), default=0)
        bad = sum(status != 200 for _, status in found)
        return f"{1000 * worst:.0f} ms" + (f", {bad} not 200" if bad else "")


def measure(place, tensors, images, picture):
    body, fields = load.tensors("INPUT0", "UINT8", [1, 100], bytes(100))
    with load.Headrace(place, tensors, images, workers=1) as server:
        paths = [f"/v2/models/{folder.name}/infer" for folder in (tensors, images)]
        slow, quick = cases(server.port, *paths, picture)
        results, before = {}, load.pss_mib(server.pid)
        polite = Polite(server.port, load.request(paths[0], body, **fields))
        try:
            def run(name, function):
                begin = time.perf_counter()
                said, seconds = function()
                results[name] = (said, seconds, begin, time.perf_counter())

            # A crowd throws out connections that wait; so the slow ones are done before it comes.
            threads = [threading.Thread(target=run, args=case) for case in slow]
            for thread in threads:
                thread.start()
            for case in quick[:-1]:
                run(*case)
            for thread in threads:
                thread.join()
            run(*quick[-1])
        finally:
            polite.stop.set()
            polite.thread.join()
        after = load.pss_mib(server.pid)
        alive = load.ask(server.port, "GET", "/v2/health/ready")[0]
        died = server.metric("headrace_worker_restarts_total")
        code = server.end()
    rows = [[name, results[name][0], "" if results[name][1] is None else
             f"{results[name][1]:.1f} s" if results[name][1] >= 1 else f"{1000 * results[name][1]:.0f} ms",
             polite.during(*results[name][2:])] for name, _ in slow + quick]
    bad = sum(status != 200 for _, _, status in polite.asked)
    return table(["what is sent", "what comes back", "after", "another client's longest wait meanwhile"], rows) + (
        f"\nThe other client asked {len(polite.asked):,} times, {bad} of them not 200. Server and worker: {before:.0f} "
        f"MiB before, {after:.0f} MiB after; ready at the end: {alive}; workers that died: {died:.0f}; exit code after "
        f"SIGTERM: {code}.\n")
