"""S1, S15: the checked object is gone, or no longer allowed, before the client sends the rest of its request.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

from __future__ import annotations

import signal
import time

from arena import (
    OWN,
    PAUSE,
    SECRET,
    VICTIM,
    Scene,
    Wire,
    attack,
    fight,
    must,
    tar_of,
)

UPLOADERS = ("ci-runner", "arcane-volumes", "compose,compose-cp")
ATTACHERS = ("ci-runner", "devcontainers")
HIJACK = ("Connection: Upgrade", "Upgrade: tcp")
TAR = tar_of()
CHUNKED, LAST_CHUNK = ("Transfer-Encoding: chunked",), b"0\r\n\r\n"
EXEC = b'{"Cmd": ["touch", "/host/planted"]}'
UPDATE = """
allow = ["ContainerCreate", "ContainerStart", "ContainerDelete", "ContainerRename", "ContainerExec", "ExecStart",
         "ContainerInspect", "PutContainerArchive", "ContainerArchive"]
[exec]
into = ["@own"]
[archive]
into = ["@own"]
"""
REVOKED = 'allow = ["SystemPing", "ContainerCreate", "ContainerDelete"]\n'


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def swap(scene: Scene, begin: bytes, wire: Wire, own: str, rename_through: bool) -> None:
    """Gives the id of a checked container to the victim as its name, while the client holds back the body."""
    wire.send(begin)
    time.sleep(PAUSE)
    scene.through.done("DELETE", f"/containers/{own}?force=1")
    scene.rename(scene.through if rename_through else scene.direct, VICTIM, own)


def name_of(own: str, by_name: bool) -> str:
    return OWN if by_name else own


@attack("S1-upload", *UPLOADERS, race=True)
@attack("S1-upload-by-name", "ci-runner", race=True, by_name=True)
@attack("S1-upload-renamed-by-others", *UPLOADERS, race=True, rename_through=False)
@attack("S1-upload-five-bytes", "ci-runner", race=True, begin=5)
@attack("S1-upload-expect", "ci-runner", race=True, lines=("Expect: 100-continue",))
def upload(scene: Scene, begin: int = 0, by_name: bool = False, rename_through: bool = True, lines=()) -> bool:
    own, _ = scene.own(), scene.victim()
    wire = scene.wire().head(
        "PUT",
        f"/containers/{name_of(own, by_name)}/archive?path=/host",
        f"Content-Length: {len(TAR)}",
        "Content-Type: application/x-tar",
        *lines,
    )
    swap(scene, TAR[:begin], wire, own, rename_through)
    wire.send(TAR[begin:]).received(2)
    return scene.planted.exists()


@attack("S1-upload-chunked", *UPLOADERS, race=True)
@attack("S1-upload-chunked-begun", "ci-runner", race=True, begin=b"800\r\n")
@attack("S1-upload-chunked-tiny", "ci-runner", race=True, begin=chunk(TAR[:1]), sent=1)
def upload_in_chunks(scene: Scene, begin: bytes = b"", sent: int = 0) -> bool:
    own, _ = scene.own(), scene.victim()
    wire = scene.wire().head("PUT", f"/containers/{own}/archive?path=/host", "Transfer-Encoding: chunked")
    swap(scene, begin, wire, own, True)
    if begin == b"800\r\n":
        wire.send(TAR[:0x800] + b"\r\n" + chunk(TAR[0x800:]))
    else:
        wire.send(chunk(TAR[sent:]))
    wire.send(LAST_CHUNK).received(2)
    return scene.planted.exists()


@attack("S1-download", "arcane-volumes", "compose,compose-cp", race=True)
@attack("S1-download-chunked", "arcane-volumes", race=True, lines=CHUNKED, body=LAST_CHUNK)
def download(scene: Scene, lines=("Content-Length: 2",), body: bytes = b"{}") -> bool:
    """The body of a GET is dropped, but Dockgate waits for it."""
    own, _ = scene.own(), scene.victim()
    wire = scene.wire().head("GET", f"/containers/{own}/archive?path=/host/secret", *lines)
    swap(scene, b"", wire, own, True)
    return SECRET.encode() in wire.send(body).received(2)


@attack("S1-attach", *ATTACHERS, race=True)
@attack("S1-attach-renamed-by-others", "ci-runner", race=True, rename_through=False)
@attack("S1-attach-one-byte", "ci-runner", race=True, begin=b"{")
@attack("S1-attach-chunked", "ci-runner", race=True, lines=CHUNKED, body=chunk(b"{}") + LAST_CHUNK)
def attach(
    scene: Scene, begin: bytes = b"", rename_through: bool = True, lines=("Content-Length: 2",), body: bytes = b"{}"
) -> bool:
    own, _ = scene.own(), scene.victim()
    path = f"/containers/{own}/attach?stream=1&stdin=1&stdout=1"
    wire = scene.wire().head("POST", path, "Content-Type: application/json", *lines, *HIJACK)
    swap(scene, begin, wire, own, rename_through)
    wire.send(body[len(begin) :]).type(b"touch /host/planted\n")
    return scene.planted.exists()


@attack("S1-exec-create", "ci-runner", "devcontainers", race=True)
@attack("S1-exec-create-renamed-by-others", "ci-runner", race=True, rename_through=False)
def exec_create(scene: Scene, rename_through: bool = True) -> bool:
    """A checked body, except for its last byte."""
    own, victim = scene.own(), scene.victim()
    scene.through.done("POST", f"/containers/{own}/start")
    lines = ("Content-Type: application/json", f"Content-Length: {len(EXEC)}")
    wire = scene.wire().head("POST", f"/containers/{own}/exec", *lines)
    swap(scene, EXEC[:-1], wire, own, rename_through)
    wire.send(EXEC[-1:]).received(1)
    return bool(scene.direct.inspect(victim)["ExecIDs"])


@attack("S1-exec-start", "ci-runner", race=True)
def exec_start(scene: Scene) -> bool:
    own, _ = scene.own(), scene.victim()
    scene.through.done("POST", f"/containers/{own}/start")
    made = scene.through.done("POST", f"/containers/{own}/exec", {"Cmd": ["touch", "/host/planted"]})["Id"]
    lines = ("Content-Type: application/json", "Content-Length: 15")
    wire = scene.wire().head("POST", f"/exec/{made}/start", *lines)
    swap(scene, b'{"Detach":true', wire, own, True)
    wire.send(b"}").received(1)
    return scene.planted.exists()


@attack("S1-reused-name", "ci-runner", race=True)
def reused_name(scene: Scene) -> bool:
    """The checked name moves to the victim; its id does not."""
    own, _ = scene.own(), scene.victim()
    lines = (f"Content-Length: {len(TAR)}", "Content-Type: application/x-tar")
    wire = scene.wire().head("PUT", f"/containers/{OWN}/archive?path=/host", *lines)
    time.sleep(PAUSE)
    scene.through.done("DELETE", f"/containers/{own}?force=1")
    scene.direct.done("POST", f"/containers/{VICTIM}/rename?name={OWN}")
    wire.send(TAR).received(2)
    return scene.planted.exists()


@attack("S1-renamed-to-an-id", "ci-runner", "compose,compose-cp", "portainer", "arcane-volumes", "watchtower")
def renamed_to_an_id(scene: Scene) -> bool:
    """The name itself: a full id, whether it exists or not, and the beginning of another container's id."""
    victim, other = scene.victim(), scene.victim("dockgate-other")
    taken = []
    for name in (victim, other, "f" * 64, other[:12], other[:13], other[:63]):
        if scene.rename(scene.through, VICTIM, name) == 204:
            taken.append(name)
            scene.rename(scene.direct, victim, VICTIM)
    return bool(taken)


