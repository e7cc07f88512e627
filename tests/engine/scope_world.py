"""The objects of the scope tests: those of client A, and those that A must not notice.

Everything that a person can choose about a foreign object is a marker, and so are its ids.
"""

from __future__ import annotations

import random
import string
import threading
from dataclasses import dataclass, field
from pathlib import Path

from api import Api
from cases import eventually, must
from scope_wire import Client, Markers

IMAGE = "busybox"
# The last two belong to a swarm.
ENGINES_OWN_NETWORKS = {"bridge", "host", "none", "docker_gwbridge", "ingress"}
SLEEP = {"Image": IMAGE, "Cmd": ["sleep", "3000"], "StopSignal": "SIGKILL"}
HEX = "0123456789abcdef"
# Foreign containers, and how each one is known in the script.
CONTAINERS = ("running", "stopped", "paused", "created", "failed", "joined", "other")
NETWORKS = ("net", "other_net", "taken_net")
VOLUMES = ("vol", "other_vol", "taken_vol")
LISTS = {"running": "/containers/json?all=1", "net": "/networks"}
# Their names fit what client A may create.
FITTING = ("joined", "taken_net", "taken_vol")


def own_things(a: Client) -> dict[str, str]:
    """Creates the objects of client A and returns the words for them. A foreign container may join all of them."""

    def made(path: str, body: object, **query: object) -> str:
        status, answer = a.ask("POST", path, body, **query)
        must(status == 201, f"client A cannot create {path} {query} {body}: {status} {answer}")
        return answer.get("Id", "")

    def done(method: str, path: str, body: object = None, **query: object) -> None:
        status, answer = a.ask(method, path, body, **query)
        must(status < 300, f"client A cannot {method} {path}: {status} {answer}")

    words = {"own_net_id": made("/networks/create", {"Name": "ci-net", "CheckDuplicate": True})}
    words["shared_net_id"] = made("/networks/create", {"Name": "ci-shared-net", "CheckDuplicate": True})
    made("/volumes/create", {"Name": "ci-vol"})
    made("/volumes/create", {"Name": "ci-shared-vol"})
    host = {"NetworkMode": "ci-net", "Binds": ["ci-vol:/data"]}
    words["own_id"] = made("/containers/create", {**SLEEP, "HostConfig": host}, name="ci-web")
    done("POST", "/containers/ci-web/start")
    done_body = {"Image": IMAGE, "Cmd": ["echo", "done"], "HostConfig": {"NetworkMode": "none"}}
    words["done_id"] = made("/containers/create", done_body, name="ci-done")
    done("POST", "/containers/ci-done/start")
    eventually("the end of ci-done", lambda: a.ask("GET", "/containers/ci-done/json")[1]["State"]["Status"] == "exited")
    done("POST", "/networks/edge/connect", {"Container": "ci-web"})
    words["own_exec"] = made("/containers/ci-web/exec", {"Cmd": ["sleep", "3000"], "AttachStdout": True})
    a.ask("POST", "/commit", {}, container="ci-done", repo="ci-image", tag="1")
    return words


