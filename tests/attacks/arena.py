"""Attacks on a Dockgate in front of real engines, as cases.

An attack is a function that takes a `Scene` and returns whether it succeeded, by its effect: a file in the victim, a
joined network, a moved tag. A status code proves nothing. `fight` runs every attack of a program on every engine,
several times if it is a race, and a case fails if the attack succeeded once.

    DOCKGATE_BIN            the binary to attack
    DOCKGATE_ATTACK_TRIES   how often a race is tried (default 5)
    DOCKGATE_ATTACK_FIRST   if set, a race ends with its first success, and policies with newer keys are skipped
    DOCKGATE_ATTACK_ONLY    runs only the attacks whose name contains this text
    DOCKGATE_ATTACK_ENGINES runs only on these engines, such as "20,28"
"""

from __future__ import annotations

import http.client
import io
import json
import os
import socket
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "engine"))

from api import Api  # noqa: E402
from cases import Cases, Failure, eventually, must  # noqa: E402
from recorder import connect  # noqa: E402
from support import MAIN_ENGINE, REPOSITORY, SLOW, Engine, Gate, engines, podman, scratch  # noqa: E402

__all__ = ["REPOSITORY", "Api", "Cases", "Failure", "Gate", "Scene", "Wire"]
__all__ += ["attack", "control", "eventually", "fight", "must"]

TRIES = int(os.environ.get("DOCKGATE_ATTACK_TRIES", "5"))
FIRST = bool(os.environ.get("DOCKGATE_ATTACK_FIRST"))
ONLY = os.environ.get("DOCKGATE_ATTACK_ONLY", "")
ENGINES = [name for name in os.environ.get("DOCKGATE_ATTACK_ENGINES", "").split(",") if name]
# How long a request gets to reach the place where it waits for its client.
PAUSE = 0.15
SECRET = "known only to the host"
SUCCEEDED = "the attack succeeded"
IMAGE = "busybox"
LOOP = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
SHELL = {"Cmd": ["sh"], "OpenStdin": True, "AttachStdin": True}
PROJECT = {"com.docker.compose.project": "dockgate", "com.docker.compose.service": "own"}
VICTIM, OWN, TARGET = "dockgate-victim", "dockgate-own", "dockgate-target"
ENGINES_OWN_NETWORKS = {"bridge", "host", "none", "podman"}


@dataclass(frozen=True)
class Attack:
    """An attack: what it tries, under which policies, and on which engines."""

    name: str
    run: Callable[[Scene], bool]
    policies: tuple[str, ...]
    race: bool
    on: tuple[str, ...]
    # Why it still succeeds, if the docs describe that as a limit. It is tried and reported, and is not a failure.
    known: str | None


ATTACKS: list[Attack] = []
# Attacks that do not depend on the engine run on the main one, and on every engine in a slow run.
DOCKER = ("20", "26", "28", "extra") if SLOW else (MAIN_ENGINE, "extra")


def attack(
    identity: str,
    *policies: str,
    race: bool = False,
    on: Iterable[str] = DOCKER,
    known: str | None = None,
    **arguments: object,
):
    """Registers a function as an attack under each of the policies. A policy is a list of built-in names, or the text
    of a policy file, which contains a line end. Arguments are passed to the function, so one function can be several
    attacks."""

    def register(function: Callable[..., bool]) -> Callable[..., bool]:
        def run(scene: Scene) -> bool:
            return function(scene, **arguments)

        ATTACKS.append(Attack(identity, run, policies, race, tuple(on), known))
        return function

    return register


