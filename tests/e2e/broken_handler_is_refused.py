#!/usr/bin/env python3
"""A shared object that is no good handler is exit code 3 and one clear sentence, soon, and no results are begun."""
import os
import shutil
from pathlib import Path

import job


def body():
    job.listed(job.numbered(20))
    good = job.handler()
    Path("script.so").write_text("INPUT(libother.so)\n")
    Path("empty.so").touch()
    Path("cut.so").write_bytes(good.read_bytes()[:4000])
    Path("foreign.so").write_bytes(b"\x7fELF\x01" + good.read_bytes()[5:])
    Path("object.o").write_bytes(good.read_bytes()[:16] + b"\1\0" + good.read_bytes()[18:])
    shutil.copy(good, "named-otherwise.onnx")
    job.refused(["script.so", "no ELF file", "shared object"], "script.so")
    job.refused(["empty.so", "is empty"], "empty.so")
    job.refused(["object.o", "no shared object"], "object.o")
    job.refused(["cut.so", "only a part"], "cut.so")
    job.refused(["cannot load", "foreign.so"], "foreign.so")
    job.refused(["there is no model", "missing.so"], "missing.so")
    job.refused(["unresolved_handler.so", "undefined symbol", "nobody_defines_this"], job.handler("unresolved_handler"))
    job.refused(["no_symbol_handler.so", "exports no symbol headrace_handler"], job.handler("no_symbol_handler"))
    job.refused(["other_version_handler.so", "version 99", "build it again"], job.handler("other_version_handler"))
    job.refused(["short_table_handler.so", "struct_size"], job.handler("short_table_handler"))
    job.refused(["obedient_handler.so", "cannot start", "no luck today"], good, "--handler-settings", "fail no luck today")
    job.refused(["gave up", "while it was loading", "SIGABRT"], good, "--handler-settings", "die")
    job.refused(["--engine fake", "is a handler", "HEADRACE_ENGINE"], good, "--engine", "fake")
    job.refused(["--files", "is for handlers"], job.fake(), "--files", "out")
    job.refused(["--handler-settings", "is for handlers"], job.fake(), "--handler-settings", "x")
    job.refused(["cannot make the folder", "list.txt/out"], good, "--files", "list.txt/out")
    assert not os.path.exists("out"), "something was made"
    job.run("named-otherwise.onnx", *job.orders(["json 1"]))


job.test(body)
