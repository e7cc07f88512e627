"""The documents are right: every block of code in them is checked, and every command in them is run as written.

Commands run in a network and a file system of their own, where the engine is /var/run/docker.sock and every port is
free. Each document has a folder of its own and its blocks run in order, so a block can use what an earlier one made.

Runs on the main engine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import standins
from cases import Cases, Failure, must, must_equal
from commands import Docker, run_well
from jsonschema import Draft202012Validator
from support import REPOSITORY, main_engine, scratch

DOCUMENTS = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "examples/README.md", "bench/README.md"]
# docs/errors.md is made by tests/errors.rs, from what the commands in it print.
DOCUMENTS += sorted(f"docs/{path.name}" for path in REPOSITORY.glob("docs/*.md") if path.name != "errors.md")
BINARY = Path(os.environ.get("DOCKGATE_BIN") or REPOSITORY / "target" / "release" / "dockgate").resolve()

# Commands that are not run, by document and beginning, and why.
NOT_RUN = {
    ("README.md", f"docker build -t {standins.PLAIN} . "): "`standins` has built it",
    ("README.md", f"docker build -t {standins.COMPAT} --target compat ."): "`standins` has built it",
    ("README.md", "cargo build --release"): "tests/run.sh has built it",
    ("docs/migration.md", f"docker build -t {standins.COMPAT} --target compat ."): "`standins` has built it",
    ("CONTRIBUTING.md", "cargo"): "steps of tests/run.sh",
    ("CONTRIBUTING.md", "DOCKGATE_WRITE=1"): "changes the sources",
    ("docs/audit.md", "docker compose logs -f dockgate | dockgate tail"): "never ends",
    ("docs/verify.md", "sha256sum --check"): "nothing is released yet; test_release.sh checks the sums of a trial release",
    ("docs/verify.md", "git checkout"): "nothing is released yet; test_release.sh compares the bytes with the image",
    ("docs/verify.md", "scripts/"): "as above",
    ("docs/verify.md", "PATH="): "as above",
    ("docs/verify.md", "cmp target/TARGET"): "as above",
    ("docs/verify.md", "docker build --build-arg"): "needs a digest of a registry; the same image gets the name `mine`",
    ("docs/verify.md", "cargo"): "needs the network",
    ("docs/verify.md", "rust-audit-info"): "needs the network",
}
# What a block takes for granted, by document and the block's first line.
BEFORE = {
    ("README.md", "$ docker -H tcp://127.0.0.1:2375 restart web"): [
        "docker run -d --name web busybox sleep 600",
        "dockgate serve --policy traefik",
        "dockgate serve --policy docker-cli-run --listen tcp://127.0.0.1:2376",
    ],
    ("docs/audit.md", 'grep "^{\\"time\\":\\"$(date -u +%F)" audit.jsonl | dockgate tail --summary --verdict deny'): [
        "docker compose up -d --wait",
        "until docker compose logs traefik | grep -q asked; do sleep 0.1; done",
        "docker compose logs dockgate --no-log-prefix > audit.jsonl",
    ],
    ("docs/audit.md", "docker compose logs dockgate --no-log-prefix | jq -cR 'fromjson?' > audit.jsonl"): [
        "docker compose up -d --wait",
        "until docker compose logs traefik | grep -q asked; do sleep 0.1; done",
    ],
    ("docs/audit.md", "dockgate learn audit.jsonl"): ["dockgate learn audit.jsonl > edited.toml"],
    ("docs/clients.md", "dockgate check --config dockgate/dockgate.toml && docker compose kill -s HUP dockgate"): [
        "mkdir dockgate && cp dockgate.toml dockgate/",
    ],
    ("docs/learning.md", "$ docker compose logs dockgate --no-log-prefix > audit.jsonl"): [
        "docker run -d --name shop-db-1 busybox sleep 600",
        "docker compose exec -T client sh /client.sh first",
    ],
    ("docs/learning.md", "cat first.jsonl second.jsonl | dockgate learn > dockgate/client.toml"): [
        "cp audit.jsonl first.jsonl",
        "cp audit.jsonl second.jsonl",
    ],
    ("docs/learning.md", "$ dockgate check dockgate/client.toml --against audit.jsonl"): [
        # As a reader allows what is a comment.
        """sed -i 's/^    # "/    "/' dockgate/client.toml"""
    ],
    ("docs/learning.md", "docker compose logs dockgate --no-log-prefix > audit.jsonl"): [
        "docker compose exec -T client sh /client.sh again",
    ],
    ("docs/redaction.md", "$ docker inspect --format '{{index .Config.Env 0}}' db"): [
        "docker run -d --name db --env DB_PASSWORD=hunter2 busybox sleep 600",
        "dockgate serve --policy ./reader.toml",
    ],
    ("docs/settings.md", "DOCKGATE_LISTEN=tcp://0.0.0.0:2375"): ["set -a"],
    ("docs/settings.md", "DOCKGATE_LISTENER_0__ADDRESS=unix:///run/dockgate/traefik.sock"): ["set -a"],
    ("docs/settings.md", "DOCKGATE_CLIENT_0__NAME=traefik"): ["set -a"],
    ("docs/verify.md", "docker build --build-arg RUST_DIGEST=@sha256:DIGEST -t mine ."): [
        f"docker tag {standins.PLAIN} mine",
        f"docker tag {standins.PLAIN} dockgate:VERSION",
    ],
}
# What shows that a block has done its work.
AFTER = {
    ("README.md", "docker build -t dockgate:0.1.0 .    # in a clone of this repository"): [
        "docker compose up -d --wait",
        "until docker compose logs traefik | grep -q asked; do sleep 0.1; done",
        "docker compose logs traefik | grep '/containers/json 200'",
        "docker compose logs traefik | grep '/containers/create 403'",
        "docker compose down --timeout 1",
    ],
    ("docs/clients.md", "docker compose up -d"): [
        "for client in traefik watchtower; do",
        "    until docker compose logs $client | grep -q asked; do sleep 0.1; done",
        "done",
        "docker compose logs traefik | grep '/version 200'",
        "docker compose logs traefik | grep '/info 403'",
        "docker compose logs watchtower | grep '/info 200'",
        "docker compose logs watchtower | grep '/version 403'",
    ],
    ("docs/tls.md", "dockgate certs init --dir certs --host docker.example"): [
        "docker compose logs dockgate | grep 'TLS with /certs/server-cert.pem, for docker.example'",
        "docker compose logs dockgate | grep 'client traefik has the connections from cert:CN=traefik'",
        "docker compose down --timeout 1",
    ],
    ("docs/learning.md", "alias dockgate='docker run --rm -i -v \"$PWD:/work:ro\" -w /work dockgate:0.1.0'"): [
        "dockgate policies traefik",
    ],
    ("docs/settings.md", "DOCKGATE_LISTEN=tcp://0.0.0.0:2375"): ["dockgate check"],
    ("docs/settings.md", "DOCKGATE_LISTENER_0__ADDRESS=unix:///run/dockgate/traefik.sock"): ["dockgate check"],
    ("docs/settings.md", "DOCKGATE_CLIENT_0__NAME=traefik"): ["dockgate check"],
}
# The commands that print a `text` block, by document and the block's first word.
SHOWN = {
    ("docs/audit.md", "2026-11-21T05:40:12.031Z"): [
        "export DOCKGATE_AUDIT__FORMAT=text",
        "dockgate serve --policy traefik > audit.txt",
        "curl -so /dev/null http://127.0.0.1:2375/v1.45/containers/json",
        "curl -so /dev/null -X POST http://127.0.0.1:2375/v1.45/containers/web/kill",
        "sleep 0.5; cat audit.txt",
    ],
    ("docs/bodies.md", "dockgate:"): [
        "dockgate serve --policy ./ci.toml",
        """limits='"Memory":4096,"NanoCpus":1,"PidsLimit":9'""",
        """create() { curl -s --json "$1" http://127.0.0.1:2375/v1.45/containers/create | jq -r .message; }""",
        """create '{"Image":"postgres:16","User":"1:1","HostConfig":{'"$limits"',"Privileged":true}}'""",
        """create '{"Image":"postgres:16","User":"1:1","HostConfig":{'"$limits"',"Binds":["/etc:/etc"]}}'""",
    ],
}
# Until it listens and knows its daemon.
AWAIT_SERVER = """
until grep -qs 'connected to' $said; do kill -0 $server || { cat $said; exit 1; }; sleep 0.05; done
sleep 0.3
"""
LIMIT = 60.0
SETTINGS = {"listen", "policy", "listener", "client", "audit", "limits", "metrics", "upstream"}


