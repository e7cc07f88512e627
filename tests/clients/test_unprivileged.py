"""Client libraries and Testcontainers under the policies for test suites: their containers, and ways out of them.

Each program runs both directly and through Dockgate. The output of its containers must be the same; everything that
leads to the host in the direct run must be refused. Ryuk is off: it needs the engine's own socket, which the policies
deny.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

from __future__ import annotations

import sys
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent
sys.path.insert(0, str(CLIENTS.parent / "engine"))

from cases import Cases, must, must_equal
from commands import run_well
from compare import mask_text
from support import EVERYTHING, Engine, Gate, main_engines, scratch

SECRET = "known only to the host"
OTHER = "dockgate-other"

# Each with its policy, and how many ways out it tries.
PROGRAMS = {
    "docker-py": (["python3", CLIENTS / "unprivileged_docker_py.py"], "testcontainers-java", 11),
    "dockerode": (["node", CLIENTS / "unprivileged_dockerode.js"], "testcontainers-go", 7),
    "testcontainers-python": (["python3", CLIENTS / "unprivileged_testcontainers.py"], "testcontainers-java", 3),
    "testcontainers-node": (["node", CLIENTS / "unprivileged_testcontainers.js"], "testcontainers-java", 3),
}


def main() -> None:
    cases = Cases()
    for engine in main_engines():
        engine.clean_up()
        direct = engine.cli(engine.address)
        with scratch() as folder:
            (folder / "secret").write_text(SECRET)
            loop = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
            direct("run", "-d", "--name", OTHER, "-v", f"{folder}:/host", "busybox", *loop)
            try:
                for name, (command, policy, ways) in PROGRAMS.items():
                    with cases.case(f"{engine.name}: {name} under {policy}"):
                        compare(engine, folder, command, policy, ways)
                    tidy(engine)
            finally:
                engine.clean_up()
    cases.finish()


def tidy(engine: Engine) -> None:
    """Removes what an interrupted program has left behind."""
    direct = engine.cli(engine.address)
    for listing, removal in [("ps -aq", "rm -f -v"), ("network ls -q", "network rm"), ("volume ls -q", "volume rm")]:
        left = direct(*listing.split(), "--filter", "name=dockgate-suite").out.split()
        if left:
            direct(*removal.split(), *left)


def compare(engine: Engine, folder: Path, command: list, policy: str, ways: int) -> None:
    environment = {"TESTCONTAINERS_RYUK_DISABLED": "true", "TESTCONTAINERS_HOST_OVERRIDE": "localhost"}

    def said(host: str) -> list[str]:
        # A volume outlives its container.
        engine.cli(engine.address).may_fail("volume", "rm", "dockgate-suite-volume")
        done = run_well(*command, "dockgate-suite", folder, OTHER, host=host, env=environment)
        return mask_text(done.out).splitlines()

    with Gate(engine.address, EVERYTHING) as gate:
        # Not the engine's own socket, because some of the libraries only use TCP.
        direct = said(gate.host)
    with Gate(engine.address, policy) as gate:
        through = said(gate.host)
    reached = [line for line in direct if SECRET in line or "reached" in line]
    must(len(reached) == ways, f"ways out that work direct: {len(reached)} of {ways}: {direct}")
    # To the client, another's container does not exist.
    refused = [line for line in through if "dockgate: " in line or "No such container" in line]
    must(len(refused) == ways, f"ways out that are refused: {len(refused)} of {ways}: {through}")
    must(not any(SECRET in line or "reached" in line for line in through), f"one led out: {through}")
    rest = [line for line in direct if line not in reached]
    must(len(rest) >= 2, f"too little was done: {rest}")
    must_equal("what else was said", [line for line in through if line not in refused], rest)


main()
