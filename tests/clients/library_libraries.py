"""Jobs of client libraries: a small program for each, which prints what it did; that is compared with the expected
output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cases import must_equal
from commands import run_well
from library_proof import LOOP, WEB, Place
from support import REPOSITORY

HERE = Path(__file__).resolve().parent
BOLLARD_TARGET = REPOSITORY / "target" / "clients"

# Without Ryuk, which needs the engine's own socket.
ENVIRONMENT = {"TESTCONTAINERS_RYUK_DISABLED": "true", "TESTCONTAINERS_HOST_OVERRIDE": "localhost"}


def program(*command: object, says: list[str], with_web: bool = False) -> Callable[[Place], str]:
    """The job of such a program, with or without a container that exists before it."""

    def job(place: Place) -> str:
        if with_web:
            place.direct("run", "-d", "--name", WEB, "busybox", *LOOP)
        done = run_well(*command, WEB, host=place.host, env=ENVIRONMENT)
        must_equal("what it says", done.out.splitlines(), says)
        return ", ".join(says)

    return job


docker_py = program(
    "python3",
    HERE / "library_docker_py.py",
    says=["pull: True", "log: ready", "exec: 0 first", "file: hello from the archive", "networks: 1", "gone"],
)
testcontainers_python = program(
    "python3",
    HERE / "library_testcontainers.py",
    says=["log: ready", "exec: 0 first", "gone"],
)
testcontainers_node = program(
    "node",
    HERE / "library_testcontainers.js",
    says=["exec: 0 first", "file: hello from the archive", "gone"],
)
dockerode = program(
    "node",
    HERE / "library_homepage.js",
    says=[f"found: /{WEB}", "status: running", "has memory: true"],
    with_web=True,
)
bollard = program(
    BOLLARD_TARGET / "debug" / "vector",
    says=[f"found: /{WEB}", "has a terminal: false", "log: ready", "event: create"],
    with_web=True,
)
