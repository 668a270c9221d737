#!/usr/bin/env python3
"""The other side of the comparison: multiprocessing.Pool, as a careful engineer writes it.

    python_pool.py pictures MODEL ENGINE PRECISION LIST PASSES PROCESSES CHUNKSIZE CARE [RESULTS]
    python_pool.py dispatch PROCESSES ITEMS ROUND_TRIPS

`pictures`: Pillow decodes and resizes, the engine's own Python package infers with one thread (or, with the PRECISION
`defaults`, with whatever it takes when nobody says anything), every process loads the model once, in its initializer,
and `imap_unordered` hands out the files. CARE is `plain` (decode, resize the
whole picture, crop) or `tuned` (the JPEG decoder may shrink, as in Headrace, and only what remains after the crop is
resampled). The clock starts when every process is loaded and warm. What comes back is what Headrace gives: the five
best classes with labels and scores. With RESULTS, the best class of each input is written there, to be compared.
`dispatch`: a function that does nothing, with chunks of one item, and one call at a time.
Both print one line of JSON. Needs numpy, Pillow and the engine's package for `pictures`, nothing for `dispatch`.
"""
import json
import multiprocessing
import os
import resource
import sys
import time

# What comes after the model's own folder: the steps of tools/lite0.toml, written out as one would.
SIZE, RESIZE_TO, MEAN, SCALE, TOP = 224, 256, 127.0, 128.0, 5
DRAFT = 448  # what a shrinking JPEG decoder must leave of the shorter side: 1.75 times RESIZE_TO, as in Headrace

worker = {}  # of one process of the pool


def load_openvino(path, precision):
    import openvino

    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
    if precision == "f32":
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    if precision == "defaults":
        settings = {}
    core = openvino.Core()
    model = core.read_model(path)
    model.reshape({0: [1, 3, SIZE, SIZE]})
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    # Sharing instead of copying tensors: the package's own fast way.
    return lambda tensor: request.infer([tensor], share_inputs=True, share_outputs=True)[0]


def load_onnxruntime(path, precision):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if precision != "defaults":
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda tensor: session.run(None, {name: tensor})[0]


ENGINES = {"openvino": load_openvino, "onnxruntime": load_onnxruntime}


def initialize(model, engine, precision, tuned, barrier):
    import numpy
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = 100_000_000
    with open(os.path.join(model, "labels.txt"), encoding="utf-8") as labels:
        worker["labels"] = labels.read().splitlines()
    worker["infer"] = ENGINES[engine](os.path.join(model, "lite0.onnx"), precision)
    worker["infer"](numpy.zeros((1, 3, SIZE, SIZE), numpy.float32))
    worker["tuned"] = tuned
    barrier.wait()


def crop_last(image):
    from PIL import Image

    width, height = image.size
    scale = RESIZE_TO / min(width, height)
    image = image.resize((round(width * scale), round(height * scale)), Image.BICUBIC)
    left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
    return image.crop((left, top, left + SIZE, top + SIZE))


def crop_first(image):
    from PIL import Image

    width, height = image.size
    side = min(width, height) * SIZE / RESIZE_TO
    left, top = (width - side) / 2, (height - side) / 2
    return image.resize((SIZE, SIZE), Image.BICUBIC, box=(left, top, left + side, top + side))


def classify(path):
    import numpy
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            if worker["tuned"]:
                image.draft("RGB", (DRAFT, DRAFT))
            image = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        return path, None, str(error)
    image = crop_first(image) if worker["tuned"] else crop_last(image)
    tensor = numpy.asarray(image, numpy.float32)
    tensor = numpy.ascontiguousarray(((tensor - MEAN) / SCALE).transpose(2, 0, 1))[None]
    scores = worker["infer"](tensor)[0]
    scores = numpy.exp(scores - scores.max())
    scores /= scores.sum()
    best = numpy.argpartition(scores, -TOP)[-TOP:]
    best = best[numpy.argsort(scores[best])[::-1]]
    return path, [(int(i), worker["labels"][i], float(scores[i])) for i in best], None


def cpu_seconds(pids):
    """User and system time of these processes, in clock ticks' resolution."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def own_cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def pictures(model, engine, precision, names, passes, processes, chunksize, care, results=None):
    with open(names, encoding="utf-8") as file:
        files = file.read().splitlines()
    items = files * int(passes)
    barrier = multiprocessing.Barrier(int(processes) + 1)
    settings = (model, engine, precision, care == "tuned", barrier)
    with multiprocessing.Pool(int(processes), initialize, settings) as pool:
        barrier.wait()
        pids = [child.pid for child in multiprocessing.active_children()]
        cpu = cpu_seconds(pids) + own_cpu()
        begin = time.perf_counter()
        answers = list(pool.imap_unordered(classify, items, chunksize=int(chunksize)))
        seconds = time.perf_counter() - begin
        cpu = cpu_seconds(pids) + own_cpu() - cpu
    if results:
        best = {path: top[0][0] if top else None for path, top, _ in answers}
        with open(results, "w", encoding="utf-8") as file:
            json.dump(best, file)
    failed = sum(top is None for _, top, _ in answers)
    return {"items": len(answers), "failed": failed, "seconds": seconds, "cpu_seconds": cpu}


def nothing(item):
    return item


def dispatch(processes, items, round_trips):
    with multiprocessing.Pool(int(processes)) as pool:
        pool.map(nothing, range(1000), chunksize=1)
        begin = time.perf_counter()
        pool.map(nothing, range(int(items)), chunksize=1)
        rate = int(items) / (time.perf_counter() - begin)
        times = []
        for i in range(int(round_trips)):
            begin = time.perf_counter()
            pool.apply(nothing, (i,))
            times.append((time.perf_counter() - begin) * 1e6)
    times.sort()
    quantile = lambda share: times[int(share * (len(times) - 1))]
    return {"items_per_second": rate, "round_trip_us": {"p50": quantile(0.5), "p99": quantile(0.99)}}


if __name__ == "__main__":
    measured = {"pictures": pictures, "dispatch": dispatch}[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(measured))
