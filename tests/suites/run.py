"""Runs suites directly and through Dockgate, and compares the results of their tests.

In the suites called `scoped/...`, the client sees only its own objects, and may do everything that a scope can limit.

Arguments: suites, to run only these.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "engine"), str(HERE.parent / "clients")]

import differences
from commands import run
from suite import Result, Side, Suite
from suite_cli import cli
from suite_libraries import docker_py, dockerode
from suite_moby import moby
from suite_traefik import traefik
from support import BINARY, EVERYTHING, MAIN_ENGINE, Engine, Gate, engines, scratch

# Not service, secret and config: all of their tests start separate daemons.
MOBY = ("container", "network", "volume", "image", "build", "system", "session")

# How often a side runs if something differs: some tests fail from time to time.
TRIES = int(os.environ.get("DOCKGATE_SUITE_TRIES", "3"))

SUITES = [
    Suite("cli", cli),
    Suite("traefik", traefik, policy="traefik"),
    Suite("docker-py", docker_py, checkout="DOCKGATE_DOCKER_PY"),
    Suite("dockerode", dockerode, checkout="DOCKGATE_DOCKERODE"),
    *(Suite(f"moby/{part}", lambda side, part=part: moby(side, part), checkout="DOCKGATE_MOBY") for part in MOBY),
]
SUITES += [
    replace(suite, name=f"scoped/{suite.name}", is_scoped=True)
    for suite in SUITES
    if suite.name in ("cli", "docker-py", "dockerode")
]


@dataclass
class Outcome:
    """The results of the tests each way. After several runs a test may have several results."""

    direct: set[Result]
    through: set[Result]

    def same(self) -> set[str]:
        return {test for test, _ in self.direct & self.through}

    def lost(self) -> set[str]:
        return {test for test, _ in self.direct} - self.same()

    def won(self) -> set[str]:
        return {test for test, _ in self.through} - {test for test, _ in self.direct}


def main() -> None:
    wanted = sys.argv[1:]
    if unknown := set(wanted) - {suite.name for suite in SUITES}:
        sys.exit(f"no such suite: {', '.join(sorted(unknown))}")
    listed = differences.read(HERE / "differences.txt")
    faults = []
    for suite in SUITES:
        if wanted and suite.name not in wanted:
            continue
        if suite.checkout and suite.checkout not in os.environ:
            print(f"not run: {suite.name}, because {suite.checkout} is not set", flush=True)
            continue
        for engine in engines():
            if engine.name in (MAIN_ENGINE, "extra"):
                faults += judge(suite, engine, listed)
    for fault in faults:
        print(f"FAILED {fault}")
    sys.exit(1 if faults else 0)


def judge(suite: Suite, engine: Engine, listed: list[differences.Entry]) -> list[str]:
    """Runs a suite both ways; prints a line for each difference that is not listed, and for each listed one that does
    not exist."""
    name = f"{suite.name} on {engine.name}"
    outcome = both_ways(suite, engine)
    tests = {test for test, _ in outcome.direct}
    print(f"{name}: {len(tests)} direct, {len(outcome.same())} of them the same through", flush=True)
    if not outcome.direct:
        return [f"{name}: no test passes"]
    return [f"{name}: {fault}" for fault in differences.faults(listed, suite.name, engine.name, outcome.lost(), outcome.won())]


def both_ways(suite: Suite, engine: Engine) -> Outcome:
    with scratch() as folder, Gate(engine.address, policy_of(suite, folder), path=folder / "gate") as gate:
        sides = {
            "direct": Side(engine, engine.address, folder, suite),
            # Not through the recorder, which would keep everything that these suites send.
            "through": Side(engine, gate.bare_host, folder, suite),
        }
        passed = {way: side.run() for way, side in sides.items()}
        for _ in range(TRIES - 1):
            outcome = Outcome(**passed)
            if outcome.lost():
                passed["through"] |= sides["through"].run()
            if outcome.won():
                passed["direct"] |= sides["direct"].run()
        gate.also = len({record["id"] for record in gate.records() if record["event"] == "request"})
    return Outcome(**passed)


def policy_of(suite: Suite, folder: Path) -> str:
    if not suite.is_scoped:
        return suite.policy or EVERYTHING
    file = folder / "scoped.toml"
    text = f'extends = ["{EVERYTHING}"]\ndeny = [%s]\n[scope]\nobjects = ["@own"]\n'
    # Dockgate says which operations a scope cannot limit.
    file.write_text(text % "")
    told = run(BINARY, "check", file)
    beyond = re.search(r"add (.*) to deny", told.out + told.err)
    if not beyond:
        sys.exit(f"no list of operations that a scope cannot limit: {told.out}{told.err}")
    file.write_text(text % beyond[1])
    return str(file)


main()
