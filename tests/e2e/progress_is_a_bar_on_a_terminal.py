#!/usr/bin/env python3
"""On a terminal, progress is one line that is drawn again, never wider than the terminal, and wiped off at the end."""
import fcntl
import os
import struct
import termios
import threading

import job


def body():
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    seen = bytearray()

    def watch():
        try:
            while chunk := os.read(ours, 65536):
                seen.extend(chunk)
        except OSError:
            pass  # how a terminal says that its last user is gone

    watcher = threading.Thread(target=watch)
    watcher.start()
    names = job.numbered(40)
    names[0] += "-FAIL"
    under_way = job.Run(job.fake(sleep_us=40_000, fail_on="FAIL"), job.listed(names), "--workers", 2, stderr=theirs)
    os.close(theirs)
    under_way.end()
    watcher.join()
    drawn = seen.decode().split("\r\x1b[K")
    bars = [text for text in drawn if text.startswith("[")]
    assert len(bars) >= 3 and all(len(text) < 100 and "\n" not in text for text in bars), drawn
    assert any("=" in text and "/40" in text and "1 failed" in text and "left" in text for text in bars), bars
    assert drawn[-1].startswith("40 items in "), drawn[-1]


job.test(body)
