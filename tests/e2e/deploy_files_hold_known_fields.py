#!/usr/bin/env python3
"""A real YAML reader takes every file, each key is one that the platform has, and Bicep says the same as YAML."""
import deploying
import job


def body():
    forms = set()
    for name, arguments in deploying.cases():
        folder = deploying.GOLDEN / name
        platform = arguments[0]
        for path in sorted(folder.glob("*.yaml")):
            trees = deploying.check_yaml(platform, path.read_text())
            forms.add((platform, "yaml"))
            twin = path.with_suffix(".bicep")
            if twin.exists():
                assert len(trees) == 1
                bicep = deploying.check_bicep(twin.read_text(), trees[0])
                secure = [key for key, (hidden, default, _) in bicep.parameters.items() if hidden]
                assert all(bicep.parameters[key][1] is None for key in secure), "a secret has no default"
                forms.add((platform, "bicep"))
    assert {(platform, "yaml") for platform in deploying.FIELDS} | {("aci", "bicep")} <= forms, forms


job.test(body)
