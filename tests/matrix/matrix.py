#!/usr/bin/env python3
"""What a client of each policy can do to objects that it did not make, tried on a real engine.

    matrix.py           prints the page
    matrix.py --write   writes it to docs/matrix.md

For each policy Dockgate is started with it, the objects of somebody else are made beside it, and each column's
requests are sent in every spelling that could work. What counts is the effect, not the answer.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "attacks"))

from arena import IMAGE, REPOSITORY, SECRET, Api, Gate, Scene, Wire, eventually, logs, saved, tags, tar_of  # noqa: E402
from support import engines, scratch  # noqa: E402

PAGE = REPOSITORY / "docs" / "matrix.md"
POLICIES = [
    "ci-runner",
    "agent",
    "devcontainers",
    "docker-cli-run",
    "docker-cli-build",
    "compose",
    "compose-cp",
    "testcontainers-go",
    "testcontainers-java",
    "gitlab-runner",
    "woodpecker-agent",
    "watchtower",
    "autoheal",
    "portainer",
    "arcane-volumes",
    "komodo-periphery",
    "dockge",
    "yacht",
    "traefik",
    "read-only",
]
DIALECTS = [
    (dialect, variables)
    for variables in ({"CONTAINERS": "1"}, {"CONTAINERS": "1", "POST": "1"})
    for dialect in ("hardened", "tecnativa", "linuxserver")
]
FOREIGN, VOLUME, NETWORK, PICTURE = "dockgate-foreign", "dockgate-data", "dockgate-production", "dockgate-app:1"
MINE, BROTHER = "dockgate-mine", "dockgate-brother"
PASSWORD = "PASSWORD=of-somebody"
HIJACK = ("Connection: Upgrade", "Upgrade: tcp", "Content-Length: 0")
TAR = tar_of()

HEAD = """<!-- Written by tests/matrix/matrix.py --write: change that. -->

# What a client can do to objects it did not make

Tested on Docker {version}, with an ordinary container, a volume, a network and an image that were made without
Dockgate. `yes`: it works. `-`: it is denied. `build`: only a build can do it, for example through a BuildKit connection
(`Grpc`, `Session`), which Dockgate does not read.
A row of variables is what another socket proxy's environment opens in that dialect.

| column | what is tried |
| --- | --- |
{columns}

{table}
"""


@dataclass
class Row:
    """A policy at work."""

    scene: Scene
    foreign: str = ""
    image: str = ""

    @property
    def direct(self) -> Api:
        return self.scene.direct

    @property
    def through(self) -> Api:
        return self.scene.through

    def make_objects(self) -> None:
        """Everything that belongs to somebody else, as it is before each column that changed something."""
        self.scene.wipe()
        direct = self.direct
        script = f"echo {SECRET!r}; echo {SECRET!r} > /secret; echo {SECRET!r} > /data/secret; exec sh"
        body = {"Image": IMAGE, "Cmd": ["sh", "-c", script], "Env": [PASSWORD], "OpenStdin": True, "Tty": False}
        body["HostConfig"] = {"Binds": [f"{VOLUME}:/data"]}
        self.foreign = direct.done("POST", f"/containers/create?name={FOREIGN}", body)["Id"]
        direct.done("POST", f"/containers/{FOREIGN}/start")
        eventually("the secret", lambda: SECRET in logs(direct, FOREIGN))
        eventually("the file", lambda: self.has(FOREIGN, "/data/secret"))
        repo, tag = PICTURE.split(":")
        direct.done("POST", f"/commit?container={FOREIGN}&repo={repo}&tag={tag}")
        self.image = self.direct.get(f"/images/{PICTURE}/json")["Id"]
        self.scene.network(direct, NETWORK)

    def state(self) -> dict:
        return self.direct.inspect(self.foreign)

    def ask(self, *words: object) -> int:
        return self.through.ask(*words).status

    def create(self, name: str, script: str, host: dict | None = None, **more: object) -> bool:
        """Whether a container of the client could be made; with the least that the policy allows it."""
        body = {"Image": IMAGE, "Cmd": ["sh", "-c", script], **more}
        for network in ("none", None):
            settings = {**({"NetworkMode": network} if network else {}), **(host or {})}
            if self.ask("POST", f"/containers/create?name={name}", {**body, "HostConfig": settings}) == 201:
                return True
        return False

    def said(self, name: str) -> str:
        """What a container of the client says."""
        if self.ask("POST", f"/containers/{name}/start") >= 400:
            return ""
        self.direct.done("POST", f"/containers/{name}/wait")
        return logs(self.direct, name)

    def type_into(self, name: str, text: bytes) -> None:
        wire = Wire(self.through.host)
        wire.head("POST", f"/containers/{name}/attach?stream=1&stdin=1&stdout=1", *HIJACK)
        wire.type(text, 0.5)
        wire.close()

    def has(self, container: str, path: str) -> bool:
        return self.direct.ask("HEAD", f"/containers/{container}/archive?path={path}").status == 200

    def tag_is_moved(self) -> bool:
        answer = self.direct.ask("GET", f"/images/{PICTURE}/json")
        return answer.status == 200 and answer.body["Id"] != self.image

    def build(self, dockerfile: str, *words: str) -> str:
        """What a build by the CLI says, which uses BuildKit's own connection."""
        folder = self.scene.folder / "context"
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text(dockerfile)
        docker = self.scene.engine.cli(self.scene.gate.host)
        done = docker.may_fail("buildx", "build", "--progress", "plain", "--no-cache", *words, str(folder))
        return done.out + done.err


