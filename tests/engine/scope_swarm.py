"""The swarm objects of the scope tests.

Client A has the service `ci-web` with a secret, a config and an overlay network. Everything else is foreign, and each
text in it that a person can choose is a marker.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api import Api
from cases import eventually, must
from exchanges import Exchange
from recorder import Recorder
from scope_compare import normal, sorted_json
from scope_play import POLICY, SETTINGS, Clients
from scope_wire import Client, Markers
from scope_world import IMAGE, wipe
from support import Engine, Gate

ALLOWED = """
    "services:read", "services:content", "services:write", "ServiceCreate", "ServiceUpdate", "tasks:read",
    "tasks:content", "secrets:read", "secrets:write", "configs:read", "configs:content", "configs:write",
"""
CREATE = """
secrets = ["*"]
configs = ["*"]
rollback = true
"""
SEEN = '"volume:cache", "service:monitor", "secret:token", "config:motd"'
BASE_36 = string.digits + string.ascii_lowercase
NAMED = ("secret", "config", "net", "svc", "other")
# Their names fit what client A may create.
FITTING = ("secret", "config", "svc")
KINDS = {"secret": "secrets", "config": "configs", "svc": "services", "other": "services"}


def policy(name: str, objects: tuple[str, ...], prefix: str) -> str:
    text = POLICY.replace("allow = [", f"allow = [{ALLOWED}", 1).replace("[create]", f"[create]{CREATE}", 1)
    text = text.replace('"volume:cache"', SEEN, 1)
    return text.replace("NAME", name).replace("PREFIX", prefix).replace("OBJECTS", json.dumps(objects))


@contextmanager
def two_clients(engine: Engine, folder: Path, version: str = "", objects: tuple[str, ...] = ("@own",)):
    """Clients A and B of one Dockgate, which may use the swarm."""
    settings = ""
    for name, prefix, scope in (("a", "ci-", objects), ("b", "", ("@own",))):
        file, socket = folder / f"swarm-{name}.toml", folder / f"{name}.sock"
        file.write_text(policy(name, scope, prefix))
        settings += SETTINGS.format(name=name, policy=file, socket=socket)
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


@contextmanager
def swarm(engine: Engine):
    """Makes the engine the only manager of a swarm."""
    direct = Api(engine.address)
    direct.ask("POST", "/swarm/leave?force=1")
    wipe(direct)
    body = {"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1", "Spec": {}}
    direct.done("POST", "/swarm/init", body)
    try:
        yield direct
    finally:
        wipe_swarm(direct)
        direct.ask("POST", "/swarm/leave?force=1")
        direct.ask("DELETE", "/networks/docker_gwbridge")
        wipe(direct)


def wipe_swarm(direct: Api) -> None:
    for kind in ("services", "secrets", "configs"):
        for each in direct.get(f"/{kind}"):
            direct.ask("DELETE", f"/{kind}/{each['ID']}")
    eventually("the end of all tasks", lambda: not running(direct))
    wipe(direct)

    def networks_are_gone() -> bool:
        left = [each for each in direct.get("/networks") if each["Driver"] == "overlay" and not each.get("Ingress")]
        for each in left:
            direct.ask("DELETE", f"/networks/{each['Id']}")
        return not left

    eventually("the end of all networks", networks_are_gone)


def running(direct: Api) -> list[dict]:
    return [each for each in direct.get("/containers/json") if "com.docker.swarm.task.id" in each["Labels"]]


def shared_things(direct: Api) -> None:
    """What both clients may see and use, made by neither."""
    data = base64.b64encode(b"shared").decode()
    direct.done("POST", "/networks/create", {"Name": "edge", "Driver": "overlay", "Attachable": True})
    direct.done("POST", "/volumes/create", {"Name": "cache"})
    direct.done("POST", "/secrets/create", {"Name": "token", "Data": data})
    direct.done("POST", "/configs/create", {"Name": "motd", "Data": data})
    direct.done("POST", "/services/create", spec("monitor"))


def spec(name: str, container: dict | None = None, task: dict | None = None, **more: object) -> dict:
    """A service that runs until it is stopped."""
    runs = {"Image": IMAGE, "Command": ["sleep", "3000"], "StopGracePeriod": 1, **(container or {})}
    return {"Name": name, "TaskTemplate": {"ContainerSpec": runs, **(task or {})}, **more}


def file_of(kind: str, identity: str, name: str) -> dict:
    file = {"Name": name, "UID": "0", "GID": "0", "Mode": 0o444}
    return {f"{kind}ID": identity, f"{kind}Name": name, "File": file}


def made(client: Client | Api, path: str, body: object) -> str:
    if isinstance(client, Api):
        answer = client.done("POST", path, body)
    else:
        status, answer = client.ask("POST", path, body)
        must(status in (200, 201), f"POST {path} {body}: {status} {answer}")
    return answer.get("ID") or answer["Id"]


def own_things(a: Client, direct: Api) -> dict[str, str]:
    """Creates the objects of client A, and returns the words for them."""
    data = base64.b64encode(b"own").decode()
    words = {"own_secret_id": made(a, "/secrets/create", {"Name": "ci-secret", "Data": data})}
    words["own_config_id"] = made(a, "/configs/create", {"Name": "ci-config", "Data": data})
    words["own_net_id"] = made(a, "/networks/create", {"Name": "ci-net", "Driver": "overlay", "Attachable": True})
    container = {
        "Secrets": [file_of("Secret", words["own_secret_id"], "ci-secret")],
        "Configs": [file_of("Config", words["own_config_id"], "ci-config")],
    }
    task = {"Networks": [{"Target": "ci-net"}]}
    words["own_svc_id"] = made(a, "/services/create", spec("ci-web", container, task))
    eventually("ci-web", lambda: any(each["Names"][0].startswith("/ci-web.") for each in direct.get("/containers/json")))
    tasks = [each for each in direct.get("/tasks") if each["ServiceID"] == words["own_svc_id"]]
    words["own_task_id"] = tasks[0]["ID"]
    words["own_short"] = words["own_svc_id"][:12]
    return words


@dataclass
class World:
    """The foreign objects. Without `build`, only their names exist, and words for ids."""

    direct: Api
    markers: Markers
    chance: random.Random
    words: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*NAMED, "label", "value"):
            start = "ci-" if name in FITTING else ""
            self.words[name] = start + self.markers.new(f"the name {name}")
            self.words[f"no_{name}"] = start + "mk" + "".join(self.chance.choices(string.ascii_lowercase, k=16))
        for name in (*NAMED, "task"):
            self.know(name, "".join(self.chance.choices(BASE_36, k=25)))
        identity = "".join(self.chance.choices(BASE_36, k=25))
        self.words["no_id"], self.words["no_short"] = identity, identity[:12]
        self.words["version"] = "12"

    def know(self, name: str, identity: str) -> None:
        self.words[f"{name}_id"], self.words[f"{name}_short"] = identity, identity[:12]

    def mark(self, where: str) -> str:
        return self.markers.new(where)

    def labels(self, where: str) -> dict[str, str]:
        key, value = self.mark(f"a label's key of {where}"), self.mark(f"a label of {where}")
        return {self.words["label"]: self.words["value"], key: value, "com.docker.stack.namespace": self.mark("a stack")}

    def build(self, b: Client) -> None:
        direct, words, mark = self.direct, self.words, self.mark
        data = base64.b64encode(mark("the value of a config").encode()).decode()
        for kind in ("secret", "config"):
            body = {"Name": words[kind], "Labels": self.labels(f"a {kind}"), "Data": data}
            self.know(kind, made(direct, f"/{kind}s/create", body))
        self.markers.plant(data, "the value of a config, encoded")
        network = {"Name": words["net"], "Driver": "overlay", "Labels": self.labels("a network"), "Attachable": True}
        self.know("net", made(direct, "/networks/create", network))
        container = {
            "Command": ["sh", "-c", f"echo {mark('a log')}; exec sleep 3000"],
            "Env": [f"{mark('a variable')}={mark('a variable')}"],
            "Labels": self.labels("a service's containers"),
            "Hostname": mark("a host name"),
            "Dir": "/tmp",
            "Hosts": [f"10.0.0.1 {mark('an extra host')}"],
            "Mounts": [{"Type": "volume", "Source": mark("a volume"), "Target": f"/{mark('a target')}"}],
            "Secrets": [file_of("Secret", words["secret_id"], words["secret"])],
            "Configs": [file_of("Config", words["config_id"], words["config"])],
        }
        # It is on networks that client A may join too.
        networks = [{"Target": words["net"], "Aliases": [mark("an alias")]}, {"Target": "edge"}, {"Target": "ci-net"}]
        ports = {"Ports": [{"PublishedPort": 8099, "TargetPort": 80}]}
        body = spec(words["svc"], container, {"Networks": networks}, Labels=self.labels("a service"), EndpointSpec=ports)
        self.know("svc", made(direct, "/services/create", body))
        labels = {"x": mark("a label of B's service")}
        self.know("other", made(b, "/services/create", spec(words["other"], Labels=labels)))
        eventually("the foreign tasks", lambda: len(running(direct)) >= 4)
        tasks = direct.get("/tasks")
        self.know("task", next(each["ID"] for each in tasks if each["ServiceID"] == words["svc_id"]))
        for name in (*NAMED, "task"):
            self.markers.plant_id(words[f"{name}_id"], f"the id of {name}")
        for each in running(direct):
            if each["Labels"]["com.docker.swarm.service.name"] in (words["svc"], words["other"]):
                self.markers.plant_id(each["Id"], "the container of a foreign task")
        for each in tasks:
            if each["ServiceID"] in (words["svc_id"], words["other_id"]):
                self.markers.plant_id(each["ID"], "a foreign task")

    def stir(self) -> None:
        """What happens to foreign objects while event streams are open."""
        direct, mark = self.direct, self.mark
        for kind in ("secret", "config"):
            name = mark(f"the name of a {kind} that comes and goes")
            identity = made(direct, f"/{kind}s/create", {"Name": name, "Data": "aGk=", "Labels": self.labels(kind)})
            self.markers.plant_id(identity, f"a {kind} that comes and goes")
            direct.done("DELETE", f"/{kind}s/{identity}")
        name = mark("the name of a service that comes and goes")
        identity = made(direct, "/services/create", spec(name, Labels=self.labels("a service")))
        self.markers.plant_id(identity, "a service that comes and goes")
        found = direct.get(f"/services/{identity}")
        found["Spec"]["TaskTemplate"]["ForceUpdate"] = 1
        direct.done("POST", f"/services/{identity}/update?version={found['Version']['Index']}", found["Spec"])
        direct.done("DELETE", f"/services/{identity}")
        node = direct.get("/nodes")[0]
        node["Spec"]["Labels"] = {mark("a node's label"): mark("a node's label")}
        direct.done("POST", f"/nodes/{node['ID']}/update?version={node['Version']['Index']}", node["Spec"])

    def state(self) -> dict[str, object]:
        found = {}
        for name, kind in KINDS.items():
            answer = self.direct.ask("GET", f"/{kind}/{self.words[f'{name}_id']}")
            found[name] = [answer.status, answer.body.get("Version"), answer.body.get("Spec")]
        return found


SWARM_MASKS = [
    (re.compile(rb"\b[0-9a-z]{25}\b"), b"<swarm id>"),
    (re.compile(rb'"Index":\d+'), b'"Index":0'),
    (re.compile(rb'"(ContainerID|PID)":("[^"]*"|\d+)'), rb'"\1":0'),
    (re.compile(rb'(vxlanid_list":")\d+'), rb"\1"),
    # What a task is doing, which takes its time.
    (re.compile(rb'"State":"[a-z]+"'), b'"State":""'),
]


def essence(exchange: Exchange, names: dict[str, str]) -> tuple[int | None, bytes]:
    """Status and body of a reply: equal in two worlds that the client cannot tell apart."""
    body = exchange.reply_body.content if exchange.reply else b""
    for pattern, mask in SWARM_MASKS:
        body = pattern.sub(mask, body)
    for name, text in sorted(names.items(), key=lambda each: -len(each[1])):
        body = re.sub(re.escape(text.encode()), b"<" + name.encode() + b">", body, flags=re.IGNORECASE)
    return exchange.status, sorted_json(normal(body))
