"""S5, S6, S7, S11, S17, S18, S23, S24 and the findings of low severity: the effects of single requests on Docker, on
a fake daemon, and in the record.

Runs on the main engine, or on all with DOCKGATE_SLOW=1. Attacks that name an engine run on that one.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import time
from pathlib import Path
from urllib.parse import quote, urlencode

from arena import (
    IMAGE,
    LOOP,
    OWN,
    SUCCEEDED,
    TARGET,
    VICTIM,
    Api,
    Gate,
    Scene,
    Wire,
    attack,
    fight,
    logs,
    must,
    saved,
    tar_of,
)
from fake import FakeDaemon, container
from own import own_gate

RUN = 'allow = ["ContainerCreate", "ContainerStart", "NetworkCreate", "NetworkConnect"]\n'


def run(scene: Scene, script: str, version: str = "", **more: object) -> str:
    """The output of the client's container."""
    body = {"Image": IMAGE, "Cmd": ["sh", "-c", script], **more}
    body["HostConfig"] = {"NetworkMode": "none", **more.get("HostConfig", {})}
    made = Api(scene.gate.host, version).ask("POST", f"/containers/create?name={OWN}", body)
    if made.status != 201 or scene.through.ask("POST", f"/containers/{OWN}/start").status >= 400:
        return ""
    scene.direct.ask("POST", f"/containers/{OWN}/wait")
    return logs(scene.direct, OWN)


# S5: a websocket transports what is typed, whatever streams the request asked for.

WEBSOCKET = 'allow = ["ContainerAttachWebsocket", "ContainerAttach"]\n'


@attack("S5-websocket", WEBSOCKET, path="/v1.41/containers/{}/attach/ws?stream=1")
@attack("S5-websocket-lowest", WEBSOCKET, path="/v1.24/containers/{}/attach/ws?stream=1&stdout=1")
@attack("S5-websocket-logs", WEBSOCKET, path="/v1.40/containers/{}/attach/ws?logs=1&stream=1")
@attack("S5-websocket-newest", WEBSOCKET, path="/containers/{}/attach/ws?stream=1&stdout=1")
@attack("S5-websocket-no-stdin", WEBSOCKET, path="/v1.41/containers/{}/attach/ws?stream=1&stdin=0&stdout=1")
def websocket(scene: Scene, path: str) -> bool:
    scene.victim()
    wire = scene.wire().head(
        "GET",
        path.format(VICTIM),
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: " + base64.b64encode(bytes(16)).decode(),
    )
    text = b"touch /host/planted\n"
    # A final binary frame, masked with zeros.
    wire.type(bytes([0x82, 0x80 | len(text)]) + bytes(4) + text)
    return scene.planted.exists()


# S11: a bind for reading, with file systems mounted below it.

BINDS = RUN + '[create]\nbinds = ["/:ro", "/run:ro", "/dev:ro"]\n'
INTO_RUN = "echo x > /host/run/dockgate-planted && echo written; rm -f /host/run/dockgate-planted"
INTO_SHM = "echo x > /host/shm/dockgate-planted && echo written; rm -f /host/shm/dockgate-planted"


def root_mount(**options: object) -> dict:
    mount = {"Type": "bind", "Source": "/", "Target": "/host", "ReadOnly": True}
    return {"Mounts": [{**mount, "BindOptions": options} if options else mount]}


@attack("S11-old-version", BINDS, on=["26", "28"], version="/v1.43", host={"Binds": ["/:/host:ro"]})
@attack("S11-older-version", BINDS, version="/v1.24", host={"Binds": ["/:/host:ro"]})
@attack("S11-old-version-mounts", BINDS, version="/v1.41", host=root_mount())
@attack("S11-newest-version", BINDS, host={"Binds": ["/:/host:ro"]})
@attack("S11-not-recursive", BINDS, on=["26", "28"], host=root_mount(ReadOnlyNonRecursive=True))
@attack("S11-private", BINDS, host=root_mount(NonRecursive=False, Propagation="rprivate"))
@attack("S11-dev", BINDS, version="/v1.41", script=INTO_SHM, host={"Binds": ["/dev:/host:ro"]})
def below_a_bind(scene: Scene, host: dict, version: str = "", script: str = INTO_RUN) -> bool:
    return "written" in run(scene, script, version, HostConfig=host)


