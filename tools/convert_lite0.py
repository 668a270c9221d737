#!/usr/bin/env python3
"""Turns the published EfficientNet-Lite0 weights into an ONNX model.

    convert_lite0.py WEIGHTS.pth MODEL.onnx

The weights come as a PyTorch checkpoint: a pickle, which runs code when it is opened by the wrong
reader, around raw floats. PyTorch itself is a gigabyte that the demo should not need. So this reads
the checkpoint with an unpickler that knows three names and refuses all others, checks that it holds
exactly the tensors of this network, draws the network in ONNX's own protobuf encoding, and writes
the same bytes every time. Standard library only.

The model: input "image", float32 [N, 3, 224, 224], RGB, (x - 127) / 128; output "logits", float32
[N, 1000], no softmax.
"""

import array
import collections
import io
import math
import pickle
import struct
import sys
from dataclasses import dataclass

# ---------------------------------------------------------------------------------------------
# The network (Tan and Le, EfficientNet; the Lite variant: no squeeze-and-excite, ReLU6, and a stem
# and a head that are not scaled).

IMAGE_SIZE = 224
CLASSES = 1000
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Block:
    """One inverted residual: widen (expand), filter each channel, narrow (project)."""

    kernel: int
    stride: int
    expand: int
    inputs: int
    outputs: int

    @property
    def widened(self):
        return self.inputs * self.expand

    @property
    def has_shortcut(self):
        return self.stride == 1 and self.inputs == self.outputs


def blocks():
    """The sixteen blocks. In each stage only the first one strides and changes the width."""
    stages = [  # repeats, then the first block
        (1, Block(kernel=3, stride=1, expand=1, inputs=32, outputs=16)),
        (2, Block(kernel=3, stride=2, expand=6, inputs=16, outputs=24)),
        (2, Block(kernel=5, stride=2, expand=6, inputs=24, outputs=40)),
        (3, Block(kernel=3, stride=2, expand=6, inputs=40, outputs=80)),
        (3, Block(kernel=5, stride=1, expand=6, inputs=80, outputs=112)),
        (4, Block(kernel=5, stride=2, expand=6, inputs=112, outputs=192)),
        (1, Block(kernel=3, stride=1, expand=6, inputs=192, outputs=320)),
    ]
    for repeats, first in stages:
        yield first
        for _ in range(repeats - 1):
            yield Block(first.kernel, 1, first.expand, first.outputs, first.outputs)


BATCH_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


def expected_shapes():
    """Name and shape of every float tensor that the checkpoint must hold, and no other."""
    shapes = {}

    def conv(name, norm, shape):
        shapes[f"{name}.weight"] = shape
        for part in BATCH_NORM_PARTS:
            shapes[f"{norm}.{part}"] = shape[:1]

    conv("_conv_stem", "_bn0", (STEM_CHANNELS, 3, 3, 3))
    for index, block in enumerate(blocks()):
        at = f"_blocks.{index}"
        if block.expand != 1:
            conv(f"{at}._expand_conv", f"{at}._bn0", (block.widened, block.inputs, 1, 1))
        conv(f"{at}._depthwise_conv", f"{at}._bn1", (block.widened, 1, block.kernel, block.kernel))
        conv(f"{at}._project_conv", f"{at}._bn2", (block.outputs, block.widened, 1, 1))
    conv("_conv_head", "_bn1", (HEAD_CHANNELS, block.outputs, 1, 1))
    shapes["_fc.weight"] = (CLASSES, HEAD_CHANNELS)
    shapes["_fc.bias"] = (CLASSES,)
    return shapes


# ---------------------------------------------------------------------------------------------
# Reading the checkpoint. The format (PyTorch before 1.6): five pickles (a magic number, a version, a
# description of the machine, the tensors as views of numbered storages, the order of the storages),
# then each storage as a 64-bit count and its raw elements.

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
ELEMENT_SIZES = {"FloatStorage": 4, "LongStorage": 8}


class BadCheckpoint(Exception):
    pass


# What reading may raise on bytes that are no checkpoint: the pickle machine trusts its input to make sense.
UNREADABLE = (BadCheckpoint, pickle.UnpicklingError, EOFError, struct.error,
              ValueError, TypeError, KeyError, IndexError, AttributeError)  # fmt: skip


@dataclass(frozen=True)
class StorageType:
    name: str


@dataclass(frozen=True)
class View:
    """A tensor as the pickle describes it: a strided window on a storage, counted in elements."""

    storage: str
    type: StorageType
    offset: int
    shape: tuple
    strides: tuple


def make_view(storage, offset, shape, strides, *_unused):
    key, kind = storage
    return View(key, kind, offset, tuple(shape), tuple(strides))


