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
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import standins
from api import Api
from cases import Cases, Failure, eventually, must, must_equal
from commands import Docker, run_well
from peers import ENGINES, Boxed, Dockgate, Host, OnHost, Place, Relay, Seen, Stream, Talk, root_of
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
    builder = main_engine()
    docker = builder.cli(builder.address)
    standins.build(docker)
    for engine in engines():
        if engine != builder:
            standins.hand_over(docker, engine.cli(engine.address), PLAIN)
    at_once(on_engine, engines())


def on_engine(cases: Cases, engine: Engine) -> None:
    with scratch() as folder:
        try:
            prepares(engine)
            for each in GROUPS:
                # What a group prepares can fail too.
                with cases.case(f"{engine.name}: {each.__name__}"):
                    each(cases, engine, folder)
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


def starts(
    engine: Engine, name: str, network: str, labels: dict | None = None, address: str | None = None, command: str = ""
) -> Place:
    """Starts a container that stays."""
    api = Api(engine.address)
    endpoint = {"IPAMConfig": {"IPv4Address": address}} if address else {}
    body = {
        "Image": "busybox:latest",
        "Cmd": [command] if command else ["sleep", "86400"],
        "Labels": labels or {},
        "HostConfig": {"NetworkMode": network},
        "NetworkingConfig": {"EndpointsConfig": {} if network == "none" else {network: endpoint}},
    }
    made = api.done("POST", f"/containers/create?name={name}", body)["Id"]
    api.done("POST", f"/containers/{made}/start")
    return Place(engine, name)


