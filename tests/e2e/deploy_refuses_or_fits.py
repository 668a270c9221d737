#!/usr/bin/env python3
"""Options by chance give files that the platform takes, or an error that names the option."""
import random
import re

import deploying
import job

SEED, TRIALS = 20, 250
# The first of each is one that works.
NAMES = ["classify", "img-batch-001", "a", "Cat", "-a", "a_b", "a" * 63, "a" * 64, "x--y", "1st", "ä", ""]
IMAGES = ["r.example/headrace:0.1.0", "me.azurecr.io/h@sha256:12", "headrace", "https://r/h:1", "r.example:5000/h"]
SIZES = ["0.25", "0.5", "1", "1.5", "2", "4", "8", "31", "32", "0", "-1", "1.25", "x", "240", "1e9"]
PORTS = ["0.0.0.0:8080", "0.0.0.0:80", "0.0.0.0:443", "0.0.0.0:9999", "127.0.0.1:8080", "[::]:8001", "unix:/run/x",
         "0.0.0.0:0", "0.0.0.0:65535", "0.0.0.0:20001", "8080"]  # fmt: skip
MOUNT_NAMES = ["models", "results", "in", "Models", "a--bcde", "secrets", "scratch-dir"]
KINDS = {"aci": "azurefile:pictures/models", "k8s": "claim:models", "containerapps": "azurefile:storage1"}
ODD_KINDS = [*KINDS.values(), "azurefile:pictures", "secret:token", "secret:a/b", "configmap:settings", "empty",
             "disk:x", "azurefile:P/m"]  # fmt: skip
PATHS = ["/models", "/in", "/out", "/run/secrets/x", "/scratch", "/", "/usr", "relative", "/a:b", "/proc", "/a b",
         "/out:ro", "/models:ro"]  # fmt: skip
VARIABLES = ["A=1", "LEVEL=x y\"'$\n", "_A=1", "A_=2", "1A=3", "API_KEY=x", "NO", "B=x${STORAGE_KEY}", "C=yes",
             "D=ü€😀", "E=", "F=$(A)"]  # fmt: skip
SECRETS = ["SB_CONN", "SB_CONN=queue/connection", "SB_CONN=queue-connection", "TOKEN=TOKEN", "a-b", "PATH",
           "KEY=https://vault.example/secrets/k"]  # fmt: skip
EITHER = {
    "--load-time": ["0.8s", "200s", "x"],
    "--restart": ["Always", "OnFailure", "Never", "always"],
    "--timeout": ["30s", "0"],
    "--workers": ["auto", "4", "0"],
    "--sandbox": ["on", "maybe"],
    "--memory-mb": ["512", "99999", "x"],
    "--public": None,
    "--explain": None,
    "--location": ["westeurope", "a/b"],
    "--resource-group": ["headrace", "a/b."],
    "--registry-user": ["me", "a\nb"],
    "--registry-secret": ["pull", "Pull"],
    "--namespace": ["models", "Models"],
    "--virtual-node": None,
    "--environment": ["models", "a/b"],
    "--replicas": ["1", "3", "0", "-1"],
    "--max-replicas": ["2", "9999"],
    "--subnet": ["x"],
    "--dns-label": ["classify", "abc"],
    "--log-workspace": ["01234567-89ab-cdef-0123-456789abcdef", "mine"],
    "--deadline": ["2h", "0"],
    "--retries": ["3", "x"],
}
RUN = {
    "--out": ["/out/lines.jsonl", "lines.jsonl", "-"],
    "--overwrite": None,
    "--resume": None,
    "--strict": None,
    "--summary": ["/out/s.json", "s.json"],
    "--files": ["/out/f"],
}
SERVE = {
    "--http": PORTS,
    "--grpc": ["0.0.0.0:8001", *PORTS],
    "--admin": ["127.0.0.1:8081", "0.0.0.0:8081"],
    "--grace": ["60s", "x"],
    "--token-file": ["/run/secrets/x/token", "token"],
    "--max-body": ["1MiB", "x"],
}


def some(chance, options, likely):
    out = []
    for name, values in options.items():
        if chance.random() < likely:
            good = chance.random() < 0.85
            out += [name] if values is None else [name, values[0] if good else chance.choice(values)]
    return out


def pick(chance, values):
    return values[0] if chance.random() < 0.95 else chance.choice(values)


