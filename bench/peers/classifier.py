"""From the bytes of a picture to its five best classes, for every peer the same: OpenVINO's Python package with one
thread, Pillow with a shrinking JPEG decoder, the steps of python_pool.py. What a peer adds is only its server.

The environment says: BENCH_MODEL, the model's folder; BENCH_PORT, where the peer is to listen.
"""
import io
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
import python_pool

PORT = int(os.environ["BENCH_PORT"])
WORKERS = 2


class Alone:
    """In place of the barrier of a pool: nobody to wait for."""

    def wait(self):
        pass


class Classifier:
    def __init__(self):
        python_pool.initialize(os.environ["BENCH_MODEL"], "openvino", "f32", True, Alone())

    def __call__(self, content):
        """The answer; None when this is no picture."""
        _, top, _ = python_pool.classify(io.BytesIO(content))
        if top is None:
            return None
        return {"label": top[0][1], "score": top[0][2],
                "top": [{"class": number, "label": label, "score": score} for number, label, score in top]}
