"""Named clients on one Dockgate, in a container and on the host: each has its own rights, told by each kind of `from`,
and nobody has another's: not by another address of Dockgate's, not with an address that was another's, not while the
engine's events are away, and not after the settings or its container changed.

Connections come from containers' networks (see peers.py). Every verdict is read from the answer and from the record.

The image is built on the main engine, and the tests run on every Docker engine.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import standins
from cases import Cases, eventually, must, must_equal
from commands import run_well
from peers import ENGINES, Boxed, Dockgate, Host, OnHost, Place, Relay, Seen, Talk, root_of
from standins import PLAIN
from support import Engine, at_once, engines, main_engine, scratch

# What each client may do, and no other one.
OWN = {
    "one": ("SystemVersion", "/version"),
    "two": ("SystemInfo", "/info"),
    "three": ("ContainerList", "/containers/json"),
    "four": ("ImageList", "/images/json"),
    "five": ("NetworkList", "/networks"),
    "six": ("VolumeList", "/volumes"),
    "seven": ("PluginList", "/plugins"),
    "eight": ("ContainerInspect", "/containers/dockgate-peer-a/json"),
    "nine": ("ContainerTop", "/containers/dockgate-peer-a/top"),
    "ten": ("ContainerChanges", "/containers/dockgate-peer-a/changes"),
}
OTHERS_OWN = ("ContainerStats", "/containers/dockgate-peer-a/stats?stream=false&one-shot=true")

# Two networks that clients have to themselves, and one that they share. The address of a container is then chosen.
NETWORKS = {"dockgate-a": "10.91.1", "dockgate-b": "10.91.2", "dockgate-s": "10.91.3"}


def main() -> None:
    cases = Cases()
    builder = main_engine()
    docker = builder.cli(builder.address)
    if "CLITEST_NO_BUILD" not in os.environ:
        with cases.case("docker build"):
            standins.build(docker)
        for engine in engines():
            if engine != builder:
                with cases.case(f"{engine.name}: docker load"):
                    standins.hand_over(docker, engine.cli(engine.address), PLAIN)
    wanted = [engine for engine in engines() if not sys.argv[1:] or engine.name in sys.argv[1].split(",")]
    with ThreadPoolExecutor(len(wanted)) as pool:
        list(pool.map(lambda engine: on_engine(cases, engine), wanted))
    cases.finish()


def on_engine(cases: Cases, engine: Engine) -> None:
    chosen = sys.argv[2].split(",") if sys.argv[2:] else None
    with scratch() as folder:
        try:
            prepares(engine)
            for group in GROUPS:
                if chosen is None or group.__name__ in chosen:
                    began = time.monotonic()
                    with cases.case(f"{engine.name}: {group.__name__}: set-up"):
                        group(cases, engine, folder)
                    print(f"{engine.name}: {group.__name__}: {time.monotonic() - began:.0f} s", flush=True)
        finally:
            engine.clean_up()


def prepares(engine: Engine) -> None:
    """Networks, and containers from which clients connect."""
    engine.clean_up()
    docker = engine.cli(engine.address)
    for number, (name, prefix) in enumerate(NETWORKS.items()):
        given = ("--ipv6", "--subnet", f"fd91:{number}::/64", "--subnet", f"{prefix}.0/24")
        internal = () if name == "dockgate-s" else ("--internal",)
        docker("network", "create", *internal, *given, name)
    starts(engine, "dockgate-peer-a", "dockgate-a")
    starts(engine, "dockgate-peer-b", "dockgate-b")


def starts(engine: Engine, name: str, network: str, *options: object, address: str | None = None) -> Place:
    """Starts a container that stays."""
    given = ("--ip", address) if address else ()
    engine.cli(engine.address)(
        "run", "--detach", "--name", name, "--network", network, *given, *options, "busybox:latest", "sleep", "86400"
    )
    return Place(engine, name)


def removes(engine: Engine, *names: str) -> None:
    engine.cli(engine.address)("rm", "--force", *names)


def client(name: str, policy: str, *of: str, more: str = "") -> str:
    """A client of the settings."""
    return f'[[client]]\nname = "{name}"\nfrom = {json.dumps(of)}\npolicy = "{policy}"\n{more}'


def must_be_denied(seen: Seen, reason: str) -> None:
    got = (seen.status, seen.record["verdict"], seen.record["reason"])
    must_equal(f"status, verdict, reason of {seen.record}", got, (403, "deny", reason))


def must_have_rights(seen: Seen, name: str | None, by: str | None, container: Place | None) -> None:
    must_equal(f"status, verdict of {seen.record}", (seen.status, seen.record["verdict"]), (200, "allow"))
    must_be(seen, name, by, container)


def must_be(seen: Seen, name: str | None, by: str | None, container: Place | None) -> None:
    of = seen.client
    must_equal(f"name and kind of client in {of}", (of.get("name"), of.get("by")), (name, by))
    wanted = (container.id, container.name) if container else (None, None)
    must_equal(f"container of client in {of}", (of.get("container"), of.get("container_name")), wanted)


def has_only_its_own(talk: Talk, name: str, by: str, container: Place | None, others: list[str]) -> None:
    """A client gets what its policy allows, and nothing that another's does."""
    must_have_rights(talk.asks(OWN[name][1]), name, by, container)
    for other in others:
        if other != name:
            seen = talk.asks(OWN[other][1])
            must_be_denied(seen, "not_granted")
            must_be(seen, name, by, container)


