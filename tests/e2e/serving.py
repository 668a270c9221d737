"""What the tests of `headrace serve` stand on: a server, requests to it, and clients that never stop asking."""
import collections
import http.client
import json
import re
import struct
import subprocess
import threading
from pathlib import Path

import job

Reply = collections.namedtuple("Reply", "status headers body")


class Listener:
    """Where HTTP is answered."""

    def __init__(self, host, port):
        self.host, self.port = host, port

    def connect(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=60)

    def ask(self, method, path, body=None, connection=None, **headers):
        connection = connection or self.connect()
        connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())

    def get(self, path):
        return self.ask("GET", path)


class Server(Listener):
    """`headrace serve` on a port that the system chooses."""

    def __init__(self, *arguments, ready=True, **more):
        self.run = job.Run(*arguments, "--http", "127.0.0.1:0", command="serve", **more)
        place = job.until(lambda: re.search(r"serving .* on https?://([0-9.]+):(\d+)", self.run.said())
                          or not self.run.running(), 60, "it serves")  # fmt: skip
        assert place is not True, f"it did not start:\n{self.run.said()}"
        self.host, self.port = place[1], int(place[2])
        if ready:
            self.until_ready()

    def until_ready(self, seconds=60):
        job.until(lambda: self.get("/readyz").status == 200, seconds, f"it is ready; it said:\n{self.run.said()}")

    def infer(self, model, body, **more):
        return self.ask("POST", f"/v2/models/{model}/infer", body, **more)

    def metric(self, name):
        """The sum over all labels."""
        page = self.get("/metrics").body.decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page, re.M))

    def admin(self):
        """The listener of --admin."""
        found = job.until(lambda: re.search(r"page for people is on https?://([0-9.]+):(\d+)", self.run.said()), 60,
                          "it has an admin listener")  # fmt: skip
        return Listener(found[1], int(found[2]))

    def repository(self, what, body=None):
        """Asks the listener of --admin: "index", "models/NAME/load", "models/NAME/unload"."""
        admin = self.admin()
        connection = http.client.HTTPConnection(admin.host, admin.port, timeout=120)
        connection.request("POST", f"/v2/repository/{what}", body)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())

    def states(self):
        """The state of each model by name."""
        return {entry["name"]: entry["state"] for entry in json.loads(self.repository("index").body)}

    def end(self, code=0, seconds=60):
        self.run.process.send_signal(job.TERM)
        return self.run.end(code, seconds)


def make_certificate():
    """cert.pem and key.pem, for localhost."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost"], check=True, capture_output=True)  # fmt: skip


def json_request(**inputs):
    """inputs: name=(datatype, shape, data)"""
    return json.dumps({"inputs": [{"name": name, "datatype": datatype, "shape": shape, "data": data}
                                  for name, (datatype, shape, data) in inputs.items()]})  # fmt: skip


def binary_request(outputs=True, **inputs):
    """The same with bytes as data; what to send, and its header."""
    head = json.dumps({"inputs": [{"name": name, "datatype": datatype, "shape": shape,
                                   "parameters": {"binary_data_size": len(data)}}
                                  for name, (datatype, shape, data) in inputs.items()],
                       "parameters": {"binary_data_output": outputs}}).encode()  # fmt: skip
    return head + b"".join(data for _, _, data in inputs.values()), str(len(head))


def outputs_of(reply):
    """Of an answer with binary outputs: the bytes by name."""
    length = int(reply.headers["Inference-Header-Content-Length"])
    at, found = length, {}
    for output in json.loads(reply.body[:length])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        found[output["name"]] = reply.body[at:at + size]
        at += size
    assert at == len(reply.body), "bytes are left over"
    return found


def echo(name="echo", **keys):
    """A model folder whose model gives back its one input of bytes."""
    Path(name).mkdir(exist_ok=True)
    Path(name, "model.toml").write_text('file = "it.fake"\nengine = "fake"\n[input]\nkind = "tensors"\n')
    Path(name, "it.fake").write_text("".join(f"{k} = {v}\n" for k, v in {"kind": "echo", "input": "u8", **keys}.items()))
    return name


def ask_echo(server, text, connection=None):
    """One request to an echo model; the text that came back, or the reply that says why not."""
    body, length = binary_request(INPUT0=("UINT8", [1, len(text)], text))
    reply = server.infer("echo", body, connection=connection, Inference_Header_Content_Length=length)
    return outputs_of(reply)["OUTPUT0"] if reply.status == 200 else reply


def tagged(name, tag, folder=".", **keys):
    """A model folder whose model answers `tag` numbers, so that its answers tell which it was."""
    place = Path(folder, name)
    place.mkdir(parents=True, exist_ok=True)
    place.joinpath("model.toml").write_text('file = "it.fake"\nengine = "fake"\n[input]\nkind = "tensors"\n')
    keys = {"kind": "raw", "input": "u8", "output": tag, **keys}
    place.joinpath("it.fake").write_text("".join(f"{k} = {v}\n" for k, v in keys.items()))
    return str(place)


def tag_of(reply):
    """Which model it was that answered a request for JSON."""
    return json.loads(reply.body)["outputs"][0]["shape"][-1] if reply.status == 200 else reply


class Clients:
    """So many threads that ask an echo model on connections of their own, each its next question as soon as it has an
    answer, until they are told to stop."""

    def __init__(self, server, count):
        self.server, self.stopping = server, threading.Event()
        self.answered, self.wrong, self.broken = 0, [], []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.go, args=(number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def go(self, number):
        connection, asked = self.server.connect(), 0
        while not self.stopping.is_set():
            text = struct.pack("<II", number, asked)
            asked += 1
            try:
                got = ask_echo(self.server, text, connection)
            except (OSError, http.client.HTTPException) as e:
                with self.lock:
                    self.broken.append(repr(e))
                if self.stopping.is_set() or not self.server.run.running():
                    return
                connection = self.server.connect()
                continue
            with self.lock:
                self.answered += 1
                if got != text:
                    self.wrong.append(got)
                    if getattr(got, "status", 0) == 503:
                        return

    def until_answered(self, count, seconds=60):
        job.until(lambda: self.answered >= count, seconds, f"{count} answers")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