def removes(engine: Engine, *names: str) -> None:
    for name in names:
        Api(engine.address).ask("DELETE", f"/containers/{name}?force=1")


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
    labels = {
        "web": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
        "jobs": {"com.docker.compose.project": "shop", "com.docker.compose.service": "jobs"},
        "ci": {"team": "ci"},
        "ops": {"team": "ops"},
        "none": {"team": "none"},
    }
    web, jobs, ci, ops, none = (
        starts(engine, f"dockgate-peer-{name}", "dockgate-s", its) for name, its in labels.items()
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
            f'[[listener]]\naddress = "tcp://[::]:2375"\npolicy = "LISTENER"\n'
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
            with cases.case(f"{engine.name}: two clients by network and container, over IPv6"):
                reloaded(gate, settings(*two("network:dockgate-a", "container:dockgate-peer-ci")))
                for name, kind, place in (("one", "network", a), ("two", "container", ci)):
                    with talks(gate, place, gate.addresses6[next(iter(place.addresses))]) as talk:
                        has_only_its_own(talk, name, kind, place, ["one", "two"])
                with talks(gate, ops, gate.addresses6["dockgate-s"]) as talk:
                    must_be_denied(talk.asks("/version"), "client_unknown")
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
    removes(engine, *(f"dockgate-peer-{name}" for name in labels))


@group
def follows_its_own_networks(cases: Cases, engine: Engine, folder: Path) -> None:
    """Dockgate joins and leaves networks while it runs, and has the same address on one as on another before."""
    a, b = Place(engine, "dockgate-peer-a"), Place(engine, "dockgate-peer-b")
    gate = Boxed(engine, folder, "", "dockgate-a")
    docker = gate.docker
    one, two, three = (gate.policy(name, OWN[name][0]) for name in ("one", "two", "three"))
    clients = client("one", one, "network:dockgate-a") + client("two", two, "network:dockgate-b")
    gate.changes('listen = ["tcp://[::]:2375"]\n' + clients + client("three", three, "network:dockgate-c"))
    with gate:
        with cases.case(f"{engine.name}: a network that Dockgate joins while it runs"):
            with talks(gate, a) as talk:
                has_only_its_own(talk, "one", "network", None, ["one", "two"])
            docker("network", "connect", "dockgate-b", gate.name)
            gate.reads_addresses()
            for name, place in (("two", b), ("one", a)):
                with talks(gate, place) as talk:
                    has_only_its_own(talk, name, "network", None, ["one", "two"])
        with cases.case(f"{engine.name}: a network that takes another's subnet and addresses"):
            docker("network", "disconnect", "dockgate-b", gate.name)
            address = gate.addresses["dockgate-b"]
            with remade_as(docker, b, "dockgate-b", "dockgate-c"):
                docker("network", "connect", "--ip", address, "dockgate-c", gate.name)
                gate.reads_addresses()
                must_equal("address", gate.addresses["dockgate-c"], address)
                with talks(gate, Place(engine, b.name)) as talk:
                    has_only_its_own(talk, "three", "network", None, ["one", "two", "three"])
                docker("network", "disconnect", "dockgate-c", gate.name)


@contextlib.contextmanager
def remade_as(docker: Docker, place: Place, network: str, other: str) -> Iterator[None]:
    """For a time, a network has another name."""

    def remake(old: str, new: str) -> None:
        number = list(NETWORKS).index(network)
        removes(place.engine, place.name)
        docker("network", "rm", old)
        given = ("--ipv6", "--subnet", f"fd91:{number}::/64", "--subnet", f"{NETWORKS[network]}.0/24")
        docker("network", "create", "--internal", *given, new)
        starts(place.engine, place.name, new)

    remake(network, other)
    try:
        yield
    finally:
        remake(other, network)


@group
def keeps_networks_apart(cases: Cases, engine: Engine, folder: Path) -> None:
    """A client has no other network's rights, by any address of Dockgate and with every right over its own network; and
    no gateway is anybody. Also if the firewall does not see what crosses a bridge."""
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
            with cases.case(f"{engine.name}: in a container: another network's rights, bridge-nf={is_seen}"):
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
            for name, kind, place in (("one", "network", a), ("two", "network", b), ("three", "container", s)):
                with talks(gate, place) as talk:
                    has_only_its_own(talk, name, kind, place, list(on_host))
            with talks(gate, a, "fd91:0::1") as talk:
                has_only_its_own(talk, "one", "network", a, list(on_host))
        for is_seen in (1, 0):
            with cases.case(f"{engine.name}: on the host: another network's rights, bridge-nf={is_seen}"):
                with bridges_seen_by_firewall(host, is_seen):
                    try_everything(gate, (a, s), b, ("/info", "two"), f"nf={is_seen}")
        with cases.case(f"{engine.name}: on the host: gateways and loopback are nobody"):
            for address in ("127.0.0.1", "::1", *gate.addresses.values(), *gate.addresses6.values()):
                with Talk(gate, host.connects(address), is_alone=True) as talk:
                    for target in ("/version", "/info", "/containers/json"):
                        must_be_denied(talk.asks(target), "client_unknown")
    removes(engine, s.name)


# The address that containers have one after the other.
REUSED = f"{NETWORKS['dockgate-s']}.50"
FIRST, SECOND, HOLDER = "dockgate-peer-first", "dockgate-peer-second", "dockgate-peer-holder"


def begins_anew(engine: Engine, name: str) -> Place:
    """Starts a container at the address that containers have one after the other."""
    return starts(engine, name, "dockgate-s", address=REUSED)


def successors(gate: Dockgate, more: str = "") -> str:
    """Settings for the clients that have the same address, one after the other."""
    first = gate.policy("one", OWN["one"][0], "ContainerLogs", "SystemEvents")
    second, holder = gate.policy("two", OWN["two"][0]), gate.policy("three", OWN["three"][0], "ContainerLogs")
    clients = client("one", first, f"container:{FIRST}") + client("two", second, f"container:{SECOND}")
    return 'listen = ["tcp://[::]:2375"]\n' + clients + client("three", holder, f"container:{HOLDER}") + more


@contextlib.contextmanager
def succession(gate: Boxed) -> Iterator[None]:
    """Afterwards, neither is left, and Dockgate runs."""
    try:
        yield
    finally:
        gate.api.ask("POST", f"/containers/{gate.name}/unpause")
        removes(gate.engine, FIRST, SECOND)


def logs_of(container: str) -> str:
    return f"/containers/{container}/logs?follow=1&stdout=1"


@group
def gives_no_address_its_past(cases: Cases, engine: Engine, folder: Path) -> None:
    """A container that gets another's address has none of its rights, and the other's connection none of its own."""
    holder = starts(engine, HOLDER, "dockgate-s")
    gate = Boxed(engine, folder, "", "dockgate-s")
    gate.changes(successors(gate))
    api = gate.api
    with gate:
        with cases.case(f"{engine.name}: an address that the next container has at once"), succession(gate):
            first = begins_anew(engine, FIRST)
            with talks(gate, first) as talk, talks(gate, first) as other:
                has_only_its_own(talk, "one", "container", first, ["one", "two"])
                must_have_rights(other.asks(OWN["one"][1]), "one", "container", first)
                stopping = time.monotonic()
                removes(engine, FIRST)
                second = begins_anew(engine, SECOND)
                with talks(gate, second) as now:
                    has_only_its_own(now, "two", "container", second, ["one", "two"])
                for each in (talk, other):
                    must(not each.is_open_at_dockgate(), "a connection of a removed container is open")
                print(f"{engine.name}: replaced within {time.monotonic() - stopping:.1f} s", flush=True)
        with cases.case(f"{engine.name}: a container that is taken off the network"), succession(gate):
            first = begins_anew(engine, FIRST)
            with talks(gate, first) as talk, talks(gate, first) as idle:
                must_have_rights(idle.asks(OWN["one"][1]), "one", "container", first)
                stream = talk.streams(logs_of(HOLDER)).begins(b"200 OK")
                api.done("POST", "/networks/dockgate-s/disconnect", {"Container": FIRST, "Force": True})
                since = time.monotonic()
                record = stream.record()
                took = (time.monotonic() - since) * 1000
                must(took <= 2000, f"recorded only after {took:.0f} ms")
                must_equal("end", record["end"], "revoked")
                idle.ends_at_dockgate(since)
                print(f"{engine.name}: off the network: on record {took:.0f} ms after that", flush=True)
                second = begins_anew(engine, SECOND)
                with talks(gate, second) as now:
                    has_only_its_own(now, "two", "container", second, ["one", "two"])
        for way, tell in DEPARTURES.items():
            with cases.case(f"{engine.name}: bytes of a dead sender, not accepted yet: {way}"), succession(gate):
                first = begins_anew(engine, FIRST)
                api.done("POST", f"/containers/{gate.name}/pause")
                talk = sends_blindly(gate, first)
                if way == "off the network":
                    api.done("POST", "/networks/dockgate-s/disconnect", {"Container": FIRST, "Force": True})
                    second = begins_anew(engine, SECOND)
                    removes(engine, FIRST)
                else:
                    tell(talk)
                    removes(engine, FIRST)
                    second = begins_anew(engine, SECOND)
                api.done("POST", f"/containers/{gate.name}/unpause")
                with talks(gate, second) as now:
                    has_only_its_own(now, "two", "container", second, ["one", "two"])
                must_be_nobodys(gate, talk)
    gate = Boxed(engine, folder, "", "dockgate-s")
    gate.changes(successors(gate, "[limits]\nconnections = 1\n"))
    with gate:
        for way, tell in list(DEPARTURES.items())[:2]:
            with cases.case(f"{engine.name}: bytes of a dead sender, accepted: {way}"), succession(gate):
                first = begins_anew(engine, FIRST)
                with talks(gate, holder) as holding:
                    must_have_rights(holding.asks(OWN["three"][1]), "three", "container", holder)
                    talk = sends_blindly(gate, first)
                    time.sleep(0.3)
                    must_equal("records of a request that waits", gate.requests_of(talk.address), [])
                    tell(talk)
                    removes(engine, FIRST)
                    second = begins_anew(engine, SECOND)
                    now = talks(gate, second)
                    now.connection.request("GET", OWN["two"][1])
                    time.sleep(0.3)
                    must_equal("records of a request that waits", gate.requests_of(now.address), [])
                with now, now.connection.getresponse() as reply:
                    reply.read()
                    now.asked += 1
                    must_have_rights(Seen(reply.status, now.record(1)), "two", "container", second)
                must_be_nobodys(gate, talk)
    removes(engine, HOLDER)


FIFTY = 50
# One engine at a time starts so many.
STARTING = threading.Lock()
LATE = "it did not answer in time"


@group
def knows_containers_from_their_first_act(cases: Cases, engine: Engine, folder: Path) -> None:
    """Fifty containers that start at once and ask at once."""
    gate = Boxed(engine, folder, "", "dockgate-s")
    one, two = (gate.policy(name, OWN[name][0]) for name in ("one", "two"))
    clients = client("one", one, "label:team=one") + client("two", two, "service:shop/two")
    gate.changes('listen = ["tcp://[::]:2375"]\n' + clients)
    api = Api(engine.address)
    labels = {
        "one": {"team": "one"},
        "two": {"com.docker.compose.project": "shop", "com.docker.compose.service": "two"},
    }
    with gate:
        with cases.case(f"{engine.name}: {FIFTY} containers that start at once"):
            # An engine that takes too long for one answer is asked again, as clients do.
            ask = (
                "for n in 1 2 3 4 5; do said=$(wget -S -O /dev/null http://{}:2375{} 2>&1"
                " | sed -n 's,.*HTTP/1.1 \\([0-9]*\\).*,\\1,p' | head -n 1); [ \"$said\" = 503 ] || break; done; echo $said"
            )
            asks = "; ".join(ask.format(gate.addresses["dockgate-s"], OWN[name][1]) for name in ("one", "two"))

            def makes(number: int) -> str:
                body = {
                    "Image": "busybox:latest",
                    "Cmd": ["sh", "-c", asks],
                    "Labels": labels[name_of(number)],
                    "HostConfig": {"NetworkMode": "dockgate-s"},
                }
                return api.done("POST", f"/containers/create?name=dockgate-many-{number}", body)["Id"]

            def name_of(number: int) -> str:
                return "one" if number % 2 else "two"

            def runs(made: str) -> str:
                api.done("POST", f"/containers/{made}/start")
                api.done("POST", f"/containers/{made}/wait")
                return "".join(c for c in api.get(f"/containers/{made}/logs?stdout=1") if c.isdigit() or c == "\n")

            with ThreadPoolExecutor(8) as pool:
                made = list(pool.map(makes, range(FIFTY)))
            with STARTING, ThreadPoolExecutor(FIFTY) as pool:
                began = time.monotonic()
                said = list(pool.map(runs, made))
            print(f"{engine.name}: {FIFTY} containers started, asked and ended in {time.monotonic() - began:.1f} s")
            wrong = {}
            for number, (id_, statuses) in enumerate(zip(made, said, strict=True)):
                own = name_of(number)
                mine = [each for each in gate.requests() if each["client"].get("container") == id_]
                records = {
                    each["path"]: (
                        each["client"].get("name"),
                        each["verdict"],
                        each["reason"],
                        each["client"]["container_name"],
                    )
                    for each in mine
                }
                container = f"dockgate-many-{number}"
                want = {
                    OWN[name][1]: (own, *(("allow", "granted") if name == own else ("deny", "not_granted")), container)
                    for name in ("one", "two")
                }
                if records != want or statuses.split() != (["200", "403"] if own == "one" else ["403", "200"]):
                    wrong[container] = (statuses, records)
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda id_: api.done("DELETE", f"/containers/{id_}?force=1"), made))
            unknown = [each for each in gate.requests() if "name" not in each["client"]]
            late = [each for each in unknown if each["status"] == 503 and each["detail"].endswith(LATE)]
            print(f"{engine.name}: {len(late)} requests came while the engine took more than 5 s to answer")
            must(not wrong and unknown == late, f"{len(wrong)} of {FIFTY} are wrong: {wrong}; unknown: {unknown[:3]}")
        with cases.case(f"{engine.name}: a container that sends all of its requests at once and closes its side"):
            fresh = starts(engine, "dockgate-peer-fresh", "dockgate-s", {"team": "one"})
            with talks(gate, fresh) as talk:
                sock = talk.connection.sock
                sock.sendall(f"GET {OWN['one'][1]} HTTP/1.1\r\nHost: dockgate\r\n\r\n".encode())
                sock.shutdown(socket.SHUT_WR)
                said = sock.recv(65536)
                must(said.startswith(b"HTTP/1.1 200"), f"{said} {talk.record(1)}")
                must_be(Seen(200, talk.record(1)), "one", "label", fresh)
            removes(engine, fresh.name)


