#!/usr/bin/env python3
"""The models of a folder are listed, loaded and unloaded at the admin listener, and nothing that lies elsewhere; on the
public listener there is no such thing."""
import json
import os
from pathlib import Path

import job
import serving

ASK = serving.json_request(input=("UINT8", [1, 1, 1, 2], [1, 2]))


def body():
    for tag, name in enumerate(("one", "two", "three"), start=1):
        serving.tagged(name, tag, "models")
    os.symlink("../" + serving.tagged("elsewhere", 9), "models/elsewhere")
    serving.tagged("renamed", 4, "models")
    for name, file in (("linked", "labels.txt"), ("above", "../../secrets"), ("missing", "../../nothing")):
        place = Path(serving.tagged(name, 5, "models"))
        place.joinpath("model.toml").write_text(f'file = "it.fake"\n[output]\nkind = "classification"\nlabels = "{file}"\n')
    Path("secrets").write_text("one\ntwo\n")
    os.symlink("../../secrets", "models/linked/labels.txt")
    Path("models/renamed/model.toml").write_text('name = "another"\n' + Path("models/one/model.toml").read_text())
    server = serving.Server("one", "--repository", "models", "--admin", "127.0.0.1:0", "--workers", 1)

    def asked(what, status, body=None):
        reply = server.repository(what, body)
        assert reply.status == status, (what, reply)
        return "" if status == 200 else json.loads(reply.body)["error"]

    assert server.states() == {"one": "READY", "two": "UNAVAILABLE", "three": "UNAVAILABLE",
                               "elsewhere": "UNAVAILABLE", "renamed": "UNAVAILABLE", "linked": "UNAVAILABLE",
                               "above": "UNAVAILABLE", "missing": "UNAVAILABLE"}, server.states()  # fmt: skip
    assert server.infer("two", ASK).status == 404
    asked("models/two/load", 200, "{}")
    assert serving.tag_of(server.infer("two", ASK)) == 2 and serving.tag_of(server.infer("one", ASK)) == 1
    assert [entry["name"] for entry in json.loads(server.repository("index", '{"ready":true}').body)] == ["one", "two"]
    asked("models/one/unload", 200)
    assert server.infer("one", ASK).status == 404 and server.get("/readyz").status == 200
    asked("models/two/unload", 200)
    job.until(lambda: set(server.states().values()) == {"UNAVAILABLE"}, 60, "all are unloaded")
    job.until(lambda: not server.run.workers(), 60, "no worker is left")
    assert server.get("/readyz").status == 200
    asked("models/one/load", 200)
    assert serving.tag_of(server.infer("one", ASK)) == 1

    for parameters in ({"config": "{}"}, {"config": "{}", "file:1/model.onnx": "AAAA" * 10_000}):
        assert "only from the repository folder" in asked("models/two/load", 400, json.dumps({"parameters": parameters}))
    for name in ("elsewhere", "linked", "above", "missing"):
        assert "leads out" in asked(f"models/{name}/load", 400), name
    assert "another" in asked("models/renamed/load", 400)
    asked("models/four/load", 404)
    Path("models/bare").mkdir()
    assert "no model.toml in it" in asked("models/bare/load", 400)
    asked("models/two/unload", 404)
    for name in ("a%20b", "stats", "x" * 129, "a%5Cb"):
        assert "cannot be the name" in asked(f"models/{name}/load", 400), name
    for path in ("models/../elsewhere/load", "models/..%2Felsewhere/load", "models//load"):
        assert server.repository(path).status in (400, 404), path
    for path in ("index", "models/two/load", "models/one/unload"):
        assert server.ask("POST", f"/v2/repository/{path}").status == 404, path
    assert server.states()["two"] == "UNAVAILABLE" and server.states()["one"] == "READY"
    server.end()


job.test(body)