# S18: names as resolvers fold them.


def own_container(scene: Scene, name: str = "dockgate", image: str = IMAGE, **more: object) -> str:
    body = {"Image": image, "Cmd": LOOP, "HostConfig": {"NetworkMode": "none"}, **more}
    made = scene.direct.done("POST", f"/containers/create?name={name}", body)["Id"]
    scene.direct.done("POST", f"/containers/{made}/start")
    return made


def kelvin(name: str) -> str:
    return name.replace("k", "\u212a")


@attack("S18-alias", RUN, endpoint={"Aliases": [kelvin("dockgate")]})
@attack("S18-alias-upper", RUN, endpoint={"Aliases": ["DOCKGATE"]})
@attack("S18-alias-at-connect", RUN, connect={"Aliases": [kelvin("dockgate")]})
@attack("S18-hostname", RUN, config={"Hostname": kelvin("dockgate")})
@attack("S18-domain", RUN, config={"Hostname": "x", "Domainname": kelvin("dockgate")})
@attack("S18-dns-names", RUN, endpoint={"DNSNames": [kelvin("dockgate")]})
def folded_name(
    scene: Scene, endpoint: dict | None = None, connect: dict | None = None, config: dict | None = None
) -> bool:
    """The container is created, or joins, under a name that others resolve as Dockgate's."""
    own = own_container(scene)
    with own_gate(scene.engine.address, str(scene.policy_file), own, scene.folder) as gate:
        through = Api(gate.host)
        through.done("POST", "/networks/create", {"Name": "dockgate-net"})
        body = {
            "Image": IMAGE,
            "Cmd": LOOP,
            "HostConfig": {"NetworkMode": "dockgate-net"},
            "NetworkingConfig": {"EndpointsConfig": {"dockgate-net": endpoint or {}}},
            **(config or {}),
        }
        made = through.ask("POST", f"/containers/create?name={OWN}", body)
        if made.status != 201:
            return False
        if connect:
            through.done("POST", "/networks/create", {"Name": "dockgate-net-2"})
            joining = {"Container": OWN, "EndpointConfig": connect}
            through.ask("POST", "/networks/dockgate-net-2/connect", joining)
        through.ask("POST", f"/containers/{OWN}/start")
    found = json.dumps(scene.direct.inspect(OWN), ensure_ascii=False).lower()
    return kelvin("dockgate") in found or '"dockgate"' in found


@attack("S18-neighbour", RUN)
def neighbour_resolves_it(scene: Scene) -> bool:
    """What a neighbor on the network reaches under Dockgate's name."""
    own = own_container(scene)
    with own_gate(scene.engine.address, str(scene.policy_file), own, scene.folder) as gate:
        through = Api(gate.host)
        through.done("POST", "/networks/create", {"Name": "dockgate-net"})
        networks = {"EndpointsConfig": {"dockgate-net": {"Aliases": [kelvin("dockgate")]}}}
        host = {"NetworkMode": "dockgate-net"}
        body = {"Image": IMAGE, "Cmd": LOOP, "HostConfig": host, "NetworkingConfig": networks}
        if through.ask("POST", f"/containers/create?name={OWN}", body).status != 201:
            return False
        through.ask("POST", f"/containers/{OWN}/start")
    body = {"Image": IMAGE, "Cmd": ["ping", "-c", "1", "dockgate"], "HostConfig": host}
    scene.direct.done("POST", f"/containers/create?name={VICTIM}", body)
    scene.direct.done("POST", f"/containers/{VICTIM}/start")
    scene.direct.done("POST", f"/containers/{VICTIM}/wait")
    return "1 packets received" in logs(scene.direct, VICTIM)


