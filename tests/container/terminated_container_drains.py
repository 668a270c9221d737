#!/usr/bin/env python3
"""SIGTERM to the container: a job finishes what is in flight and ends with 143, a server answers what it admitted and
ends with 0, well within the 10 s that an engine waits."""
import threading

import container
import job
import serving


def body():
    image = container.with_fake_engine(sleep_us=300_000)
    names_file = job.listed(job.numbered(500), container.volume("list.txt"))
    before = container.started(*container.mounted(container.volume(), read_only=False), image=image)
    under_way = container.Contained("/model", names_file, "--workers", 2, "--out", container.volume("out.jsonl"),
                                    "--log-level", "info", before=before)  # fmt: skip
    under_way.until_said("is ready after", 2)
    under_way.process.terminate()
    under_way.end(143, seconds=9)
    lines = job.read(container.volume("out.jsonl"))
    assert 2 <= len(lines) < 500 and all(line["status"] == "ok" for line in lines), lines

    serving.echo("image/echo", sleep_us=500_000)
    server = container.ContainedServer("/echo", "--workers", 2, before=container.started(image=image))
    answers = []
    asking = threading.Thread(target=lambda: answers.append(serving.ask_echo(server, b"ping")))
    asking.start()
    job.until(lambda: server.metric("headrace_bytes_in_flight") > 0, 10, "it is admitted")
    server.end(code=0, seconds=9)
    asking.join()
    assert answers == [b"ping"], answers


container.test(body)
