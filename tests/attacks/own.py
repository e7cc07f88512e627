"""Starts Dockgate so that it believes it runs in a given container."""

from __future__ import annotations

import os
from pathlib import Path

from arena import REPOSITORY, Gate

WRAPPER = Path(__file__).resolve().parent / "as_container.sh"


def use_wrapper() -> None:
    """Makes each `Gate` of this program start Dockgate through the wrapper."""
    real = os.environ.get("DOCKGATE_BIN") or str(REPOSITORY / "target" / "release" / "dockgate")
    if real != str(WRAPPER):
        os.environ["ATTACK_BIN"] = real
        os.environ["DOCKGATE_BIN"] = str(WRAPPER)


def own_gate(address: str, policy: str, container: str, folder: Path) -> Gate:
    """Dockgate in front of an engine, believing that it runs in this container."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCKGATE_")}
    return Gate(
        address,
        policy,
        environment={**environment, "ATTACK_CONTAINER": container, "ATTACK_FOLDER": str(folder)},
    )


use_wrapper()