@attack("S1-created-as-an-id", "ci-runner", "compose", "portainer", "docker-cli-run", "agent")
def created_as_an_id(scene: Scene) -> bool:
    other = scene.victim("dockgate-other")
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": "none"}}
    made = [
        name
        for name in ("a" * 64, other[:12], other[:13], other[:63])
        if scene.through.ask("POST", f"/containers/create?name={name}", body).status == 201
    ]
    network = scene.network(scene.direct, "dockgate-net")
    names = ("a" * 64, network[:12], network[:13], network[:63])
    networks = [name for name in names if scene.network(scene.through, name)]
    return bool(made or networks)


@attack("S15-upload-outlives-reload", UPDATE, race=True, begin=b"")
@attack("S15-upload-outlives-reload-begun", UPDATE, race=True, begin=TAR[:5])
def outlives_reload(scene: Scene, begin: bytes) -> bool:
    """Into the client's own container, but the permission is removed before the body arrives."""
    own = scene.own()
    lines = (f"Content-Length: {len(TAR)}", "Content-Type: application/x-tar")
    wire = scene.wire().head("PUT", f"/containers/{own}/archive?path=/tmp", *lines).send(begin)
    time.sleep(PAUSE)
    reload_policy(scene, REVOKED)
    try:
        wire.send(TAR[len(begin) :]).received(2)
        return scene.direct.ask("HEAD", f"/containers/{own}/archive?path=/tmp/planted").status == 200
    finally:
        reload_policy(scene, UPDATE)


@attack("S15-attach-outlives-reload", UPDATE.replace("[", '["ContainerAttach", ', 1), race=True)
def attach_outlives_reload(scene: Scene) -> bool:
    text = scene.policy
    own = scene.own()
    scene.direct.done("POST", f"/containers/{own}/start")
    path = f"/containers/{own}/attach?stream=1&stdin=1&stdout=1"
    wire = scene.wire().head("POST", path, "Content-Type: application/json", "Content-Length: 2", *HIJACK)
    time.sleep(PAUSE)
    reload_policy(scene, REVOKED)
    try:
        wire.send(b"{}").type(b"touch /tmp/planted\n")
        return scene.direct.ask("HEAD", f"/containers/{own}/archive?path=/tmp/planted").status == 200
    finally:
        reload_policy(scene, text)


def reload_policy(scene: Scene, text: str) -> None:
    must(scene.policy_file, "this policy has no file")
    before = len(scene.gate.diagnostics)
    scene.policy_file.write_text(text)
    scene.gate.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while not any("reload" in line for line in scene.gate.diagnostics[before:]):
        must(time.monotonic() < deadline, f"no reload: {scene.gate.diagnostics[before:]}")
        time.sleep(0.02)


fight()
