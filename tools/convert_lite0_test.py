#!/usr/bin/env python3
"""Tests of convert_lite0.py: what it must refuse, and that it reads tensors in any order of memory."""

import array
import pickle
import struct
import unittest

import convert_lite0 as lite0


def checkpoint(views, storages, extra=b""):
    """A checkpoint in the published format. views: name -> (key, offset, shape, strides)."""
    return (
        pickle.dumps(lite0.MAGIC, 2)
        + pickle.dumps(lite0.VERSION, 2)
        + pickle.dumps({"little_endian": True, "protocol_version": lite0.VERSION}, 2)
        + tensors_pickle(views, storages)
        + pickle.dumps(list(storages), 2)
        + b"".join(struct.pack("<q", len(v)) + array.array("f", v).tobytes() for v in storages.values())
        + extra
    )


def tensors_pickle(views, storages):
    """Written opcode by opcode: the pickle module would need the real torch to name its classes."""
    out = pickle.PROTO + b"\x02" + pickle.EMPTY_DICT + pickle.MARK
    for name, (key, offset, shape, strides) in views.items():
        pid = text("storage") + pickle.GLOBAL + b"torch\nFloatStorage\n" + text(key) + text("cpu")
        pid = pickle.MARK + pid + integer(len(storages[key])) + pickle.NONE + pickle.TUPLE + pickle.BINPERSID
        arguments = pickle.MARK + pid + integer(offset) + numbers(shape) + numbers(strides)
        out += text(name) + pickle.GLOBAL + b"torch._utils\n_rebuild_tensor_v2\n" + arguments
        out += pickle.TUPLE + pickle.REDUCE
    return out + pickle.SETITEMS + pickle.STOP


def text(value):
    return pickle.BINUNICODE + struct.pack("<i", len(value)) + value.encode()


def integer(value):
    return pickle.BININT + struct.pack("<i", value)


def numbers(values):
    return pickle.MARK + b"".join(integer(v) for v in values) + pickle.TUPLE


class ReadCheckpoint(unittest.TestCase):
    def read_one(self, values, shape, strides, offset=0):
        data = checkpoint({"w": ("0", offset, shape, strides)}, {"0": values})
        read_shape, read = lite0.read_checkpoint(data)["w"]
        self.assertEqual(read_shape, shape)
        return list(array.array("f", read))

    def test_a_contiguous_tensor_comes_as_it_is(self):
        self.assertEqual(self.read_one([1, 2, 3, 4, 5, 6], (2, 3), (3, 1)), [1, 2, 3, 4, 5, 6])

    def test_a_transposed_tensor_comes_in_row_major_order(self):
        self.assertEqual(self.read_one([1, 2, 3, 4, 5, 6], (2, 3), (1, 2)), [1, 3, 5, 2, 4, 6])

    def test_a_window_on_a_larger_storage(self):
        self.assertEqual(self.read_one([0, 1, 2, 3, 4, 5], (2, 2), (2, 1), offset=1), [1, 2, 3, 4])

    def test_a_window_past_its_storage_is_refused(self):
        with self.assertRaisesRegex(lite0.BadCheckpoint, "reaches past"):
            self.read_one([1, 2, 3, 4], (2, 3), (2, 1))

    def test_negative_strides_are_refused(self):
        with self.assertRaisesRegex(lite0.BadCheckpoint, "strides"):
            self.read_one([1, 2, 3, 4], (2, 2), (-2, 1))

    def test_any_other_name_is_refused_and_nothing_runs(self):
        evil = pickle.dumps(lite0.MAGIC, 2) + pickle.dumps(lite0.VERSION, 2) + pickle.dumps(print, 2)
        with self.assertRaisesRegex(lite0.BadCheckpoint, "print"):
            lite0.read_checkpoint(evil)

    def test_a_name_among_the_tensors_is_refused(self):
        data = checkpoint({"w": ("0", 0, (1,), (1,))}, {"0": [1]})
        with self.assertRaisesRegex(lite0.BadCheckpoint, "os.system"):
            lite0.read_checkpoint(data.replace(b"torch._utils\n_rebuild_tensor_v2", b"os\nsystem"))

    def test_cut_anywhere_it_is_refused(self):
        data = checkpoint({"w": ("0", 0, (2, 2), (2, 1))}, {"0": [1, 2, 3, 4]})
        for length in range(len(data)):
            with self.subTest(length=length), self.assertRaises(lite0.UNREADABLE):
                lite0.read_checkpoint(data[:length])

    def test_bytes_after_the_end_are_refused(self):
        data = checkpoint({"w": ("0", 0, (1,), (1,))}, {"0": [1]}, extra=b"x")
        with self.assertRaisesRegex(lite0.BadCheckpoint, "left"):
            lite0.read_checkpoint(data)


class CheckTensors(unittest.TestCase):
    def setUp(self):
        self.tensors = {name: (shape, b"") for name, shape in lite0.expected_shapes().items()}

    def test_the_network_has_its_published_size(self):
        lite0.check_tensors(self.tensors)
        weights = sum(lite0.math.prod(s) for n, (s, _) in self.tensors.items() if "running" not in n)
        self.assertEqual(weights, 4652008)

    def test_a_missing_tensor_is_named(self):
        del self.tensors["_blocks.3._bn1.bias"]
        with self.assertRaisesRegex(lite0.BadCheckpoint, "_blocks.3._bn1.bias"):
            lite0.check_tensors(self.tensors)

    def test_a_wrong_shape_is_named(self):
        self.tensors["_fc.weight"] = ((1000, 1281), b"")
        with self.assertRaisesRegex(lite0.BadCheckpoint, "_fc.weight.*1281"):
            lite0.check_tensors(self.tensors)

    def test_an_unknown_tensor_is_named(self):
        self.tensors["_se.weight"] = ((1,), b"")
        with self.assertRaisesRegex(lite0.BadCheckpoint, "_se.weight"):
            lite0.check_tensors(self.tensors)


class SamePadding(unittest.TestCase):
    def test_the_odd_pixel_goes_to_the_end(self):
        self.assertEqual(lite0.same_padding(224, 3, 2), ((0, 1), 112))
        self.assertEqual(lite0.same_padding(56, 5, 2), ((1, 2), 28))
        self.assertEqual(lite0.same_padding(14, 5, 1), ((2, 2), 14))
        self.assertEqual(lite0.same_padding(7, 1, 1), ((0, 0), 7))


if __name__ == "__main__":
    unittest.main()
