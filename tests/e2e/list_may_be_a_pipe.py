#!/usr/bin/env python3
"""A list that can be read but once, as from `@<(find ...)` or a FIFO, loses no name."""
import os
import threading

import job


def body():
    names = job.numbered(20_000)
    model = job.fake(kind="noop")
    content = "".join(name + "\n" for name in names)
    os.mkfifo("fifo")
    for _ in range(2):
        writer = threading.Thread(target=lambda: job.Path("fifo").write_text(content))
        writer.start()
        lines = job.run(model, "@fifo", "--progress", "plain").lines
        writer.join()
        job.exactly_once(lines, names)
    script = 'exec "$0" "$@" @<(cat list.txt)'
    job.listed(names)
    job.exactly_once(job.run(model, before=["bash", "-c", script]).lines, names)


job.test(body)