@dataclass
class World:
    """The foreign objects of one engine. Without `build` only their names exist, and words for missing ids."""

    direct: Api
    markers: Markers
    seed: random.Random
    folder: Path
    words: dict[str, str] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in (*CONTAINERS, *NETWORKS, *VOLUMES, "alias", "label", "value"):
            start = "ci-" if name in FITTING else ""
            self.words[name] = start + self.markers.new(f"the name {name}")
        for name in (*CONTAINERS, *NETWORKS, "exec"):
            self.know(name, "".join(self.seed.choices(HEX, k=64)))
        self.octets = f"10.{self.seed.randrange(64, 250)}.{self.seed.randrange(256)}"
        self.missing()

    def know(self, name: str, identity: str) -> None:
        self.foreign.add(identity)
        self.words[f"{name}_id"], self.words[f"{name}_short"] = identity, identity[:12]

    def missing(self) -> None:
        """Words for what exists in no world."""
        for name in CONTAINERS + NETWORKS + VOLUMES:
            letters = "".join(self.seed.choices(string.ascii_lowercase, k=16))
            self.words[f"no_{name}"] = ("ci-" if name in FITTING else "") + "mk" + letters
        identity = "".join(self.seed.choices(HEX, k=64))
        self.words["no_id"], self.words["no_short"] = identity, identity[:12]

    def build(self, b: Client) -> None:
        """Creates everything, some of it as client B."""
        self._networks()
        self._volumes()
        for name, body in self._containers().items():
            self._create(name, body)
        for name in ("running", "stopped", "paused", "failed", "joined"):
            self.direct.ask("POST", f"/containers/{self.words[name]}/start")
        self.direct.done("POST", f"/containers/{self.words['paused']}/pause")
        self._exec()
        self._as_client(b)
        self._until_a_digit_is_shared()
        self._plant_what_the_engine_chose()

    def mark(self, where: str) -> str:
        return self.markers.new(where)

    def labels(self, where: str) -> dict[str, str]:
        return {
            self.words["label"]: self.words["value"],
            self.mark(f"a label's key of {where}"): self.mark(f"a label of {where}"),
            "com.docker.compose.project": self.mark(f"the project of {where}"),
        }

    def _networks(self) -> None:
        subnet = {"Subnet": f"{self.octets}.0/24", "Gateway": f"{self.octets}.1"}
        self.markers.plant(f"{self.octets}.", "the subnet of a network")
        made = {
            "net": {
                "Labels": self.labels("a network"),
                "Options": {self.mark("a network's option"): self.mark("a network's option")},
                "IPAM": {"Config": [subnet], "Options": {"x": self.mark("a network's IPAM option")}},
                "Internal": True,
            },
            "taken_net": {"Labels": self.labels("a network")},
        }
        for name, body in made.items():
            answer = self.direct.done("POST", "/networks/create", {"Name": self.words[name], **body})
            self.know(name, answer["Id"])

    def _volumes(self) -> None:
        device = {"type": "tmpfs", "device": self.mark("a volume's option"), "o": "size=1m"}
        for name, options in {"vol": device, "taken_vol": {}}.items():
            body = {"Name": self.words[name], "Labels": self.labels("a volume"), "DriverOpts": options}
            self.direct.done("POST", "/volumes/create", body)

    def _containers(self) -> dict[str, dict]:
        folder = self.folder / self.mark("the host path of a bind")
        folder.mkdir()
        said = f"echo {self.mark('a log')}; echo {self.mark('a log of stderr')} >&2"
        file = f"echo {self.mark('a file')} > /tmp/{self.mark('the name of a file')}"
        address, hardware = f"{self.octets}.77", ":".join(f"{self.seed.randrange(256):02x}" for _ in range(4))
        self.markers.plant(f"02:42:{hardware}", "a MAC address")
        full = {
            "Cmd": ["sh", "-c", f"{said}; {file}; exec sleep 3000"],
            "Env": [f"{self.mark('the name of a variable')}={self.mark('a variable')}"],
            "Hostname": self.mark("a host name"),
            "Domainname": self.mark("a domain name"),
            "WorkingDir": "/" + self.mark("a working directory"),
            "Volumes": {"/" + self.mark("the target of an anonymous volume"): {}},
            "Healthcheck": {"Test": ["CMD-SHELL", f"echo {self.mark('a health check')}"], "Interval": 2_000_000_000},
            "HostConfig": {
                "NetworkMode": self.words["net"],
                "Binds": [f"{self.words['vol']}:/{self.mark('a target')}", f"{folder}:/{self.mark('a target')}"],
                "ExtraHosts": [f"{self.mark('an extra host')}:10.0.0.1"],
                "DnsSearch": [self.mark("a DNS search domain")],
                "DnsOptions": [self.mark("a DNS option")],
                "Tmpfs": {"/" + self.mark("a tmpfs"): ""},
                "LogConfig": {"Type": "json-file", "Config": {"tag": self.mark("a log option")}},
                "Annotations": {self.mark("an annotation"): self.mark("an annotation")},
                "ContainerIDFile": "/" + self.mark("an id file"),
                "IpcMode": "shareable",
            },
            "NetworkingConfig": {
                "EndpointsConfig": {
                    self.words["net"]: {
                        "Aliases": [self.words["alias"]],
                        "IPAMConfig": {"IPv4Address": address},
                        "MacAddress": f"02:42:{hardware}",
                    }
                }
            },
        }
        joined = {
            "HostConfig": {"NetworkMode": "edge", "Binds": ["ci-shared-vol:/d", "cache:/c"]},
            "Cmd": ["sleep", "3000"],
            "Image": "ci-image:1",
        }
        none = {"HostConfig": {"NetworkMode": "none"}}
        return {
            "running": full,
            "stopped": {"Cmd": ["sh", "-c", f"{said}; {file}; exit 3"], **none},
            "paused": {"Cmd": ["sleep", "3001"], "Env": [f"X={self.mark('a variable')}"]},
            "created": {"Cmd": [self.mark("a command")], "Entrypoint": [self.mark("an entry point")], **none},
            "failed": {"Cmd": [self.mark("a command that does not exist")], **none},
            "joined": joined,
        }

    def _create(self, name: str, body: dict) -> None:
        whole = {"Image": IMAGE, "StopSignal": "SIGKILL", "Labels": self.labels(f"the container {name}"), **body}
        called = self.words.setdefault(name, self.mark(f"the name {name}"))
        answer = self.direct.done("POST", f"/containers/create?name={called}", whole)
        self.know(name, answer["Id"])
        if name == "joined":
            alias = {"Aliases": [self.mark("an alias on a shared network")]}
            for network in ("ci-net", "ci-shared-net"):
                join = {"Container": answer["Id"], "EndpointConfig": alias}
                self.direct.done("POST", f"/networks/{network}/connect", join)

    def _exec(self) -> None:
        body = {
            "Cmd": ["sh", "-c", f": {self.mark('the command of an exec')}; sleep 3000"],
            "Env": [f"X={self.mark('a variable of an exec')}"],
            "WorkingDir": "/",
        }
        answer = self.direct.done("POST", f"/containers/{self.words['running']}/exec", body)
        self.direct.done("POST", f"/exec/{answer['Id']}/start", {"Detach": True})
        self.know("exec", answer["Id"])
        self.markers.plant_id(answer["Id"], "an exec")

    def _as_client(self, b: Client) -> None:
        """What client B creates, with its own rights."""
        status, answer = b.ask("POST", "/networks/create", {"Name": self.words["other_net"], "CheckDuplicate": True})
        must(status == 201, f"client B cannot create a network: {status} {answer}")
        self.know("other_net", answer["Id"])
        b.ask("POST", "/volumes/create", {"Name": self.words["other_vol"], "Labels": {"x": self.mark("a label of B")}})
        body = {
            **SLEEP,
            "Labels": {"x": self.mark("a label of B's container")},
            "Env": [f"X={self.mark('a variable of B')}"],
            "HostConfig": {"NetworkMode": self.words["other_net"], "Binds": [f"{self.words['other_vol']}:/d"]},
        }
        status, answer = b.ask("POST", "/containers/create", body, name=self.words["other"])
        must(status == 201, f"client B cannot create a container: {status} {answer}")
        self.know("other", answer["Id"])
        b.ask("POST", f"/containers/{self.words['other']}/start")
        b.ask("POST", "/networks/edge/connect", {"Container": self.words["other"]})

    def _plant_what_the_engine_chose(self) -> None:
        for name in CONTAINERS:
            self.markers.plant_id(self.words[f"{name}_id"], f"the container {name}")
            seen = self.direct.inspect(self.words[f"{name}_id"])
            for network in seen["NetworkSettings"]["Networks"].values():
                if network.get("EndpointID"):
                    self.markers.plant_id(network["EndpointID"], f"an endpoint of {name}")
            for mount in seen["Mounts"]:
                if len(mount.get("Name", "")) == 64:
                    self.markers.plant_id(mount["Name"], f"an anonymous volume of {name}")
        for name in NETWORKS:
            self.markers.plant_id(self.words[f"{name}_id"], f"the network {name}")

    def prefixes(self) -> dict[str, str]:
        """Prefixes of foreign ids that no object of A's begins with.

        They are the shortest of at least four digits that only one id begins with, and a digit that several begin with, if there are any.
        """
        found = {}
        for name in LISTS:
            every, wanted = self.ids(name), self.words[f"{name}_id"]
            others = set(every) - {wanted}
            sizes = (size for size in range(4, 12) if not any(each.startswith(wanted[:size]) for each in others))
            found[f"{name}_prefix"] = wanted[: next(sizes)]
            found[f"{name}_ambiguous"] = (self.shared_digits(every) or self.free_digits(every))[0]
        return found

    def ids(self, name: str) -> list[str]:
        return [each["Id"] for each in self.direct.get(LISTS[name])]

    def free_digits(self, every: list[str]) -> list[str]:
        return [digit for digit in HEX if not any(each[0] == digit for each in every if each not in self.foreign)]

    def shared_digits(self, every: list[str]) -> list[str]:
        foreign = [each[0] for each in every if each in self.foreign]
        return [digit for digit in self.free_digits(every) if foreign.count(digit) > 1]

    def _until_a_digit_is_shared(self) -> None:
        for number in range(60):
            if not self.shared_digits(self.ids("running")):
                self._create(f"extra{number}", {"Cmd": ["true"]})
            elif not self.shared_digits(self.ids("net")):
                self.words[f"extra{number}"] = self.mark("the name of another network")
                made = {"Name": self.words[f"extra{number}"], "Internal": True}
                self.know(f"extra{number}", self.direct.done("POST", "/networks/create", made)["Id"])
            else:
                return
        must(False, "no two foreign ids begin with the same digit")

    def state(self) -> dict[str, object]:
        """What only the administrator and client B may change."""
        found: dict[str, object] = {}
        for name in CONTAINERS:
            answer = self.direct.ask("GET", f"/containers/{self.words[f'{name}_id']}/json")
            if answer.status != 200:
                found[name] = "is gone"
                continue
            state, host = answer.body["State"], answer.body["HostConfig"]
            found[name] = [state["Status"], state["Pid"], state["StartedAt"], answer.body["Name"], host["Memory"]]
            found[name] += [sorted(answer.body["NetworkSettings"]["Networks"])]
        found["networks"] = sorted(self.words[name] for name in NETWORKS if self.is_there("networks", name))
        found["volumes"] = sorted(self.words[name] for name in VOLUMES if self.is_there("volumes", name))
        return found

    def is_there(self, kind: str, name: str) -> bool:
        return self.direct.ask("GET", f"/{kind}/{self.words[name]}").status == 200


