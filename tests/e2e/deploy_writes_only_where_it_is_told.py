#!/usr/bin/env python3
"""Standard output holds one file and nothing else; several go into a folder, over nothing that is there."""
import os
from pathlib import Path

import deploying
import job

SERVE = ["aci", "serve", "/m/lite0", "--name", "classify", "--image", "r.example/h:1", "--cpus", "1", "--memory", "2",
         "--public"]  # fmt: skip


def body():
    forms = {}
    for form in ("yaml", "bicep", "az"):
        code, forms[form], said = deploying.deploy(*SERVE, "--as", form)
        assert code == 0 and "warning: --public" in said and "warning" not in forms[form]
        assert ("classify.yaml beside it" in said) == (form == "az"), said
    deploying.check_bicep(forms["bicep"], deploying.check_yaml("aci", forms["yaml"])[0])
    assert deploying.deploy(*SERVE)[1] == forms["yaml"] and os.listdir(".") == []
    code, out, said = deploying.deploy(*SERVE, "--as", "all")
    assert code == 2 and not out and "--into" in said, said
    code, out, said = deploying.deploy(*SERVE, "--into", "a/b")
    written = {path.name: path.read_text() for path in Path("a/b").iterdir()}
    assert (code, out) == (0, "") and written == {f"classify.{end}": forms[form] for end, form in
                                                 (("yaml", "yaml"), ("bicep", "bicep"), ("sh", "az"))}  # fmt: skip
    assert os.access("a/b/classify.sh", os.X_OK) and said.count("wrote a/b/classify.") == 3
    Path("a/b/classify.sh").unlink()
    Path("a/b/classify.yaml").write_text("mine")
    code, out, said = deploying.deploy(*SERVE, "--into", "a/b")
    assert code == 3 and "classify.yaml is there already" in said and not Path("a/b/classify.sh").exists(), said
    assert deploying.deploy(*SERVE, "--into", "a/b", "--replace")[0] == 0
    assert Path("a/b/classify.yaml").read_text() == forms["yaml"]
    code, out, said = deploying.deploy(*SERVE, "--into", "a/b/classify.yaml", "--replace")
    assert code == 3 and "--into" in said, said
    code, out, said = deploying.deploy(*SERVE, "--into", "c", "--cpus", "99")
    assert code == 2 and not Path("c").exists(), "something was written for what is refused"


job.test(body)