def control(identity: str, *policies: str, on: Iterable[str] = DOCKER, **arguments: object):
    """Registers something that must still work: the function raises a Failure if it does not."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def run(scene: Scene, **more: object) -> bool:
            function(scene, **more)
            return False

        attack(identity, *policies, on=on, **arguments)(run)
        return function

    return register


class Wire:
    """One connection on which the attacker controls when bytes are sent."""

    def __init__(self, host: str, source: str | None = None) -> None:
        if source:
            place, _, port = host.partition("://")[2].rpartition(":")
            self.stream = socket.create_connection((place, int(port)), source_address=(source, 0))
        else:
            self.stream = connect(host)
        self.stream.settimeout(20)

    def head(self, method: str, path: str, *lines: str) -> Wire:
        self.stream.sendall("\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", "")).encode())
        return self

    def send(self, data: bytes) -> Wire:
        """Sends as much as the other side still accepts."""
        try:
            self.stream.sendall(data)
        except OSError:
            pass  # already denied and closed
        return self

    def received(self, limit: float = 5.0) -> bytes:
        """All bytes until the end of the connection, or until no more arrive."""
        self.stream.settimeout(limit)
        data = b""
        try:
            while part := self.stream.recv(65536):
                data += part
                self.stream.settimeout(0.5)
        except OSError:
            pass
        return data

    def type(self, text: bytes, limit: float = 1.0) -> None:
        """Types into a hijacked connection; after a denial that would be another request."""
        if b" 101 " in self.received(5).partition(b"\r\n")[0]:
            self.send(text).received(limit)

    def close(self) -> None:
        self.stream.close()


@dataclass
class Scene:
    """An engine with Dockgate in front of it, and a host folder that only the administrator's containers mount."""

    engine: Engine
    gate: Gate
    policy: str
    policy_file: Path | None
    folder: Path
    images: set[str] = field(default_factory=set)
    wires: list[Wire] = field(default_factory=list)

    @property
    def direct(self) -> Api:
        """The administrator's connection."""
        return Api(self.engine.address)

    @property
    def through(self) -> Api:
        """The attacker's connection."""
        return Api(self.gate.host)

    def wire(self) -> Wire:
        self.wires.append(Wire(self.gate.host))
        return self.wires[-1]

    def own(self, name: str = OWN, **more: object) -> str:
        """The id of a container that the client creates, with the rights that it has."""
        # compose-cp enters only containers of compose projects.
        labels = {"Labels": PROJECT} if "compose-cp" in self.policy else {}
        body = {"Image": IMAGE, **SHELL, **labels, **more}
        if "Cmd" in more:
            body = {**body, "OpenStdin": False, "AttachStdin": False}
        return self.through.done("POST", f"/containers/create?name={name}", body)["Id"]

    def victim(self, name: str = VICTIM, **more: object) -> str:
        """The id of a running container of the administrator, which mounts the host folder."""
        host = {"Binds": [f"{self.folder}:/host"]}
        body = {"Image": IMAGE, **SHELL, "Hostname": "victim", "HostConfig": host, **more}
        made = self.direct.done("POST", f"/containers/create?name={name}", body)["Id"]
        self.direct.done("POST", f"/containers/{made}/start")
        return made

    def network(self, api: Api, name: str, **more: object) -> str | None:
        """The id of a new network, or an empty string if it is denied."""
        answer = api.ask("POST", "/networks/create", {"Name": name, **more})
        return answer.body["Id"] if answer.status == 201 else None

    def rename(self, who: Api, container: str, name: str) -> int:
        return who.ask("POST", f"/containers/{container}/rename?name={name}").status

    @property
    def planted(self) -> Path:
        return self.folder / "planted"

    def wipe(self) -> None:
        """Removes everything that an attempt has created."""
        for wire in self.wires:
            wire.close()
        self.wires.clear()
        self.planted.unlink(missing_ok=True)
        direct = self.direct
        eventually("no containers", lambda: self._without_containers(direct), 60)
        for network in direct.get("/networks"):
            if network["Name"] not in ENGINES_OWN_NETWORKS:
                direct.ask("DELETE", f"/networks/{network['Id']}")
        for volume in direct.get("/volumes")["Volumes"] or []:
            direct.ask("DELETE", f"/volumes/{quote(volume['Name'], safe='')}?force=1")
        if self.images:
            for tag in tags(direct) - self.images:
                direct.ask("DELETE", f"/images/{quote(tag, safe='')}?force=1")

    def _without_containers(self, direct: Api) -> bool:
        listed = direct.get("/containers/json?all=1")
        for container in listed:
            direct.ask("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        return not listed


def tags(direct: Api) -> set[str]:
    return {tag for image in direct.get("/images/json") for tag in image["RepoTags"] or [] if tag != "<none>:<none>"}


def tar_of(name: str = "planted", content: bytes = b"planted by the attacker") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def saved(host: str, reference: str, names: tuple[str, ...]) -> bytes:
    """A tar in the format of `docker save`, with other names in it."""
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = connect(host)
    connection.request("GET", f"/images/{reference}/get")
    source = tarfile.open(fileobj=io.BytesIO(connection.getresponse().read()))
    connection.close()
    changed = io.BytesIO()
    with tarfile.open(fileobj=changed, mode="w") as target:
        for member in source:
            if member.name == "repositories" or member.name == "index.json":
                continue
            content = source.extractfile(member).read() if member.isfile() else None
            if member.name == "manifest.json":
                manifest = json.loads(content)
                manifest[0]["RepoTags"] = list(names)
                content = json.dumps(manifest).encode()
                member.size = len(content)
            target.addfile(member, io.BytesIO(content) if content is not None else None)
    return changed.getvalue()


def logs(api: Api, name: str) -> str:
    """A container's output without the frame headers."""
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = connect(api.host)
    connection.request("GET", f"/containers/{name}/logs?stdout=1&stderr=1")
    raw, text = connection.getresponse().read(), b""
    connection.close()
    while raw:
        length = int.from_bytes(raw[4:8], "big")
        text, raw = text + raw[8 : 8 + length], raw[8 + length :]
    return text.decode(errors="replace")


def output(direct: Api, container: str) -> str:
    """The output of a container that is run to its end."""
    if direct.ask("POST", f"/containers/{container}/start").status >= 400:
        return ""
    direct.done("POST", f"/containers/{container}/wait")
    return logs(direct, container)


def later(function: Callable[[], object]) -> threading.Thread:
    """Runs a function in a separate thread."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def fight() -> None:
    """Runs the attacks that the program has registered, and exits with 1 if one of them succeeded."""
    cases = Cases()
    wanted = {name for each in ATTACKS for name in each.on}
    chosen = [engine for engine in engines() if engine.name in wanted]
    if "podman" in wanted:
        chosen.append(podman())
    # Engines do not affect each other, and an attack mostly waits.
    threads = [
        later(lambda engine=engine: attack_engine(cases, engine))
        for engine in chosen
        if not ENGINES or engine.name in ENGINES
    ]
    for thread in threads:
        thread.join()
    cases.finish()


def attack_engine(cases: Cases, engine: Engine) -> None:
    for policy in dict.fromkeys(policy for each in ATTACKS for policy in each.policies):
        chosen = [each for each in ATTACKS if policy in each.policies and engine.name in each.on]
        chosen = [each for each in chosen if ONLY in case_name(each, policy)]
        if chosen:
            attack_policy(cases, engine, policy, chosen)


def case_name(each: Attack, policy: str) -> str:
    return each.name if "\n" in policy else f"{each.name}/{policy}"


def attack_policy(cases: Cases, engine: Engine, policy: str, attacks: list[Attack]) -> None:
    names = [f"{engine.name}: {case_name(each, policy)}" for each in attacks]
    with scratch() as folder, started(cases, engine, policy, folder, names) as scene:
        if not scene:
            return
        scene.images = tags(scene.direct)
        scene.wipe()
        for name, each in zip(names, attacks, strict=True):
            if each.known:
                try_known(scene, each, name)
                continue
            with cases.case(name):
                take(scene, each)


def try_known(scene: Scene, each: Attack, name: str) -> None:
    try:
        take(scene, each)
        print(f"{name} is listed as known, but no longer succeeds: make it a case", flush=True)
    except Failure as failure:
        print(f"known {name}: {failure}; {each.known}", flush=True)


@contextmanager
def started(cases: Cases, engine: Engine, policy: str, folder: Path, names: list[str]):
    """The scene under a policy. If Dockgate does not start with it, the cases fail and this returns None."""
    (folder / "secret").write_text(SECRET)
    file = None
    if "\n" in policy:
        file = folder / "policy.toml"
        file.write_text(policy)
    try:
        gate = Gate(engine.address, str(file or policy)).__enter__()
    except Failure as failure:
        if FIRST and "unknown key" in str(failure):
            print(f"skipped, as its policy has a newer key: {'; '.join(names)}", flush=True)
        else:
            for name in names:
                with cases.case(name):
                    raise
        yield None
        return
    try:
        yield Scene(engine, gate, policy, file, folder)
    finally:
        gate.__exit__()


def take(scene: Scene, each: Attack) -> None:
    limit, tries, wins, began = TRIES if each.race else 1, 0, 0, time.monotonic()
    while tries < limit and not (wins and FIRST):
        try:
            wins += each.run(scene)
        finally:
            scene.wipe()
        tries += 1
    must(not wins, f"{SUCCEEDED} in {wins} of {tries} tries ({time.monotonic() - began:.1f} s)")