Column = tuple[str, str, Callable[[Row], object]]
COLUMNS: list[Column] = []


def column(name: str, what: str):
    def register(function: Callable[[Row], object]) -> Callable[[Row], object]:
        COLUMNS.append((name, what, function))
        return function

    return register


@column("env", "read a container's environment")
def env(row: Row) -> bool:
    return PASSWORD in str(row.through.ask("GET", f"/containers/{FOREIGN}/json").body)


@column("logs", "read its output")
def output(row: Row) -> bool:
    if SECRET in str(row.through.ask("GET", f"/containers/{FOREIGN}/logs?stdout=1&stderr=1").body):
        return True
    wire = Wire(row.through.host).head("POST", f"/containers/{FOREIGN}/attach?logs=1&stdout=1&stdin=0", *HIJACK)
    said = wire.received(0.5)
    wire.close()
    return SECRET.encode() in said


@column("exec", "run a command in it")
def execute(row: Row) -> bool:
    command(row, FOREIGN)
    return row.has(FOREIGN, "/planted")


def command(row: Row, container: str) -> None:
    body = {"Cmd": ["touch", "/planted"], "AttachStdout": True}
    made = row.through.ask("POST", f"/containers/{container}/exec", body)
    if made.status == 201:
        # Its output is followed to the end of the command.
        row.ask("POST", f"/exec/{made.body['Id']}/start", {"Detach": False})


@column("attach", "type into it")
def attach(row: Row) -> bool:
    row.type_into(FOREIGN, b"touch /planted\n")
    return row.has(FOREIGN, "/planted")


@column("arch get", "copy files out of it")
def copy_out(row: Row) -> bool:
    for path in ("archive?path=/secret", "export"):
        if SECRET in str(row.through.ask("GET", f"/containers/{FOREIGN}/{path}").body):
            return True
    return False


@column("arch put", "copy files into it")
def copy_in(row: Row) -> bool:
    row.ask("PUT", f"/containers/{FOREIGN}/archive?path=/", TAR, "application/x-tar")
    return row.has(FOREIGN, "/planted")


@column("start", "start it")
def start(row: Row) -> bool:
    row.direct.done("POST", f"/containers/{FOREIGN}/kill")
    eventually("its end", lambda: not row.state()["State"]["Running"])
    row.ask("POST", f"/containers/{FOREIGN}/start")
    return row.state()["State"]["Running"] or restore(row)


def restore(row: Row) -> bool:
    row.direct.ask("POST", f"/containers/{FOREIGN}/start")
    return False


@column("stop", "stop it")
def stop(row: Row) -> bool:
    row.ask("POST", f"/containers/{FOREIGN}/stop?t=0")
    return not row.state()["State"]["Running"]


