#!/usr/bin/env python3
"""An item takes memory until its worker is killed, in a real memory cgroup, again and again: it alone fails."""
import cgroups
import job


def body():
    job.needs_true_memory()
    group = cgroups.group("memory", "memory.limit_in_bytes", 320 << 20)
    names = job.numbered(1000)
    names[300] += "-HUNGRY"
    done = job.run(job.fake(hog_on="HUNGRY", sleep_us=300), job.listed(names), "--workers", 2, "--summary",
                   "summary.json", before=cgroups.join(group))  # fmt: skip
    job.exactly_once(done.lines, names, failed=1)
    failed = [line for line in done.lines if line["status"] == "failed"]
    assert failed[0]["index"] == 300 and failed[0]["error"]["code"] == "worker_crashed", failed
    summary = done.summary
    assert summary["governor"]["evictions"] + summary["memory"]["oom_kills"] >= 2, summary
    print(failed[0]["error"]["message"], summary["governor"], summary["memory"])


job.test(cgroups.removed_after(body))
