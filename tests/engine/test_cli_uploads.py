"""A refused upload of 200 MB always ends with Dockgate's message on the client's terminal.

The client talks to Dockgate itself, because a relay in between would change what is tested: how the connection ends
while the client is still sending.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

from cases import Cases, must
from commands import Docker
from support import Gate, main_engines, scratch

TIMES = 20
SIZE = 200_000_000
WEB = "dockgate-uploads"


def main() -> None:
    cases = Cases()
    for engine in main_engines():
        direct = engine.cli(engine.address)
        direct.may_fail("rm", "-f", WEB)
        direct("create", "--name", WEB, "busybox", "true")
        try:
            with scratch() as folder, Gate(engine.address, "read-only") as gate:
                big = folder / "big"
                with open(big, "wb") as file:
                    file.truncate(SIZE)
                uploads = [("PutContainerArchive", ("cp", big, f"{WEB}:/big")), ("ImageLoad", ("load", "-i", big))]
                for operation, words in uploads:
                    with cases.case(
                        f"{engine.name}: a refused docker {words[0]} of 200 MB says why, {TIMES} of {TIMES} times"
                    ):
                        refused_each_time(engine, gate, operation, words)
        finally:
            direct("rm", WEB)
    cases.finish()


def refused_each_time(engine, gate: Gate, operation: str, words: tuple) -> None:
    requests = gate.recorder.requests
    tell(engine.cli(gate.host), operation, words)
    gate.recorder.settle()
    requests = gate.recorder.requests - requests
    wrong = []
    for time in range(TIMES):
        gate.also += requests
        try:
            tell(engine.cli(gate.bare_host), operation, words)
        except AssertionError as error:
            wrong.append(f"time {time + 1}: {error}")
    must(not wrong, f"{len(wrong)} of {TIMES} went wrong: {wrong}")


def tell(docker: Docker, operation: str, words: tuple) -> None:
    done = docker.may_fail(*words)
    must(done.code != 0, "the exit code is 0")
    must("dockgate: " in done.err and f'add "{operation}" to allow' in done.err, f"{done.err!r}")


main()