@group
def needs_no_event(cases: Cases, engine: Engine, folder: Path) -> None:
    """While the engine's events are away, and over its restart, nobody has another's rights."""
    daemon = engine.address.removeprefix("unix://")
    holder = starts(engine, HOLDER, "dockgate-s")
    with Relay(folder / "relay.sock", daemon) as relay:
        gate = Boxed(engine, folder, "", "dockgate-s")
        gate.upstream = str(relay.path)
        gate.changes(successors(gate))
        with gate:
            with cases.case(f"{engine.name}: the event stream is cut"):
                first = begins_anew(engine, FIRST)
                with talks(gate, first) as talk, talks(gate, holder) as steady:
                    must_have_rights(talk.asks(OWN["one"][1]), "one", "container", first)
                    stream = steady.streams(logs_of(HOLDER)).begins(b"200 OK")
                    relay.cuts_events()
                    removes(engine, FIRST)
                    second = begins_anew(engine, SECOND)
                    with talks(gate, second) as now:
                        has_only_its_own(now, "two", "container", second, ["one", "two"])
                    with talks(gate, holder) as other:
                        has_only_its_own(other, "three", "container", holder, ["one", "two", "three"])
                    since = time.monotonic()
                    relay.restores_events()
                    took = talk.ends_at_dockgate(since)
                    print(f"{engine.name}: events again: a dead connection ended after {took:.0f} ms", flush=True)
                    must(not stream.ended, "the stream of a container that still runs has ended")
                removes(engine, SECOND)
            with cases.case(f"{engine.name}: the engine restarts under running containers"), live_restore(engine):
                first = begins_anew(engine, FIRST)
                with talks(gate, first) as talk, ThreadPoolExecutor(1) as pool:
                    must_have_rights(talk.asks(OWN["one"][1]), "one", "container", first)
                    restarting = pool.submit(run_well, ENGINES, "restart", engine.name)
                    statuses: dict[int, int] = {}
                    while not restarting.done():
                        with talks(gate, first) as new:
                            for each in (talk, new):
                                seen = each.asks(OWN["one"][1])
                                statuses[seen.status] = statuses.get(seen.status, 0) + 1
                                is_away = seen.status in (502, 503) and seen.record["reason"] in AWAY
                                must(seen.status == 200 or is_away, f"denied while the engine restarts: {seen}")
                                must(seen.client.get("name") in ("one", None), f"a wrong name: {seen}")
                    restarting.result()
                    print(f"{engine.name}: over a restart: {statuses}", flush=True)
                    must_have_rights(talk.asks(OWN["one"][1]), "one", "container", first)
                    with talks(gate, first) as new:
                        has_only_its_own(new, "one", "container", first, ["one", "two"])
                    removes(engine, FIRST)
                    second = begins_anew(engine, SECOND)
                    with talks(gate, second) as now:
                        has_only_its_own(now, "two", "container", second, ["one", "two"])
                    talk.ends_at_dockgate(time.monotonic())
                removes(engine, SECOND)
    removes(engine, HOLDER)


