#!/usr/bin/env python3
"""What keeps a server from starting is said in a sentence that names the option, before anything is said to be served;
exit code 2 for what makes no sense, 3 for what does not work here."""
import os
import shutil
import socket
from pathlib import Path

import job
import serving


def body():
    model = serving.echo()
    shutil.copytree(model, "other/echo")
    Path("folder").mkdir()
    Path("key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    Path("cert.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    taken = socket.create_server(("127.0.0.1", 0))
    place = f"127.0.0.1:{taken.getsockname()[1]}"
    here = ["--http", "127.0.0.1:0"]
    for code, sentence, *arguments in (
        (2, "127.0.0.1:8080, [::]:8080", model, "--http", "8080"),
        (2, "0 to 65535", model, "--grpc", "127.0.0.1:99999"),
        (2, "--admin-token-file", model, *here, "--admin", "0.0.0.0:8081"),
        (2, "--admin-token-file", model, *here, "--admin-grpc", "[::]:8082"),
        (2, "did you mean --http 0.0.0.0:80?", model, "--port", "80"),
        (2, "did you mean --http 127.0.0.1:8080?", model, "--host", "127.0.0.1"),
        (3, f"--http {place}: address already in use", model, "--http", place),
        (3, f"--grpc {place}: address already in use", model, *here, "--grpc", place),
        (3, f"--admin {place}: address already in use", model, *here, "--admin", place),
        (3, "unix:folder: there is a file", model, *here, "--admin-grpc", "unix:folder"),
        (3, "--repository nowhere: No such file", "--repository", "nowhere", *here, "--admin", "127.0.0.1:0"),
        (3, "--repository key.pem: Not a directory", "--repository", "key.pem", *here, "--admin", "127.0.0.1:0"),
        (3, "holds a key and no certificate", model, *here, "--tls-cert", "key.pem", "--tls-key", "cert.pem"),
        (3, "rename one of them", model, "other/echo", *here),
        (2, "cannot read --config nowhere.toml", model, "--config", "nowhere.toml"),
    ):  # fmt: skip
        done = job.run(*arguments, code=None, command="serve")
        assert done.code == code and sentence in done.said, (arguments, done.code, done.said)
        assert "serving" not in done.said, done.said
    for folder, warning in (("folder", "holds no folder with a model.toml yet"), (model, "is a model itself")):
        server = serving.Server("--repository", folder, "--admin", "127.0.0.1:0")
        assert warning in server.run.said(), server.run.said()
        server.end()
    assert os.path.exists("folder")


job.test(body)
