"""A test suite that runs both ways."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from commands import Docker
from support import TESTS, Engine

ENGINES = TESTS / "engine" / "engines.sh"
CACHE = Path(os.environ.get("DOCKGATE_TEST_CACHE") or "/var/cache/dockgate-tests") / "suites"

# A test, and its result: `passed`, or what it printed.
Result = tuple[str, str]

# No suite takes this long.
LIMIT = 1800


@dataclass(frozen=True)
class Suite:
    """What to run, the variable with the path of a checkout, and the policy, unless everything is allowed, or everything
    that a scope can limit."""

    name: str
    results: Callable[[Side], set[Result]]
    checkout: str = ""
    policy: str = ""
    is_scoped: bool = False


@dataclass(frozen=True)
class Side:
    """One of the two connections to an engine. A suite that runs on it returns the tests that pass."""

    engine: Engine
    host: str
    folder: Path
    suite: Suite

    @property
    def docker(self) -> Docker:
        return self.engine.cli(self.host)

    @property
    def checkout(self) -> Path:
        return Path(os.environ[self.suite.checkout])

    def run(self) -> set[Result]:
        self.engine.clean_up()
        return self.suite.results(self)

    def output(self, *command: object, cwd: Path, env: dict[str, str] | None = None, typed: str = "") -> str:
        """The output of a command that runs in the engine's network; tests in it may fail."""
        words = [str(word) for word in command]
        environment = os.environ | {"DOCKER_HOST": self.host} | (env or {})
        done = subprocess.run(
            [*self.enter(f"--wd={cwd}"), *words], env=environment, input=typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=LIMIT, check=False,
        )  # fmt: skip
        log = self.log()
        log.write_text(done.stdout)
        return done.stdout

    def enter(self, *options: str) -> list[object]:
        """What comes before a command that runs in the engine's network."""
        return [ENGINES, "enter", self.engine.name, "--net", *options]

    def log(self) -> Path:
        """The suite's output, kept for debugging."""
        way = "direct" if self.host == self.engine.address else "through"
        folder = TESTS.parent / "target" / "suites"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self.suite.name.replace('/', '-')}-{self.engine.name}-{way}.log"


def passed(tests: Iterable[str]) -> set[Result]:
    return {(test, "passed") for test in tests}


def prepared(name: str, contents: str, make: Callable[[Path], None]) -> Path:
    """The folder with this name in the cache, created once for the same content."""
    folder = CACHE / name
    made = CACHE / f"{name}.made"
    if not made.exists() or made.read_text() != contents:
        subprocess.run(["rm", "-rf", folder, made], check=True)
        folder.mkdir(parents=True)
        make(folder)
        made.write_text(contents)
    return folder
