#!/usr/bin/env python3
"""The page, in a real browser: it shows requests, workers and their deaths, and takes names for names."""
import os
from pathlib import Path

import browser
import job
import serving

browser.needs_browser()
HOSTILE = "<img src=x onerror=document.title='taken'>"


def body():
    echo, hostile = serving.echo(), serving.echo("hostile")
    toml = Path(hostile, "model.toml")
    toml.write_text(f'name = "{HOSTILE}"\n' + toml.read_text())
    server = serving.Server(echo, hostile, "--workers", 1, "--admin", "127.0.0.1:0", "--log-level", "off")
    admin = server.admin()
    with browser.Browser() as page:
        page.open(f"http://{admin.host}:{admin.port}/")
        job.until(lambda: "No worker has ended unasked." in page.text(), 60, "the page is there")
        for answered in range(1, 18):
            assert serving.ask_echo(server, b"text") == b"text"
        job.until(lambda: f"{answered} results since the start" in page.text(), 60, "the page counts requests")

        os.kill(server.run.workers()[0], job.KILL)
        job.until(lambda: "SIGKILL" in page.text() and "ago: killed by SIGKILL" in page.text(), 60, "a death")
        job.until(lambda: page.text().count("● ready") == 2, 60, "the next worker")

        assert page.script("return document.title") == "Headrace" and HOSTILE in page.text()
        assert page.script("return document.querySelectorAll('main img[src=x], main script').length") == 0
        assert page.script("return document.querySelectorAll('svg path').length") > 4
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.script(wide) == 0, "the page is wider than its window"
        assert not page.complaints(), page.complaints()
        server.end()
        job.until(lambda: "no answer" in page.text(), 60, "the page says that the server is gone")


job.test(body)