@column("kill", "send it a signal")
def kill(row: Row) -> bool:
    row.ask("POST", f"/containers/{FOREIGN}/kill?signal=KILL")
    time.sleep(0.05)
    return not row.state()["State"]["Running"]


@column("restart", "restart it")
def restart(row: Row) -> bool:
    before = row.state()["State"]["StartedAt"]
    row.ask("POST", f"/containers/{FOREIGN}/restart?t=0")
    return row.state()["State"]["StartedAt"] != before


@column("rename", "rename it")
def rename(row: Row) -> bool:
    row.ask("POST", f"/containers/{FOREIGN}/rename?name=dockgate-renamed")
    return row.state()["Name"] != f"/{FOREIGN}"


@column("remove", "remove it")
def remove(row: Row) -> bool:
    row.ask("DELETE", f"/containers/{FOREIGN}?force=1")
    return not row.direct.is_there(row.foreign)


@column("update", "change its limits or its restart policy")
def update(row: Row) -> bool:
    before = row.state()["HostConfig"]
    for change in ({"CpuShares": 512}, {"Memory": 64 << 20}, {"RestartPolicy": {"Name": "always"}}):
        row.ask("POST", f"/containers/{FOREIGN}/update", change)
    return row.state()["HostConfig"] != before


@column("del vol", "remove a volume that nothing uses")
def remove_volume(row: Row) -> bool:
    row.direct.done("POST", "/volumes/create", {"Name": "dockgate-spare"})
    for method, path in (
        ("DELETE", "/volumes/dockgate-spare?force=1"),
        ("POST", "/volumes/prune?filters=" + quote('{"all":["true"]}')),
    ):
        row.ask(method, path)
    return row.direct.ask("GET", "/volumes/dockgate-spare").status == 404


@column("del net", "remove a network that nothing uses")
def remove_network(row: Row) -> bool:
    row.ask("DELETE", f"/networks/{NETWORK}")
    row.ask("POST", "/networks/prune")
    return row.direct.ask("GET", f"/networks/{NETWORK}").status == 404


@column("del img", "remove an image, or a name of it")
def remove_image(row: Row) -> bool:
    row.ask("DELETE", f"/images/{PICTURE}?force=1")
    row.ask("POST", "/images/prune?filters=" + quote('{"dangling":["false"]}'))
    return row.direct.ask("GET", f"/images/{PICTURE}/json").status == 404


@column("tag over", "give an image's name to another image")
def tag_over(row: Row) -> bool | str:
    repo, tag = PICTURE.split(":")
    row.ask("POST", f"/images/{IMAGE}/tag?repo={repo}&tag={tag}")
    row.ask("POST", f"/images/create?fromSrc=-&repo={repo}&tag={tag}", TAR, "application/x-tar")
    if row.create(MINE, "true"):
        row.ask("POST", f"/commit?container={MINE}&repo={repo}&tag={tag}", {})
    row.ask("POST", "/images/load", saved(row.direct.host, IMAGE, (PICTURE,)), "application/x-tar")
    if row.tag_is_moved():
        return True
    dockerfile = f"FROM {IMAGE}\nLABEL changed={time.monotonic()}\n"
    row.ask("POST", f"/build?t={PICTURE}", tar_of("Dockerfile", dockerfile.encode()), "application/x-tar")
    row.build(dockerfile, "-t", PICTURE)
    return "build" if row.tag_is_moved() else False


@column("join net", "put a container on a network")
def join(row: Row) -> bool:
    identity = row.direct.get(f"/networks/{NETWORK}")["Id"]
    loop = "sleep 60"
    for number, network in enumerate((NETWORK, identity, identity[:12])):
        row.create(f"{MINE}-{number}", loop, {"NetworkMode": network})
    row.create(f"{MINE}-3", loop, NetworkingConfig={"EndpointsConfig": {NETWORK: {"NetworkID": identity}}})
    for number in range(4):
        row.ask("POST", f"/containers/{MINE}-{number}/start")
    if row.create(f"{MINE}-4", loop, {"NetworkMode": "bridge"}) or row.create(f"{MINE}-4", loop):
        row.ask("POST", f"/containers/{MINE}-4/start")
        for network in (NETWORK, identity):
            row.ask("POST", f"/networks/{network}/connect", {"Container": f"{MINE}-4"})
    row.ask("POST", f"/networks/{NETWORK}/connect", {"Container": FOREIGN})
    return bool(row.direct.get(f"/networks/{NETWORK}")["Containers"])


