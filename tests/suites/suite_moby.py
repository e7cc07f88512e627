"""The daemon's own integration tests, from a checkout of moby. Those that start separate daemons fail both ways."""

import os
import re
import subprocess

from commands import run_well
from suite import CACHE, ENGINES, Result, Side, passed

# The images that the tests would pull.
IMAGES = ("busybox:latest", "busybox:glibc", "hello-world:frozen", "hello-world:amd64", "hello-world:arm64", "debian:trixie-slim")
PASSED = re.compile(r"^ *--- PASS: (\S+)", re.MULTILINE)


def moby(side: Side, part: str) -> set[Result]:
    program = CACHE / "moby" / f"{part}.test"
    program.parent.mkdir(parents=True, exist_ok=True)
    if not program.exists() or program.stat().st_mtime < (side.checkout / "vendor" / "modules.txt").stat().st_mtime:
        command = ["nice", "go", "test", "-mod=vendor", "-c", "-o", program, f"./integration/{part}"]
        settings = {"GOCACHE": f"{CACHE}/moby/build"}
        subprocess.run(command, cwd=side.checkout, env=os.environ | settings, check=True)
    if part == "session":
        # For some seconds after a client has gone, the engine lets no other open a session with the same id.
        run_well(ENGINES, "restart", side.engine.name)
    direct = side.engine.cli(side.engine.address)
    for image in IMAGES:
        direct("tag", "alpine:3", image)
    printed = side.output(
        program, "-test.v", "-test.timeout=20m",
        cwd=side.checkout / "integration" / part,
        # Without a dockerd to start: such a daemon removes the bridge of the tested engine.
        env={"TEST_SKIP_INTEGRATION_CLI": "1", "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )  # fmt: skip
    return passed(PASSED.findall(printed))
