"""Requests of real clients that were refused because of the spelling of a path or a name: D, F, J, N, G2, G6 and G10
of the reports.

A case is named after its report. Cases named `beside` have a similar but ambiguous request, and also passed before.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import tarfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "engine"))

from api import Answer, Api
from cases import Cases, must, must_equal
from commands import Docker
from support import Engine, Gate, main_engine, main_engines, scratch

WEB = "dockgate-names"
SECRET = "MARK=known-to-the-container-alone"
LOOP = "trap 'exit 0' TERM; while :; do sleep 0.2; done"
# It has no key that the reported version does not know.
POLICY = """
allow = ["*:read", "*:content", "*:write", "ContainerCreate", "PutContainerArchive", "ContainerAttach"]
[create]
binds = ["/tmp/**:rw"]
join = ["*"]
networks = ["@default", "*"]
[networks]
containers = ["*"]
[archive]
into = ["*"]
"""
NARROW = '[archive]\npaths = ["/srv/**:rw"]'
NETWORKS = ["bugs net", "bugs/net", "bugs^x", "bugs:net", "bügs", "bugs@1", "-bugs", "_bugs", ".bugs", "bugs,x"]


class Ways:
    """An engine, a Dockgate in front of it, and a running container."""

    def __init__(self, cases: Cases, engine: Engine, gate: Gate, folder: Path) -> None:
        self.cases, self.engine, self.folder = cases, engine, folder
        self.direct, self.through = Api(engine.address), Api(gate.host)
        self.docker, self.plain = engine.plugins(gate.host), engine.cli(engine.address)

    def case(self, name: str):
        return self.cases.case(f"{self.engine.name}: {name}")

    def made(self, docker: Docker, *words: object, **options) -> str:
        """The output of a command that must succeed."""
        return docker(*words, **options).out.strip()

    def has(self, path: str) -> str:
        """The content of a file in the container, which is deleted afterwards."""
        text = self.made(self.plain, "exec", WEB, "cat", path)
        self.made(self.plain, "exec", WEB, "rm", path)
        return text


def main() -> None:
    cases = Cases()
    for engine in main_engines():
        with ways_of(cases, engine, POLICY) as ways:
            uploads(ways)
            networks(ways)
            if engine == main_engine():
                narrowed_uploads(ways)
                binds(ways)
                compose(ways)
                tops(ways)
                compressed(ways)
                stored(ways)
    services(cases, main_engine())
    cases.finish()


@contextmanager
def ways_of(cases: Cases, engine: Engine, policy: str):
    engine.clean_up()
    with scratch() as folder:
        (folder / "policy.toml").write_text(policy)
        try:
            with Gate(engine.address, str(folder / "policy.toml")) as gate:
                ways = Ways(cases, engine, gate, folder)
                shell = f"mkdir -p /srv; ln -s /tmp /link; {LOOP}"
                ways.made(ways.plain, "run", "-d", "--name", WEB, "-w", "/tmp", "-e", SECRET, "busybox", "sh", "-c", shell)
                yield ways
        finally:
            for network in Api(engine.address).get("/networks"):
                if "bugs" in network["Name"]:
                    Api(engine.address).ask("DELETE", f"/networks/{network['Id']}")
            engine.clean_up()


@contextmanager
def other_gate(ways: Ways, policy: str):
    """Another Dockgate in front of the same engine."""
    path = ways.folder / "other.toml"
    path.write_text(policy)
    with Gate(ways.engine.address, str(path)) as gate:
        yield Api(gate.host)


def tar_of(text: str) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        entry = tarfile.TarInfo("f")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text.encode()))
    return whole.getvalue()


def put(api: Api, path: str, content: bytes) -> Answer:
    target = f"/containers/{WEB}/archive?path={quote(path, safe='')}"
    return api.ask("PUT", target, content, "application/x-tar")


def uploads(ways: Ways) -> None:
    file, tree = ways.folder / "f", ways.folder / "tree"
    file.write_text("hello")
    tree.mkdir()
    (tree / "f").write_text("hello")
    for source, target, place in [
        (file, "/tmp/.", "/tmp/f"),
        (f"{tree}/.", "/tmp/.", "/tmp/f"),
        (file, ".", "/f"),
        (file, "./tmp", "/tmp/f"),
        ("-", "/tmp/.", "/tmp/f"),
        (file, "/link/.", "/tmp/f"),
        (file, "//tmp//", "/tmp/f"),
        (file, "/tmp/../tmp/.", "/tmp/f"),
        (file, "/tmp/other", "/tmp/other"),
    ]:
        prefix = "beside " if target == "/tmp/other" else ""
        with ways.case(f"{prefix}D-cp {Path(str(source)).name} c:{target}"):
            typed = {"typed": tar_of("hello").decode()} if source == "-" else {}
            ways.made(ways.docker, "cp", source, f"{WEB}:{target}", **typed)
            must_equal(place, ways.has(place), "hello")
    for path in [".", "./tmp", "/tmp/.", "//tmp", "/tmp//", "/tmp/../tmp"]:
        with ways.case(f"D-put_archive {path}"):
            must_equal("the status", put(ways.through, path, tar_of("hello")).status, 200)
            must_equal(path, ways.has("/f" if path == "." else "/tmp/f"), "hello")


def narrowed_uploads(ways: Ways) -> None:
    with other_gate(ways, POLICY.replace('[archive]\ninto = ["*"]\n', NARROW)) as narrow:
        for path in ["/srv/.", "./srv", "//srv//"]:
            with ways.case(f"D-judged clean {path}"):
                must_equal("the status", put(narrow, path, tar_of("hello")).status, 200)
                must_equal(path, ways.has("/srv/f"), "hello")
        for path in ["/srv/../etc", "/srv/..", "..", "/etc/.", "."]:
            with ways.case(f"beside D-judged {path}"):
                answer = put(narrow, path, tar_of("hello"))
                must(answer.status in (400, 403) and answer.reason, f"{answer}")


def networks(ways: Ways) -> None:
    names = NETWORKS if ways.engine == main_engine() else NETWORKS[:3]
    for name in names:
        with ways.case(f"F-network {name}"):
            escaped = quote(name, safe="")
            ways.through.done("POST", "/networks/create", {"Name": name})
            must_equal("its name", ways.through.get(f"/networks/{escaped}")["Name"], name)
            body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": name}}
            body |= {"NetworkingConfig": {"EndpointsConfig": {name: {"Aliases": ["x"]}}}}
            made = ways.through.done("POST", f"/containers/create?name={WEB}-2", body)["Id"]
            joined = ways.direct.inspect(made)
            must_equal("what is stored", joined["HostConfig"]["NetworkMode"], name)
            ways.through.done("POST", f"/containers/{made}/start")
            must(name in ways.direct.inspect(made)["NetworkSettings"]["Networks"], "it is not on the network")
            ways.through.done("DELETE", f"/containers/{made}?force=1")
            ways.through.done("POST", f"/networks/{escaped}/connect", {"Container": WEB})
            must(name in ways.direct.inspect(WEB)["NetworkSettings"]["Networks"], "not connected")
            ways.through.done("POST", f"/networks/{escaped}/disconnect", {"Container": WEB})
            ways.through.done("DELETE", f"/networks/{escaped}")
            must(not named(ways.direct, name), "it is still there")
    # The command line escapes a space, and leaves a slash as it is.
    for name in names[:2]:
        with ways.case(f"F-docker network, {name}"):
            docker = ways.docker
            ways.made(docker, "network", "create", name)
            must_equal("its name", ways.made(docker, "network", "inspect", "-f", "{{.Name}}", name), name)
            ways.made(docker, "network", "connect", name, WEB)
            ways.made(docker, "network", "disconnect", name, WEB)
            must_equal("listed", ways.made(docker, "network", "ls", "-qf", f"name={name}") != "", True)
            ways.made(docker, "network", "rm", name)
            must(not named(ways.direct, name), "it is still there")
    for path in ["/networks/bugs%0Anet", "/networks/%2e%2e", "/networks/a%2F..%2Fb", "/networks/container%3Aweb"]:
        with ways.case(f"beside F-{path}"):
            answer = ways.through.ask("GET", path)
            must(answer.reason == "bad_target", f"{answer}")
    with ways.case("beside F-a path that the engine would split elsewhere"):
        answer = ways.through.ask("POST", "/networks/create%2Fconnect", {"Container": WEB})
        must(answer.status in (400, 403) and answer.reason, f"{answer}")
    with ways.case("F-a denied name says what to use"):
        answer = ways.through.ask("GET", "/networks/bugs%0Anet")
        must("use the network's id" in answer.body["message"], f"{answer}")


def named(api: Api, name: str) -> list[str]:
    return [each["Id"] for each in api.get("/networks") if each["Name"] == name]


def binds(ways: Ways) -> None:
    shared = ways.folder / "shared"
    shared.mkdir()
    (shared / "f").write_text("hello")
    for words in [
        ("-v", f"{shared}/:/x"),
        ("-v", f"{shared}/.:/x/"),
        ("--mount", f"type=bind,src={shared}/,dst=/x"),
        ("--mount", f"type=bind,src=/{shared}/./,dst=/x//"),
    ]:
        with ways.case(f"J-bind {words[1].replace(str(ways.folder), '')}"):
            run = ("run", "--rm", "--network", "none", *words, "busybox", "cat", "/x/f")
            must_equal("the file", ways.made(ways.docker, *run), "hello")
    for source in [f"{shared}/../shared", f"{shared}/..", "//", "/tmp/../etc/"]:
        with ways.case(f"beside J-bind {source.replace(str(ways.folder), '')}"):
            body = {"Image": "busybox", "HostConfig": {"NetworkMode": "none", "Binds": [f"{source}:/x"]}}
            answer = ways.through.ask("POST", "/containers/create", body)
            must(answer.status in (400, 403) and answer.reason, f"{answer}")


COMPOSE = """
name: dockgate-names
services:
  one:
    image: busybox
    command: cat /t/f
    volumes: ["FOLDER/shared/:/t"]
    networks: [x]
