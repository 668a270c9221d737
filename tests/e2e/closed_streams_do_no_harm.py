#!/usr/bin/env python3
"""Started with standard streams closed, the program writes neither log nor results where they do not belong."""
import job


def body():
    names = job.numbered(300)
    names[7] += "-KILLME"
    model, inputs = job.fake(abort_on="KILLME"), job.listed(names)
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        before = ["sh", "-c", f'exec "$@" {closed}', "sh"]
        job.run(model, inputs, "--out", "out.jsonl", "--overwrite", "--log-level", "debug", before=before)
        job.exactly_once(job.read("out.jsonl"), names, failed=1)
    done = job.run(model, inputs, before=["sh", "-c", 'exec "$@" >&-', "sh"], code=None)
    assert done.code in (0, 3), done  # closed is nowhere, or an error; never a hang or a crash


job.test(body)
