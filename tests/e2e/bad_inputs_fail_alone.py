#!/usr/bin/env python3
"""Bad inputs of every kind among good ones: each gets a failed line with the right code, every good one its result,
and the job is done (exit code 0, or 1 with --strict)."""
import os
import socket
from pathlib import Path

import job
import samples


def bad_files():
    """[(name, content, codes)]: files that are no good picture."""
    broken = {"corrupt", "unsupported"}  # of the first bytes, nobody can say what they were
    yield "empty.jpg", b"", {"unsupported"}
    for kind, whole in (("jpg", samples.JPEG), ("png", samples.png((1, 2, 3))), ("webp", samples.WEBP)):
        for share in (0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9):
            size = max(1, int((len(whole) - 16) * share))
            yield f"cut-{size}.{kind}", whole[:size], broken if size < 16 else {"corrupt"}
    foreign = {"text": b"Dear reader,\n" * 9, "gif": b"GIF89a" + bytes(50), "bmp": b"BM" + bytes(60), "zero": bytes(99),
               "pdf": b"%PDF-1.7\n" * 5, "zip": b"PK\3\4" + bytes(40), "elf": b"\x7fELF" + bytes(90), "xml": b"<?xml?>",
               "gzip": b"\x1f\x8b\x08" + bytes(20), "noise": bytes(range(255, 128, -1))}  # fmt: skip
    for name, content in foreign.items():
        yield f"really-{name}.jpg", content, {"unsupported"}
    promise = samples.png_header(60_000, 60_000)
    yield "promise.png", promise + samples.chunk(b"IDAT", b"x" * 99), {"too_large"}
    at = samples.JPEG.index(b"\xff\xc0") + 5
    yield "promise.jpg", samples.JPEG[:at] + b"\xff\xdc\xff\xdc" + samples.JPEG[at + 4 :], {"too_large"}
    yield "nothing.png", samples.png_header(0, 0), {"corrupt"}
    yield "not-\udcff-utf8.png", samples.png((1, 2, 3)), {"unreadable"}
    yield "heavy.png", samples.png((1, 2, 3)) + bytes(200_000), {"too_large"}


def strange_places():
    """[(name, codes)]: things that are no file."""
    os.mkfifo("a-fifo.jpg")
    socket.socket(socket.AF_UNIX).bind("a-socket.jpg")
    os.symlink("nowhere", "to-nothing.jpg")
    os.symlink("loop.jpg", "loop.jpg")
    os.mkdir("a-folder.jpg")
    unreadable = ["a-fifo.jpg", "a-socket.jpg", "loop.jpg", "a-folder.jpg", "/dev/null", "/dev/zero", "/dev"]
    absent = ["to-nothing.jpg", "gone.jpg", "really-text.jpg/below", "n" * 300, "d/" * 2040 + "x", "x" * 9000]
    return [(name, {"unreadable"}) for name in unreadable] + [(name, {"not_found"}) for name in absent]


def body():
    good, expected = [], {}
    for name, content, codes in bad_files():
        Path(name).write_bytes(content)
        expected[name] = codes
        good.append(f"good-{len(good)}.{('png', 'jpg', 'webp')[len(good) % 3]}")
        Path(good[-1]).write_bytes((samples.png((9, 9, 9)), samples.JPEG, samples.WEBP)[len(good) % 3 - 1])
    expected.update(strange_places())
    assert len(expected) >= 50, len(expected)
    names = [name for pair in zip(expected, good + good) for name in pair]
    model, inputs = job.fake(input="image"), job.listed(names)
    for batch, code in ((1, 0), (4, 0), (1, 1)):
        done = job.run(model, inputs, "--batch", batch, "--max-bytes", "100k", *["--strict"] * code, code=code)
        by_index = {line["index"]: line for line in done.lines}
        assert len(by_index) == len(done.lines) == len(names)
        for index, name in enumerate(names):
            line = by_index[index]
            found = line.get("error", {}).get("code", "ok")
            assert found in expected.get(name, {"ok"}), f"{name[:60]!r} gave {found}: {str(line)[:300]}"
            assert line["attempts"] <= 1, f"a bad input killed a worker: {line}"
    print(f"{len(expected)} bad inputs: {sorted({line['error']['code'] for line in done.lines if 'error' in line})}")


job.test(body)