def mount_by(chance, platform, name):
    kind = KINDS[platform] if chance.random() < 0.9 else chance.choice(ODD_KINDS)
    path = "/" + name.lower() if chance.random() < 0.7 else chance.choice(PATHS)
    return ["--mount", f"{name}={kind}:{path}"]


def arguments_by(chance):
    platform, work = chance.choice(list(KINDS)), chance.choice(["run", "serve"])
    out = [platform, work, pick(chance, ["/models/lite0", "models/lite0"])]
    if work == "run":
        out.append(pick(chance, ["/in", "@/in/list", "-", "in"]))
    out += ["--name", pick(chance, NAMES), "--image", pick(chance, IMAGES)]
    size = chance.choice(["1", "2", "4"])
    sizes = [size, str(int(size) * 2)] if chance.random() < 0.8 else chance.choices(SIZES, k=2)
    out += ["--cpus", sizes[0], "--memory", sizes[1]] if chance.random() < 0.95 else []
    names = MOUNT_NAMES[:2] if chance.random() < 0.7 else MOUNT_NAMES
    for name in chance.sample(names, chance.choice([0, 1, 2])):
        out += mount_by(chance, platform, name)
    for _ in range(chance.choice([0, 0, 1, 2])):
        out += ["--env", pick(chance, VARIABLES)] if chance.random() < 0.7 else ["--env-secret", pick(chance, SECRETS)]
    out += some(chance, EITHER, 0.03) + some(chance, RUN if work == "run" else SERVE, 0.15)
    if platform == "aci" and work == "serve" and chance.random() < 0.9 and "--public" not in out:
        out.append("--public")
    return out


def check_group(tree):
    """The rules of container groups, said a second time."""
    label = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
    all_of, (container,) = tree["properties"], tree["properties"]["containers"]
    inside = container["properties"]
    assert label.fullmatch(tree["name"]) and len(tree["name"]) <= 63, tree["name"]
    size = inside["resources"]["requests"]
    assert 1 <= size["cpu"] <= 31 and 1 <= size["memoryInGB"] <= 240 and inside["resources"]["limits"] == size
    volumes = [volume["name"] for volume in all_of.get("volumes", [])]
    assert [mount["name"] for mount in inside.get("volumeMounts", [])] == volumes
    assert all(label.fullmatch(name) and 5 <= len(name) <= 63 and "--" not in name for name in volumes), volumes
    ports = [port["port"] for port in inside.get("ports", [])]
    assert ports == [port["port"] for port in all_of.get("ipAddress", {"ports": []})["ports"]]
    kept = {22, 443, 9999, 19000, 19080, 19100, 19390, *range(1025, 1028), *range(3389, 3400), *range(20000, 30001)}
    assert not kept & set(ports) and len(set(ports)) == len(ports) and not any(49152 <= port < 65535 for port in ports)
    assert all(re.fullmatch(r"[A-Za-z0-9]\w*", entry["name"]) for entry in inside["environmentVariables"])


def check_file(arguments, text):
    trees = deploying.check_yaml(arguments[0], text)
    if arguments[0] == "aci":
        check_group(trees[0])
    if arguments[0] != "k8s":
        deploying.check_bicep(deploying.deploy(*arguments, "--as", "bicep")[1], trees[0])
    values = []

    def walk(tree):
        if isinstance(tree, dict):
            [walk(each) for each in tree.values()]
        elif isinstance(tree, list):
            [walk(each) for each in tree]
        else:
            values.append(tree)

    for tree in trees:
        walk(tree)
    for option, given in zip(arguments, arguments[1:]):
        if option == "--env":
            text = given.partition("=")[2]
            assert text in values or text.replace("$(", "$$(") in values, f"{given!r} is not in the file"


def body():
    chance = random.Random(SEED)
    done = {0: 0, 2: 0}
    for _ in range(TRIALS):
        arguments = arguments_by(chance)
        code, out, said = deploying.deploy(*arguments)
        assert code in done, (arguments, code, said)
        done[code] += 1
        if code == 0:
            check_file(arguments, out)
            continue
        refused = [line for line in said.splitlines() if not re.match("headrace: (warning|note): |Try: ", line)]
        words = {word for word in arguments if word.startswith("--")} | {"--public", "--cpus", "--memory", "--http"}
        assert not out and refused, (arguments, said)
        for line in refused:
            assert any(word in line for word in words | {"MODEL", "INPUT"}), (arguments, line)
    assert done[0] > TRIALS / 5 and done[2] > TRIALS / 5, done


job.test(body)
