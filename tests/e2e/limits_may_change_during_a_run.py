#!/usr/bin/env python3
"""A CPU quota and a memory limit are lowered and raised under a run: workers go and come, and no input is lost."""
import cgroups
import job


def body():
    job.needs_true_memory()
    cpu = cgroups.group("cpu", "cpu.cfs_quota_us", 200_000)
    run = job.Fed(job.fake(spin_us=500), "--log-level", "info", before=cgroups.join(cpu))
    if len(job.os.sched_getaffinity(0)) >= 2:
        run.until_said(" is ready after ", 2)
        (cpu / "cpu.cfs_quota_us").write_text("100000")
        run.until_said("now 1 worker: the container now gives 1 CPUs")
        (cpu / "cpu.cfs_quota_us").write_text("200000")
        run.until_said("now 2 workers: the container now gives 2 CPUs")
    run.end()

    memory = cgroups.group("memory", "memory.limit_in_bytes", 600 << 20)
    run = job.Fed(job.fake("large", load_mb=80, sleep_us=500), "--cpus", 2, "--log-level", "info",
                  before=cgroups.join(memory))  # fmt: skip
    run.until_said(" is ready after ", 2)
    used = int((memory / "memory.usage_in_bytes").read_text())
    (memory / "memory.limit_in_bytes").write_text(str(int(used * 1.06)))
    run.until_said("now 1 worker:")
    run.until_said("handed out again")
    (memory / "memory.limit_in_bytes").write_text(str(600 << 20))
    run.until_said("now 2 workers:")
    done = run.end()
    assert done.summary["governor"]["held_seconds"] > 0, done.summary


job.test(cgroups.removed_after(body))
