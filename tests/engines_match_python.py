#!/usr/bin/env python3
"""Each engine plug-in gives the numbers of the engine's own Python package, for the same tensor.

usage: engines_match_python.py ENGINE_DUMP ENGINE_FOLDER MODEL.onnx [DIMS]

Runs in a Python that has numpy, openvino and onnxruntime; a plug-in or a package that is missing
fails the test. DIMS is the shape of input 0 without the batch (default 3x224x224), elements f32.

Tolerances, on raw outputs, relative to the largest output:
  f32   plug-in against the package, either engine's:  1e-4
  auto  plug-in against its own package:               1e-3  (the same kernels and precision)
  auto  plug-in against the package in f32:            0.1   (bfloat16 keeps 8 bits of a number)
        and the same best class, wherever f32 has it ahead by more than that
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def openvino(model, precision, threads):
    import openvino as ov

    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
    if precision == "f32":
        settings["INFERENCE_PRECISION_HINT"] = "f32"

    def run(tensor):
        core = ov.Core()
        graph = core.read_model(model)
        graph.reshape({0: list(tensor.shape)})
        outputs = core.compile_model(graph, "CPU", settings)([tensor])
        return [np.array(value) for value in outputs.values()]

    return run


def onnxruntime(model, precision, threads):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda tensor: session.run(None, {session.get_inputs()[0].name: tensor})


PACKAGES = {"openvino": openvino, "onnxruntime": onnxruntime}


def plugin(dump, folder, engine, model, precision, threads, tensor, wanted):
    """The plug-in's outputs, in the shapes of `wanted`."""
    with tempfile.TemporaryDirectory() as place:
        Path(place, "input").write_bytes(tensor.tobytes())
        dims = "x".join(map(str, tensor.shape))
        settings = [folder, engine, model, precision, str(threads), dims]
        command = [dump, *settings, f"{place}/input", f"{place}/output"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        files = [f"{place}/output.{k}" for k in range(len(wanted))]
        outputs = [np.fromfile(file, value.dtype) for file, value in zip(files, wanted)]
    return [output.reshape(value.shape) for output, value in zip(outputs, wanted)]


def distance(got, want):
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(got, want))


def same_best_class(got, want, margin):
    """Every row's best class is that of `want`, unless `want` itself is in doubt."""
    rows = zip(got[0].reshape(len(got[0]), -1), want[0].reshape(len(want[0]), -1))
    sure = [(a, b) for a, b in rows if np.diff(np.sort(b)[-2:])[0] > margin * np.abs(b).max()]
    return all(a.argmax() == b.argmax() for a, b in sure), len(sure)


def main(dump, folder, model, dims="3x224x224"):
    shape = [int(dim) for dim in dims.split("x")]
    failures = 0

    def expect(what, value, limit):
        nonlocal failures
        failures += not value <= limit
        print(f"{'ok  ' if value <= limit else 'FAIL'} {what}: {value:.2e}, at most {limit:g}")

    for batch, threads in ((1, 1), (3, 2)):
        tensor = np.random.default_rng(batch).uniform(-1, 1, [batch, *shape]).astype(np.float32)
        tensor += np.linspace(-1, 1, shape[-1], dtype=np.float32)  # noise alone excites few classes
        reference = {name: make(model, "f32", threads)(tensor) for name, make in PACKAGES.items()}
        for name, make in PACKAGES.items():
            title = f"{name}, batch {batch}, {threads} threads,"
            got = plugin(dump, folder, name, model, "f32", threads, tensor, reference[name])
            for package, want in reference.items():
                expect(f"{title} f32, against package {package}", distance(got, want), 1e-4)
            got = plugin(dump, folder, name, model, "auto", threads, tensor, reference[name])
            want = make(model, "auto", threads)(tensor)
            expect(f"{title} auto, against its package", distance(got, want), 1e-3)
            expect(f"{title} auto, against f32", distance(got, reference[name]), 0.1)
            agree, sure = same_best_class(got, reference[name], 0.1)
            title += f" auto, another best class ({sure} of {batch} certain)"
            expect(title, 0 if agree else 1, 0)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
