"""Requests of the docker CLI and others that were once refused, by the ids of the reports; next to each is the most
similar request that is still denied.

Each command runs both directly and through Dockgate: it must print the same.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

import json
import sys
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "engine"))

from api import Api
from cases import Cases, eventually, must, must_equal
from recorder import connect
from support import EVERYTHING, MAIN_ENGINE, READ_ONLY, Gate, main_engines

IMAGE = "acme/dockgate-app:1"
# A name that no object has.
MISSING = [
    "acme/none:1",
    "acme/none",
    "a/b/c:1",
    "sha256:" + "ab" * 32,
    "acme/none@sha256:" + "ab" * 32,
    "my net",
    "nothing",
]


def main() -> None:
    cases = Cases()
    for engine in main_engines():
        with ExitStack() as stack:
            gates = {
                name: stack.enter_context(Gate(engine.address, policy))
                for name, policy in [("read-only", READ_ONLY), ("everything", EVERYTHING)]
            }
            inspect_everything(cases, engine, gates)
            if engine.name == MAIN_ENGINE:
                upgrades(cases, engine, gates["everything"])
    cases.finish()


def inspect_everything(cases: Cases, engine, gates: dict[str, Gate]) -> None:
    docker = engine.cli(engine.address)
    engine.clean_up()
    try:
        # A manager of a swarm has other texts for volumes.
        cannot_exist(cases, engine, gates)
        names, behind_plugins = objects(docker)
        for policy, inspected in [("read-only", names), ("everything", [*names, *behind_plugins, *MISSING])]:
            for name in inspected:
                with cases.case(f"{engine.name} {policy}: I-inspect {name[:40]}"):
                    same(engine, gates[policy], "inspect", name)
    finally:
        docker.may_fail("swarm", "leave", "--force")
        docker.may_fail("rmi", IMAGE)
        engine.clean_up()


def cannot_exist(cases: Cases, engine, gates: dict[str, Gate]) -> None:
    # Before it gives up, the CLI asks for a plugin, and `read-only` shows none, so each object is asked for by its
    # kind.
    for name, kind in zip(MISSING, cycle(["container", "network", "volume"])):
        with cases.case(f"{engine.name} read-only: I-inspect {kind} {name[:40]}"):
            same(engine, gates["read-only"], "inspect", "--type", kind, name)
    gate = gates["everything"]
    for command in ["start", "logs", "exec", "rm", "stop", "top", "pause", "wait", "rename"]:
        with cases.case(f"{engine.name}: I-{command} of what cannot exist"):
            more = {"exec": ["true"], "rename": ["other"]}.get(command, [])
            said = same(engine, gate, command, "x:1", *more)
            must("No such container: x:1" in said, f"the engine itself says {said}")
    with cases.case(f"{engine.name}: I-network, volume and plugin"):
        for words in ["network rm a/b", "volume inspect a:b", "network inspect x:1", "plugin inspect a/b:c:d"]:
            same(engine, gate, *words.split())
    with cases.case(f"{engine.name}: beside I, rm --link stays denied"):
        got = engine.cli(gate.host).may_fail("rm", "--link", "/web/alias")
        must(got.code and "dockgate:" in got.err, got.err)
    with cases.case(f"{engine.name}: beside I, another spelling stays denied"):
        answer = Api(gate.host).ask("GET", "/containers/dockgate%2Dc/json")
        must(answer.refused("bad_target"), f"{answer}")


def objects(docker) -> tuple[list[str], list[str]]:
    """Objects of every kind, by every name; and those for which the CLI first asks for a plugin."""
    image = docker("images", "-q", "--no-trunc", "busybox").out.split()[0]
    docker("tag", image, IMAGE)
    container = docker("create", "--name", "dockgate-c", IMAGE, "true").out.strip()
    network = docker("network", "create", "dockgate-n").out.strip()
    docker("volume", "create", "dockgate-v")
    docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    service = docker("service", "create", "-d", "--name", "dockgate-s", "--replicas", "1", IMAGE, "sleep", "1000").out
    secret = docker("secret", "create", "dockgate-secret", "-", typed="x").out.strip()
    node = docker("node", "ls", "-q").out.strip()
    task = eventually("a task", lambda: docker("service", "ps", "-q", "dockgate-s").out.split())[0]
    names = ["dockgate-c", container[:12], container, IMAGE, image, image[7:], image[7:19], image[:19]]
    names += ["dockgate-n", network, network[:12], "dockgate-v", "dockgate-s", service.split()[0], task, node]
    return names, ["dockgate-secret", secret]


def same(engine, gate: Gate, *words: str) -> str:
    """Runs a command both ways, and returns its stderr."""
    want, got = (engine.cli(host).may_fail(*words) for host in [engine.address, gate.host])
    must_equal("the exit code and stderr", (got.code, got.err), (want.code, want.err))
    must_equal("stdout", shown(got.out), shown(want.out))
    return want.err


def shown(text: str) -> object:
    """An inspection without the parts that change by themselves."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError:
        return text
    return [(value.get("Id") or value.get("ID") or value.get("Name"), sorted(value)) for value in values]


def upgrades(cases: Cases, engine, gate: Gate) -> None:
    docker = engine.cli(engine.address)
    java = "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\nUpgrade: h2c\r\n"
    try:
        docker("run", "-d", "--name", "dockgate-g", "busybox", "sleep", "1000")
        api = Api(engine.address)

        def start(body: str, lines: str) -> str:
            made = api.done("POST", "/containers/dockgate-g/exec", {"Cmd": ["true"]})
            return raw(gate, f"/exec/{made['Id']}/start", lines + "Content-Type: application/json\r\n", body)

        with cases.case("G-a detached start with the upgrade of Java's client"):
            reply = start('{"Detach":true}', java)
            must(reply.startswith("HTTP/1.1 200 "), reply)
        with cases.case("G-the denial of another upgrade names it"):
            reply = start('{"Detach":false}', java)
            must(reply.startswith("HTTP/1.1 501 ") and "asks for h2c" in reply, reply)
        for number, (lines, direct) in enumerate([("", ""), ("Upgrade: foo\r\n", ""), ("Upgrade: h2c\r\n", "101 ")]):
            with cases.case(f"a session with {lines.strip() or 'no upgrade'}"):
                identity = f"X-Docker-Expose-Session-Uuid: dockgate-{number}\r\n"
                want = raw(engine.address, "/session", identity.replace("dockgate", "direct") + lines, "")
                got = raw(gate, "/session", identity + lines, "")
                must_equal("the status", got.split(" ")[1], want.split(" ")[1])
                must(direct in got and (direct or json.loads(want.split("\r\n\r\n")[1])["message"] in got), got)
    finally:
        docker.may_fail("rm", "-f", "dockgate-g")


def raw(to: Gate | str, path: str, lines: str, body: str) -> str:
    """The first bytes of the answer to a POST."""
    host = to if isinstance(to, str) else to.bare_host
    if not isinstance(to, str):
        to.also += 1
    with connect(host) as stream:
        stream.settimeout(10)
        stream.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\n{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return stream.recv(4096).decode(errors="replace")


main()
