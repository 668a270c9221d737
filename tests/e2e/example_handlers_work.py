#!/usr/bin/env python3
"""The examples do what they say: words are counted, and JPEGs become small JPEGs."""
import struct
from pathlib import Path

import job
import samples


def size_of(jpeg):
    """Width and height, from the header of a frame."""
    at = jpeg.index(b"\xff\xc0") + 5
    height, width = struct.unpack(">HH", jpeg[at : at + 4])
    return width, height


def body():
    names = job.orders(["one two\n three\n", "", "with \0"])
    done = job.run(job.handler("word_count"), *names)
    results = {line["index"]: line.get("result", line.get("error", {}).get("code")) for line in done.lines}
    assert results == {0: {"lines": 2, "words": 3, "bytes": 15}, 1: {"lines": 0, "words": 0, "bytes": 0},
                       2: "unsupported"}, results  # fmt: skip
    Path("small.jpg").write_bytes(samples.JPEG)
    Path("cut.jpg").write_bytes(samples.JPEG[:100])
    Path("no.jpg").write_bytes(samples.png((1, 2, 3)))
    done = job.run(job.handler("thumbnail"), "small.jpg", "cut.jpg", "no.jpg", "--files", "thumbs", "--ordered")
    assert [line.get("error", {}).get("code") for line in done.lines] == [None, "corrupt", "unsupported"], done.lines
    assert size_of(Path("thumbs/small.jpg").read_bytes()) == size_of(samples.JPEG), "it was small enough"


job.test(body)
