"""Objects with a secret in every place from which a reply can show it, and the requests that show it."""

from __future__ import annotations

import base64
import io
import json
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from api import Api
from cases import eventually, must

WEB = "dockgate-redaction"
BROKEN = "dockgate-redaction-broken"
IMAGE = "dockgate-redaction-image:1"
PLUGIN = "dockgate-redaction-plugin:latest"


@dataclass
class World:
    """What was planted on an engine: each secret with its class, and the requests that must show it."""

    api: Api
    folder: Path
    secrets: dict[str, str] = field(default_factory=dict)
    shown_by: dict[str, list[str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    since: int = field(default_factory=lambda: int(time.time()) - 1)

    def secret(self, of: str, place: str, *requests: str) -> str:
        text = f"hunter{of.replace('-', '')}x{place}q"
        self.secrets[text] = of
        self.shown_by[text] = list(requests)
        return text

    def build(self, has_swarm: bool, has_annotations: bool) -> None:
        self.clear()
        self.container(has_annotations)
        self.others()
        self.plugin()
        self.requests += ["/info", "/version", "/system/df", "/images/json", "/networks", "/volumes"]
        if has_swarm:
            self.swarm()
        self.requests.append(f"/events?since={self.since}&until={int(time.time()) + 1}")
        for secret, requests in self.shown_by.items():
            if self.secrets[secret] != "host":
                self.requests += [it for it in requests if it not in self.requests and it != "events"]

    def container(self, has_annotations: bool) -> None:
        inspect, listing, top = f"/containers/{WEB}/json", "/containers/json?all=1", f"/containers/{WEB}/top"
        source = self.folder / self.secret("mounts", "bind", inspect, listing, "/system/df")
        source.mkdir()
        env = self.secret("env", "container", inspect)
        argument = self.secret("commands", "argument", inspect, listing, top, "/system/df")
        health = self.secret("commands", "health", inspect, "events")
        label = self.secret("labels", "container", inspect, listing, "/system/df", "events")
        tag = self.secret("volume-options", "log", inspect)
        host = {
            "Binds": [f"{source}:/data"],
            "LogConfig": {"Type": "json-file", "Config": {"tag": tag}},
            "NetworkMode": "none",
        }
        if has_annotations:
            host["Annotations"] = {"secret.note": self.secret("labels", "note", inspect)}
        body = {
            "Image": "busybox",
            "Env": [f"DB_PASSWORD={env}", "PUBLIC_NAME=open"],
            "Cmd": ["sh", "-c", f"sleep 3000; echo {argument}"],
            "Labels": {"secret.key": label, "public": "1"},
            "Healthcheck": {"Test": ["CMD-SHELL", f"echo {health}output"], "Interval": 1_000_000_000},
            "StopSignal": "SIGKILL",
            "HostConfig": host,
        }
        self.api.done("POST", f"/containers/create?name={WEB}", body)
        self.api.done("POST", f"/containers/{WEB}/start")
        command = self.secret("commands", "exec", top, "events")
        exec_env = self.secret("env", "exec")
        body = {"Cmd": ["sh", "-c", f"sleep 3000; echo {command}"], "Env": [f"EXEC={exec_env}"]}
        run = self.api.done("POST", f"/containers/{WEB}/exec", body)["Id"]
        self.shown_by[command].append(f"/exec/{run}/json")
        self.api.done("POST", f"/exec/{run}/start", {"Detach": True})
        log = "the output of a health check"
        eventually(log, lambda: f"{health}output" in json.dumps(self.api.get(inspect)["State"]))
        broken = self.secret("commands", "broken", f"/containers/{BROKEN}/json", f"/images/{IMAGE}/history")
        self.api.done("POST", f"/containers/create?name={BROKEN}", {"Image": "busybox", "Cmd": [f"/{broken}"]})
        must(self.api.ask("POST", f"/containers/{BROKEN}/start").status >= 400, "a container without a program starts")

    def others(self) -> None:
        image = f"/images/{IMAGE}/json"
        env = self.secret("env", "image", image)
        command = self.secret("commands", "image", image)
        comment = self.secret("commands", "comment", image, "events")
        author = self.secret("commands", "author", image)
        label = self.secret("labels", "image", image, "/images/json")
        query = f"container={BROKEN}&repo={IMAGE.replace(':', '&tag=')}&comment={comment}&author={author}"
        config = {"Env": [f"A={env}"], "Cmd": [command], "Labels": {"secret.key": label}}
        self.api.done("POST", f"/commit?{query}", config)
        volume, network = f"/volumes/{WEB}", f"/networks/{WEB}"
        options = {
            "type": "tmpfs",
            "device": self.secret("mounts", "device", volume, "/volumes"),
            "o": self.secret("volume-options", "volume", volume, "/volumes"),
        }
        labels = {"secret.key": self.secret("labels", "volume", volume, "/volumes")}
        self.api.done("POST", "/volumes/create", {"Name": WEB, "DriverOpts": options, "Labels": labels})
        option = self.secret("volume-options", "network", network, "/networks")
        labels = {"secret.key": self.secret("labels", "network", network, "/networks")}
        body = {"Name": WEB, "Labels": labels, "Options": {"com.example.key": option}}
        self.api.done("POST", "/networks/create", body)

    def plugin(self) -> None:
        path = f"/plugins/{PLUGIN}/json"
        env, argument = self.secret("env", "plugin", path, "/plugins"), self.secret("commands", "plugin", path, "/plugins")
        config = {
            "description": "a plugin",
            "entrypoint": ["/sh", argument],
            "interface": {"types": ["docker.volumedriver/1.0"], "socket": "x.sock"},
            "env": [{"name": "A", "value": env, "settable": ["value"]}],
            "args": {"name": "args", "value": [argument], "settable": ["value"]},
        }
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            folder = tarfile.TarInfo("rootfs")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
            text = json.dumps(config).encode()
            file = tarfile.TarInfo("config.json")
            file.size = len(text)
            archive.addfile(file, io.BytesIO(text))
        answer = self.api.ask("POST", f"/plugins/create?name={PLUGIN}", tar.getvalue(), "application/x-tar")
        must(answer.status < 300, f"no plugin: {answer.status} {answer.body}")

    def swarm(self) -> None:
        self.api.done("POST", "/swarm/init", {"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1"})
        services, tasks, service = "/services", "/tasks", f"/services/{WEB}"
        data = self.secret("config-data", "config")
        encoded = base64.b64encode(data.encode()).decode()
        label = self.secret("labels", "config", "/configs", f"/configs/{WEB}")
        self.api.done("POST", "/configs/create", {"Name": WEB, "Data": encoded, "Labels": {"secret.key": label}})
        self.requests += ["/configs", f"/configs/{WEB}", "/swarm", "/nodes", "/swarm/unlockkey"]
        before = self.specification("old")
        self.api.done("POST", "/services/create", before)
        version = self.api.get(service)["Version"]["Index"]
        self.api.done("POST", f"{service}/update?version={version}", self.specification("new"))
        eventually("a task", lambda: len(self.api.get(tasks)) > 1)
        task = self.api.get(tasks)[0]["ID"]
        self.requests += [services, service, tasks, f"/tasks/{task}"]
        tokens = self.api.get("/swarm")["JoinTokens"]
        for name, token in tokens.items():
            self.secrets[token] = "swarm-tokens"
            self.shown_by[token] = ["/swarm"]
            must(token.startswith("SWMTKN"), f"the token {name} is {token}")

    def specification(self, place: str) -> dict:
        requests = ("/services", f"/services/{WEB}", "/tasks")
        labels = {"secret.key": self.secret("labels", f"{place}container", *requests)}
        return {
            "Name": WEB,
            "Labels": {"secret.key": self.secret("labels", f"{place}service", *requests[:2])},
            "TaskTemplate": {
                "ContainerSpec": {
                    "Image": "busybox",
                    "Labels": labels,
                    "Env": [f"A={self.secret('env', f'{place}service', *requests)}"],
                    "Command": ["sh", "-c", f"sleep 3000; {self.secret('commands', f'{place}command', *requests)}"],
                    "Args": [self.secret("commands", f"{place}argument", *requests)],
                    "StopGracePeriod": 1,
                },
                "LogDriver": {
                    "Name": "json-file",
                    "Options": {"tag": self.secret("volume-options", f"{place}log", *requests)},
                },
            },
            "Mode": {"Replicated": {"Replicas": 1}},
        }

    def clear(self) -> None:
        self.api.ask("DELETE", f"/services/{WEB}")
        self.api.ask("POST", "/swarm/leave?force=1")
        for name in (WEB, BROKEN):
            self.api.ask("DELETE", f"/containers/{name}?force=1&v=1")
        self.api.ask("DELETE", f"/images/{quote(IMAGE)}?force=1")
        self.api.ask("DELETE", f"/plugins/{PLUGIN}?force=1")
        self.api.ask("DELETE", f"/networks/{WEB}")
        self.api.ask("DELETE", f"/volumes/{WEB}")
