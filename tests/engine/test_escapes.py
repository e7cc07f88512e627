"""Escapes to the host with API requests that the docker CLI cannot send.

Each is first tried directly, where it must work, then through Dockgate, under a policy that allows the operation and
has the defaults of its block.

Runs on every Docker engine, because each reads some of these bodies differently.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from api import Api, logs, typed
from cases import Cases, must, must_equal
from support import TESTS, Engine, Gate, engines, scratch

SECRET = "known only to the host"
VICTIM = "dockgate-victim"
WEB = "dockgate-web"
GIVEN = {"PathOnHost": "/dev/random", "PathInContainer": "/given", "CgroupPermissions": "rwm"}
READ = ["sh", "-c", "cat /host/secret"]
LOOP = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]

# All operations that the escapes below use are allowed; only the blocks stop the escapes.
POLICY = """
allow = [
    "*:read", "*:write", "ContainerCreate", "ContainerExec", "ExecStart", "ContainerAttach", "ContainerAttachWebsocket",
    "VolumeCreate", "PutContainerArchive", "ImageCommit", "ImageCreate", "ContainerLogs",
]
"""


def main() -> None:
    cases = Cases()
    for engine in engines():
        engine.clean_up()
        with scratch() as folder:
            (folder / "secret").write_text(SECRET)
            (folder / "policy.toml").write_text(POLICY)
            try:
                with Gate(engine.address, str(folder / "policy.toml")) as gate:
                    ways = Ways(cases, engine, Api(engine.address), Api(gate.host), folder)
                    for way in (hostile, creates, volumes, execs, attaches, uploads, forms, names):
                        way(ways)
            finally:
                engine.clean_up()
    cases.finish()


class Ways:
    """An engine, the two connections to it, and a host folder with a secret."""

    def __init__(self, cases: Cases, engine: Engine, direct: Api, through: Api, folder: Path) -> None:
        self.cases, self.engine, self.direct, self.through, self.folder = cases, engine, direct, through, folder

    def case(self, name: str):
        return self.cases.case(f"{self.engine.name}: refused, {name}")

    def output(self, api: Api, body: dict, version: str = "") -> str:
        """The output of a container that is created with a body and run to its end."""
        api = Api(api.host, version)
        self.direct.ask("DELETE", f"/containers/{WEB}?force=1&v=1")
        made = api.ask("POST", f"/containers/create?name={WEB}", body)
        if made.status != 201:
            return f"{made.reason}: {made.body}"
        self.direct.done("POST", f"/containers/{WEB}/start")
        self.direct.done("POST", f"/containers/{WEB}/wait")
        return logs(self.direct, WEB)

    def must_lead_there_direct_alone(self, body: dict, proof: str = SECRET, version: str = "") -> None:
        said = self.output(self.direct, body, version)
        must(proof in said, f"direct it does not work, so its refusal proves nothing: {said!r}")
        self.must_be_denied(body, version)

    def must_be_denied(self, body: dict, version: str = "") -> None:
        said = self.output(self.through, body, version)
        must(said.startswith(("restricted: ", "bad_body: ")), f"through Dockgate: {said!r}")
        must(not self.direct.is_there(WEB), "it was made")

    def at_the_top_level(self, body: dict, proof: str = SECRET) -> None:
        """Fields of HostConfig next to it, where engines up to 26.1 read them."""
        if self.engine.name in ("20", "26"):
            self.must_lead_there_direct_alone(body, proof)
        else:
            self.must_be_denied(body)


def every_operation() -> str:
    """A policy that allows every operation, each with only the defaults of its blocks."""
    rows = [row.split("\t") for row in (TESTS / "data" / "docker-api.tsv").read_text().splitlines()[1:]]
    control = [row[0] for row in rows if row[5] == "control"]
    return f"allow = {json.dumps(['*:read', '*:content', '*:write', *control])}"


def hostile(ways: Ways) -> None:
    """The bodies of tests/data/hostile.txt get their verdicts in front of an engine too, and denied ones leave
    nothing behind."""
    rows = (TESTS / "data" / "hostile.txt").read_text().splitlines()
    policy = ways.folder / "every-operation.toml"
    policy.write_text(every_operation())
    with Gate(ways.engine.address, str(policy)) as gate:
        through = Api(gate.host)
        before = things(ways.direct)
        for row in rows:
            if not row or row.startswith("#"):
                continue
            ids, verdict, method, target, _, body = (row + " ").split(" ", 5)
            # D: the bad uses of volumes, which are created and used below.
            if verdict == "granted" or ids.startswith("D,"):
                continue
            with ways.case(f"{ids}: {method} {target} {body[:100]}"):
                answer = through.ask(method, target, body.encode() if body else None)
                # Objects that a row names do not exist, unless the engine has created them.
                must(answer.reason in (verdict, "not_found", "reference_not_found"), f"{answer}")
        with ways.case("hostile bodies leave nothing behind"):
            must_equal("existing objects", things(ways.direct), before)


def things(api: Api) -> list[list[str]]:
    """The ids and names of everything that can be created."""
    containers = [each["Id"] for each in api.get("/containers/json?all=1")]
    networks = [each["Id"] for each in api.get("/networks")]
    volumes = [each["Name"] for each in api.get("/volumes")["Volumes"] or []]
    return [sorted(each) for each in (containers, networks, volumes)]


def creates(ways: Ways) -> None:
    folder = str(ways.folder)
    bind = {"Type": "bind", "Source": folder, "Target": "/host"}
    inline = {"Name": "local", "Options": {"type": "none", "o": "bind", "device": folder}}
    volume = {
        "Type": "volume",
        "Source": "dockgate-inline",
        "Target": "/host",
        "VolumeOptions": {"DriverConfig": inline},
    }
    nameless = {key: value for key, value in volume.items() if key != "Source"}
    base = {"Image": "busybox", "Cmd": READ}
    ways.direct.done(
        "POST", "/containers/create?name=" + VICTIM, {**base, "HostConfig": {"Binds": [f"{folder}:/host"]}}
    )
    victim = ways.direct.inspect(VICTIM)["Id"]
    top = "fields of HostConfig at the top level: "
    rows: list[tuple[str, dict]] = [
        ("Binds", {"HostConfig": {"Binds": [f"{folder}:/host"]}}),
        ("Binds in small letters", {"hostconfig": {"binds": [f"{folder}:/host"]}}),
        ("Binds with a long s", {"Ho\u017ftConfig": {"Bind\u017f": [f"{folder}:/host"]}}),
        ("Mounts", {"HostConfig": {"Mounts": [bind]}}),
        ("a driver's options in a mount", {"HostConfig": {"Mounts": [volume]}}),
        ("the same without a name", {"HostConfig": {"Mounts": [nameless]}}),
        ("VolumesFrom by name", {"HostConfig": {"VolumesFrom": [VICTIM]}}),
        ("VolumesFrom with a slash", {"HostConfig": {"VolumesFrom": [f"/{VICTIM}:ro"]}}),
        ("VolumesFrom by two digits", {"HostConfig": {"VolumesFrom": [prefix(ways.direct, victim)]}}),
        (top + "Binds", {"Binds": [f"{folder}:/host"]}),
        (top + "Binds beside null", {"HostConfig": None, "Binds": [f"{folder}:/host"]}),
        (top + "Mounts", {"Mounts": [bind]}),
        (top + "VolumesFrom", {"VolumesFrom": [VICTIM]}),
    ]
    for name, more in rows:
        with ways.case(name):
            if name.startswith(top):
                ways.at_the_top_level({**base, **more})
            else:
                ways.must_lead_there_direct_alone({**base, **more})
            # A volume keeps the options that it was created with, so it must be gone.
            ways.direct.ask("DELETE", f"/containers/{WEB}?force=1&v=1")
            ways.direct.ask("DELETE", "/volumes/dockgate-inline")
    control = "mknod /control c 10 234 && (exec 3</control) && echo opened"
    for name, host, script, proof in [
        ("a rule for devices", {"DeviceCgroupRules": ["c *:* rwm"]}, control, "opened"),
        ("a device", {"Devices": [GIVEN]}, "ls /given", "/given"),
        ("CapAdd ALL by its prefix", {"CapAdd": ["cap_sys_admin"]}, "mount -t tmpfs none /tmp && echo in", "in"),
        ("no masked paths", {"MaskedPaths": []}, "mount | grep -q /proc/keys || echo shown", "shown"),
        ("no read-only paths", {"ReadonlyPaths": []}, "mount | grep -q /proc/sys || echo writable", "writable"),
        ("the pids of the host", {"PidMode": "host"}, "tr '\\0' ' ' </proc/1/cmdline", "supervise"),
        ("the network of the host", {"NetworkMode": "host"}, "ls /sys/class/net", "docker0"),
        ("another shim", {"Runtime": "io.containerd.runc.v2"}, "echo started", "started"),
    ]:
        with ways.case(name):
            ways.must_lead_there_direct_alone({**base, "Cmd": ["sh", "-c", script], "HostConfig": host}, proof)
    for name in ("PidMode", "NetworkMode"):
        with ways.case(f"{top}{name}"):
            script = "tr '\\0' ' ' </proc/1/cmdline; ls /sys/class/net"
            proof = "supervise" if name == "PidMode" else "docker0"
            ways.at_the_top_level({**base, "Cmd": ["sh", "-c", script], name: "host"}, proof)
    doubled = (
        json.dumps({**base, "HostConfig": {"Binds": [f"{folder}:/host"]}})[:-1]
        + ', "HostConfig": {"AutoRemove": false}}'
    )
    with ways.case("a second HostConfig, which the daemon merges"):
        said = ways.output(ways.direct, doubled.encode())
        must(SECRET in said, f"direct: {said!r}")
        must(ways.output(ways.through, doubled.encode()).startswith("bad_body"), "it passed")


def volumes(ways: Ways) -> None:
    bound = {"Name": "dockgate-bound", "DriverOpts": {"type": "none", "o": "bind", "device": str(ways.folder)}}
    with ways.case("a volume that is a path of the host"):
        answer = ways.through.ask("POST", "/volumes/create", bound)
        must(answer.refused("restricted"), f"{answer}")
        must_equal("the volume", ways.direct.ask("GET", "/volumes/dockgate-bound").status, 404)
    ways.direct.done("POST", "/volumes/create", bound)
    uses = {
        "Binds": {"Binds": ["dockgate-bound:/host"]},
        "Mounts": {"Mounts": [{"Type": "volume", "Source": "dockgate-bound", "Target": "/host"}]},
    }
    for name, host in uses.items():
        with ways.case(f"the use of an existing one, by {name}"):
            ways.must_lead_there_direct_alone({"Image": "busybox", "Cmd": READ, "HostConfig": host})
    with ways.case("a create of an existing one, which returns it as it is"):
        plain = ways.through.ask("POST", "/volumes/create", {"Name": "dockgate-bound"})
        body = {"Image": "busybox", "Cmd": READ, "HostConfig": uses["Binds"]}
        must_equal("the create", plain.status, 201)
        must("restricted" in ways.output(ways.through, body), "it passed")


def run(api: Api, name: str, host: dict, command: list[str] = LOOP, **more: object) -> str:
    api.ask("DELETE", f"/containers/{name}?force=1")
    made = api.done(
        "POST", f"/containers/create?name={name}", {"Image": "busybox", "Cmd": command, "HostConfig": host, **more}
    )
    api.done("POST", f"/containers/{made['Id']}/start")
    return made["Id"]


def prefix(api: Api, full: str) -> str:
    """The shortest id that the daemon finds a container by: two digits, unless another one begins with them."""
    ids = [each["Id"] for each in api.get("/containers/json?all=1")]
    return next(full[:length] for length in range(2, 65) if sum(each.startswith(full[:length]) for each in ids) == 1)


def execs(ways: Ways) -> None:
    host = {"Binds": [f"{ways.folder}:/host"]}
    victim = run(ways.direct, VICTIM, host)
    command = {"Cmd": READ, "AttachStdout": True}
    start = {"Detach": False, "Tty": False}
    with ways.case("an exec in a container that sees the host"):
        made = ways.direct.done("POST", f"/containers/{VICTIM}/exec", command)
        answer = ways.direct.ask("POST", f"/exec/{made['Id']}/start", start)
        must(SECRET in str(answer.body), f"direct: {answer}")
        for name in (VICTIM, victim, prefix(ways.direct, victim)):
            answer = ways.through.ask("POST", f"/containers/{name}/exec", command)
            must(answer.refused("restricted"), f"{name}: {answer}")
    with ways.case("the start of an exec that was made elsewhere"):
        made = ways.direct.done("POST", f"/containers/{VICTIM}/exec", command)
        answer = ways.through.ask("POST", f"/exec/{made['Id']}/start", start)
        must(answer.refused("restricted"), f"{answer}")
        must_equal("it runs", ways.direct.get(f"/exec/{made['Id']}/json")["ExitCode"], None)
    run(ways.through, WEB, {})
    for what, more in [
        ("privileged", {"Privileged": True}),
        ("in a directory of /proc", {"WorkingDir": "/proc/self/fd/7"}),
    ]:
        with ways.case(f"an exec, {what}"):
            answer = ways.through.ask("POST", f"/containers/{WEB}/exec", {**command, **more})
            must(answer.refused("restricted"), f"{answer}")
    with ways.case("the start of a privileged exec that was made elsewhere"):
        made = ways.direct.done("POST", f"/containers/{WEB}/exec", {"Cmd": ["true"], "Privileged": True})
        answer = ways.through.ask("POST", f"/exec/{made['Id']}/start", start)
        must(answer.refused("restricted"), f"{answer}")


def attaches(ways: Ways) -> None:
    shell = {"OpenStdin": True, "AttachStdin": True}
    host = {"Binds": [f"{ways.folder}:/host"]}
    query = "stream=1&stdin=1&stdout=1"
    with ways.case("typing into a shell that sees the host"):
        run(ways.direct, VICTIM, host, ["sh"], **shell)
        said = typed(ways.direct, f"/containers/{VICTIM}/attach?{query}", b"cat /host/secret; exit\n")
        must(SECRET.encode() in said, f"direct: {said!r}")
        run(ways.direct, VICTIM, host, ["sh"], **shell)
        said = typed(ways.through, f"/containers/{VICTIM}/attach?{query}", b"cat /host/secret; exit\n")
        must(b"Dockgate-Reason: restricted" in said and SECRET.encode() not in said, f"{said!r}")
        must(ways.direct.inspect(VICTIM)["State"]["Running"], "the shell has ended")
    with ways.case("the same by a websocket"):
        answer = ways.through.ask("GET", f"/containers/{VICTIM}/attach/ws?{query}")
        must(answer.refused("restricted"), f"{answer}")
    with ways.case("nothing, of a shell that sees nothing of the host"):
        run(ways.through, WEB, {}, ["sh"], **shell)
        said = typed(ways.through, f"/containers/{WEB}/attach?{query}", b"echo an ordinary one; exit\n")
        must(b"an ordinary one" in said, f"{said!r}")


def uploads(ways: Ways) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("planted")
        member.size = 6
        archive.addfile(member, io.BytesIO(b"hello\n"))
    planted = ways.folder / "planted"
    with ways.case("an upload through a bind of a container"):
        run(ways.direct, VICTIM, {"Binds": [f"{ways.folder}:/host"]})
        put = ("PUT", f"/containers/{VICTIM}/archive?path=/host", file.getvalue(), "application/x-tar")
        must_equal("direct", ways.direct.ask(*put).status, 200)
        must(planted.exists(), "direct it does not work")
        planted.unlink()
        answer = ways.through.ask(*put)
        must(answer.refused("restricted") and not planted.exists(), f"{answer}")


def forms(ways: Ways) -> None:
    form = "application/x-www-form-urlencoded"
    rename = f"/containers/{WEB}/rename?name=dockgate-good"
    run(ways.direct, WEB, {})
    for kind in (form, form.title() + "; charset=utf-8"):
        with ways.case(f"a form that replaces the query, {kind}"):
            must_equal("direct", ways.direct.ask("POST", rename, b"name=dockgate-evil", kind).status, 204)
            must(ways.direct.is_there("dockgate-evil"), "direct it does not work")
            ways.direct.done("POST", f"/containers/dockgate-evil/rename?name={WEB}")
            answer = ways.through.ask("POST", rename, b"name=dockgate-evil", kind)
            must(answer.status == 415 and ways.direct.is_there(WEB), f"{answer}")


def names(ways: Ways) -> None:
    """Namespaces of another container, by each of its names."""
    victim = run(ways.direct, VICTIM, {"IpcMode": "shareable"}, Hostname="victim")
    spellings = {"its name": VICTIM, "its id": victim, "two digits of it": prefix(ways.direct, victim)}
    for how, called in spellings.items():
        for key in ("NetworkMode", "PidMode", "IpcMode"):
            with ways.case(f"{key} of another container by {how}"):
                body = {"Image": "busybox", "Cmd": ["echo", "in"], "HostConfig": {key: f"container:{called}"}}
                ways.must_lead_there_direct_alone(body, "in")


main()
