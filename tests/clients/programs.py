"""Compiled programs of these tests, built from downloads of tests/setup.sh."""

import os
import subprocess
from pathlib import Path

from support import REPOSITORY

CACHE = Path(os.environ.get("DOCKGATE_TEST_CACHE") or "/var/cache/dockgate-tests")
PROGRAMS = REPOSITORY / "target" / "clients"


def build_go(folder: Path, modules: Path = CACHE / "go") -> Path:
    """Builds the Go program in this folder; `modules` has the downloaded modules and their build cache."""
    program = PROGRAMS / folder.name
    # The same settings as in tests/setup.sh.
    settings = {"GOFLAGS": "-mod=readonly", "GOMODCACHE": f"{modules}/modules", "GOCACHE": f"{modules}/build"}
    subprocess.run(["go", "build", "-trimpath", "-o", program, "."], cwd=folder, env=os.environ | settings, check=True)
    return program
