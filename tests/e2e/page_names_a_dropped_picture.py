#!/usr/bin/env python3
"""A picture given to the page gets the same label as from `headrace run`; a token is asked for once."""
from pathlib import Path

import browser
import job
import serving

browser.needs_browser()


def body():
    picture = sorted(job.real_pictures())[0]
    label = job.run(job.real_model(), picture, "--workers", 1).lines[0]["result"]["label"]
    Path("tokens").write_text("secret\n")
    server = serving.Server(job.real_model(), "--workers", 1, "--admin", "127.0.0.1:0", "--token-file", "tokens")
    admin = server.admin()
    with browser.Browser() as page:
        page.open(f"http://{admin.host}:{admin.port}/")
        job.until(lambda: "who has a token" in page.text(), 60, "the page asks for a token")
        assert page.script("return document.activeElement.id") == "token"
        page.type("#token", "wrong\n")
        job.until(lambda: "That is none of its tokens." in page.text(), 60, "the page says that it is a wrong one")
        page.type("#token", "secret\n")
        job.until(lambda: "Drop a picture" in page.text(), 60, "the page lets in")

        page.type("input[type=file]", picture)
        job.until(lambda: "there and back" in page.text(), 60, "an answer")
        assert page.script("return document.querySelector('.bar span').textContent") == label
        assert page.script("return document.querySelector('.bar meter').offsetWidth") > 40, "no bar is seen"
        Path("broken.jpg").write_bytes(Path(picture).read_bytes()[:2000])
        page.type("input[type=file]", str(Path("broken.jpg").resolve()))
        job.until(lambda: "400: corrupt" in page.text() and "Last errors" in page.text(), 60, "what was wrong with it")
        job.until(lambda: "No request has failed." not in page.text(), 60, "the error is listed")
        page.type("input[type=file]", str(Path("broken.jpg").rename("again.jpg").resolve()))
        job.until(lambda: "(2 times)" in page.text(), 60, "equal errors are one line")
    server.end()


job.test(body)
