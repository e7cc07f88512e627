"""Every method of the Docker client for Go under a policy that allows everything: the same results as with a direct
connection.

The program in moby/ lists the methods of the client by reflection, and fails if one is not called.

Runs on the main engine.
"""

import sys
import tarfile
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent
sys.path.insert(0, str(CLIENTS.parent / "engine"))

from cases import Cases
from commands import Docker, Run, run_well
from programs import build_go
from steps import two_ways
from support import MAIN_ENGINE, Engine, engines


def main() -> None:
    program = build_go(CLIENTS / "moby")
    cases = Cases()
    for engine in engines():
        if engine.name in (MAIN_ENGINE, "extra"):
            with two_ways(engine) as ways, cases.case(f"{engine.name}: every method of the client for Go"):
                ways.take(lambda docker, folder, engine=engine: call_all(program, engine, docker, folder))
    cases.finish()


def call_all(program: Path, engine: Engine, docker: Docker, folder: Path) -> list[Run]:
    (folder / "hello.txt").write_text("hello from the archive\n")
    with tarfile.open(folder / "hello.tar", "w") as archive:
        archive.add(folder / "hello.txt", "hello.txt")
    return [run_well(program, engine.address, folder / "hello.tar", "dockgate-moby", host=docker.host)]


main()
