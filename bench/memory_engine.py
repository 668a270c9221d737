"""One process with a model in an engine, for memory.py: says a line when it is ready to be looked at, and obeys.

    memory_engine.py convert MODEL.onnx FOLDER    puts the model into FOLDER in the formats that are tried
    memory_engine.py NAME MODEL.onnx FOLDER       NAME as in memory.TRIALS
"""
import statistics
import sys
import time
from pathlib import Path

import numpy

INPUT = numpy.linspace(-1, 1, 3 * 224 * 224, dtype=numpy.float32).reshape(1, 3, 224, 224)


def convert(model, folder):
    import onnxruntime
    import openvino
    load_openvino("openvino-cache", model, folder)()  # fills the cache
    openvino.save_model(openvino.convert_model(model), folder / "lite0.xml", compress_to_fp16=False)
    for name, unpacked in (("lite0.ort", "0"), ("lite0-unpacked.ort", "1")):
        options = session_options(onnxruntime, unpacked)
        options.optimized_model_filepath = str(folder / name)
        options.add_session_config_entry("session.save_model_format", "ORT")
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def session_options(onnxruntime, unpacked):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.disable_prepacking", unpacked)
    options.log_severity_level = 3
    return options


def load_openvino(name, model, folder):
    import openvino
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": True})
    if name.endswith("cache"):
        core.set_property({"CACHE_DIR": str(folder / "cache")})
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False,
                "INFERENCE_PRECISION_HINT": "f32"}

    def load():
        read = core.read_model(folder / "lite0.xml" if name.endswith("ir") else model)
        read.reshape([1, 3, 224, 224])
        request = core.compile_model(read, "CPU", settings).create_infer_request()
        return lambda: request.infer([INPUT])

    return load


def load_onnxruntime(name, model, folder):
    import onnxruntime
    unpacked = "unpacked" in name
    options = session_options(onnxruntime, str(int(unpacked)))
    if "mapped" in name:
        model = str(folder / ("lite0-unpacked.ort" if unpacked else "lite0.ort"))
        options.add_session_config_entry("session.load_model_format", "ORT")
        options.add_session_config_entry("session.use_memory_mapped_ort_model", "1")
        options.add_session_config_entry("session.use_ort_model_bytes_directly", "1")
        options.add_session_config_entry("session.use_ort_model_bytes_for_initializers", "1")

    def load():
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        feed = {session.get_inputs()[0].name: INPUT}
        return lambda: session.run(None, feed)

    return load


def milliseconds(infer):
    begin = time.perf_counter()
    infer()
    return 1000 * (time.perf_counter() - begin)


def main():
    name, model, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    if name == "convert":
        return convert(model, folder)
    load = (load_openvino if name.startswith("openvino") else load_onnxruntime)(name, model, folder)
    print("imported", flush=True)
    sys.stdin.readline()
    infer = load()
    for _ in range(10):
        infer()
    print("loaded", flush=True)
    sys.stdin.readline()
    print(statistics.median(milliseconds(infer) for _ in range(100)), flush=True)
    return sys.stdin.read()


main()
