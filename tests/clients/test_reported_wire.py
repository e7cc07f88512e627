"""What the docker CLI and others were refused once, by the ids of the reports, and beside each the nearest deny.

Each command is run direct and through Dockgate: it must print the same.
"""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "engine"))

from api import Api
from cases import Cases, eventually, must, must_equal
from recorder import connect
from support import EVERYTHING, MAIN_ENGINE, Gate, engines

IMAGE = "acme/dockgate-app:1"
# What none of them is the name of.
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
    for engine in engines(without="26"):
        with ExitStack() as stack:
            gates = {
                name: stack.enter_context(Gate(engine.address, policy))
                for name, policy in [("read-only", "read-only"), ("everything", EVERYTHING)]
            }
            inspect_everything(cases, engine, gates)
            if engine.name == MAIN_ENGINE:
                upgrades(cases, engine, gates["everything"])
    cases.finish()


def inspect_everything(cases: Cases, engine, gates: dict[str, Gate]) -> None:
    docker = engine.cli(engine.address)
    engine.clean_up()
    try:
        names, swarm = objects(docker)
        for policy, gate in gates.items():
            through = engine.cli(gate.host)
            for name in [*names, *MISSING]:
                with cases.case(f"{engine.name} {policy}: I-inspect {name[:24]}"):
                    if policy == "read-only" and name in swarm | {*MISSING}:
                        # The CLI asks for a plugin before a secret, and this policy shows none.
                        continue
                    same(f"inspect {name}", docker("inspect", name), through("inspect", name))
        gate = gates["everything"]
        through = engine.cli(gate.host)
        for command in ["start", "logs", "exec", "rm", "stop", "top", "pause", "wait", "rename"]:
            with cases.case(f"{engine.name}: I-{command} of what cannot exist"):
                more = {"exec": ["true"], "rename": ["other"]}.get(command, [])
                want, got = docker(command, "x:1", *more), through(command, "x:1", *more)
                must("No such container: x:1" in want.err, f"the engine itself says {want.err}")
                same(command, want, got)
        with cases.case(f"{engine.name}: I-network, volume and plugin"):
            for words in ["network rm a/b", "volume inspect a:b", "network inspect x:1", "plugin inspect a/b:c:d"]:
                same(words, docker(*words.split()), through(*words.split()))
        with cases.case(f"{engine.name}: beside I, rm --link stays denied"):
            got = through("rm", "--link", "/web/alias")
            must(got.code and "dockgate:" in got.err, got.err)
        with cases.case(f"{engine.name}: beside I, another spelling stays denied"):
            answer = Api(gate.host).ask("GET", "/containers/dockgate%2Dc/json")
            must(answer.refused("bad_target"), f"{answer}")
    finally:
        docker("swarm", "leave", "--force")
        docker("rmi", IMAGE)
        engine.clean_up()


def objects(docker) -> tuple[list[str], set[str]]:
    """Objects of every kind, by every name; and those of which a plugin is asked for before."""
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
    return [*names, "dockgate-secret", secret], {"dockgate-secret", secret}


def same(what: str, want, got) -> None:
    must_equal(f"the exit code of {what}: {got.err}", got.code, want.code)
    must_equal(f"stderr of {what}", got.err, want.err)
    must_equal(f"stdout of {what}", shown(got.out), shown(want.out))


def shown(text: str) -> object:
    """What an inspection shows, without what goes on by itself."""
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
        with cases.case("beside G-a start that takes the connection over"):
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
        docker("rm", "-f", "dockgate-g")


def raw(to: Gate | str, path: str, lines: str, body: str) -> str:
    """What comes first in answer to a POST."""
    host = to if isinstance(to, str) else to.bare_host
    if not isinstance(to, str):
        to.also += 1
    with connect(host) as stream:
        stream.settimeout(10)
        stream.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\n{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return stream.recv(4096).decode(errors="replace")


main()
