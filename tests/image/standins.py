"""Images under the names that people write, made from parts of this machine because none can be pulled; and
Dockgate's own image, built on them.

The Dockerfile is built unchanged. Its base image for building is the folder `rust` that tests/setup.sh has created,
with the crates that this machine has already downloaded. Run as a program, this builds both images on the main
engine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "engine"))

from cases import must, must_equal
from commands import Docker, run_well
from support import REPOSITORY, main_engine

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
VERSION = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["package"]["version"]
PLAIN = f"dockgate:{VERSION}"
COMPAT = f"{PLAIN}-compat"

# A release build on a busy machine.
BUILD_LIMIT = 1200.0


def build(docker: Docker) -> None:
    """Builds both images; if the engine has built them already, this takes a second."""
    _base_images(docker)
    for image, target in ((PLAIN, ()), (COMPAT, ("--target", "compat"))):
        docker(
            "build", "--network", "none", "--progress", "plain", "--tag", image, *target, REPOSITORY, limit=BUILD_LIMIT
        )


def hand_over(docker: Docker, other: Docker, *images: str) -> None:
    """Gives an engine the images of another one."""
    with docker.pipe("save", *images) as saved:
        other("load", stdin=saved.stdout)
    must_equal("exit code of docker save", saved.returncode, 0)


def _base_images(docker: Docker) -> None:
    """The images in the Dockerfile, by their names and versions there."""
    rust, busybox = re.findall(r"^FROM ([a-z]+:\S+)\$\{", DOCKERFILE, re.MULTILINE)
    toolchain = tomllib.loads((REPOSITORY / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
    must_equal("the Dockerfile's base for building", rust, f"rust:{toolchain}-slim-bookworm")
    must(busybox.startswith("busybox:"), busybox)
    docker("tag", "busybox:latest", busybox)
    if docker.may_fail("image", "inspect", rust).code != 0:
        _import_rust(docker, rust)


def _import_rust(docker: Docker, name: str) -> None:
    base = Path(os.environ.get("DOCKGATE_TEST_CACHE") or "/var/cache/dockgate-tests") / "rust"
    crates = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    # All crates in Cargo.lock, even if this machine has never built a release.
    run_well("cargo", "fetch", "--locked", "--manifest-path", REPOSITORY / "Cargo.toml")
    tar = ["tar", "--create", "--transform", "s,^registry,./usr/local/cargo/registry,"]
    tar += ["--directory", base, ".", "--directory", crates, "registry/index", "registry/cache"]
    settings = ["PATH=/usr/local/cargo/bin:/usr/sbin:/usr/bin:/sbin:/bin", "CARGO_HOME=/usr/local/cargo"]
    # The only difference to the real image: this one has no network.
    settings.append("CARGO_NET_OFFLINE=true")
    changes = [word for setting in settings for word in ("--change", f"ENV {setting}")]
    with subprocess.Popen([str(word) for word in tar], stdout=subprocess.PIPE) as packed:
        docker("import", *changes, "-", name, stdin=packed.stdout)
    must_equal("exit code of tar", packed.returncode, 0)


if __name__ == "__main__":
    engine = main_engine()
    build(engine.cli(engine.address))
