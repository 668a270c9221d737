#!/usr/bin/env python3
"""curl, in every form in which a request can be written, and word by word as docs/serve.md has it."""
import gzip
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import job
import serving


def curl(*arguments, code=0, given=None):
    command = ["curl", "--silent", "--show-error", "--max-time", "60", *arguments]
    done = subprocess.run(command, input=given, capture_output=True)
    assert done.returncode == code, (command, done)
    return done.stdout


def as_documented(place, picture):
    """The commands of the document, which speak of a server of one's own and of pictures that lie about."""
    commands = [line.strip() for line in (job.ROOT / "docs/serve.md").read_text().splitlines()
                if line.startswith("    curl ") and "localhost:8080/" in line]  # fmt: skip
    assert commands
    for name in ("cat.jpg", "dog.jpg"):
        shutil.copy(picture, name)
    for command in commands:
        words = shlex.split(command.replace("localhost:8080", place))
        done = subprocess.run([*words, "--fail", "--silent"], capture_output=True)
        assert done.returncode == 0 and done.stdout, (command, done)


def pictures(model, picture):
    expected = json.loads(curl("--data-binary", f"@{picture}", "-H", "content-type: image/jpeg", model))
    assert 0 < expected["score"] <= 1 and expected["label"], expected
    for form in (["--data-binary", f"@{picture}"],  # which calls it a form of a web page
                 ["--data-binary", f"@{picture}", "-H", "content-type:"], ["-X", "POST", "-T", picture],
                 ["--data-binary", f"@{picture}", "-H", "transfer-encoding: chunked"],
                 ["--data-binary", f"@{picture}", "-H", "expect: 100-continue", "--http1.0"],
                 ["--data-binary", f"@{picture}", "-H", "expect: 100-continue"],
                 ["--data-binary", f"@{picture}", "--compressed"]):  # fmt: skip
        assert json.loads(curl(*form, model)) == expected, form
    piped = curl("-X", "POST", "-T", "-", "-H", "content-type: image/jpeg", model, given=Path(picture).read_bytes())
    assert json.loads(piped) == expected
    form = curl("-F", f"a=@{picture}", "-F", f"b=@{picture};type=image/jpeg", "-F", "c=words", model)
    results = json.loads(form)["results"]
    assert [one.get("result") for one in results] == [expected, expected, None], results
    curl("--fail", "-d", "words", model, code=22)
    assert b"neither a picture (JPEG, PNG or WebP)" in curl("-d", "words", model)
    assert b"use --data-binary" in curl("-d", f"@{picture}", model)


def tensors(model):
    request = serving.json_request(INPUT0=("UINT8", [1, 3], [1, 2, 255]))
    Path("request.json").write_text(request)
    Path("request.json.gz").write_bytes(gzip.compress(request.encode()))
    for form in (["-d", request], ["--json", request], ["-d", "@request.json", "-H", "content-type: application/json"],
                 ["-T", "request.json", "-X", "POST"], ["--json", "@request.json", "-H", "transfer-encoding: chunked"],
                 ["--data-binary", "@request.json.gz", "-H", "content-encoding: gzip", "--compressed"]):  # fmt: skip
        assert json.loads(curl(*form, model))["outputs"][0]["data"] == [1, 2, 255], form
    # More than a mebibyte: curl asks first whether it may.
    sent, length = serving.binary_request(INPUT0=("UINT8", [1, 2 << 20], bytes(2 << 20)))
    Path("request").write_bytes(sent)
    header = f"Inference-Header-Content-Length: {length}"
    for more in ([], ["-H", "transfer-encoding: chunked"], ["--compressed"]):
        answer = curl("--data-binary", "@request", "-H", header, "-D", "head", *more, model)
        assert answer.endswith(bytes(2 << 20)) and b"OUTPUT0" in answer[:200], (more, answer[:200])
        assert "Inference-Header-Content-Length" in Path("head").read_text()
    assert "error" in json.loads(curl("-d", "{", model))


def questions(place):
    head = curl("--head", place + "/v2").decode()
    assert head.startswith("HTTP/1.1 200") and "Content-Length: 0" not in head, head
    paths = ("/v2", "/v2/models", "/v2/models/stats", "/livez", "/metrics", "/openapi.json")
    asked = [word for path in paths for word in ("-o", "answer" + path.replace("/", "_"), place + path)]
    said = curl("-w", "connects %{num_connects} %{http_code}\n", *asked)
    # One connection for all of them.
    assert said.decode().splitlines() == ["connects 1 200"] + ["connects 0 200"] * (len(paths) - 1), said
    described = json.loads(Path("answer_openapi.json").read_text())["paths"]
    for path, operations in described.items():
        filled = path.replace("{model}", "echo").replace("{version}", "1")
        for method in operations.keys() & {"get"}:
            assert curl("-o", "answer", "-w", "%{http_code}", place + filled) == b"200", (method, path)
    wrong = curl("-i", "-X", "DELETE", place + "/v2").decode()
    assert "405" in wrong.split("\n")[0] and "Allow: GET, HEAD" in wrong, wrong
    assert "Allow: POST" in curl("-i", place + "/v2/models/echo/infer").decode()


def body():
    if shutil.which("curl") is None:
        job.skip("there is no curl")
    picture = job.real_pictures()[0]
    server = serving.Server(job.real_model(), serving.echo(), "--workers", 1, "--result-bytes", 4 << 20)
    place = f"{server.host}:{server.port}"
    as_documented(place, picture)
    pictures(place + "/v2/models/lite0/infer", picture)
    tensors(place + "/v2/models/echo/infer")
    questions(place)
    server.end()


job.test(body)