GROUPS = []


def group(function):
    GROUPS.append(function)
    return function


@group
def tells_clients_apart_in_a_container(cases: Cases, engine: Engine, folder: Path) -> None:
    """Two clients by environment, two of each kind in turn and ten of all kinds by file."""
    a, b = Place(engine, "dockgate-peer-a"), Place(engine, "dockgate-peer-b")
    labels = [
        ("--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=web"),
        ("--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=jobs"),
        ("--label", "team=ci"),
        ("--label", "team=ops"),
        ("--label", "team=none"),
    ]
    names = ("web", "jobs", "ci", "ops", "none")
    web, jobs, ci, ops, none = (
        starts(engine, f"dockgate-peer-{name}", "dockgate-s", *options)
        for name, options in zip(names, labels, strict=True)
    )
    kinds = {
        "network": (("network:dockgate-a", a), ("network:dockgate-b", b)),
        "container": (("container:dockgate-peer-ci", ci), ("container:dockgate-peer-ops", ops)),
        "service": (("service:shop/web", web), ("service:shop/jobs", jobs)),
        "label": (("label:team=ci", ci), ("label:team=ops", ops)),
        "address": ((ci.addresses["dockgate-s"], ci), (f"{NETWORKS['dockgate-b']}.0/24", b)),
    }
    with scratch() as sockets:
        sockets.chmod(0o755)
        path = sockets / "dockgate.sock"
        listeners = (
            f'[[listener]]\naddress = "tcp://0.0.0.0:2375"\npolicy = "LISTENER"\n'
            f'[[listener]]\naddress = "unix://{path}"\nmode = "0666"\npolicy = "LISTENER"\n'
        )
        mount = ("--volume", f"{sockets}:{sockets}")
        gate = Boxed(engine, folder, "", *NETWORKS, options=mount)
        policies = {name: gate.policy(name, own[0]) for name, own in OWN.items()}
        listeners = listeners.replace("LISTENER", gate.policy("others", OTHERS_OWN[0]))

        def settings(*clients: str, unknown: str = "") -> str:
            return unknown + listeners + "".join(clients)

        def two(of_one: str, of_two: str) -> tuple[str, str]:
            return client("one", policies["one"], of_one), client("two", policies["two"], of_two)

        gate.changes(settings(*two("network:dockgate-a", "network:dockgate-b")))
        with gate:
            for kind, ((from_one, place_one), (from_two, place_two)) in kinds.items():
                with cases.case(f"{engine.name}: two clients by {kind}"):
                    reloaded(gate, settings(*two(from_one, from_two)))
                    for name, place in (("one", place_one), ("two", place_two)):
                        with talks(gate, place) as talk:
                            is_asked = kind not in ("network", "address")
                            has_only_its_own(talk, name, kind, place if is_asked else None, ["one", "two"])
                    with talks(gate, none) as talk:
                        must_be_denied(talk.asks("/version"), "client_unknown")
            with cases.case(f"{engine.name}: two clients by network, over IPv6"):
                reloaded(gate, settings(*two("network:dockgate-a", f"fd91:1::/64")))
                for name, kind, place in (("one", "network", a), ("two", "address", b)):
                    with talks(gate, place, gate.addresses6[next(iter(place.addresses))]) as talk:
                        has_only_its_own(talk, name, kind, None, ["one", "two"])
            with cases.case(f"{engine.name}: two clients by uid and gid"):
                reloaded(gate, settings(*two("uid:1001", "gid:2002")))
                for name, kind, user, group_of in (("one", "uid", 1001, 2001), ("two", "gid", 1002, 2002)):
                    asked = asks_as(gate, path, user, group_of, OWN["one"][1], OWN["two"][1])
                    allowed, denied = asked if name == "one" else asked[::-1]
                    must_have_rights(allowed, name, kind, None)
                    must_be_denied(denied, "not_granted")
                    must_be(denied, name, kind, None)
                (unknown,) = asks_as(gate, path, 1003, 2003, "/version")
                must_be_denied(unknown, "client_unknown")
            with cases.case(f"{engine.name}: a client of two kinds of two clients"):
                reloaded(gate, settings(*two("container:dockgate-peer-ci", "network:dockgate-s")))
                with talks(gate, ci) as talk:
                    for target in ("/version", "/info"):
                        must_be_denied(talk.asks(target), "client_ambiguous")
                with talks(gate, ops) as talk:
                    has_only_its_own(talk, "two", "network", ops, ["one", "two"])
                reloaded(gate, settings(*two("uid:1001", "gid:2002")))
                (seen,) = asks_as(gate, path, 1001, 2002, "/version")
                must_be_denied(seen, "client_ambiguous")
            with cases.case(f"{engine.name}: unknown clients have the listener's policy"):
                clients = two("network:dockgate-a", "container:dockgate-peer-ci")
                reloaded(gate, settings(*clients, unknown='unknown_client = "listener"\n'))
                with talks(gate, none) as talk:
                    must_have_rights(talk.asks(OTHERS_OWN[1]), None, None, none)
                    for target in ("/version", "/info"):
                        must_be_denied(talk.asks(target), "not_granted")
                with talks(gate, a) as talk:
                    has_only_its_own(talk, "one", "network", a, ["one", "two"])
                    must_be_denied(talk.asks(OTHERS_OWN[1]), "not_granted")
            with cases.case(f"{engine.name}: ten clients of all kinds"):
                ten = {
                    "one": ("network:dockgate-a", a),
                    "two": ("network:dockgate-b", b),
                    "three": ("container:dockgate-peer-ci", ci),
                    "four": ("service:shop/web", web),
                    "five": ("service:shop/jobs", jobs),
                    "six": ("label:team=ops", ops),
                    "seven": (none.addresses["dockgate-s"], none),
                    "eight": ("uid:1001", (1001, 2001)),
                    "nine": ("uid:1002", (1002, 2001)),
                    "ten": ("gid:2003", (1003, 2003)),
                }
                reloaded(gate, settings(*(client(name, policies[name], of) for name, (of, _) in ten.items())))
                for name, (of, place) in ten.items():
                    if isinstance(place, Place):
                        kind = of.split(":")[0] if ":" in of else "address"
                        with talks(gate, place) as talk:
                            has_only_its_own(talk, name, kind, place, list(OWN))
                    else:
                        allowed, *denied = asks_as(
                            gate, path, *place, OWN[name][1], *(own[1] for other, own in OWN.items() if other != name)
                        )
                        must_have_rights(allowed, name, of.split(":")[0], None)
                        for seen in denied:
                            must_be_denied(seen, "not_granted")
                            must_be(seen, name, of.split(":")[0], None)
                with talks(gate, Place(engine, gate.name), gate.addresses["dockgate-a"]) as talk:
                    must_be_denied(talk.asks("/version"), "client_unknown")
    with cases.case(f"{engine.name}: two clients by environment"):
        gate = Boxed(engine, folder, "", "dockgate-a", "dockgate-b")
        variables = {"LISTEN": "tcp://0.0.0.0:2375"}
        for number, name in enumerate(("one", "two")):
            variables[f"CLIENT_{number}__NAME"] = name
            variables[f"CLIENT_{number}__FROM"] = f"network:dockgate-{'ab'[number]}"
            variables[f"CLIENT_{number}__POLICY"] = gate.policy(name, OWN[name][0])
        for name, value in variables.items():
            gate.options += ("--env", f"DOCKGATE_{name}={value}")
        with gate:
            for name, place in (("one", a), ("two", b)):
                with talks(gate, place) as talk:
                    has_only_its_own(talk, name, "network", None, ["one", "two"])
    removes(engine, *(f"dockgate-peer-{name}" for name in names))