@dataclass(frozen=True)
class Block:
    document: str
    line: int
    language: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    @property
    def key(self) -> tuple[str, str]:
        return self.document, self.lines[0]

    @property
    def file(self) -> str | None:
        """The name that a comment in its first line gives it."""
        named = re.fullmatch(r"# (\S+\.(?:toml|yaml))", self.lines[0])
        return named[1] if named else None


def blocks_of(document: str) -> list[Block]:
    found, begun = [], None
    lines = (REPOSITORY / document).read_text().splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if begun is None:
            begun = number
            continue
        found.append(Block(document, begun + 1, lines[begun][3:], tuple(lines[begun + 1 : number])))
        begun = None
    must(begun is None, f"{document}: a block does not end")
    return found


class Reader:
    """Does what a document says, in a folder of its own."""

    def __init__(self, document: str, folder: Path, docker: tuple[str, ...], named: dict[str, str]) -> None:
        self.folder = folder
        self.document = document
        self.compose = folder / "compose.yaml"
        (folder / "bin").mkdir()
        self.program("dockgate", f'exec "{BINARY}" "$@"')
        self.program("docker", f'exec "{docker[0]}" "$@"')
        (folder / "target" / "release").mkdir(parents=True)
        (folder / "target" / "release" / "dockgate").symlink_to(BINARY)
        for name in ("docs", "examples"):
            (folder / name).symlink_to(REPOSITORY / name)
        for name, text in named.items():
            (folder / name).write_text(text)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "DOCKGATE_"))}
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        self.environment = kept | {"PATH": path, "DOCKER_HOST": "unix:///var/run/docker.sock", "COMPOSE_ANSI": "never"}
        self.environment["COMPOSE_PROJECT_NAME"] = "dockgate-documents"

    def program(self, name: str, script: str) -> None:
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def runs(self, commands: list[str]) -> str:
        """Runs these lines in a shell and returns what it prints. `dockgate serve` runs in the background until the end."""
        script = ["set -e", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"]
        for command in commands:
            if re.match(r"\S*dockgate serve", command):
                words, err = command.split("#")[0], f"served-{len(script)}.err"
                output = "" if ">" in words else "> served.jsonl "
                script += [f"{words} {output}2> {err} &", f"server=$! said={err}", AWAIT_SERVER, f"cat {err}"]
            else:
                script.append(command)
        with open(self.folder / "printed", "w+") as printed:
            process = subprocess.Popen(
                ["bash", "-O", "expand_aliases", "-c", "\n".join(script)],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self.environment,
                start_new_session=True,
            )
            try:
                code = process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                code = "not in time"
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        text = (self.folder / "printed").read_text()
        must(code == 0, f"{commands} ended with {code}: {text}")
        return text

    def is_run(self, command: str) -> bool:
        return not any(self.document == document and command.startswith(start) for document, start in NOT_RUN)

    def check(self, block: Block) -> None:
        kinds = {"sh": self.sh, "console": self.console, "toml": self.toml, "yaml": self.yaml, "diff": self.diff}
        kinds |= {"json": self.json, "text": self.text}
        must(block.language in kinds, f"a block needs one of these languages: {', '.join(kinds)}")
        kinds[block.language](block)

    def sh(self, block: Block) -> None:
        commands = [line for line in block.lines if self.is_run(line)]
        self.runs([*BEFORE.get(block.key, []), *commands, *AFTER.get(block.key, [])])

    def console(self, block: Block) -> None:
        """Commands after `$ `, each followed by what it prints."""
        commands, printed = [], {}
        for line in block.lines:
            if line.startswith("$ "):
                commands.append(line[2:])
                printed[line[2:]] = []
            else:
                printed[commands[-1]].append(line)
        script = list(BEFORE.get(block.key, []))
        for place, command in enumerate(filter(self.is_run, commands)):
            script += [f"echo @@{place}", "set +e", command, "set -e"]
        outputs = dict(re.findall(r"@@(\d+)\n(.*?)(?=@@|\Z)", self.runs(script) if script else "", re.DOTALL))
        for place, command in enumerate(filter(self.is_run, commands)):
            got = outputs[str(place)].splitlines()
            must_match(command, got, printed[command])

    def toml(self, block: Block) -> None:
        """Settings or a policy."""
        keys = tomllib.loads(block.text).keys()
        file = self.folder / "block.toml"
        file.write_text(block.text)
        self.runs([f"dockgate check {'--config ' if keys & SETTINGS else './'}{file.name}"])

    def yaml(self, block: Block) -> None:
        """A part of a compose file, or the whole file if it has its name."""
        self.compose_takes(block.text)
        if block.file:
            (self.folder / block.file).write_text(block.text)

    def diff(self, block: Block) -> None:
        """A change of the folder's compose.yaml, or of one that has nothing else."""
        old, new = ("".join(f"{line[1:]}\n" for line in block.lines if line[:1] in (" ", sign)) for sign in "-+")
        for text in (old, new):
            if text.startswith("services:"):
                self.compose_takes(text)
        before = self.compose.read_text() if self.compose.exists() else old
        if old in before:
            self.compose.write_text(before.replace(old, new))
            self.compose_takes(self.compose.read_text())
        else:
            must(old.startswith("services:"), "the lines that are taken out are not in compose.yaml")

    def compose_takes(self, text: str) -> None:
        """A part of a compose file, with an image for each service that has none."""
        part = self.folder / "part.yaml"
        part.write_text(text)
        services = re.findall(r"^  ([\w-]+):", text.partition("services:")[2].partition("\nnetworks:")[0], re.MULTILINE)
        must(services, "no service in it")
        base = self.folder / "base.json"
        base.write_text(json.dumps({"services": {name: {"image": "busybox"} for name in services}}))
        self.runs([f"docker compose -f {base.name} -f {part.name} config --quiet"])

    def json(self, block: Block) -> None:
        schema = Draft202012Validator(json.loads((REPOSITORY / "docs" / "audit.schema.json").read_text()))
        for line in block.lines:
            problems = [error.message for error in schema.iter_errors(json.loads(line))]
            must_equal("problems", problems, [])

    def text(self, block: Block) -> None:
        commands = SHOWN.get((block.document, block.lines[0].split()[0]))
        must(commands, "no command in SHOWN prints it")
        must_match("the text", self.runs(commands).splitlines()[-len(block.lines) :], list(block.lines))


def must_match(command: str, got: list[str], shown: list[str]) -> None:
    """Numbers differ from run to run, except in what `explain` and `check` print. A line `...` matches any lines."""
    exact = command.startswith(("dockgate explain", "dockgate check deploy"))
    if not shown:
        return
    if " serve " in command:
        # Where the tests run, Dockgate could be in a container that this engine does not know, and warns.
        got = [line for line in got if " WARN " not in line]
    if not exact and "..." not in shown:
        # More follows: hints of the docker CLI, and what a server says about where it runs.
        got = got[: len(shown)]
    read = (lambda line: line) if exact else masked
    pattern = "".join(r"(.*\n)*?" if line.strip() == "..." else re.escape(f"{read(line)}\n") for line in shown)
    if not re.fullmatch(pattern, "".join(f"{read(line)}\n" for line in got)):
        raise Failure(f"`{command}` prints\n" + "\n".join(got) + "\nand not\n" + "\n".join(shown))


def masked(line: str) -> str:
    line = re.sub(r"\b(once|twice|\d+ times)\b", "N times", line)
    line = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\d{4}-\d\d-\d\d", "TIME", line)
    return re.sub(r" +#", " #", re.sub(r"\d+(\.\d+)*(\+\w+)?", "0", line))


def flags_exist(text: str, environment: dict[str, str]) -> None:
    """Of the commands that the prose names."""
    commands = run_well(BINARY, "--help", env=environment).out
    for words in {tuple(found.split()) for found in re.findall(r"`dockgate ([a-z][^`]*)`", text)}:
        command, flags = words[0], {word.split("=")[0] for word in words if word.startswith("--")}
        must(re.search(rf"(?m)^ +{command} ", commands), f"`dockgate {command}` does not exist")
        helped = run_well(BINARY, command, "--help", env=environment).out if flags else ""
        for flag in flags:
            must(re.search(rf"{flag}\b", helped), f"`dockgate {command}` has no {flag}")


def enter() -> None:
    """Takes a network and a file system of its own, with the engine where everybody has it."""
    if os.environ.get("DOCKGATE_DOCUMENTS") != "inside":
        os.environ["DOCKGATE_DOCUMENTS"] = "inside"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])
    own = Path(main_engine().address.removeprefix("unix://"))
    run_well("ip", "link", "set", "lo", "up")
    Path("/etc/dockgate").mkdir(exist_ok=True)
    # As on a usual host: a group may use it.
    shutil.chown(own, 0, 998)
    for place in ("/run", "/var/log", "/etc/dockgate", "/usr/local/share"):
        run_well("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", place)
    Path("/run/docker.sock").touch()
    run_well("mount", "--bind", own, "/run/docker.sock")
    Path("/var/log/dockgate").mkdir()


