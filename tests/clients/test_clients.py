"""docker-py, dockerode and bollard under a policy that allows everything: the same results as with a direct
connection.

Each client takes the steps of its program twice, see `steps` of the engine tests. Its requests are compared with its
fixture; `test_clients.py --renew` writes new fixtures.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent
sys.path.insert(0, str(CLIENTS.parent / "engine"))

from cases import Cases, must_equal
from client_fixtures import FIXTURES, render
from commands import Docker, Run, run_well
from steps import two_ways
from support import MAIN_ENGINE, REPOSITORY, main_engines

BOLLARD_TARGET = REPOSITORY / "target" / "clients"

COMMANDS = {
    "docker-py": ["python3", CLIENTS / "docker_py_steps.py"],
    "dockerode": ["node", CLIENTS / "dockerode_steps.js"],
    "bollard": [BOLLARD_TARGET / "debug" / "bollard-client"],
}


def main() -> None:
    build = ["cargo", "build", "--locked", "--quiet", "--target-dir", BOLLARD_TARGET]
    subprocess.run(build, cwd=CLIENTS / "bollard", check=True)
    cases = Cases()
    for engine in main_engines():
        with two_ways(engine) as ways:
            for client in COMMANDS:
                with cases.case(f"{engine.name}: {client}"):
                    exchanges = ways.take(lambda docker, folder, client=client: life(client, docker, folder))
                    # Requests to different engines differ in little except the API version.
                    if engine.name == MAIN_ENGINE:
                        compare_with_fixture(client, render(exchanges))
    cases.finish()


def life(client: str, docker: Docker, folder: Path) -> list[Run]:
    (folder / "hello.txt").write_text("hello from the archive\n")
    with tarfile.open(folder / "hello.tar", "w") as archive:
        archive.add(folder / "hello.txt", "hello.txt")
    return [run_well(*COMMANDS[client], folder / "hello.tar", f"dockgate-{client}", host=docker.host)]


def compare_with_fixture(client: str, text: str) -> None:
    fixture = FIXTURES / f"{client}.http"
    if "--renew" in sys.argv:
        fixture.write_text(text)
    must_equal(f"the requests and {fixture.name}", text, fixture.read_text())


main()
