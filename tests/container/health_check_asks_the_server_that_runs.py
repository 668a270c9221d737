#!/usr/bin/env python3
"""The image's health check asks where the server listens, as a variable of the container's or its file of options said
when it was started, whatever that file says since."""
import os
from pathlib import Path

import container
import job


def body():
    image = container.with_fake_engine()
    config = Path(container.volume("headrace.toml"))
    mounts = container.mounted(container.volume())
    for options, variables in (('http = "127.0.0.1:9002"\n', {}), ("", {"HEADRACE_HTTP": "127.0.0.1:9002"})):
        config.write_text("workers = 1\n" + options)
        words = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        run = container.Contained("/model", "--config", config, command="serve",
                                  before=container.started(*words, *mounts, image=image))  # fmt: skip
        run.until_said("serving ")
        for text in (None, "http = 'no place'\n", 'http = "127.0.0.1:9003"\n'):
            if text:
                config.write_text(text)
            said = run.inside(*container.health_check())
            assert said.stdout == "live: 127.0.0.1:9002 answered /livez with 200\n", said
        os.remove(config)
        assert run.inside(*container.health_check()).returncode == 0
        run.process.terminate()
        run.end(code=0, seconds=20)


container.test(body)