networks:
  x:
    name: "bugs net"
"""


def compose(ways: Ways) -> None:
    file = ways.folder / "compose.yaml"
    file.write_text(COMPOSE.replace("FOLDER", str(ways.folder)))
    words = ("compose", "--ansi", "never", "--progress", "quiet", "-f", file)
    policy = POLICY[: POLICY.index("[create]")] + "[create]\nunrestricted = true"
    with ways.case("F-compose with `name: bugs net` and J-`- shared/:/t`"), other_gate(ways, policy) as wide:
        docker = ways.engine.plugins(wide.host)
        ways.made(docker, *words, "up", "-d")
        ways.made(docker, "wait", "dockgate-names-one-1")
        must_equal("its output", ways.made(ways.plain, "logs", "dockgate-names-one-1"), "hello")
        ways.made(docker, *words, "down")


TOP = [
    "-eopid,user",
    "-eo pid,user:20,args",
    "auxf",
    "faux",
    "-ef --forest",
    "-eLf",
    "aux --sort pid",
    "aux --sort=-rss",
    "-p 1",
    "-C sleep,sh",
    "-aux",
]


def tops(ways: Ways) -> None:
    def top(api: Api, arguments: str) -> Answer:
        return api.ask("GET", f"/containers/{WEB}/top?ps_args={quote(arguments)}")

    for arguments in TOP:
        prefix = "beside " if arguments == "-aux" else ""
        with ways.case(f"{prefix}N-top {arguments}"):
            through, direct = top(ways.through, arguments), top(ways.direct, arguments)
            must_equal("the status", through.status, direct.status)
            if direct.status == 200:
                must_equal("the columns", through.body["Titles"], direct.body["Titles"])
            must("known-to" not in str(through.body), f"an environment: {through.body}")
    with ways.case("beside N-direct, BSD's e shows environments"):
        must("known-to" in str(top(ways.direct, "auxeww").body), "so a denial of it shows nothing")
    # After a mistake, `ps` reads Unix options in BSD style, in which the `e` has another meaning.
    for arguments in ["auxeww", "-aeww -o nosuch", "-f -e -l -ww -o pid", "-ewwf -l -F", "-ewwLf --forest", "user"]:
        with ways.case(f"beside N-no environment by {arguments}"):
            must("known-to" not in str(top(ways.through, arguments).body), "an environment")
    for arguments in ["-eo args,pid", "-eo ppid=PID,args", "-eo user=,pid,args", "-o pid,environ"]:
        with ways.case(f"N-denied with the key, {arguments}"):
            answer = top(ways.through, arguments)
            must("exec.ps_args" in str(answer.body), f"{answer}")
    policy = POLICY + '[exec]\nps_args = ["auxe*"]'
    with ways.case("N-the key grants the rest"), other_gate(ways, policy) as wide:
        must("known-to" in str(top(wide, "auxeww").body), "it does not")


def compressed(ways: Ways) -> None:
    tar = tar_of("hello")
    half = len(tar) // 2
    named = io.BytesIO()
    with gzip.GzipFile("a name.tar", "wb", fileobj=named, mtime=7) as file:
        file.write(tar)
    for case, content in [
        ("one member", gzip.compress(tar)),
        ("a name in it", named.getvalue()),
        ("two members", gzip.compress(tar[:half]) + gzip.compress(tar[half:])),
        ("an empty member first", gzip.compress(b"") + gzip.compress(tar)),
    ]:
        with ways.case(f"G10-gzip, {case}"):
            must_equal("the status", put(ways.through, "/tmp", content).status, 200)
            must_equal("the file", ways.has("/tmp/f"), "hello")
    with ways.case("G10-docker cp of a .tar.gz"):
        (ways.folder / "f.tar.gz").write_bytes(gzip.compress(tar))
        with open(ways.folder / "f.tar.gz", "rb") as stdin:
            ways.made(ways.docker, "cp", "-", f"{WEB}:/tmp", stdin=stdin)
        must_equal("the file", ways.has("/tmp/f"), "hello")
    packed = gzip.compress(tar)
    for case, content in [
        ("xz", lzma.compress(tar)),
        ("bzip2", bz2.compress(tar)),
        ("gzip twice", gzip.compress(packed)),
        ("gzip of xz", gzip.compress(lzma.compress(tar))),
        ("cut short", packed[:-9]),
        ("a wrong checksum", packed[:-8] + b"\0\0\0\0" + packed[-4:]),
        ("bytes behind it", packed + b"more"),
    ]:
        with ways.case(f"beside G10-{case}"):
            answer = put(ways.through, "/tmp", content)
            must(answer.status in (400, 403) and answer.reason, f"{answer}")
    with ways.case("G10-a denial of xz says what to do"):
        answer = put(ways.through, "/tmp", lzma.compress(tar))
        must("xz -dc" in str(answer.body) and "gzip" in str(answer.body), f"{answer}")
    with ways.case("G10-a bomb ends early"):
        bomb = io.BytesIO()
        with tarfile.open(fileobj=bomb, mode="w:gz") as archive:
            entry = tarfile.TarInfo("bomb")
            entry.size = 48 << 20
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
        answer = put(ways.through, "/tmp", bomb.getvalue())
        must(answer.refused("body_too_large"), f"{answer}")


def stored(ways: Ways) -> None:
    base, other = f"{WEB}-base", f"{WEB}-other"
    body = {"Image": "busybox", "Cmd": ["sh", "-c", LOOP]}
    sharing = {"VolumesFrom": [f"{base}:ro"], "Links": [f"{base}:alias"]}
    with ways.case("G6-what is stored for later is as it was written"):
        ways.through.done("POST", f"/containers/create?name={base}", body)
        ways.through.done("POST", f"/containers/{base}/start")
        ways.through.done("POST", f"/containers/create?name={other}", {**body, "HostConfig": sharing})
        shown = ways.through.inspect(other)["HostConfig"]
        must_equal("VolumesFrom", shown["VolumesFrom"], [f"{base}:ro"])
        must_equal("Links", shown["Links"], [f"/{base}:/{other}/alias"])
    with ways.case("G6-an updater makes it again after the other one was made again"):
        ways.through.done("DELETE", f"/containers/{base}?force=1")
        ways.through.done("POST", f"/containers/create?name={base}", body)
        ways.through.done("POST", f"/containers/{base}/start")
        again = ways.through.inspect(other)
        ways.through.done("DELETE", f"/containers/{other}?force=1")
        host = {key: again["HostConfig"][key] for key in ("VolumesFrom", "Links")}
        ways.through.done("POST", f"/containers/create?name={other}", {**body, "HostConfig": host})
        shown = ways.through.inspect(other)["HostConfig"]
        must_equal("Links", shown["Links"], [f"/{base}:/{other}/alias"])


def services(cases: Cases, engine: Engine) -> None:
    """swarm-cronjob's updates, under its built-in policy."""
    docker, direct = engine.cli(engine.address), Api(engine.address)
    with cases.case("a swarm is there"):
        docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--force-new-cluster")
    try:
        with scratch() as folder, Gate(engine.address, "swarm-cronjob") as gate:
            (folder / "c").write_text("config")
            docker("config", "create", "dockgate-config", folder / "c")
            words = ["--detach", "--replicas", "0", "--cap-add", "NET_ADMIN", "--sysctl", "net.ipv4.ip_forward=1"]
            words += ["--network", "host", "--config", "dockgate-config", "--label", "swarm.cronjob.enable=true"]
            plain = ["--detach", "--replicas", "0", "--no-resolve-image"]
            docker("service", "create", "--name", "dockgate-plain", *plain, "busybox", "true")
            docker("service", "create", "--name", "dockgate-job", *words, "--no-resolve-image", "busybox", "true")
            update(cases, direct, Api(gate.host))
    finally:
        docker.may_fail("service", "rm", "dockgate-job", "dockgate-plain")
        docker.may_fail("config", "rm", "dockgate-config")
        docker.may_fail("swarm", "leave", "--force")