@group
def keeps_networks_apart(cases: Cases, engine: Engine, folder: Path) -> None:
    """A client has no other network's rights, by whatever address of Dockgate and with every right over its own network;
    and no gateway is anybody. Also if the firewall does not see what crosses a bridge."""
    a, b, host = Place(engine, "dockgate-peer-a"), Place(engine, "dockgate-peer-b"), Host(engine)
    s = starts(engine, "dockgate-peer-s", "dockgate-s")
    clients = {"one": "network:dockgate-a", "two": "network:dockgate-b", "three": f"{NETWORKS['dockgate-b']}.0/25"}
    on_host = {"one": "network:dockgate-a", "two": "network:dockgate-b", "three": "container:dockgate-peer-s"}

    def settings(gate: Dockgate, clients: dict) -> str:
        listen = 'listen = ["tcp://[::]:2375"]\n'
        return listen + "".join(client(name, gate.policy(name, OWN[name][0]), of) for name, of in clients.items())

    del clients["three"]
    gate = Boxed(engine, folder, "", *NETWORKS)
    gate.changes(settings(gate, clients))
    with gate:
        with cases.case(f"{engine.name}: in a container: networks"):
            for name, place in (("one", a), ("two", b)):
                with talks(gate, place) as talk:
                    has_only_its_own(talk, name, "network", None, ["one", "two"])
        for is_seen in (1, 0):
            with cases.case(f"{engine.name}: in a container: another network's rights, bridge-nf-call-iptables={is_seen}"):
                with bridges_seen_by_firewall(host, is_seen):
                    try_everything(gate, (a, s), b, ("/info", "two"), f"nf={is_seen}")
        with cases.case(f"{engine.name}: in a container: gateways are nobody"):
            reloaded(gate, settings(gate, {"one": "network:dockgate-a", "two": f"{NETWORKS['dockgate-b']}.0/24"}))
            for network in NETWORKS:
                for address in (gate.addresses[network], gate.addresses6[network]):
                    with Talk(gate, host.connects(address)) as talk:
                        for target in ("/version", "/info"):
                            must_be_denied(talk.asks(target), "client_unknown")
    gate = OnHost(engine, folder, "")
    gate.changes(settings(gate, on_host))
    with gate:
        with cases.case(f"{engine.name}: on the host: networks and a container"):
            for name, place, kind, container in (("one", a, "network", a), ("two", b, "network", b), ("three", s, "container", s)):
                with talks(gate, place) as talk:
                    has_only_its_own(talk, name, kind, container, list(on_host))
            with talks(gate, a, "fd91:0::1") as talk:
                has_only_its_own(talk, "one", "network", a, list(on_host))
        for is_seen in (1, 0):
            with cases.case(f"{engine.name}: on the host: another network's rights, bridge-nf-call-iptables={is_seen}"):
                with bridges_seen_by_firewall(host, is_seen):
                    try_everything(gate, (a, s), b, ("/info", "two"), f"nf={is_seen}")
        with cases.case(f"{engine.name}: on the host: gateways and loopback are nobody"):
            for address in ("127.0.0.1", "::1", *gate.addresses.values(), *gate.addresses6.values()):
                with Talk(gate, host.connects(address), is_alone=True) as talk:
                    for target in ("/version", "/info", "/containers/json"):
                        must_be_denied(talk.asks(target), "client_unknown")
    removes(engine, s.name)


