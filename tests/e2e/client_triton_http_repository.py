#!/usr/bin/env python3
"""Another maker's HTTP client lists, loads and unloads models at the admin listener."""
import re

import job
import other_makers
import serving

other_makers.needs("tritonclient", "geventhttpclient")

import tritonclient.http as triton  # noqa: E402


def body():
    serving.tagged("one", 1, "models")
    server = serving.Server("--repository", "models", "--admin", "127.0.0.1:0", "--workers", 1)
    place = job.until(lambda: re.search(r"people is on http://(\S+)", server.run.said()), 60, "its place")[1]
    client = triton.InferenceServerClient(place, network_timeout=120)
    client.load_model("one")
    assert client.is_model_ready("one")
    assert [entry["state"] for entry in client.get_model_repository_index()] == ["READY"]
    client.unload_model("one")
    assert not client.is_model_ready("one")
    try:
        client.load_model("one", config="{}")
    except triton.InferenceServerException as e:
        assert "only from the repository folder" in e.message(), e
    else:
        raise AssertionError("a configuration was taken")
    server.end()


job.test(body)