def prepare(docker: Docker) -> None:
    """Dockgate's image, and stand-ins for the clients in the documents."""
    standins.build(docker)
    with scratch() as folder:
        client = Path(__file__).with_name("client.sh").read_text()
        script = Path(__file__).with_name("learned.sh").read_text()
        asking = 'ENV LISTS=/containers/json\nENTRYPOINT ["sh", "/client.sh"]'
        for image, text, entry in (
            ("traefik:v3.6", client, asking),
            ("nickfedor/watchtower:latest", client, asking),
            ("whatever-it-is", script, 'ENTRYPOINT ["sleep", "86400"]'),
        ):
            (folder / "client.sh").write_text(text)
            (folder / "Dockerfile").write_text(f"FROM busybox:latest\nSTOPSIGNAL SIGKILL\nCOPY client.sh /\n{entry}\n")
            docker("build", "--tag", image, folder)
    # In the engine's own file system, where compose files have the socket.
    engines = REPOSITORY / "tests" / "engine" / "engines.sh"
    run_well(engines, "enter", main_engine().name, "--mount", "ln", "-sf", "/mnt/docker.sock", "/run/docker.sock")


def main() -> None:
    enter()
    cases = Cases()
    engine = main_engine()
    docker = engine.cli("unix:///var/run/docker.sock")
    with cases.case("images"):
        prepare(docker)
    documents = {document: blocks_of(document) for document in DOCUMENTS}
    every = [block for blocks in documents.values() for block in blocks]
    named = {block.file: block.text for block in every if block.language == "toml" and block.file}
    named = {name: text for name, text in named.items() if "/" not in name}
    shutil.copy(REPOSITORY / "policies" / "traefik.toml", "/etc/dockgate/deploy.toml")
    # The settings in docs/scope.md name it.
    Path("/etc/dockgate/runner.toml").write_text(named["runner.toml"])
    protected = next(block for block in every if block.language == "diff")
    chosen = sys.argv[1:]
    for document, blocks in documents.items():
        if chosen and document not in chosen:
            continue
        with scratch() as folder:
            reader = Reader(document, folder, engine.docker, named)
            if document == "docs/audit.md":
                reader.diff(protected)
            for block in blocks:
                with cases.case(f"{document}:{block.line}: {block.language}"):
                    reader.check(block)
            with cases.case(f"{document}: commands in the text"):
                flags_exist((REPOSITORY / document).read_text(), reader.environment)
            left = docker("ps", "--all", "--quiet").out.split()
            if left:
                docker("rm", "--force", "--volumes", *left)
            docker("network", "prune", "--force")
    with cases.case("no table has a block or a command that is not there any more"):
        must_equal("blocks", {*BEFORE, *AFTER} - {block.key for block in every}, set())
        lines = {(block.document, line.removeprefix("$ ")) for block in every for line in block.lines}
        for document, start in NOT_RUN:
            must(any(where == document and line.startswith(start) for where, line in lines), f"{document}: {start}")
    cases.finish()


main()