# S23: the start report says what BuildKit's sessions can do.


@attack("S23-start-warning", "docker-cli-build", "compose-build", "devcontainers", on=["28"])
def start_is_silent(scene: Scene) -> bool:
    """The operator does not learn about host networking and the cache of others."""
    time.sleep(0.3)
    said = " ".join(scene.gate.diagnostics)
    return "BuildKit" not in said or not re.search("entitlement|network.host|daemon.json", said)


# S24: a second network with the same name.


@attack("S24-same-name", RUN, "ci-runner", "compose", on=["20"])
@attack("S24-same-name-unchecked", RUN, on=["20"], more={"CheckDuplicate": False})
def second_network(scene: Scene, more: dict | None = None) -> bool:
    scene.network(scene.direct, TARGET)
    scene.network(scene.through, TARGET, **(more or {}))
    return sum(each["Name"] == TARGET for each in scene.direct.get("/networks")) > 1


# Low: what a create may contain.


@attack("low-stop-timeout", RUN, "compose", body={"StopTimeout": -1})
@attack("low-stop-timeout-large", RUN, body={"StopTimeout": -2147483648})
def stop_timeout(scene: Scene, body: dict) -> bool:
    """`docker stop`, and the daemon's own stop, wait for it."""
    scene.through.ask("POST", f"/containers/create?name={OWN}", {"Image": IMAGE, "Cmd": LOOP, **body})
    return scene.direct.is_there(OWN) and (scene.direct.inspect(OWN)["Config"].get("StopTimeout") or 0) < 0


@attack("low-oom-score", RUN, "compose", key="OomScoreAdj", value=-1000)
@attack("low-oom-score-little", RUN, key="OomScoreAdj", value=-1)
@attack("low-oom-kill", RUN, key="OomKillDisable", value=True)
def memory_killer(scene: Scene, key: str, value: object) -> bool:
    """Others are killed instead of it when memory runs out."""
    host = {"NetworkMode": "none", "Memory": 64 << 20, key: value}
    body = {"Image": IMAGE, "Cmd": LOOP, "HostConfig": host}
    scene.through.ask("POST", f"/containers/create?name={OWN}", body)
    # An engine on cgroups v2 drops OomKillDisable; what matters is that Dockgate let it through.
    return scene.direct.is_there(OWN)