@column("mount vol", "mount a volume")
def mount(row: Row) -> bool:
    uses = (
        {"Binds": [f"{VOLUME}:/d"]},
        {"Mounts": [{"Type": "volume", "Source": VOLUME, "Target": "/d"}]},
        {"VolumesFrom": [FOREIGN]},
    )
    for number, use in enumerate(uses):
        name = f"{MINE}-{number}"
        if row.create(name, "cat /d/secret /data/secret", use) and SECRET in row.said(name):
            return True
    return False


@column("read img", "read files of an image")
def read_image(row: Row) -> bool | str:
    if row.create(MINE, "cat /secret", Image=PICTURE) and SECRET in row.said(MINE):
        return True
    for path in (f"/images/{PICTURE}/get", f"/images/get?names={PICTURE}"):
        if SECRET in str(row.through.ask("GET", path).body):
            return True
    dockerfile = f"FROM {PICTURE}\nRUN cat /secret\n"
    built = row.through.ask("POST", "/build", tar_of("Dockerfile", dockerfile.encode()), "application/x-tar").body
    return "build" if SECRET in str(built) or SECRET in row.build(dockerfile) else False


@column("B exec", "run a command in a container that another client of the same policy made")
def brother_exec(row: Row) -> bool:
    if not brother(row):
        return False
    command(row, BROTHER)
    return row.has(BROTHER, "/planted")


def brother(row: Row) -> bool:
    made = row.create(BROTHER, "exec sh", OpenStdin=True, AttachStdin=True)
    return made and row.direct.ask("POST", f"/containers/{BROTHER}/start").status < 400


@column("B attach", "type into it")
def brother_attach(row: Row) -> bool:
    if not brother(row):
        return False
    row.type_into(BROTHER, b"touch /planted\n")
    return row.has(BROTHER, "/planted")


@column("B rm", "remove it")
def brother_remove(row: Row) -> bool:
    if not brother(row):
        return False
    row.ask("DELETE", f"/containers/{BROTHER}?force=1")
    return not row.direct.is_there(BROTHER)


def cells_of(gate: Gate, engine, folder: Path) -> list[str]:
    scene = Scene(engine, gate, "", None, folder)
    scene.images = tags(scene.direct)
    row = Row(scene)
    row.make_objects()
    cells = []
    try:
        for _, _, attempt in COLUMNS:
            found = attempt(row)
            cells.append(found if isinstance(found, str) else "yes" if found else "-")
            # What failed has changed nothing, but for containers of the client's own.
            if found or any(row.direct.is_there(each) for each in (MINE, f"{MINE}-4", BROTHER)):
                row.make_objects()
    finally:
        scene.wipe()
    return cells


def page() -> str:
    engine = next(each for each in engines() if each.name == "28")
    version = Api(engine.address).get("/version")["Version"].partition("+")[0]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCKGATE_")}
    rows = []
    with scratch() as folder:
        for policy in POLICIES:
            with Gate(engine.address, policy) as gate:
                rows.append([f"`{policy}`", *cells_of(gate, engine, folder)])
        for dialect, variables in DIALECTS:
            settings = environment | variables | {"DOCKGATE_DIALECT": dialect}
            with Gate(engine.address, None, environment=settings) as gate:
                words = " ".join(f"{name}={value}" for name, value in variables.items())
                rows.append([f"{dialect}: `{words}`", *cells_of(gate, engine, folder)])
    heads = ["policy", *(name for name, _, _ in COLUMNS)]
    lines = [heads, ["---"] * len(heads), *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    columns = "\n".join(f"| {name} | {what} |" for name, what, _ in COLUMNS)
    return HEAD.format(version=version, columns=columns, table=table)


def main() -> None:
    text = page()
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