class PlainUnpickler(pickle.Unpickler):
    """Numbers, texts, lists and dictionaries. Any name of a class or function is refused."""

    def find_class(self, module, name):
        raise BadCheckpoint(f"the pickle asks for {module}.{name}, which has no place in it")


class TensorUnpickler(PlainUnpickler):
    """That, and the names that a table of tensors needs, none of which runs any code of the file."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return make_view
        if module == "torch" and name in ELEMENT_SIZES:
            return StorageType(name)
        return super().find_class(module, name)

    def persistent_load(self, pid):
        kind, storage_type, key, _device, _count, window = pid
        if kind != "storage" or not isinstance(storage_type, StorageType) or window is not None:
            raise BadCheckpoint(f"unknown reference {pid!r}")
        return str(key), storage_type


def read_checkpoint(data):
    """The float tensors of a checkpoint: name -> (shape, little-endian float32 bytes, row-major)."""
    stream = io.BytesIO(data)
    if PlainUnpickler(stream).load() != MAGIC or PlainUnpickler(stream).load() != VERSION:
        raise BadCheckpoint("not a checkpoint of the known format")
    machine = PlainUnpickler(stream).load()
    if machine.get("little_endian") is not True:
        raise BadCheckpoint("written on a big-endian machine")
    views = TensorUnpickler(stream).load()
    order = PlainUnpickler(stream).load()

    types = {view.storage: view.type for view in views.values()}
    storages = {}
    for key in order:
        (count,) = struct.unpack("<q", stream.read(8))
        size = count * ELEMENT_SIZES[types[str(key)].name]
        storages[str(key)] = stream.read(size)
        if count < 0 or len(storages[str(key)]) != size:
            raise BadCheckpoint(f"storage {key} is cut short")
    if stream.read(1):
        raise BadCheckpoint("bytes are left after the last storage")

    return {
        name: (view.shape, row_major(name, view, storages[view.storage]))
        for name, view in views.items()
        if view.type.name == "FloatStorage"  # the others count training batches
    }


def row_major(name, view, storage):
    """The elements of a view in row-major order, whatever its strides (these are transposed)."""
    elements = array.array("f")
    elements.frombytes(storage)
    if sys.byteorder == "big":
        elements.byteswap()

    if len(view.shape) != len(view.strides) or min(view.shape + view.strides, default=0) < 0:
        raise BadCheckpoint(f"{name}: shape {view.shape} with strides {view.strides}")
    last = view.offset + sum((n - 1) * step for n, step in zip(view.shape, view.strides))
    if view.offset < 0 or last >= len(elements) or math.prod(view.shape) > len(elements):
        raise BadCheckpoint(f"{name}: reaches past its storage")

    indices = [view.offset]
    for n, step in zip(view.shape, view.strides):
        indices = [start + i * step for start in indices for i in range(n)]
    result = array.array("f", (elements[i] for i in indices))
    if sys.byteorder == "big":
        result.byteswap()
    return result.tobytes()


def check_tensors(tensors):
    expected = expected_shapes()
    for name, shape in expected.items():
        if name not in tensors:
            raise BadCheckpoint(f"tensor {name} {shape} is missing")
        if tensors[name][0] != shape:
            raise BadCheckpoint(f"tensor {name} is {tensors[name][0]}, should be {shape}")
    extra = sorted(set(tensors) - set(expected))
    if extra:
        raise BadCheckpoint(f"unknown tensors: {', '.join(extra)}")


# ---------------------------------------------------------------------------------------------
# Writing ONNX: the few messages of onnx.proto that this network needs, by field number.

OPSET = 13
IR_VERSION = 7
FLOAT = 1  # TensorProto.DataType
ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_INTS = 1, 2, 7  # AttributeProto.AttributeType


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def float32(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def chunk(field, value):
    """A text, some bytes or an encoded message."""
    if isinstance(value, str):
        value = value.encode()
    return varint(field << 3 | 2) + varint(len(value)) + value


def attribute(name, value):
    if isinstance(value, float):
        return chunk(1, name) + float32(2, value) + number(20, ATTRIBUTE_FLOAT)
    if isinstance(value, int):
        return chunk(1, name) + number(3, value) + number(20, ATTRIBUTE_INT)
    return chunk(1, name) + b"".join(number(8, v) for v in value) + number(20, ATTRIBUTE_INTS)


def tensor(name, shape, data):
    dims = b"".join(number(1, n) for n in shape)
    return dims + number(2, FLOAT) + chunk(8, name) + chunk(9, data)


def value_info(name, shape):
    """A graph input or output. A dimension given as a text is free."""
    dims = b"".join(chunk(1, number(1, n) if isinstance(n, int) else chunk(2, n)) for n in shape)
    return chunk(1, name) + chunk(2, chunk(1, number(1, FLOAT) + chunk(2, dims)))


class Graph:
    """Nodes and constants in the order in which they are added, which is the order of execution."""

    def __init__(self):
        self._nodes = []
        self._constants = []

    def constant(self, name, shape, data):
        self._constants.append(tensor(name, shape, data))
        return name

    def node(self, op, inputs, output, **attributes):
        message = b"".join(chunk(1, name) for name in inputs) + chunk(2, output)
        message += chunk(3, output) + chunk(4, op)
        message += b"".join(chunk(5, attribute(k, v)) for k, v in attributes.items())
        self._nodes.append(message)
        return output

    def model(self, name, inputs, outputs):
        graph = b"".join(chunk(1, n) for n in self._nodes) + chunk(2, name)
        graph += b"".join(chunk(5, c) for c in self._constants)
        graph += b"".join(chunk(11, v) for v in inputs) + b"".join(chunk(12, v) for v in outputs)
        opset = chunk(1, "") + number(2, OPSET)
        producer = chunk(2, "headrace convert_lite0")
        return number(1, IR_VERSION) + producer + chunk(7, graph) + chunk(8, opset)


# ---------------------------------------------------------------------------------------------
# The network in ONNX.


def same_padding(size, kernel, stride):
    """TensorFlow's SAME: the odd pixel goes to the end. Returns (before, after), output size."""
    output = math.ceil(size / stride)
    total = max((output - 1) * stride + kernel - size, 0)
    return (total // 2, total - total // 2), output


class Lite0:
    def __init__(self, tensors):
        self._tensors = tensors
        self._graph = Graph()
        self._low = self._graph.constant("relu6_low", (), struct.pack("<f", 0.0))
        self._high = self._graph.constant("relu6_high", (), struct.pack("<f", 6.0))

    def _weights(self, name):
        return self._graph.constant(name, *self._tensors[name])

    def _conv(self, x, size, name, norm, kernel=1, stride=1, group=1, relu=True):
        """Convolution, batch normalisation and, if asked for, ReLU6. Returns the output and its size."""
        (before, after), output_size = same_padding(size, kernel, stride)
        x = self._graph.node(
            "Conv", [x, self._weights(f"{name}.weight")], f"{name}.conv",
            kernel_shape=[kernel, kernel], strides=[stride, stride],
            pads=[before, before, after, after], group=group)  # fmt: skip
        x = self._graph.node(
            "BatchNormalization", [x] + [self._weights(f"{norm}.{part}") for part in BATCH_NORM_PARTS],
            f"{name}.norm", epsilon=BATCH_NORM_EPSILON)  # fmt: skip
        if relu:
            x = self._graph.node("Clip", [x, self._low, self._high], f"{name}.relu6")
        return x, output_size

    def _block(self, x, size, at, block):
        entry = x
        if block.expand != 1:
            x, size = self._conv(x, size, f"{at}._expand_conv", f"{at}._bn0")
        x, size = self._conv(x, size, f"{at}._depthwise_conv", f"{at}._bn1",
                             block.kernel, block.stride, group=block.widened)  # fmt: skip
        x, size = self._conv(x, size, f"{at}._project_conv", f"{at}._bn2", relu=False)
        if block.has_shortcut:
            x = self._graph.node("Add", [x, entry], f"{at}.add")
        return x, size

    def build(self):
        x, size = self._conv("image", IMAGE_SIZE, "_conv_stem", "_bn0", kernel=3, stride=2)
        for index, block in enumerate(blocks()):
            x, size = self._block(x, size, f"_blocks.{index}", block)
        x, size = self._conv(x, size, "_conv_head", "_bn1")
        x = self._graph.node("GlobalAveragePool", [x], "pool")
        x = self._graph.node("Flatten", [x], "features", axis=1)
        fc = [x, self._weights("_fc.weight"), self._weights("_fc.bias")]
        self._graph.node("Gemm", fc, "logits", transB=1)
        return self._graph.model(
            "efficientnet_lite0",
            inputs=[value_info("image", ("N", 3, IMAGE_SIZE, IMAGE_SIZE))],
            outputs=[value_info("logits", ("N", CLASSES))])  # fmt: skip


def main(arguments):
    if len(arguments) != 2:
        sys.exit("usage: convert_lite0.py WEIGHTS.pth MODEL.onnx")
    source, target = arguments
    try:
        with open(source, "rb") as file:
            tensors = read_checkpoint(file.read())
        check_tensors(tensors)
    except UNREADABLE as error:
        sys.exit(f"convert_lite0.py: {source}: {type(error).__name__}: {error}")
    with open(target, "wb") as file:
        file.write(Lite0(tensors).build())


if __name__ == "__main__":
    main(sys.argv[1:])