AWAY = ("daemon_unreachable", "daemon_gone", "identity_unknown", "bad_daemon_reply")


@contextlib.contextmanager
def live_restore(engine: Engine) -> Iterator[None]:
    """Containers go on while the engine restarts."""
    file = root_of(engine) / "mnt" / "daemon.json"
    before = file.read_text()
    docker = engine.cli(engine.address)

    def sets(is_on: bool) -> None:
        # A reload does not change what the file leaves out.
        file.write_text(json.dumps(json.loads(before) | {"live-restore": is_on}))
        run_well("pkill", "--signal", "HUP", "--parent", root_of(engine).parent.name, "dockerd")
        shown = ("info", "--format", "{{.LiveRestoreEnabled}}")
        eventually("a reload of the engine", lambda: docker(*shown).out.strip() == str(is_on).lower())

    try:
        sets(True)
        yield
    finally:
        sets(False)
        file.write_text(before)


@group
def revokes(cases: Cases, engine: Engine, folder: Path) -> None:
    """A stream ends with the right to it; another client's continues."""
    holder = starts(engine, HOLDER, "dockgate-s")
    gate = Boxed(engine, folder, "", *NETWORKS)
    exec_policy = str(gate.folder / "execs.toml")
    allow = ["ContainerExec", "ExecStart", "ContainerLogs", "SystemEvents", "ContainerAttach", "PutContainerArchive"]

    def allows(*operations: str) -> None:
        text = f'description = "execs"\nallow = {json.dumps(operations)}\n'
        if "ContainerExec" in operations:
            text += "[exec]\nunrestricted = true\n[archive]\nunrestricted = true\n"
        Path(exec_policy).write_text(text)

    allows(*allow)
    logs = gate.policy("logs", "ContainerLogs")

    def settings(*ones: str) -> str:
        clients = client("three", logs, f"container:{HOLDER}") + "".join(ones)
        return 'listen = ["tcp://[::]:2375"]\n' + clients

    one = client("one", exec_policy, f"container:{FIRST}")
    renamed = client("someone", exec_policy, f"container:{FIRST}")
    elsewhere = client("one", exec_policy, "network:dockgate-a")
    gate.changes(settings(one))
    first = begins_anew(engine, FIRST)
    starts(engine, LOUD, "none", command="yes")
    with gate, talks(gate, holder) as steady:
        going_on = steady.streams(logs_of(HOLDER)).begins(b"200 OK")
        streams = {
            "exec": lambda talk: talk.runs_exec(HOLDER, "sh", "-c", ALIVE).begins(b"alive"),
            "logs": lambda talk: talk.streams(logs_of(HOLDER)).begins(b"200 OK"),
            "events": lambda talk: talk.streams("/events").begins(b"200 OK"),
            "attach": lambda talk: talk.attaches(HOLDER).begins(b"101 UPGRADED"),
            "an upload": lambda talk: begun(gate, talk.uploads(HOLDER)),
            "an answer that nobody reads": lambda talk: begun(gate, talk.streams(logs_of(LOUD), is_read=False)),
        }
        losses = {
            "the client is gone": (settings(), allow),
            "the client is another": (settings(renamed), allow),
            "its network is another": (settings(elsewhere), allow),
            "its policy has lost the operation": (settings(one), ["ContainerList"]),
        }
        for what, begins in streams.items():
            # What is lost makes no difference to the others.
            tried = losses if what in ("exec", "logs") else ("the client is gone",)
            for loss, (lost, left) in ((loss, losses[loss]) for loss in tried):
                with cases.case(f"{engine.name}: {what} is open when {loss}"):
                    allows(*allow)
                    reloaded(gate, settings(one))
                    with talks(gate, first) as talk:
                        stream = begins(talk)
                        allows(*left)
                        gate.changes(lost)
                        pid = api_pid(gate)
                        since = time.monotonic()
                        os.kill(pid, signal.SIGHUP)
                        if what == "an answer that nobody reads":
                            took = talk.ends_at_dockgate(since)
                        else:
                            took = stream.ends_after(since)
                        record = stream.record()
                        must_equal(f"end of {record}", record["end"], "revoked")
                        must_be(Seen(200, record), "one", "container", first)
                        print(f"{engine.name}: {what} ended {took:.1f} ms after SIGHUP: {loss}", flush=True)
                    must(not going_on.ended, "another client's stream has ended")
        with cases.case(f"{engine.name}: what a reload does not concern continues"):
            allows(*allow)
            reloaded(gate, settings(one))
            with talks(gate, first) as talk:
                stream = streams["logs"](talk)
                reloaded(gate, settings(one, client("four", logs, "label:a=b")))
                allows("ContainerLogs", "ContainerExec", "ExecStart", "PutContainerArchive")
                reloaded(gate, settings(one))
                time.sleep(0.5)
                must(not stream.ended, "a stream has ended whose client and right are as before")
                must(not going_on.ended, "another client's stream has ended")
        api = gate.api
        for what, do in {
            "renamed": lambda: api.done("POST", f"/containers/{FIRST}/rename?name=dockgate-peer-other"),
            "stopped": lambda: api.done("POST", f"/containers/{FIRST}/stop?t=0"),
            "removed": lambda: removes(engine, FIRST),
        }.items():
            with cases.case(f"{engine.name}: logs are followed when the client's container is {what}"):
                allows(*allow)
                reloaded(gate, settings(one))
                with talks(gate, first) as talk, talks(gate, first) as idle:
                    must_equal("status", idle.asks("/info").status, 403)
                    stream = streams["logs"](talk)
                    since = time.monotonic()
                    do()
                    done = time.monotonic()
                    idle.ends_at_dockgate(done)
                    record = stream.record()
                    must(record["end"] in ("revoked", "client_gone"), f"end of {record}")
                    print(f"{engine.name}: {what}: {record['end']}, at most {(time.monotonic() - since) * 1000:.0f} ms")
                    must(not going_on.ended, "another client's stream has ended")
                if what == "renamed":
                    place = Place(engine, "dockgate-peer-other")
                    with talks(gate, place) as talk:
                        must_be_denied(talk.asks("/events"), "client_unknown")
                    api.done("POST", f"/containers/dockgate-peer-other/rename?name={FIRST}")
                else:
                    removes(engine, FIRST)
                    first = begins_anew(engine, FIRST)
    removes(engine, FIRST, HOLDER, LOUD)


