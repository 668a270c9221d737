#!/usr/bin/env python3
"""Writes two tiny ONNX models for the tests of the engines; the same bytes every time.

Standard library only.

usage: make_tiny_onnx.py TINY.onnx BYTES.onnx

TINY   image f32[N,3,8,8] -> Conv 3x3, Relu -> average of each channel: features f32[N,4]
       -> Gemm: scores f32[N,5]
BYTES  text u8[N,16] -> Cast to f32 -> Gemm: scores f32[N,2]
"""
import struct
import sys
from pathlib import Path

FLOAT, UINT8 = 1, 2  # element types of the format


def varint(number):
    out = bytearray()
    while True:
        number, low = number >> 7, number & 127
        out.append(low | (128 if number else 0))
        if not number:
            return bytes(out)


def field(number, value):
    """One field of a protocol buffer message: a number, text, or an embedded message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def attribute(name, value):
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    return field(1, name) + b"".join(field(8, item) for item in value) + field(20, 7)


def node(kind, inputs, output, **attributes):
    return (
        b"".join(field(1, name) for name in inputs)
        + field(2, output)
        + field(3, output)
        + field(4, kind)
        + b"".join(field(5, attribute(*item)) for item in attributes.items())
    )


def weights(name, shape, seed):
    """Small numbers of both signs that look irregular and are the same everywhere."""
    count = 1
    for dim in shape:
        count *= dim
    values = []
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) % 2**31
        values.append((seed / 2**31 - 0.5) * 0.8)
    dims = b"".join(field(1, dim) for dim in shape)
    return dims + field(2, FLOAT) + field(8, name) + field(9, struct.pack("<%df" % count, *values))


def port(name, element, shape):
    sizes = [field(1, dim) if isinstance(dim, int) else field(2, dim) for dim in shape]
    dims = b"".join(field(1, size) for size in sizes)
    return field(1, name) + field(2, field(1, field(1, element) + field(2, dims)))


def model(name, nodes, constants, inputs, outputs):
    graph = (
        b"".join(field(1, item) for item in nodes)
        + field(2, name)
        + b"".join(field(5, item) for item in constants)
        + b"".join(field(11, item) for item in inputs)
        + b"".join(field(12, item) for item in outputs)
    )
    opset = field(1, "") + field(2, 13)
    return field(1, 7) + field(2, "headrace") + field(7, graph) + field(8, opset)


def tiny():
    return model(
        "tiny",
        [
            node(
                "Conv",
                ["image", "kernel", "shift"],
                "edges",
                kernel_shape=[3, 3],
                pads=[1, 1, 1, 1],
            ),
            node("Relu", ["edges"], "bright"),
            node("GlobalAveragePool", ["bright"], "average"),
            node("Flatten", ["average"], "features", axis=1),
            node("Gemm", ["features", "matrix", "offset"], "scores", transB=1),
        ],
        [
            weights("kernel", [4, 3, 3, 3], 1),
            weights("shift", [4], 2),
            weights("matrix", [5, 4], 3),
            weights("offset", [5], 4),
        ],
        [port("image", FLOAT, ["N", 3, 8, 8])],
        [port("scores", FLOAT, ["N", 5]), port("features", FLOAT, ["N", 4])],
    )


def text_bytes():
    return model(
        "bytes",
        [
            node("Cast", ["text"], "numbers", to=FLOAT),
            node("Gemm", ["numbers", "matrix", "offset"], "scores"),
        ],
        [weights("matrix", [16, 2], 5), weights("offset", [2], 6)],
        [port("text", UINT8, ["N", 16])],
        [port("scores", FLOAT, ["N", 2])],
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for path, content in zip(sys.argv[1:], (tiny(), text_bytes())):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content)
