#!/usr/bin/env python3
"""Compares the schemas of policy and settings files with a dockgate: they must accept everything that it accepts.

Usage: check_schemas.py BINARY

- Every file, and every TOML block in the docs, that dockgate accepts as a policy or as settings fits that schema.
- Every such file names the schema in its first line, where editors look.
- Every key is tried with values of all kinds: the schema must not be stricter than dockgate.
- Values with a wrong shape are rejected by both.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from jsonschema import Draft7Validator

ROOT = Path(__file__).resolve().parent.parent
KINDS = {"policy": ROOT / "policies/policy.schema.json", "settings": ROOT / "docs/settings.schema.json"}
FILES = ("policies/*.toml", "examples/*/dockgate/*.toml", "tests/policies/*.toml", "bench/policy.toml", "bench/create.toml")
DOCUMENTS = ("*.md", "docs/*.md", "examples/*.md")

# Values of all kinds, valid and invalid, as TOML writes them.
VALUES = (
    *("true", "false", "0", "1", "-1", "512", "65536", "2000000", "1.5", "-0.5", "inf", "nan", "1979-05-27"),
    *("[]", "[[]]", "[1]", "[true]", "[{}]", "[['a']]", "[['...']]", "[['npm', '...']]", "['a', 1]", "['a', 'a']"),
    *("{}", "{ a = 'b' }", "{ allow = ['A', 'B=*'] }", "{ allow = ['='] }", "{ forbid = ['a.*'] }", "{ forbid = 'a' }"),
    *("{ stamp = { a = 'b' } }", "{ stamp = { 'dockgate.a' = 'b' } }", "{ stamp = { a = 1 } }", "{ '/info' = '{}' }"),
    *("{ memory = '2g', cpus = 1.5, pids = 5 }", "{ memory = '+2G' }", "{ memory = 5, cpus = 2 }", "{ memory = '2gb' }"),
    *("{ memory = 0 }", "{ cpus = 0.0 }", "{ pids = '5' }", "{ pids = 5.5 }"),
)
TEXTS = (
    *("", " ", "a", "A", "*", "a*", "a b", "a,b", "a=b", "=b", "a=", "@own", "@default", "@non-root", "@all", "...", "\n", "a\n"),
    *("/", "/srv", "/srv/**", "/srv/**:rw", "/srv:ro", "/srv:z", "srv", "/srv/", "/**", "a.toml", "./a", ".toml"),
    *("0", "80", "+80", "8000-8099", "127.0.0.1:80", "[::1]:80-81", "80:80", "1000:998", ":998", "1000:", ":", "0660", "660", "0o660"),
    *("10.0.0.0/8", "fd00::/8", "10.0.0.0", "10.0.0.1/33", "nginx", "nginx:1", "a.example/b/*", "a@sha256:b", "a:1@sha256:b"),
    *("label:a", "label:a=b", "label:a=", "label:", "label:=b", "project:a", "project:", "name:a"),
    *("ContainerList", "containerlist", "NetworkListSlash", "SystemPingHead", "containers:read", "*:write", "*:control"),
    *("system:content", "container:read", "GET /libpod/info", "GET /libpod/{}/json", "GET /{}/a", "GET /containers/json", "get /a"),
    *("GET /a?b", "HEAD /a b", "GET /", "GET //", "traefik", "traefk", "default"),
    *("tcp://127.0.0.1:2375", "tcp://[::]:0", "tcp://engine:2375", "tcp://a@b:1", "unix:///run/a", "unix:///a b", "unix://a", "a:1"),
    *("10s", "1h 30m", "1 h", "0s", "0", "10", "1.5s", "2µs", "off", "never", "1.44", "1.24", "1.4.1", "1.23", "v1.44"),
    *("stdout", "stderr", "none", "/var/log/a", "json", "text", "xml", "refuse", "continue", "error", "warn", "info", "debug"),
    *("hardened", "tecnativa", "linuxserver", "allow", "deny", "https://a.example", "https://a.example:1", "http://[::1]", "https://A"),
    *("a.example", "A.Example", "a:1"),
)

# The mistake in each can be recognized by its shape.
WRONG = (
    ("policy", "alow = ['ContainerList']"),
    ("policy", "allow = ['ContainersList']"),
    ("policy", "allow = ['containerlist']"),
    ("policy", "allow = 'ContainersList'"),
    ("policy", "allow = ['container:read']"),
    ("policy", "allow = ['containers:reed']"),
    ("policy", "allow = ['containers:control']"),
    ("policy", "allow = ['PATCH /libpod/info']"),
    ("policy", "allow = ['GET /libpod/*']"),
    ("policy", "deny = [1]"),
    ("policy", "extends = ['traefk']"),
    ("policy", "extends = 'traefk'"),
    ("policy", "description = 1"),
    ("policy", "observe = 'true'"),
    ("policy", "create = true"),
    ("policy", "[create]\nbind = ['/srv']"),
    ("policy", "[create]\nbinds = ['srv']"),
    ("policy", "[create]\nprivileged = 'yes'"),
    ("policy", "[create.limits]\ncpu = 1"),
    ("policy", "[create.labels.stamp]\n'dockgate.policy' = 'a'"),
    ("policy", "[exec]\ncommands = ['ls']"),
    ("policy", "[exec]\ninto = ['@all']"),
    ("policy", "[exec.env]\nallowed = []"),
    ("policy", "[volumes]\noptions = ['type']"),
    ("policy", "[[example]]\nrequest = 'GET /info'"),
    ("policy", "[[example]]\nrequest = 'GET /info'\nverdict = 'refuse'"),
    ("policy", "[[example]]\nrequest = 'GET /info'\nverdict = 'deny'\nbodies = ''"),
    ("settings", "polices = ['traefik']"),
    ("settings", "policy = 1"),
    ("settings", "policy = ['traefk']"),
    ("settings", "policy = []"),
    ("settings", "allow = ['ContainersList']"),
    ("settings", "listen = ['127.0.0.1:2375']"),
    ("settings", "log = 'verbose'"),
    ("settings", "dialect = 'docker'"),
    ("settings", "observe = 1"),
    ("settings", "run_as = 'root'"),
    ("settings", "api_min = 1.44"),
    ("settings", "audit = 'stdout'"),
    ("settings", "[audit]\nformat = 'xml'"),
    ("settings", "[audit]\noutput = 'audit.jsonl'"),
    ("settings", "[limits]\nconnections = 0"),
    ("settings", "[limits]\nconnections = '64'"),
    ("settings", "[limits]\nidle = 10"),
    ("settings", "[limits]\nidle = '10'"),
    ("settings", "[limit]\nidle = '10s'"),
    ("settings", "[[listener]]\npolicy = ['traefik']"),
    ("settings", "[[listener]]\naddress = 'unix:///run/a'\nmode = '0o660'"),
    ("settings", "[[listener]]\naddress = 'unix:///run/a'\nallow = ['ContainerList']"),
)


class Dockgate:
    """The values that the program accepts."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.binary, self.folder = binary, folder

    def takes(self, kind: str, texts: list[str]) -> list[bool]:
        """The files that it would read as one of a kind; whether their examples have the expected result does not
        matter here."""
        files = [self.folder / f"{at}.toml" for at in range(len(texts))]
        for file, text in zip(files, texts):
            file.write_text(text)
        if kind == "settings":
            return [self.check("--config", file).returncode != 78 for file in files]
        answer = self.check(*files)
        wrong = set(re.findall(r"^dockgate: ([^ ]*?)(?::\d+)*: ", answer.stderr, re.MULTILINE))
        return [str(file) not in wrong for file in files]

    def check(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [self.binary, "check", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env={}, cwd=self.folder, check=False)


def fits(validator: Draft7Validator, text: str) -> bool:
    return validator.is_valid(tomllib.loads(text))


def files() -> Iterator[Path]:
    return itertools.chain.from_iterable(ROOT.glob(pattern) for pattern in FILES)


def written() -> Iterator[tuple[str, str]]:
    """All policies and settings in the repository, each with its place."""
    for file in files():
        yield str(file.relative_to(ROOT)), file.read_text()
    for document in itertools.chain.from_iterable(ROOT.glob(pattern) for pattern in DOCUMENTS):
        blocks = re.findall(r"^```toml\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
        yield from ((f"{document.relative_to(ROOT)}, block {at}", block) for at, block in enumerate(blocks, 1))


def keys(schema: dict, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The keys in a schema, including those of tables within tables, and whether each is a list; `[]` stands for a
    list of tables."""
    for key, value in schema.get("properties", {}).items():
        # A list of strings may be written as one string.
        value = value.get("anyOf", [value])[0]
        yield (*before, key), value.get("type") == "array"
        yield from keys(value, (*before, key))
        yield from keys(value.get("items", {}), (*before, key, "[]"))


def document(path: tuple[str, ...], value: str) -> str:
    """A file with a value under a key, and whatever else such a file needs."""
    beside = {
        "client": "name = 'ci'\nfrom = ['10.0.0.1']\n",
        "example": "request = 'GET /info'\nverdict = 'deny'\n",
        "listener": "address = 'unix:///run/a'\n",
    }
    *tables, key = path
    if not tables:
        return f"{key} = {value}\n"
    if "[]" in tables:
        table, _, *inner = tables
        lines = beside[table].splitlines(keepends=True)
        others = "".join(line for line in lines if inner or not line.startswith(key))
        within = f"[{'.'.join([table, *inner])}]\n" if inner else ""
        return f"[[{table}]]\n{others}{within}{key} = {value}\n"
    return f"[{'.'.join(tables)}]\n{key} = {value}\n"


def stricter(dockgate: Dockgate, kind: str, schema: dict) -> tuple[str, list[str]]:
    """Prints how many files with one key were tried, and which of them only the schema rejects."""
    texts = [json.dumps(text) for text in TEXTS]
    lists = [f"[{text}]" for text in texts]
    values = {True: [*VALUES, "'a'", *lists], False: [*VALUES, "['a']", *texts]}
    tried = [document(path, value) for path, is_list in keys(schema) for value in values[is_list]]
    taken, validator = dockgate.takes(kind, tried), Draft7Validator(schema)
    fitting = [fits(validator, text) for text in tried]
    alone = [text for text, is_taken, is_fitting in zip(tried, taken, fitting) if is_taken and not is_fitting]
    said = f"{kind}: of {len(tried)} files with one key, dockgate accepts {sum(taken)}, the schema {sum(fitting)}"
    # If nothing were accepted, or everything, this would not prove anything.
    if not 100 < sum(taken) < len(tried) / 2:
        return said, [f"{kind}: the values do not fit the keys any longer"]
    return said, [f"{kind}: dockgate accepts it, but the schema does not: {text!r}" for text in alone]


def problems_of(dockgate: Dockgate, schemas: dict[str, dict]) -> Iterator[str]:
    validators = {kind: Draft7Validator(schema) for kind, schema in schemas.items()}
    for file in files():
        first = file.read_text().partition("\n")[0]
        if not first.startswith("#:schema ") or (file.parent / first.removeprefix("#:schema ")).resolve() != KINDS["policy"]:
            yield f"{file}: its first line does not name the schema"
    places, texts = zip(*written())
    for place, text in zip(places, texts):
        if not any(fits(validator, text) for validator in validators.values()):
            yield f"{place}: it fits no schema"
    for kind, validator in validators.items():
        taken = dockgate.takes(kind, list(texts))
        print(f"{kind}: {sum(taken)} of {len(texts)} files and blocks")
        for place, text, is_taken in zip(places, texts, taken):
            if is_taken and not fits(validator, text):
                yield f"{place}: dockgate accepts it as {kind}, but the schema does not"
        wrong = [text for of, text in WRONG if of == kind]
        for text, is_taken in zip(wrong, dockgate.takes(kind, wrong)):
            if is_taken or fits(validator, text):
                yield f"{kind}: {'dockgate' if is_taken else 'the schema'} accepts {text!r}"
        said, more = stricter(dockgate, kind, schemas[kind])
        print(said)
        yield from more


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    schemas = {kind: json.loads(file.read_text()) for kind, file in KINDS.items()}
    for schema in schemas.values():
        Draft7Validator.check_schema(schema)
    with tempfile.TemporaryDirectory() as folder:
        problems = list(problems_of(Dockgate(str(Path(sys.argv[1]).resolve()), Path(folder)), schemas))
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
