#!/usr/bin/env python3
"""A plan file made for another container or another model is not used, and a line says why; one that makes no sense is
an error with its line."""
from pathlib import Path

import job


def body():
    model, inputs, here = job.fake(spin_us=300), job.listed(job.numbered(60)), {"HEADRACE_CPUS": "2"}
    job.run(model, inputs, "--time", "2s", "--report", "none", "--progress", "none", command="tune", environment=here)
    file = Path(model, "plan.toml")
    made = file.read_text()
    assert "not used" not in job.run(model, inputs, environment=here).said
    for elsewhere, why in (({"HEADRACE_CPUS": "3"}, "made for 2 CPUs, here are 3"),
                           ({**here, "HEADRACE_MEMORY_MB": "300"}, "of memory, here are 300 MiB")):  # fmt: skip
        said = job.run(model, inputs, environment=elsewhere).said
        assert f"the plan {model}/plan.toml is not used" in said and why in said, said
    Path(model, "it.fake").write_text(Path(model, "it.fake").read_text() + "# changed\n")
    assert "the model has changed since" in job.run(model, inputs, environment=here).said

    file.write_text(made.replace("workers = ", "wokers = "))
    job.refused([f"{model}/plan.toml:", "did you mean 'workers'?"], model)
    file.write_text(made.replace("batch = ", "batch = 99999 # "))
    job.refused([f"{model}/plan.toml:", "batch", "128"], model)
    job.refused(["cannot read the plan missing.toml"], model, "--plan", "missing.toml")


job.test(body)
