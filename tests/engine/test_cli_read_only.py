"""The docker CLI under the policy `read-only`, without its `redact`: it shows the same as without Dockgate, and changes nothing.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

import time

from cases import Cases, must, must_equal
from cli_answers import must_tell, same_output
from commands import Docker
from recorder import connect
from support import READ_ONLY, Gate, main_engines

WEB = "dockgate-read-only"

UPGRADE_BY_GET = (
    f"GET /containers/{WEB}/attach/ws?stream=1&stdin=1 HTTP/1.1\r\nHost: localhost\r\n"
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyEh\r\n\r\n"
)


def main() -> None:
    cases = Cases()
    for engine in main_engines():
        direct = engine.cli(engine.address)
        direct.may_fail("rm", "-f", WEB)
        since = int(time.time())
        direct("run", "-d", "--name", WEB, "busybox", "sleep", "3600")
        direct("exec", WEB, "true")
        try:
            with Gate(engine.address, READ_ONLY) as gate:
                through = engine.cli(gate.host)
                shown(cases, engine.name, direct, through, since)
                refused(cases, engine.name, direct, through, gate)
        finally:
            direct("rm", "-f", WEB)
    cases.finish()


def shown(cases: Cases, engine: str, direct: Docker, through: Docker, since: int) -> None:
    until = str(time.time())
    for words in [
        ("version",),
        ("info",),
        ("ps", "-a"),
        ("ps", "-a", "--format", "{{json .}}", "--size"),
        ("images",),
        ("images", "--digests", "--all", "--no-trunc"),
        ("inspect", WEB),
        ("inspect", "busybox"),
        ("events", "--since", str(since), "--until", until),
        ("stats", "--no-stream", WEB),
        ("network", "ls"),
        ("network", "inspect", "bridge"),
        ("volume", "ls"),
        ("inspect", "--type", "container", "no-such-thing"),
    ]:
        with cases.case(f"{engine}: read-only prints the same: docker {' '.join(words).replace(until, 'NOW')}"):
            same_output(direct, through, words)


def refused(cases: Cases, engine: str, direct: Docker, through: Docker, gate: Gate) -> None:
    before = state(direct)
    since = str(time.time())
    for operation, words in [
        ("ContainerCreate", ("run", "busybox", "true")),
        ("ContainerStop", ("stop", WEB)),
        ("ContainerArchive", ("cp", f"{WEB}:/bin/busybox", "-")),
        ("PutContainerArchive", ("cp", __file__, f"{WEB}:/tmp")),
        ("ContainerExec", ("exec", WEB, "true")),
        ("ContainerExport", ("export", WEB)),
        ("ImageHistory", ("history", "busybox")),
        ("ContainerKill", ("kill", WEB)),
        ("ContainerDelete", ("rm", "-f", WEB)),
    ]:
        with cases.case(f"{engine}: read-only refuses docker {words[0]}, {operation}"):
            done = through.may_fail(*words)
            must(done.code != 0, "the exit code is 0")
            must_tell(operation, done.err)
    with cases.case(f"{engine}: read-only refuses a websocket attach by GET"):
        answer = ask(gate.host, UPGRADE_BY_GET)
        must(answer.startswith("HTTP/1.1 403 "), answer)
        must_tell("ContainerAttachWebsocket", answer.replace('\\"', '"'))
    with cases.case(f"{engine}: nothing has changed on the engine"):
        until = str(time.time())
        must_equal("the engine's events", direct("events", "--since", since, "--until", until).out, "")
        must_equal("container, images, containers", state(direct), before)


def state(direct: Docker) -> tuple[str, list[str], list[str]]:
    images, containers = direct("images", "-aq").out, direct("ps", "-aq").out
    return direct("inspect", WEB).out, sorted(images.split()), sorted(containers.split())


def ask(host: str, request: str) -> str:
    """The complete answer to a request after which the connection is closed."""
    with connect(host) as stream:
        stream.settimeout(10)
        stream.sendall(request.encode())
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.rstrip().endswith(b"}"):
            part = stream.recv(65536)
            if not part:
                break
            answer += part
        return answer.decode()


main()
