"""Requests that engines read differently.

Each request leads out of a container on an engine that reads it in a certain way. Dockgate denies it, or sends a
request with only one meaning.

Runs on every Docker engine, and on Podman.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator
from urllib.parse import quote

from api import Api, logs, typed
from cases import Cases, must, must_equal
from support import Engine, Gate, engines, podman, scratch

WEB = "dockgate-web"
NETWORK = "dockgate-net"
IMAGE = "dockgate-committed"
POLICY = """
allow = ["*:read", "*:write", "ContainerCreate", "ContainerAttach", "ImageCommit", "ContainerLogs"]
[create]
binds = ["/"]
"""
WRITES = ["sh", "-c", "for d in run dev tmp; do touch /h/$d/.dockgate && echo wrote $d && rm /h/$d/.dockgate; done; true"]
ADDRESS = "10.88.77.77"
# A body, and a text that shows on Podman that the body did more than it would on Docker.
OF_PODMAN = [
    ("S3: a volume that is a bind", {"Volumes": {"/etc:/host:rw": {}}, "Cmd": ["ls", "/host"]}, "passwd"),
    ("S19: every variable of the service", {"Env": ["*"], "Cmd": ["env"]}, "LANG="),
    ("S19: one variable of the service", {"Env": ["LANG"], "Cmd": ["env"]}, "LANG="),
    (
        "S19: options after a target",
        {"HostConfig": {"Mounts": [{"Type": "tmpfs", "Target": "/x,exec,dev,suid"}]}, "Cmd": ["grep", " /x ", "/proc/mounts"]},
        "/x tmpfs rw,relatime",
    ),
    (
        "S19: options after a consistency",
        {
            "HostConfig": {"Mounts": [{"Type": "tmpfs", "Target": "/x", "Consistency": "cached,exec,dev,suid"}]},
            "Cmd": ["grep", " /x ", "/proc/mounts"],
        },
        "/x tmpfs rw,relatime",
    ),
]


def main() -> None:
    cases = Cases()
    for engine in [*engines(), podman()]:
        with ways(engine) as (direct, through):
            read_only_mounts(cases, engine, direct, through)
            names_of_networks(cases, engine, through)
            if engine.name == "podman":
                command_lines(cases, engine, direct, through)
                addresses(cases, engine, direct, through)
                typing(cases, engine, direct, through)
            else:
                instructions(cases, engine, direct, through)
    cases.finish()


@contextmanager
def ways(engine: Engine) -> Iterator[tuple[Api, Api]]:
    engine.clean_up()
    with scratch() as folder:
        (folder / "policy.toml").write_text(POLICY)
        try:
            with Gate(engine.address, str(folder / "policy.toml")) as gate:
                yield Api(engine.address), Api(gate.host)
        finally:
            engine.clean_up()


def run(through: Api, direct: Api, body: dict, version: str = "") -> str:
    """The output of a container created in this way, or why it cannot be created."""
    direct.ask("DELETE", f"/containers/{WEB}?force=1&v=1")
    made = Api(through.host, version).ask("POST", f"/containers/create?name={WEB}", {"Image": "busybox", **body})
    if made.status != 201:
        return f"{made.reason}: {made.body}"
    direct.done("POST", f"/containers/{WEB}/start")
    direct.done("POST", f"/containers/{WEB}/wait")
    return logs(direct, WEB)


def read_only_mounts(cases: Cases, engine: Engine, direct: Api, through: Api) -> None:
    mount = {"Type": "bind", "Source": "/", "Target": "/h", "ReadOnly": True}
    loose = {**mount, "BindOptions": {"ReadOnlyNonRecursive": True}}
    rows = [("/v1.41", {"Binds": ["/:/h:ro"]}), ("/v1.41", {"Mounts": [mount]})]
    if engine.name in ("26", "28"):
        rows.append(("/v1.44", {"Mounts": [loose]}))
    for version, host in rows:
        # Podman leaves out of the long form what is mounted below.
        if engine.name == "podman" and "Mounts" in host:
            continue
        body = {"HostConfig": host, "Cmd": WRITES}
        with cases.case(f"S11: {engine.name} {version}: a read-only mount that writes, {', '.join(host)}"):
            said = run(direct, direct, body, version)
            must("wrote" in said, f"direct it does not work, so its refusal proves nothing: {said!r}")
            said = run(through, direct, body, version)
            must(said.startswith("restricted: ") and "/:ro-nonrecursive" in said, said)


def names_of_networks(cases: Cases, engine: Engine, through: Api) -> None:
    with cases.case(f"S24: {engine.name}: a network's name is made once"):
        body = {"Name": NETWORK, "CheckDuplicate": False}
        statuses = [Api(through.host, "/v1.41").ask("POST", "/networks/create", body).status for _ in range(2)]
        must_equal("the answers", statuses, [201, 409])


def command_lines(cases: Cases, engine: Engine, direct: Api, through: Api) -> None:
    for name, body, proof in OF_PODMAN:
        with cases.case(f"{engine.name}: {name}"):
            said = run(direct, direct, body)
            must(proof in said, f"direct it does not work, so its refusal proves nothing: {said!r}")
            said = run(through, direct, body)
            must(said.startswith("bad_body: "), said)


def addresses(cases: Cases, engine: Engine, direct: Api, through: Api) -> None:
    with cases.case(f"S19: {engine.name}: an address that an inspection reports"):
        endpoints = {"podman": {"IPAddress": ADDRESS}}
        body = {"NetworkingConfig": {"EndpointsConfig": endpoints}, "Cmd": ["ip", "address"]}
        body["HostConfig"] = {"NetworkMode": "bridge"}
        must(ADDRESS in run(direct, direct, body), "direct it does not work")
        said = run(through, direct, body)
        must("inet" in said and ADDRESS not in said, said)
    with cases.case(f"{engine.name}: a container of one's own starts on the default network"):
        through.ask("DELETE", f"/containers/{WEB}?force=1")
        through.done("POST", f"/containers/create?name={WEB}", {"Image": "busybox", "Cmd": ["true"]})
        through.done("POST", f"/containers/{WEB}/start")


def typing(cases: Cases, engine: Engine, direct: Api, through: Api) -> None:
    with cases.case(f"S4: {engine.name}: an attach that does not name stdin"):
        said = []
        for api in (direct, through):
            direct.ask("DELETE", f"/containers/{WEB}?force=1")
            body = {"Image": "busybox", "OpenStdin": True, "Cmd": ["sh", "-c", "read -t 4 line; echo \"got $line.\""]}
            through.done("POST", f"/containers/create?name={WEB}", body)
            direct.done("POST", f"/containers/{WEB}/start")
            said.append(typed(api, f"/containers/{WEB}/attach?stream=1&stdout=1", b"typed\n"))
        must(b"got typed." in said[0], f"direct it does not type, so this proves nothing: {said}")
        must(b"got ." in said[1], f"through Dockgate: {said}")


def instructions(cases: Cases, engine: Engine, direct: Api, through: Api) -> None:
    direct.ask("DELETE", f"/containers/{WEB}?force=1")
    direct.done("POST", f"/containers/create?name={WEB}", {"Image": "busybox"})
    for name, text in [
        ("a byte order mark", "\ufeffLABEL dockgat\\e.policy=x"),
        ("a vertical tab", "LABEL\u000bdockgat\\e.policy=x"),
        ("another escape", "# escape=`\nLABEL dockgat`e.policy=x"),
    ]:
        with cases.case(f"BOM: {engine.name}: an instruction with {name}"):
            path = f"/commit?container={WEB}&repo={IMAGE}&changes={quote(text)}"
            direct.done("POST", path, {})
            labels = direct.get(f"/images/{IMAGE}/json")["Config"]["Labels"]
            must_equal("what it does at the engine", labels.get("dockgate.policy"), "x")
            direct.done("DELETE", f"/images/{IMAGE}")
            must(through.ask("POST", path, {}).refused("bad_query"), "through Dockgate")


main()
