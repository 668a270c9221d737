#!/usr/bin/env python3
"""A health check that has to read a file which never comes ends by itself, and says that it got no answer."""
import os

import container
import job


def body():
    os.mkfifo("volume/options")
    os.chmod("volume/options", 0o666)
    image = container.with_fake_engine()
    run = container.Contained("/model", "--config", container.volume("options"), command="serve",
                              before=container.started(*container.mounted(container.volume()), image=image))
    said = run.inside(*container.health_check())
    assert (said.returncode, said.stdout) == (1, "not known: no answer within 5 s\n"), said
    os.kill(run.first, job.KILL)
    run.end(137, seconds=10)


container.test(body)
