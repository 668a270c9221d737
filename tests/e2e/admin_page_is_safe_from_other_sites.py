#!/usr/bin/env python3
"""The admin listener answers nobody but its own page: not other sites' scripts, not other names for its address, and on
an address that others reach nobody without a token."""
import json
from pathlib import Path

import job
import serving


def body():
    Path("tokens").write_text("secret\n")
    open_to_others = job.Run(serving.echo(), "--http", "127.0.0.1:0", "--admin", "0.0.0.0:0", command="serve")
    assert "add --admin-token-file" in open_to_others.end(2).said
    open_to_clients = job.Run("echo", "--http", "127.0.0.1:0", "--admin", "0.0.0.0:0", "--token-file", "tokens",
                              command="serve")  # fmt: skip
    assert "add --admin-token-file" in open_to_clients.end(2).said

    server = serving.Server(serving.echo(), "--workers", 1, "--admin", "127.0.0.1:0", "--token-file", "tokens")
    admin = server.admin()
    known = {"Authorization": "Bearer secret"}
    for path in ("/", "/page.css", "/page.js"):
        page = admin.ask("GET", path)
        assert page.status == 200, (path, page)
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none';") and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff" and page.headers["Referrer-Policy"] == "no-referrer"
        assert admin.ask("POST", path).status == 405
    assert b"http://" not in admin.ask("GET", "/page.js").body.replace(b"http://www.w3.org/2000/svg", b"")
    assert admin.ask("GET", "/status").status == 401 and admin.ask("GET", "/livez").status == 200

    status = admin.ask("GET", "/status", **known)
    assert status.status == 200 and status.headers["Cache-Control"] == "no-store"
    assert json.loads(status.body)["models"][0]["name"] == "echo"
    own = f"127.0.0.1:{admin.port}"
    foreign = [{"Host": "attacker.example"}, {"Host": f"attacker.example:{admin.port}"}, {"Origin": "null"},
               {"Origin": "https://attacker.example"}, {"Origin": f"http://{admin.host}"},
               {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]  # fmt: skip
    for path in ("/", "/status", "/metrics", "/v2/models/echo", "/v2/repository/index"):
        for fields in foreign:
            assert admin.ask("GET", path, **known, **fields).status == 403, (path, fields)
    for fields in ({"Host": f"localhost:{admin.port}"}, {"Origin": f"http://{own}", "Sec-Fetch-Site": "same-origin"}):
        assert admin.ask("GET", "/status", **known, **fields).status == 200, fields
    assert server.ask("GET", "/status", **known).status == 404 == server.ask("GET", "/", **known).status
    server.end()

    Path("admins").write_text("of admins\n")
    server = serving.Server("echo", "--workers", 1, "--token-file", "tokens", "--admin", "0.0.0.0:0", "--admin-token-file",
                            "admins")  # fmt: skip
    admin, admins = server.admin(), {"Authorization": "Bearer of admins"}
    for path in ("/status", "/v2/models/echo", "/v2/repository/index"):
        method = "POST" if "repository" in path else "GET"
        assert admin.ask(method, path, **known).status == 401, path
        assert admin.ask(method, path, **admins).status == 200, path
    assert server.ask("GET", "/v2/models/echo", **known).status == 200
    assert server.ask("GET", "/v2/models/echo", **admins).status == 401
    server.end()


job.test(body)
