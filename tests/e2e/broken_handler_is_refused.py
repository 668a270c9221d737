#!/usr/bin/env python3
"""A shared object that is no good handler is exit code 3 and one clear sentence, soon, and no results are begun."""
import os
import shutil
from pathlib import Path

import job


def refused(holds, *arguments):
    done = job.run(*arguments, "@list.txt", "--out", "out.jsonl", code=3, seconds=15)
    errors = [line for line in done.said.splitlines() if ": error: " in line]
    assert len(errors) == 1 and all(word in errors[0] for word in holds), f"{holds}: {done.said}"
    assert not Path("out.jsonl").exists() or Path("out.jsonl").read_bytes() == b"", "results were begun"


def body():
    job.listed(job.numbered(20))
    good = job.handler()
    Path("script.so").write_text("INPUT(libother.so)\n")
    Path("empty.so").touch()
    Path("cut.so").write_bytes(good.read_bytes()[:4000])
    Path("foreign.so").write_bytes(b"\x7fELF\x01" + good.read_bytes()[5:])
    Path("object.o").write_bytes(good.read_bytes()[:16] + b"\1\0" + good.read_bytes()[18:])
    shutil.copy(good, "named-otherwise.onnx")
    refused(["script.so", "no ELF file", "shared object"], "script.so")
    refused(["empty.so", "is empty"], "empty.so")
    refused(["object.o", "no shared object"], "object.o")
    refused(["cut.so", "only a part"], "cut.so")
    refused(["cannot load", "foreign.so"], "foreign.so")
    refused(["there is no model", "missing.so"], "missing.so")
    refused(["unresolved_handler.so", "undefined symbol", "nobody_defines_this"], job.handler("unresolved_handler"))
    refused(["no_symbol_handler.so", "exports no symbol headrace_handler"], job.handler("no_symbol_handler"))
    refused(["other_version_handler.so", "version 99", "build it again"], job.handler("other_version_handler"))
    refused(["short_table_handler.so", "struct_size"], job.handler("short_table_handler"))
    refused(["obedient_handler.so", "cannot start", "no luck today"], good, "--handler-settings", "fail no luck today")
    refused(["gave up", "while it was loading", "SIGABRT"], good, "--handler-settings", "die")
    refused(["--engine fake", "is a handler", "HEADRACE_ENGINE"], good, "--engine", "fake")
    refused(["--files", "is for handlers"], job.fake(), "--files", "out")
    refused(["--handler-settings", "is for handlers"], job.fake(), "--handler-settings", "x")
    refused(["cannot make the folder", "list.txt/out"], good, "--files", "list.txt/out")
    assert not os.path.exists("out"), "something was made"
    job.run("named-otherwise.onnx", *job.orders(["json 1"]))


job.test(body)
