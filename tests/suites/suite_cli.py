"""The commands of cli.txt, with the exit code and the output of each."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

from compare import mask_text
from suite import Result, Side

COMMANDS = Path(__file__).resolve().parent / "cli.txt"
# A command to build an image from, and to compose.
FILES = {
    "hello.txt": "hello from the file\n",
    "env": "D=from the file\n",
    "context/Dockerfile": 'FROM busybox AS first\nARG WORD=none\nCOPY hello /hello\nRUN cat /hello\nCMD ["cat", "/hello"]\n',
    "context/hello": "hello from the context\n",
    "compose.yaml": "name: dockgate-compose\nservices:\n  web: {image: busybox, command: sleep 600, init: true, ports: ['80'],"
    " volumes: ['data:/data']}\nvolumes: {data: {}}\n",
}
CHOICE = re.compile(r"(?<!\{)\{(?!\{)((?:[^{}]|\{\{[^{}]*\}\})*\|(?:[^{}]|\{\{[^{}]*\}\})*)\}(?!\})")
# Momentary figures, and progress, which varies.
FIGURE = re.compile(r"\d+(\.\d+)?")


def commands() -> list[str]:
    lines = COMMANDS.read_text().splitlines()
    return [each for line in lines if line and not line.startswith("#") for each in expanded(line)]


def expanded(line: str) -> list[str]:
    found = CHOICE.search(line)
    if not found:
        return [line]
    return [
        each for choice in found[1].split("|") for each in expanded(line[: found.start()] + choice + line[found.end() :])
    ]


def cli(side: Side) -> set[Result]:
    # Nothing that an earlier run left may be in a list: no volume without a name, no bridge of the swarm, no cache of a
    # build.
    direct = side.engine.cli(side.engine.address)
    direct.may_fail("volume", "prune", "--all", "--force")
    direct.may_fail("network", "rm", "docker_gwbridge")
    direct("builder", "prune", "--all", "--force")
    folder = side.folder / "cli"
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    results, log = set(), []
    for number, command in enumerate(commands(), 1):
        words, _, typed = command.partition(" <<< ")
        done = side.docker.may_fail(*shlex.split(words), typed=typed, cwd=folder)
        text = mask_text((done.out + done.err).replace(side.host, "<host>"))
        # Progress has more lines now and then, of the same words.
        printed = " ".join(sorted(set(FIGURE.sub("<number>", text).split())))
        results.add((f"{number} docker {command}", f"{done.code} {printed}"))
        log.append(f"$ docker {command}\n{done.code}\n{done.out}{done.err}")
    side.log().write_text("\n".join(log))
    return results
