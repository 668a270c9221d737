#!/usr/bin/env python3
"""A picture that always kills its worker, among many good ones, is the only one that fails."""
from pathlib import Path

import job
import samples


def body():
    Path("pictures").mkdir()
    names = []
    for i in range(300):
        names.append(f"pictures/{i:03}.png")
        Path(names[-1]).write_bytes(samples.png((255, 0, 255) if i == 150 else (i % 256, 40, 200)))
    model = job.fake(input="image", abort_on_magenta=1)
    for batch in (1, 8):
        lines = job.run(model, "pictures", "--batch", batch).lines
        job.exactly_once(lines, names, failed=1)
        (failed,) = [line for line in lines if line["status"] == "failed"]
        assert failed["index"] == 150 and failed["attempts"] == 3, failed
        assert failed["error"]["code"] == "worker_crashed" and "SIGABRT" in failed["error"]["message"], failed
        assert all(line["attempts"] == 1 for line in lines if line is not failed), "an innocent was charged"


job.test(body)
