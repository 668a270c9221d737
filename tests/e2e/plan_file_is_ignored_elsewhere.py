#!/usr/bin/env python3
"""A plan file made for another container or another model is not used, and a line says why; nor one that makes no sense
or is for latency, unless it was named: that is an error with its line."""
from pathlib import Path

import job


def body():
    model, inputs, here = job.fake(spin_us=300), job.listed(job.numbered(60)), {"HEADRACE_CPUS": "2"}
    job.run(model, inputs, "--time", "6s", "--report", "none", "--progress", "none", command="tune", environment=here)
    file = Path(model, "plan.toml")
    made = file.read_text()
    assert "not used" not in job.run(model, inputs, environment=here).said
    for elsewhere, why in (({"HEADRACE_CPUS": "3"}, "made for 2 CPUs, here are 3"),
                           ({**here, "HEADRACE_MEMORY_MB": "1500"}, "of memory, here are 1500 MiB")):  # fmt: skip
        said = job.run(model, inputs, environment=elsewhere).said
        assert f"the plan {model}/plan.toml is not used" in said and why in said, said
    Path(model, "it.fake").write_text(Path(model, "it.fake").read_text() + "# changed\n")
    assert "the model has changed since" in job.run(model, inputs, environment=here).said

    # One that was only found and makes no sense is left aside; one that was named is refused.
    for wrong, words in (("wokers = ", ["did you mean 'workers'?"]), ("workers = 99999 # ", ["workers", "256"])):
        file.write_text(made.replace("workers = ", wrong))
        said = job.run(model, inputs, environment=here).said
        assert f"the plan {model}/plan.toml is not used: {model}/plan.toml:" in said, said
        assert all(word in said for word in words), said
        job.refused([f"{model}/plan.toml:", *words], model, "--plan", file)
    job.refused(["cannot read the plan missing.toml"], model, "--plan", "missing.toml")

    Path(model, "it.fake").write_text(Path(model, "it.fake").read_text().replace("# changed\n", ""))
    file.write_text(made.replace('engine = "fake"', 'engine = "none-such"'))
    said = job.run(model, inputs, environment=here).said
    assert f"the plan {model}/plan.toml is not used: there is no engine 'none-such'" in said, said
    job.refused([f"{model}/plan.toml: there is no engine"], model, "--plan", file, "--cpus", 2)
    file.write_text(made.replace('for = "throughput"', 'for = "latency"\nrate = 20'))
    said = job.run(model, inputs, environment=here).said
    assert "it is for latency at 20 items/s, not for throughput" in said, said
    assert "not used" not in job.run(model, inputs, "--plan", file, environment=here).said
    file.write_text(made)
    said = job.run(model, inputs, "--engine", "none-such", environment=here, code=None).said
    assert f"the plan {model}/plan.toml is not used with --engine none-such: it is for fake" in said, said
    file.write_text("[plan]\nworkers = 1\n")
    assert "does not say for which container" in job.run(model, inputs, environment=here).said


job.test(body)
