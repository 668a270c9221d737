"""What the tests of `headrace deploy` stand on: a strict reader of YAML, one of the Bicep that is written, and a
check of every key against the lists of fields in tests/deploy/fields_*.json.

Golden files lie in tests/deploy/golden/CASE: `command` holds the arguments after `headrace deploy`, the other files
are what it writes with --into. HEADRACE_RENEW_GOLDEN=1 writes them anew; read the difference before it is committed.
"""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import job

try:
    import yaml
except ImportError:
    job.skip("no PyYAML: scripts/setup test installs it")

GOLDEN = job.ROOT / "tests/deploy/golden"
FIELDS = {name: json.loads((job.ROOT / f"tests/deploy/fields_{name}.json").read_text())
          for name in ("aci", "k8s", "containerapps")}  # fmt: skip


def cases():
    """Name and arguments of each golden case."""
    found = sorted(path for path in GOLDEN.iterdir() if (path / "command").exists())
    assert found, GOLDEN
    return [(path.name, shlex.split((path / "command").read_text(), comments=True)) for path in found]


def deploy(*arguments, environment=None, where=None):
    """Exit code, standard output and standard error of a `headrace deploy`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HEADRACE_")}
    done = subprocess.run([job.BINARY, "deploy", *map(str, arguments)], capture_output=True, text=True, cwd=where,
                          env={**clean, **(environment or {})}, stdin=subprocess.DEVNULL)  # fmt: skip
    return done.returncode, done.stdout, done.stderr


class OnceLoader(yaml.SafeLoader):
    """Refuses what most readers let pass: a key that stands there twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: a key stands there twice"
        return super().construct_mapping(node, deep)


def read_yaml(text):
    """The documents of a YAML file."""
    return list(yaml.load_all(text, OnceLoader))


# --- Bicep, as far as it is written here

TOKEN = re.compile(r"""\s*(?://[^\n]*\n\s*)*(?:(?P<text>'(?:\\.|[^'\\])*')|(?P<number>\d+(?:\.\d+)?)
                       |(?P<word>[A-Za-z_@][\w.]*)|(?P<mark>[{}\[\]:=(),.]))""", re.X)  # fmt: skip
ESCAPES = {"\\\\": "\\", "\\'": "'", "\\$": "$", "\\n": "\n", "\\t": "\t", "\\r": "\r"}


def unquoted(text):
    assert not re.search(r"(?<!\\)\$\{", text), f"something is put into {text}"
    return re.sub(r"\\u\{([0-9a-f]+)\}|\\.",
                  lambda m: chr(int(m.group(1), 16)) if m.group(1) else ESCAPES[m.group(0)], text[1:-1])  # fmt: skip


class Bicep:
    """`parameters`: name -> (secure, default, description); `type`, `version`; `body`, in which a parameter is
    "${name}"; `outputs`: names."""

    def __init__(self, text):
        self.tokens, at = [], 0
        text = text.rstrip() + "\n"
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if not found:
                assert not re.sub(r"//[^\n]*\n", "", text[at:]).strip(), f"no Bicep: {text[at:at + 60]!r}"
                break
            self.tokens.append((found.lastgroup, found.group(found.lastgroup)))
            at = found.end()
        self.parameters, self.outputs, self.body = {}, [], None
        secure, description = False, ""
        while self.tokens:
            _, word = self.take()
            if word == "@secure":
                self.need("(", ")")
                secure = True
            elif word == "@description":
                self.need("(")
                description = unquoted(self.take("text"))
                self.need(")")
            elif word == "param":
                name = self.take("word")
                assert name not in self.parameters, name
                self.need("string")
                self.parameters[name] = (secure, self.default(), description)
                secure, description = False, ""
            elif word == "resource":
                self.symbol = self.take("word")
                self.type, _, self.version = unquoted(self.take("text")).partition("@")
                self.need("=")
                assert self.body is None
                self.body = self.value()
            else:
                assert word == "output", word
                self.outputs.append(self.take("word"))
                self.need("string", "=")
                assert self.take("word").split(".")[0] == self.symbol

    def take(self, kind=None):
        found, value = self.tokens.pop(0)
        assert kind in (None, found), f"{value} is no {kind}"
        return value if kind else (found, value)

    def need(self, *values):
        for value in values:
            assert self.tokens and self.tokens[0][1] == value, f"{self.tokens[:5]} where {value} should be"
            self.tokens.pop(0)

    def default(self):
        if not self.tokens or self.tokens[0][1] != "=":
            return None
        self.need("=")
        words = ""
        while self.tokens and self.tokens[0][1] not in ("param", "resource", "@secure", "@description"):
            words += self.take()[1]
        return words

    def value(self):
        kind, word = self.take()
        if word == "{":
            out = {}
            while self.tokens[0][1] != "}":
                form, key = self.take()
                key = unquoted(key) if form == "text" else key
                assert key not in out, f"{key} stands there twice"
                self.need(":")
                out[key] = self.value()
            self.need("}")
            return out
        if word == "[":
            out = []
            while self.tokens[0][1] != "]":
                out.append(self.value())
            self.need("]")
            return out
        if kind == "text":
            return unquoted(word)
        if kind == "number":
            assert "." not in word, "Bicep has no fractions"
            return int(word)
        if word == "json":
            self.need("(")
            number = float(unquoted(self.take("text")))
            self.need(")")
            return number
        if word in ("true", "false"):
            return word == "true"
        assert word in self.parameters, f"{word} is not defined"
        return "${" + word + "}"


