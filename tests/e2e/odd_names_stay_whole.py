#!/usr/bin/env python3
"""Names with quotes, controls, line ends, emoji: walked from a folder each comes back as it is, in valid JSON;
lists may have empty lines and the line ends of Windows."""
import os
from pathlib import Path

import job

ODD = ['quo"te', "back\\slash", "new\nline", "tab\tand\rreturn", "\x01\x02\x1f\x7f", "ünï-çødé", "\U0001f600",
       "\u202ertl", " leading and trailing ", "-dash", "@at", "%n%s{}", "\u2028", "a" * 255]  # fmt: skip


def body():
    os.mkdir("odd")
    for name in ODD:
        Path("odd", name).write_text("bytes")
    model = job.fake(input="bytes")
    lines = job.run(model, "odd").lines
    assert {line["input"]: line["status"] for line in lines} == {f"odd/{name}": "ok" for name in ODD}
    listable = [f"odd/{name}" for name in ODD if "\n" not in name and "\r" not in name]
    Path("list.txt").write_bytes(b"\n\n" + "\r\n\r\n".join(listable).encode() + b"\n\r\n")
    job.exactly_once(job.run(model, "@list.txt", "--ordered").lines, listable)
    Path("open-ended.txt").write_text("\n".join(listable))
    job.exactly_once(job.run(model, "@open-ended.txt").lines, listable)


job.test(body)
