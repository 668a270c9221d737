"""A browser without a window, for tests of pages: Chromium by way of its driver's HTTP interface."""
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

import job

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # so WebDriver calls what stands for one


def needs_browser():
    if not shutil.which("chromedriver") or not shutil.which("chromium"):
        job.skip("there is no chromium with its chromedriver: scripts/setup test installs them on Debian")


class Browser:
    def __init__(self, width=1200, height=1600, *arguments):
        self.said = tempfile.TemporaryFile()
        # A group of its own, so that all that the driver starts can be ended with it.
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=self.said, stderr=subprocess.STDOUT,
                                       start_new_session=True)  # fmt: skip
        port = job.until(lambda: re.search(rb"successfully on port (\d+)", os.pread(self.said.fileno(), 65536, 0)), 60, "a driver")
        self.base = f"http://127.0.0.1:{int(port[1])}/session"
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                   f"--window-size={width},{height}", f"--user-data-dir={self.profile.name}", *arguments]  # fmt: skip
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": options},
                  "goog:loggingPrefs": {"browser": "ALL"}}  # fmt: skip
        try:
            self.base += "/" + self.call("", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        except BaseException:
            os.killpg(self.driver.pid, job.KILL)
            raise

    def call(self, path, body=None, method="POST"):
        request = urllib.request.Request(self.base + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise AssertionError(f"{path}: {e.read().decode()[:1000]}") from None

    def open(self, url):
        self.call("/url", {"url": url})

    def script(self, text, *arguments):
        return self.call("/execute/sync", {"script": text, "args": list(arguments)})

    def text(self):
        """All that can be seen."""
        return self.script("return document.body.innerText")

    def type(self, selector, text):
        element = self.call("/element", {"using": "css selector", "value": selector})[ELEMENT]
        self.call(f"/element/{element}/value", {"text": text})

    def complaints(self):
        """What the page's console says."""
        return [entry["message"] for entry in self.call("/se/log", {"type": "browser"})]

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("/screenshot", method="GET")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("", method="DELETE")
        finally:
            os.killpg(self.driver.pid, job.KILL)
            self.driver.wait()
            self.profile.cleanup()