def update(cases: Cases, direct: Api, through: Api) -> None:
    def asked(change, query: str = "", service: str = "dockgate-job") -> Answer:
        # The swarm itself gives a new service another version until its tasks are placed.
        while True:
            found = direct.get(f"/services/{service}")
            spec, version = found["Spec"], found["Version"]["Index"]
            change(spec)
            answer = through.ask("POST", f"/services/{found['ID']}/update?version={version}{query}", spec)
            if answer.status == 200 or direct.get(f"/services/{service}")["Version"]["Index"] == version:
                return answer

    def again(spec: dict) -> None:
        spec["TaskTemplate"]["ForceUpdate"] = spec["TaskTemplate"].get("ForceUpdate", 0) + 1
        spec["Mode"]["Replicated"]["Replicas"] = 1

    def with_image(spec: dict) -> None:
        spec["TaskTemplate"]["ContainerSpec"]["Image"] = "alpine"

    def with_mount(spec: dict) -> None:
        spec["TaskTemplate"]["ContainerSpec"]["Mounts"] = [{"Type": "bind", "Source": "/", "Target": "/host"}]

    with cases.case("G2-a service that did not change is started again"):
        answer = asked(again)
        must_equal("the status", answer.status, 200)
        spec = direct.get("/services/dockgate-job")["Spec"]
        must_equal("its replicas", spec["Mode"]["Replicated"]["Replicas"], 1)
        must_equal("its labels", spec["Labels"], {"swarm.cronjob.enable": "true"})
    # Of these, the one without privileges could be given another image.
    for change, name in [(with_image, "dockgate-plain"), (with_image, "dockgate-job"), (with_mount, "dockgate-job")]:
        prefix = "" if name == "dockgate-plain" else "beside "
        with cases.case(f"{prefix}G2-no other service, {name} {change.__name__}"):
            must(asked(change, service=name).refused("restricted"), "it was updated")
    with cases.case("beside G2-no way back to another state"):
        must(asked(again, "&rollback=previous").refused("restricted"), "it was updated")
    with cases.case("beside G2-not another version than was looked up"):
        service = direct.get("/services/dockgate-job")
        target = f"/services/{service['ID']}/update?version={service['Version']['Index'] - 1}"
        must(through.ask("POST", target, service["Spec"]).refused("restricted"), "it was sent")


main()