@contextlib.contextmanager
def bridges_seen_by_firewall(host: Host, is_seen: int) -> Iterator[None]:
    """Whether the firewall sees what crosses a bridge, if this kernel can do that."""
    if host.runs("sysctl", "-n", "net.bridge.bridge-nf-call-iptables").code != 0:
        yield
        return
    try:
        for kind in ("ip", "ip6"):
            must_equal("sysctl", host.runs("sysctl", "-w", f"net.bridge.bridge-nf-call-{kind}tables={is_seen}").code, 0)
        yield
    finally:
        for kind in ("ip", "ip6"):
            host.runs("sysctl", "-w", f"net.bridge.bridge-nf-call-{kind}tables=1")


def try_everything(gate: Dockgate, attackers: tuple, victim: Place, goal: tuple[str, str], label: str) -> None:
    with ThreadPoolExecutor(len(attackers)) as pool:
        list(pool.map(lambda attacker: tries_everything(gate, attacker, victim, goal, label), attackers))


def tries_everything(gate: Dockgate, attacker: Place, victim: Place, goal: tuple[str, str], label: str) -> None:
    """Dials every address of Dockgate, directly and by every route, from its own address and from the victim's."""
    (own,) = attacker.addresses
    (other,) = victim.addresses
    spoofed = (f"{NETWORKS[other]}.77", victim.addresses[other])
    for address in spoofed:
        attacker.runs("ip", "address", "add", f"{address}/32", "dev", "eth0")
    targets = [*gate.addresses.values(), *gate.addresses6.values(), *gate.links()]
    with ThreadPoolExecutor(len(targets)) as pool:
        tried = list(pool.map(lambda target: tries_target(gate, attacker, target, spoofed, goal), targets))
    for address in spoofed:
        attacker.runs("ip", "address", "del", f"{address}/32", "dev", "eth0")
    reached = sum(tried)
    print(f"{attacker.engine.name}: {type(gate).__name__}: {label}: from {own}, {reached} connections", flush=True)
    must(reached > 0, "no connection at all")


