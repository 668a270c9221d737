#!/usr/bin/env python3
"""Another maker's gRPC client lists, loads and unloads models at the admin door, and cannot at the public one."""
import re

import calling
import job
import serving

import tritonclient.grpc as triton


def refused(call, *arguments, word, **more):
    try:
        call(*arguments, **more)
    except triton.InferenceServerException as e:
        assert word in str(e), e
    else:
        raise AssertionError(f"{word} was expected")


def body():
    serving.tagged("one", 1, "models")
    server = calling.Server("--repository", "models", "--admin-grpc", "127.0.0.1:0", "--workers", 1)
    place = job.until(lambda: re.search(r"unloaded on grpc://(\S+)", server.run.said()), 60, "its place")[1]
    client = triton.InferenceServerClient(place)
    assert not client.is_model_ready("one")
    client.load_model("one")
    assert client.is_model_ready("one")
    index = client.get_model_repository_index(as_json=True)["models"]
    assert [(model["name"], model["state"]) for model in index] == [("one", "READY")], index
    refused(client.load_model, "two", word="NOT_FOUND")
    refused(client.load_model, "../one", word="INVALID_ARGUMENT")
    refused(client.load_model, "one", config="{}", word="INVALID_ARGUMENT")
    public = triton.InferenceServerClient(server.place)
    refused(public.load_model, "one", word="UNIMPLEMENTED")
    refused(public.unload_model, "one", word="UNIMPLEMENTED")
    assert public.is_model_ready("one")
    client.unload_model("one")
    assert not public.is_model_ready("one")
    refused(client.unload_model, "one", word="NOT_FOUND")
    server.end()
    open_to_all = job.run("--repository", "models", "--admin-grpc", "0.0.0.0:0", "--http", "127.0.0.1:0",
                          command="serve", code=2)  # fmt: skip
    assert "--admin-token-file" in open_to_all.said, open_to_all.said


job.test(body)
