"""docker-java with its own transport: the same results as with a direct connection, and under the policy
`testcontainers-java`.

Runs on the main engine.
"""

import subprocess
import sys
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent
sys.path.insert(0, str(CLIENTS.parent / "engine"))

from cases import Cases, must
from commands import Docker, Run, run_well
from programs import CACHE, PROGRAMS
from steps import two_ways
from support import Gate, main_engine, scratch

CLASSES = PROGRAMS / "docker-java"
JARS = f"{CACHE}/java/jars/*"
HELLO = "hello from the archive\n"


def main() -> None:
    build = ["javac", "-d", CLASSES, "-cp", JARS, CLIENTS / "docker_java" / "Steps.java"]
    subprocess.run(build, check=True)
    cases, engine = Cases(), main_engine()
    direct: list[Run] = []

    def everything(docker: Docker, folder: Path) -> list[Run]:
        direct.append(steps(docker.host, folder, "all"))
        return direct[-1:]

    with two_ways(engine) as ways, cases.case("docker-java"):
        ways.take(everything)
    with cases.case("docker-java under testcontainers-java"), scratch() as folder:
        engine.clean_up()
        with Gate(engine.address, "testcontainers-java") as gate:
            restricted = steps(gate.host, folder)
        wanted = direct[0].masked()[1].splitlines()
        wrong = [line for line in restricted.masked()[1].splitlines() if line not in wanted]
        must(not wrong, f"not as direct: {wrong}")
    cases.finish()


def steps(host: str, folder: Path, *more: str) -> Run:
    (folder / "hello.txt").write_text(HELLO)
    # Small, and quick to start.
    java = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{CLASSES}:{JARS}", "Steps"]
    return run_well(*java, host, folder / "hello.txt", *more)


main()