@dataclass
class Stir:
    """Foreign things that happen while client A works."""

    world: World
    ended: threading.Event = field(default_factory=threading.Event)
    rounds: int = 0
    failure: str = ""

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.ended.is_set():
            try:
                self._round()
            except Exception as error:  # reported by `stop`
                self.failure = str(error)
                return
            self.rounds += 1
            self.ended.wait(1)

    def _round(self) -> None:
        """Everything here has names of its own, so that `World.state` does not change."""
        direct, world = self.world.direct, self.world
        names = [world.mark(f"the name of a {kind} that comes and goes") for kind in ("container", "network", "volume")]
        container, network, volume = names
        direct.done("POST", "/volumes/create", {"Name": volume, "Labels": world.labels("a volume")})
        identity = direct.done("POST", "/networks/create", {"Name": network, "Labels": world.labels("a network")})["Id"]
        world.markers.plant_id(identity, "a network that comes and goes")
        body = {**SLEEP, "Labels": world.labels("a container"), "HostConfig": {"Binds": [f"{volume}:/d"]}}
        identity = direct.done("POST", f"/containers/create?name={container}", body)["Id"]
        world.markers.plant_id(identity, "a container that comes and goes")
        direct.done("POST", f"/containers/{identity}/start")
        for place in (network, "edge", "ci-shared-net"):
            direct.done("POST", f"/networks/{place}/connect", {"Container": identity})
            direct.done("POST", f"/networks/{place}/disconnect", {"Container": identity})
        run = {"Cmd": ["echo", world.mark("the command of an exec")], "AttachStdout": True}
        exec_id = direct.done("POST", f"/containers/{identity}/exec", run)["Id"]
        world.markers.plant_id(exec_id, "an exec")
        direct.ask("POST", f"/exec/{exec_id}/start", {"Detach": True})
        direct.done("POST", f"/containers/{identity}/rename?name={world.mark('a new name')}")
        direct.done("POST", f"/containers/{identity}/pause")
        direct.done("POST", f"/containers/{identity}/unpause")
        direct.done("POST", f"/containers/{identity}/update", {"PidsLimit": 100})
        direct.done("POST", f"/containers/{identity}/kill")
        direct.done("DELETE", f"/containers/{identity}?force=1")
        direct.done("DELETE", f"/networks/{network}")
        direct.done("DELETE", f"/volumes/{volume}")

    def stop(self) -> None:
        """Ends after a whole round."""
        self.ended.set()
        self.thread.join(60)

    def must_have_happened(self) -> None:
        must(not self.failure, f"the foreign events have stopped: {self.failure}")
        must(self.rounds, "no round of foreign events has ended")


def wipe(direct: Api) -> None:
    """Removes everything that a test has left on its engine."""
    for container in direct.get("/containers/json?all=1"):
        direct.ask("DELETE", f"/containers/{container['Id']}?force=1&v=1")
    for network in direct.get("/networks"):
        if network["Name"] not in ENGINES_OWN_NETWORKS:
            direct.ask("DELETE", f"/networks/{network['Id']}")
    for volume in direct.get("/volumes")["Volumes"] or []:
        direct.ask("DELETE", f"/volumes/{volume['Name']}?force=1")
    for image in direct.get("/images/json"):
        for tag in image["RepoTags"] or []:
            if tag.startswith("ci-"):
                direct.ask("DELETE", f"/images/{tag}?force=1")