LOUD = "dockgate-peer-loud"
ALIVE = "while :; do echo alive; sleep 0.2; done"


def begun(gate: Dockgate, stream: Stream) -> Stream:
    """Waits until the request is on record as begun, or has been answered."""
    of = stream.talk.address
    events = lambda: [each for each in gate.records() if each["client"]["address"] == of]  # noqa: E731
    eventually("the begin of a request", events)
    time.sleep(0.2)
    return stream


def api_pid(gate: Boxed) -> int:
    """Dockgate's process, as this program sees it: a signal by way of the engine takes longer."""
    parents = run_well("pgrep", "--full", "--exact", "/dockgate").out.split()
    own = gate.place().id
    for pid in parents:
        with contextlib.suppress(FileNotFoundError):
            if own in Path(f"/proc/{pid}/cgroup").read_text():
                return int(pid)
    raise Failure(f"no process of {gate.name}")


# How a sender leaves: without a word, with the end of its connection, or with a reset.
DEPARTURES = {
    "silent": lambda _: None,
    "closed": lambda talk: talk.close(),
    "reset": lambda talk: resets(talk),
    "off the network": lambda _: None,
}


def resets(talk: Talk) -> None:
    talk.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.close()


def sends_blindly(gate: Boxed, place: Place) -> Talk:
    """Sends requests for what the first and the second client may do, and reads no answers."""
    talk = talks(gate, place)
    requests = "".join(f"GET {OWN[name][1]} HTTP/1.1\r\nHost: dockgate\r\n\r\n" for name in ("two", "one"))
    talk.connection.sock.sendall(requests.encode())
    return talk


def must_be_nobodys(gate: Dockgate, talk: Talk) -> None:
    """What a sender that is gone has sent is allowed to nobody."""
    # The kernel may have to ask its address first, and gets a reset from whoever has that now.
    eventually("the end of the connection of a sender that is gone", lambda: not talk.is_open_at_dockgate(), 10)
    for record in gate.requests_of(talk.address):
        must(record["verdict"] == "deny" and record["client"].get("name") != "two", f"allowed: {record}")
    talk.close()


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
