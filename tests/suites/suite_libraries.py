"""docker-py's and dockerode's own integration tests, from checkouts; the libraries themselves are the published ones."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands import run, run_well
from suite import Result, Side, passed, prepared

PYTHON = ["docker==7.2.0", "pytest==7.4.2", "pytest-timeout==2.1.0", "paramiko==3.5.1", "websocket-client==1.9.2"]
NODE = ["dockerode@5.0.1", "mocha@11.7.0", "chai@4.5.0", "bluebird@3.7.0", "memorystream@0.3.1"]

# For dockerode: busybox has no `bash`.
UBUNTU = """
FROM alpine:3
RUN printf '#!/bin/sh\\nexec sh "$@"\\n' >/bin/bash && chmod +x /bin/bash
"""
# The tests of docker-py that do not run.
LEFT_OUT = (
    # It leaves its swarm right after it changed the key. Now and then an engine then keeps files of that swarm, and ends
    # with a panic when the next one begins.
    "api_swarm_test.py::SwarmTest::test_rotate_manager_unlock_key",
    # Of a container that has ended, an engine sends the output to half of the attaches, and nothing to the others.
    "api_container_test.py::AttachContainerTest::test_attach_no_stream",
)
BRIDGE, ADDRESS = "dockgate-swarm", "192.0.2.1/24"


def docker_py(side: Side) -> set[Result]:
    python = prepared("docker-py", " ".join(PYTHON), make_python)
    tests = copied(side.checkout / "tests", side.folder / "docker-py" / "tests")
    side.engine.cli(side.engine.address)("tag", "alpine:3", "alpine:3.10")
    (tests.parent / "config.json").write_text("{}")
    with address(side):
        printed = side.output(
            python / "bin" / "python", "-m", "pytest", "-rA", "-q", "--tb=no", "--timeout=120", "-p", "no:cacheprovider",
            *(f"--deselect=tests/integration/{test}" for test in LEFT_OUT), "tests/integration",
            cwd=tests.parent,
            env={"DOCKER_CONFIG": str(tests.parent)},
        )  # fmt: skip
    return passed(re.findall(r"^PASSED (\S+)", printed, re.MULTILINE))


def dockerode(side: Side) -> set[Result]:
    node = prepared("dockerode", " ".join(NODE), make_node)
    tests = copied(side.checkout / "test", side.folder / "dockerode" / "test")
    for name, target in {"lib": node / "node_modules/dockerode/lib", "node_modules": node / "node_modules"}.items():
        (tests.parent / name).symlink_to(target)
    side.engine.cli(side.engine.address)("build", "--quiet", "--tag", "ubuntu:latest", "-", typed=UBUNTU)
    # With any DOCKER_SOCKET the tests use DOCKER_HOST.
    report = side.log().with_suffix(".json")
    with address(side):
        side.output(
            "node", "--preserve-symlinks", "node_modules/mocha/bin/mocha.js", "-R", "json", "-O", f"output={report}", "--exit",
            cwd=tests.parent,
            env={"DOCKER_SOCKET": "none"},
        )  # fmt: skip
    return passed(test["fullTitle"] for test in json.loads(report.read_text())["passes"])


@contextmanager
def address(side: Side) -> Iterator[None]:
    """An address that the engine may choose for a swarm; no swarm is left."""
    direct = side.engine.cli(side.engine.address)
    ip = [*side.enter(), "ip"]
    run_well(*ip, "link", "add", BRIDGE, "type", "bridge")
    try:
        run_well(*ip, "address", "add", ADDRESS, "dev", BRIDGE)
        run_well(*ip, "link", "set", BRIDGE, "up")
        yield
    finally:
        direct.may_fail("swarm", "leave", "--force")
        direct.may_fail("network", "rm", "docker_gwbridge")
        run(*ip, "link", "delete", BRIDGE)


def copied(source: Path, target: Path) -> Path:
    """A copy of the tests in a new folder: tests leave files next to it, such as docker-py's contexts."""
    shutil.rmtree(target.parent, ignore_errors=True)
    return Path(shutil.copytree(source, target, symlinks=True))


def make_python(folder: Path) -> None:
    subprocess.run(["/usr/bin/python3", "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *PYTHON], check=True)


def make_node(folder: Path) -> None:
    options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(["npm", "install", *options, "--prefix", folder, *NODE], check=True)
