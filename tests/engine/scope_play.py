"""Plays the script of the scope tests: as client A of a Dockgate with two clients, or directly to the engine."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api import Api
from cases import eventually, must
from exchanges import Exchange
from recorder import Recorder
from scope_compare import essence, normal, unlike
from scope_lists import STREAMS
from scope_script import conflicts
from scope_wire import Client, Markers, Row, Stream, seen_by_client
from scope_world import World
from support import Engine, Gate

# Everything that can be allowed under a scope without a swarm. Where a block limits an operation too, it allows
# everything, so that only the scope denies.
POLICY = """
description = "Client NAME of the scope tests"
allow = [
    "containers:read", "containers:content", "containers:write", "ContainerCreate", "ContainerAttach",
    "ContainerAttachWebsocket", "PutContainerArchive", "exec:read", "exec:write", "ContainerExec", "ExecStart",
    "images:read", "images:content", "ImageDelete", "ImageCommit", "ImageTag",
    "networks:read", "networks:write", "volumes:read", "volumes:write", "VolumeCreate",
    "ping:read", "version:read", "info:read", "events:read", "df:read",
]
[scope]
objects = OBJECTS
see = ["network:edge", "volume:cache"]
names = ["PREFIX*"]
[create]
networks = ["@default", "*"]
join = ["*"]
projects = ["@own", "@new"]
volumes = ["*"]
[networks]
containers = ["*"]
"""
# What else is allowed if images are limited too.
MORE_OF_IMAGES = '"ImagePush", "ImageCreate", "ImageBuild",'
PULLS = """
[images]
pull = ["127.0.0.1:*/*"]
"""
SETTINGS = """
[[client]]
name = "{name}"
policy = ["{policy}"]
[[listener]]
address = "unix://{socket}"
client = "{name}"
"""
# What is not sent in this test, although the policy allows it, and why.
NOT_SENT = {"ImageSearch": "asks a registry"}


@dataclass
class Clients:
    """Clients A and B of one Dockgate."""

    gate: Gate
    a: Client
    b: Client
    # What is between Dockgate and the engine.
    relay: Recorder
    engine: Engine
    folder: Path


@contextmanager
def two_clients(
    engine: Engine, folder: Path, version: str = "", objects: tuple[str, ...] = ("@own",), images: str = "shared"
):
    """One Dockgate for both. Its records are counted with the requests that the clients sent."""
    settings = ""
    for name, prefix, scope in (("a", "ci-", objects), ("b", "", ("@own",))):
        policy, socket = folder / f"scope-{name}.toml", folder / f"{name}.sock"
        text = POLICY.replace("NAME", name).replace("PREFIX", prefix).replace("OBJECTS", json.dumps(scope))
        if images == "scoped":
            text = text.replace('"volume:cache"]', '"volume:cache", "image:busybox:*"]\nimages = "scoped"')
            text = text.replace('"ImageTag",', f'"ImageTag", {MORE_OF_IMAGES}') + PULLS
        policy.write_text(text)
        settings += SETTINGS.format(name=name, policy=policy, socket=socket)
    (folder / "dockgate.toml").write_text(settings)
    with (
        Recorder(engine.address) as relay,
        Gate(relay.host, None, "--config", str(folder / "dockgate.toml")) as gate,
    ):
        gate.says("listening on unix://", 2)
        both = (Client(f"unix://{folder / name}.sock", version) for name in "ab")
        clients = Clients(gate, *both, relay, engine, folder)
        try:
            yield clients
        finally:
            gate.also += clients.a.sent + clients.b.sent


def shared_things(direct: Api) -> None:
    """What both clients may see and join, made by neither."""
    direct.done("POST", "/networks/create", {"Name": "edge", "CheckDuplicate": True})
    direct.done("POST", "/volumes/create", {"Name": "cache"})


@dataclass
class Played:
    """What came back, in the order of the script."""

    answers: list[tuple[Row, bytes, Exchange]] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)

    def leaks(self, markers: Markers) -> list[tuple[Row, str]]:
        """Markers that the client cannot know, with the requests that brought them."""
        found = []
        for row, request, exchange in self.answers:
            found += [(row, leak) for leak in markers.found_in(seen_by_client(exchange), request)]
        for stream in self.streams:
            found += [(stream.row, leak) for leak in markers.found_in(stream.content, stream.request)]
        return found


def play(a: Client, world: World, own: dict[str, str], rows: list[Row], streams: list[Row], last: str) -> Played:
    """Sends the rows with event streams open all along. `last` is the name of a container that ends the streams."""
    words = {**world.words, **own, "own_short": own["own_id"][:12], **world.prefixes()}
    words.setdefault("after", f"{time.time():.9f}")
    played = Played([], [a.stream(row, words) for row in streams], words)
    eventually("the streams to open", lambda: all(b"\r\n\r\n" in each.answer for each in played.streams))
    for row in rows:
        words["now"] = f"{time.time():.9f}"
        try:
            request, exchange = a.send(row, words)
        except (TimeoutError, OSError) as error:
            must(False, f"{row}: {error!r}")
        played.answers.append((row, request, exchange))
    a.ask("POST", "/containers/create", {"Image": "busybox"}, name=last)
    a.ask("DELETE", f"/containers/{last}")
    eventually("the last event", lambda: played.streams[0].has(f'"name":"{last}"'))
    time.sleep(0.2)
    for stream in played.streams:
        stream.close()
    return played


def play_all(a: Client, world: World, own: dict[str, str], chosen: list[Row]) -> tuple[Played, Played]:
    """The script, and then the requests whose outcome depends on foreign objects even under a scope."""
    first = play(a, world, own, chosen, STREAMS, "ci-last-1")
    return first, play(a, world, own, conflicts(), STREAMS[:1], "ci-last-2")


def differences(without: Played, with_foreign: Played) -> list[tuple[Row, str]]:
    """Rows whose replies show that there are foreign objects."""
    found = []
    for one, other in zip(without.answers, with_foreign.answers, strict=True):
        row = one[0]
        if row.differs:
            continue
        names = names_in(row)
        said = unlike(essence(one[2], without.words, names), essence(other[2], with_foreign.words, names))
        if said:
            found.append((row, said))
    # The streams also show what rows that may differ have changed.
    streams = [] if any(row.differs for row, _, _ in without.answers if row.method != "GET") else without.streams
    for one, other in zip(streams, with_foreign.streams, strict=False):
        first, second = (Counter(normal(line) for line in each.content.split(b"\n")) for each in (one, other))
        for what, lines in (("missing", first - second), ("added", second - first)):
            found += [(one.row, f"{what} with foreign objects: {line[:300]!r}") for line in lines]
    return found


def names_in(row: Row) -> list[str]:
    return sorted(set(re.findall(r"<([a-z0-9_]+)(?::upper)?>", str(row))) - {"now", "after"})
