"""Programs of these tests that are written in Go."""

import os
import subprocess
from pathlib import Path

from support import REPOSITORY

CLIENTS = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("DOCKGATE_TEST_CACHE") or "/var/cache/dockgate-tests")


def build(name: str, folder: Path = CLIENTS) -> Path:
    """Builds the program in the folder of this name, from modules that tests/setup.sh has downloaded."""
    program = REPOSITORY / "target" / "clients" / name
    # The same settings as in tests/setup.sh.
    settings = {"GOFLAGS": "-mod=readonly", "GOMODCACHE": f"{CACHE}/go/modules", "GOCACHE": f"{CACHE}/go/build"}
    command = ["go", "build", "-trimpath", "-o", program, "."]
    subprocess.run(command, cwd=folder / name, env=os.environ | settings, check=True)
    return program