def tries_target(gate: Dockgate, attacker: Place, target: str, spoofed: tuple, goal: tuple[str, str]) -> int:
    """Returns how many connections there were; none has the rights of another client."""
    (own,) = attacker.addresses
    is_6 = ":" in target
    near = (gate.addresses6 if is_6 else gate.addresses)[own]
    gateway = f"fd91:{list(NETWORKS).index(own)}::1" if is_6 else f"{NETWORKS[own]}.1"
    routes = dict.fromkeys([(), ("via", near), ("via", gateway), ("dev", "eth0")])
    if target == near or "%" in target:
        routes = [()]
    ip = ("ip", "-6") if is_6 else ("ip",)
    reached = 0
    for route in routes:
        if route:
            attacker.runs(*ip, "route", "replace", target, *route)
        for source in (None,) if is_6 else (None, *spoofed):
            try:
                talk = Talk(gate, attacker.connects(target, source, 0.5))
            except OSError:
                continue
            reached += 1
            with talk:
                seen = talk.asks(goal[0])
                way = f"{target} {route} from {source}"
                must(seen.status == 403 and seen.record["verdict"] == "deny", f"{way}: {seen}")
                must(seen.client.get("name") != goal[1], f"{way}: {seen}")
        if route:
            attacker.runs(*ip, "route", "del", target, *route)
    return reached


def talks(gate: Boxed | OnHost, place: Place, address: str | None = None) -> Talk:
    """A connection from a place, to the address that Dockgate has in its network."""
    if address is None:
        (network,) = place.addresses
        address = gate.addresses[network]
    return Talk(gate, place.connects(address))


def reloaded(gate: Dockgate, settings: str) -> None:
    """Changes the settings and waits until they hold."""
    before = gate.says().count("reloaded")
    gate.reloads(settings)
    eventually("a reload", lambda: gate.says().count("reloaded") > before)


def asks_as(gate: Dockgate, path: Path, user: int, group_of: int, *targets: str) -> list[Seen]:
    """Sends requests over a unix socket as some user, each on a connection of its own."""
    seen = []
    for target in targets:
        before = len(gate.requests_of("-"))
        command = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
        command += ["--unix-socket", str(path), f"http://dockgate{target}"]
        said = subprocess.run(command, user=user, group=group_of, extra_groups=[], capture_output=True, check=True)
        record = eventually("a record", lambda: gate.requests_of("-")[before:])  # noqa: B023
        seen.append(Seen(int(said.stdout), record[0]))
    return seen


main()