def camel(name):
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def as_bicep(tree):
    """A tree of YAML as the Bicep of the same deployment must have it."""
    if isinstance(tree, dict):
        return {key: as_bicep(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [as_bicep(value) for value in tree]
    named = re.fullmatch(r"\$\{(\w+)\}", tree) if isinstance(tree, str) else None
    return "${" + camel(named.group(1)) + "}" if named else tree


# --- fields

KINDS = {"text": lambda v: isinstance(v, str), "whole": lambda v: isinstance(v, int) and not isinstance(v, bool),
         "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
         "flag": lambda v: isinstance(v, bool)}  # fmt: skip


def wrong_fields(tree, wanted, fields, place=""):
    """What in `tree` is no field of the list, or of another kind; sentences."""
    if isinstance(wanted, str) and wanted in KINDS:
        return [] if KINDS[wanted](tree) else [f"{place}: {tree!r} is no {wanted}"]
    if isinstance(wanted, str) and wanted in fields and wanted.isupper():
        return wrong_fields(tree, fields[wanted], fields, place)
    if isinstance(wanted, str):
        return [] if tree in wanted.split("|") else [f"{place}: {tree!r} is none of {wanted}"]
    if isinstance(wanted, list):
        if not isinstance(tree, list):
            return [f"{place}: no list"]
        each = [wrong_fields(entry, wanted[0], fields, f"{place}[{i}]") for i, entry in enumerate(tree)]
        return [wrong for wrongs in each for wrong in wrongs]
    if not isinstance(tree, dict):
        return [f"{place}: {tree!r} has no fields"]
    out = []
    for key, value in tree.items():
        kind = wanted.get(key, wanted.get("*"))
        if kind is None:
            out.append(f"{place}.{key}: there is no such field")
        else:
            out += wrong_fields(value, kind, fields, f"{place}.{key}")
    return out


def kind_of(platform, tree):
    return f"{tree['apiVersion']} {tree['kind']}" if platform == "k8s" else tree["type"]


def check_yaml(platform, text):
    """The trees of a file in which every field is one that the platform has."""
    trees = read_yaml(text)
    assert trees
    for tree in trees:
        kind = kind_of(platform, tree)
        assert kind in FIELDS[platform], kind
        wrong = wrong_fields(tree, FIELDS[platform][kind], FIELDS[platform], kind)
        assert not wrong, "\n".join(wrong)
    return trees


def check_bicep(text, tree):
    """That a Bicep file says what a tree of YAML says."""
    bicep = Bicep(text)
    assert bicep.type == tree["type"], (bicep.type, tree["type"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", bicep.version), bicep.version
    wanted = {key: value for key, value in as_bicep(tree).items() if key not in ("type", "apiVersion")}
    assert bicep.body == wanted, f"{bicep.body}\n{wanted}"
    assert all(description for _, _, description in bicep.parameters.values())
    return bicep