@attack("low-masked-paths", RUN, on=["28"])
def masked_paths(scene: Scene) -> bool:
    """An older engine's list, which lacks a path that this one also masks."""
    old = ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"]
    old += ["/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
    made = scene.direct.done("POST", f"/containers/create?name={VICTIM}", {"Image": IMAGE, "Cmd": LOOP})["Id"]
    usual = set(scene.direct.inspect(made)["HostConfig"]["MaskedPaths"])
    must(usual - set(old), "this engine masks nothing more")
    body = {"Image": IMAGE, "Cmd": LOOP, "HostConfig": {"NetworkMode": "none", "MaskedPaths": old}}
    scene.through.ask("POST", f"/containers/create?name={OWN}", body)
    return scene.direct.is_there(OWN) and bool(usual - set(scene.direct.inspect(OWN)["HostConfig"]["MaskedPaths"]))


RUNNERS = ("ci-runner", "woodpecker-agent", "gitlab-runner", "agent")


@attack("low-proxy-variables", *RUNNERS, more={"Env": ["VIRTUAL_HOST=shop.example"]})
@attack("low-certificate-variables", *RUNNERS, more={"Env": ["LETSENCRYPT_HOST=shop.example"]})
@attack("low-autoheal-label", *RUNNERS, more={"Labels": {"autoheal": "true"}})
@attack("low-sablier-label", *RUNNERS, more={"Labels": {"sablier.enable": "true"}})
def obeyed_by_others(scene: Scene, more: dict) -> bool:
    """Labels that other programs that read the socket treat as orders."""
    body = {"Image": IMAGE, "Cmd": LOOP, "HostConfig": {"NetworkMode": "none"}, **more}
    scene.through.ask("POST", f"/containers/create?name={OWN}", body)
    return scene.direct.is_there(OWN)


IMAGES = 'allow = ["ImageCreate", "ImageCommit", "ImageLoad", "ContainerCreate", "ImagePush", "ImageTag"]\n'


@attack("low-port-scan", IMAGES, image="127.0.0.1:1/x")
@attack("low-port-scan-name", IMAGES, image="localhost:1/x")
@attack("low-port-scan-six", IMAGES, image="[::1]:1/x")
@attack("low-port-scan-loopback", IMAGES, image="127.1.2.3:1/x")
def port_scan(scene: Scene, image: str) -> bool:
    """The daemon connects to a port of the host and reports what it found there."""
    answer = scene.through.ask("POST", f"/images/create?{urlencode({'fromImage': image, 'tag': '1'})}")
    return answer.reason is None and "refused" in str(answer.body)


STAMP = "dockgate.policy"


@attack("low-forged-mark", IMAGES, changes=[f"LABEL {STAMP}=x"])
@attack("low-forged-mark-bom", IMAGES, changes=["\ufeffLABEL dockgat\\e.policy=x"])
@attack("low-forged-mark-escape", IMAGES, changes=["LABEL dockgat\\e.policy=x"])
@attack("low-forged-mark-quotes", IMAGES, changes=['LABEL "dockgate".policy=x'])
@attack("low-forged-mark-lines", IMAGES, changes=["LABEL a=b\\\n dockgate.policy=x"])
@attack("low-forged-mark-directive", IMAGES, changes=["# escape=`\nLABEL dockgat`e.policy=x"])
@attack("low-forged-mark-case", IMAGES, changes=["\ufefflabel dockgat\\e.policy=x"])
def forged_mark(scene: Scene, changes: list[str]) -> bool:
    own = scene.own()
    words = {"container": own, "repo": "dockgate-forged", "tag": "1"}
    query = urlencode([*words.items(), *(("changes", change) for change in changes)])
    scene.through.ask("POST", f"/commit?{query}", {})
    image = scene.direct.ask("GET", "/images/dockgate-forged:1/json")
    labels = ((image.body.get("Config") or {}).get("Labels") or {}) if image.status == 200 else {}
    return labels.get(STAMP) == "x"


@attack("low-load-own-name", IMAGES)
def load_own_name(scene: Scene) -> bool:
    """A tar gives another image the name from which Dockgate's own container is started again."""
    scene.direct.done("POST", "/images/create?fromSrc=-&repo=dockgate-self&tag=1", tar_of("evil"))
    file = saved(scene.engine.address, "dockgate-self:1", ("dockgate-self:1",))
    scene.direct.done("DELETE", "/images/dockgate-self:1")
    scene.direct.done("POST", f"/images/{IMAGE}/tag?repo=dockgate-self&tag=1")
    before = scene.direct.get("/images/dockgate-self:1/json")["Id"]
    own = own_container(scene, image="dockgate-self:1")
    with own_gate(scene.engine.address, str(scene.policy_file), own, scene.folder) as gate:
        Api(gate.host).ask("POST", "/images/load?quiet=1", file, "application/x-tar")
    return scene.direct.get("/images/dockgate-self:1/json")["Id"] != before


LOGS = 'allow = ["ContainerLogs", "ContainerInspect", "ContainerAttach"]\n'


@attack("low-own-record", LOGS, by="name")
@attack("low-own-record-by-id", LOGS, by="id")
@attack("low-own-record-by-prefix", LOGS, by="prefix")
def own_record(scene: Scene, by: str) -> bool:
    """Dockgate's record is its output, so it shows what other clients do."""
    own = own_container(scene, Cmd=["sh", "-c", "echo the record; sleep 300"])
    time.sleep(0.2)
    called = {"name": "dockgate", "id": own, "prefix": own[:4]}[by]
    with own_gate(scene.engine.address, str(scene.policy_file), own, scene.folder) as gate:
        read = Api(gate.host).ask("GET", f"/containers/{called}/logs?stdout=1")
        # Attaching with logs shows the same.
        wire = Wire(gate.host).head("POST", f"/containers/{called}/attach?logs=1&stdout=1", "Content-Length: 0")
        attached = wire.received(2)
        wire.close()
    return "the record" in str(read.body) or b"the record" in attached


NAMES = 'allow = ["NetworkCreate", "VolumeCreate", "NetworkConnect", "ContainerCreate", "ContainerDelete"]\n'


@attack("low-nameless-record", NAMES, on=["28"])
def nameless_record(scene: Scene) -> bool:
    """The record does not say which network and volume were made, and which container was connected."""
    scene.network(scene.through, "dockgate-net")
    scene.through.done("POST", "/volumes/create", {"Name": "dockgate-volume"})
    own = scene.own()
    scene.through.ask("POST", "/networks/dockgate-net/connect", {"Container": OWN})
    text = record_of(scene, {"NetworkCreate", "VolumeCreate", "NetworkConnect"})
    wanted = {"NetworkCreate": "dockgate-net", "VolumeCreate": "dockgate-volume", "NetworkConnect": own}
    return any(name not in text[operation] for operation, name in wanted.items())


@attack("low-prefix-in-record", NAMES, on=["28"], known="what no rule looks up is on record as the client called it")
def prefix_in_record(scene: Scene) -> bool:
    own = scene.own()
    scene.through.done("DELETE", f"/containers/{own[:5]}")
    return own not in record_of(scene, {"ContainerDelete"})["ContainerDelete"]


def record_of(scene: Scene, operations: set[str]) -> dict[str, str]:
    """The last record of a request of each operation."""
    time.sleep(0.3)
    requests = [each for each in scene.gate.records() if each.get("event") == "request"]
    return {each["operation"]: json.dumps(each) for each in requests if each.get("operation") in operations}


# Attacks that need no engine are tried once, during those on the main one.


BUILD = 'allow = ["ImageBuild"]\n'
PUSH = BUILD + '[images]\npush = ["registry.mine/*"]\n'
ONCE = ["28"]
FREE = "registry.example/free:1"


def outputs(**attributes: str) -> str:
    return json.dumps([{"Type": "moby", "Attrs": attributes}])


@attack("S6-names", BUILD, on=ONCE, text=outputs(name="prod:1"))
@attack("S6-names-second", BUILD, on=ONCE, text=outputs(name="free:1,prod:1"))
@attack("S6-names-full", BUILD, on=ONCE, text=outputs(name="docker.io/library/prod:1"))
@attack("S6-push-of-builders", BUILD, on=ONCE, text=outputs(name=FREE, push="true"))
@attack("S6-push", PUSH, on=ONCE, text=outputs(name=FREE, push="true"))
@attack("S6-push-1", PUSH, on=ONCE, text=outputs(name=FREE, push="1"))
@attack("S6-push-empty", PUSH, on=ONCE, text=outputs(name=FREE, push=""))
@attack("S6-push-image", PUSH, on=ONCE, text=outputs(name=FREE, push="true").replace("moby", "image"))
@attack("S6-second-output", BUILD, on=ONCE, text=outputs()[:-1] + "," + outputs(name="prod:1")[1:])
@attack("S6-small-letters", BUILD, on=ONCE, text='[{"type":"moby","attrs":{"name":"prod:1"}}]')
@attack("S6-twice", BUILD, on=ONCE, text='[{"Type":"moby","Attrs":{},"attrs":{"name":"prod:1"}}]')
@attack("S6-local", BUILD, on=ONCE, text='[{"Type":"local","Attrs":{"dest":"/etc"}}]')
@attack("S6-registry", BUILD, on=ONCE, text='[{"Type":"registry","Attrs":{"name":"prod:1"}}]')
@attack("S6-unpack", BUILD, on=ONCE, text='[{"Type":"image","Attrs":{"name":"prod:1","unpack":"true"}}]')
def outputs_reach_the_daemon(scene: Scene, text: str) -> bool:
    """A build that names or pushes images that the policy does not allow must not arrive."""
    with FakeDaemon(scene.folder, builds) as daemon, Gate(daemon.address, str(scene.policy_file)) as gate:
        for query in ("version=2", "version=2&t=free:2"):
            path = f"/build?{query}&outputs={quote(text)}"
            Api(gate.host).ask("POST", path, tar_of("Dockerfile", b"FROM busybox"), "application/x-tar")
        sent = [path for method, path, _ in daemon.asked if method == "POST" and path.startswith("/build")]
    return any("outputs" in path for path in sent)


def builds(method: str, path: str, _body: bytes) -> tuple[int, object]:
    """Another client's image is called prod:1."""
    if method == "GET" and path.startswith("/images/") and "prod" in path:
        return 200, {"Id": "sha256:" + "1" * 64, "RepoTags": ["prod:1"], "Config": {"Labels": {}}}
    return (404, {"message": "no such image"}) if method == "GET" else (200, {"stream": "built"})


FORGED = "2026-11-28T02:00:00.000Z allow 200 GET /containers/json ContainerList"
LOOK = 'allow = ["ContainerCreate", "ContainerInspect", "NetworkCreate", "ImageBuild", "ContainerList"]\n'
ENDS = {"lf": "\n", "cr": "\r", "crlf": "\r\n", "nel": "\u0085", "ls": "\u2028", "vt": "\x0b", "ff": "\x0c"}
SIGNS = {"esc": "\x1b[2K\x1b[1A", "csi": "\u009b2K", "bidi": "\u202e", "isolate": "\u2066", "bs": "\b\b", "del": "\x7f"}
SIGNS["bom"] = "\ufeff"


@attack("S7-text", LOOK, on=ONCE, form="text")
@attack("S7-json", LOOK, on=ONCE, form="json")
def forged_records(scene: Scene, form: str) -> bool:
    """Text from a client that begins a line, or that a terminal obeys, is not escaped in the record."""
    place = scene.folder / "records"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    file = place / f"record.{form}"
    # The record is in a file that no other test reads.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCKGATE_")}
    environment |= {"DOCKGATE_AUDIT__OUTPUT": str(file), "DOCKGATE_AUDIT__FORMAT": form}
    with FakeDaemon(scene.folder, builds) as daemon:
        gate = Gate(daemon.address, str(scene.policy_file), environment=environment)
        with gate:
            sent = forge(Api(gate.host))
        for kind in ("jsonl", "sent"):
            Path(f"{gate.books}.{kind}").unlink()
    text = file.read_bytes().decode()
    shutil.rmtree(place)
    bad = sorted({f"U+{ord(sign):04X}" for sign in text if is_raw(sign)})
    lines = [line for line in re.split("[\n\r\x0b\x0c\u0085\u2028\u2029]", text) if line.startswith("2026-11-28T02:00")]
    must(not bad and not lines, f"{SUCCEEDED}: of {sent} requests raw signs {bad}, forged lines {len(lines)}")
    return False


def is_raw(sign: str) -> bool:
    code = ord(sign)
    if sign == "\n":
        return False
    ranges = [(0, 0x1F), (0x7F, 0x9F), (0x61C, 0x61C), (0x200E, 0x200F), (0x2028, 0x202E), (0x2066, 0x2069)]
    ranges.append((0xFEFF, 0xFEFF))
    return any(first <= code <= last for first, last in ranges)


def forge(api: Api) -> int:
    """Sends everything that a client can write, in each place that a message can repeat."""
    sent = 0
    for sign in (*ENDS.values(), *SIGNS.values()):
        text = f"x{sign}{FORGED}{sign}y"
        for body in (
            {text: 1},
            {"Image": IMAGE, "HostConfig": {text: True}},
            {"Image": IMAGE, "HostConfig": {"Binds": [f"/{text}:/x"]}},
            {"Image": IMAGE, "HostConfig": {"NetworkMode": text}},
            {"Image": IMAGE, "HostConfig": {"PidMode": f"container:{text}"}},
            {"Image": text},
            {"Image": IMAGE, "Labels": {f"dockgate.{text}": "x"}},
            {"Image": IMAGE, "Labels": {f"com.docker.compose.project": text}},
            {"Image": IMAGE, "HostConfig": {"Runtime": text, "CapAdd": [text], "Devices": [{"PathOnHost": text}]}},
        ):
            api.ask("POST", "/containers/create", json.dumps(body, ensure_ascii=False).encode())
            sent += 1
        api.ask("POST", "/networks/create", json.dumps({"Name": "n", "Driver": text, "Options": {text: "x"}}).encode())
        for path in (
            f"/containers/{quote(text, safe='')}/json",
            f"/{quote(text, safe='')}",
            f"/containers/json?{quote(text, safe='')}=1",
            f"/containers/json?filters={quote(text, safe='')}",
        ):
            api.ask("GET", path)
            sent += 1
        api.ask("POST", f"/build?t={quote(text, safe='')}&networkmode={quote(text, safe='')}", b"", "application/x-tar")
        sent += 2
    return sent


@attack("low-pids-limit", 'allow = ["ServiceCreate"]\n[create]\nlimits = { pids = 100 }\n', on=ONCE)
def pids_limit_is_dropped(scene: Scene) -> bool:
    """An engine drops a limit that the version in the path does not have, but the policy relies on it."""
    won = False
    with FakeDaemon(scene.folder, makes) as daemon, Gate(daemon.address, str(scene.policy_file)) as gate:
        task = {"ContainerSpec": {"Image": IMAGE}, "Resources": {"Limits": {"Pids": 50}}}
        for version in ("/v1.40", "/v1.30", "/v1.24"):
            Api(gate.host, version).ask("POST", "/services/create", {"Name": "x", "TaskTemplate": task})
        won = bool(daemon.got("POST", "/services/create")) and not daemon_judged_version(daemon)
    return won


def daemon_judged_version(daemon: FakeDaemon) -> bool:
    """Whether each service was sent with a version that has the limit."""
    return all(not re.match(r"/v1\.([0-9]|[1-3][0-9]|40)/", path) for path in daemon.raw)


def makes(method: str, _path: str, _body: bytes) -> tuple[int, object]:
    return (201, {"ID": "x" * 25, "Id": "3" * 64}) if method == "POST" else (404, {"message": "no such thing"})


@attack("low-odd-answer", 'allow = ["ContainerKill", "ContainerList"]\n', on=ONCE, status=500)
@attack("low-odd-answer-303", 'allow = ["ContainerKill", "ContainerList"]\n', on=ONCE, status=303)
@attack("low-odd-answer-409", 'allow = ["ContainerKill", "ContainerList"]\n', on=ONCE, status=409)
def odd_answer(scene: Scene, status: int) -> bool:
    """One odd answer to the question about its own container, and nothing protects that container from then on."""
    own = container("dockgate")
    odd: list[int] = []

    def answer(method: str, path: str, _body: bytes) -> tuple[int, object]:
        if method == "GET" and path.startswith("/containers/"):
            if not odd:
                odd.append(1)
                return status, {"message": "not now"}
            return 200, own
        return 204, b""

    with FakeDaemon(scene.folder, answer) as daemon:
        with own_gate(daemon.address, str(scene.policy_file), own["Id"], scene.folder) as gate:
            for _ in range(3):
                Api(gate.host).ask("POST", f"/containers/{own['Id']}/kill")
        killed = daemon.got("POST", "/kill")
    return bool(killed)


fight()
