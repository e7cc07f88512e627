"""The requests of Watchtower when it updates a container, replayed from a real inspection under the policies for it.

The container was created on the engine, with a host path, a capability, a device and a port. It must come back as it
was, and any change on the way must be refused.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

from __future__ import annotations

import copy
from pathlib import Path
from urllib.parse import quote

from api import Answer, Api
from cases import Cases, eventually, must, must_equal
from support import Engine, Gate, main_engines, scratch

WEB = "dockgate-web"
IMAGE = "dockgate-app"
FRONT, BACK = "dockgate-front", "dockgate-back"
SECRET = "known only to the host"


def main() -> None:
    cases = Cases()
    for engine in main_engines():
        engine.clean_up()
        with scratch() as folder:
            (folder / "secret").write_text(SECRET)
            prepare(engine)
            try:
                for updater in (Containrrr, NickFedor):
                    with Gate(engine.address, updater.policy) as gate:
                        api = Api(gate.host, updater.version)
                        with cases.case(f"{engine.name}: {updater.policy} updates a container as it was"):
                            update(engine, folder, updater(api))
                        with cases.case(f"{engine.name}: {updater.policy} makes nothing that was not there"):
                            must_refuse_changes(engine, folder, updater(api))
                        with cases.case(f"{engine.name}: {updater.policy} does nothing else"):
                            must_refuse_others(engine, folder, api)
            finally:
                engine.clean_up()
                engine.cli(engine.address).may_fail("rmi", f"{IMAGE}:1", f"{IMAGE}:latest", "dockgate-other:1")
    cases.finish()


def prepare(engine: Engine) -> None:
    direct = engine.cli(engine.address)
    for name in (f"{IMAGE}:1", f"{IMAGE}:latest", "dockgate-other:1"):
        direct("tag", "busybox", name)
    for network in (FRONT, BACK):
        direct("network", "create", network)


def make(engine: Engine, folder: Path) -> dict:
    """Creates the container on the engine; returns its inspection."""
    direct = engine.cli(engine.address)
    direct.may_fail("rm", "-f", "-v", WEB)
    words = (
        f"run -d --name {WEB} -v {folder}:/host -v dockgate-volume:/data --cap-add NET_ADMIN --user 0:0 --workdir /tmp"
        f" --device /dev/random:/dev/given --network {FRONT} --network-alias www -p 8080:80 -e WORD=value --label a=b"
        " --label dockgate.policy=agent --restart unless-stopped --health-cmd true --log-opt max-size=1m --memory 64m"
        f" --security-opt seccomp=unconfined {IMAGE}:1"
    )
    direct(*words.split(), "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
    direct("network", "connect", "--alias", "www", BACK, WEB)
    return Api(engine.address).inspect(WEB)


class Updater:
    """What both updaters do."""

    policy: str
    version: str

    def __init__(self, api: Api) -> None:
        self.api = api

    def look(self, name: str) -> tuple[dict, dict]:
        listed = self.api.get("/containers/json?filters=" + quote('{"status":["running"]}'))
        must(any(f"/{name}" in each["Names"] for each in listed), f"{name} is not in the list")
        old = self.api.inspect(name)
        return old, self.api.get(f"/images/{quote(old['Image'])}/json")

    def body(self, old: dict, image: dict) -> dict:
        """The new container: the inspection, without what comes from the image."""
        config, host = copy.deepcopy(old["Config"]), copy.deepcopy(old["HostConfig"])
        said = image["Config"] or {}
        for key in ("WorkingDir", "User"):
            if config.get(key) == said.get(key):
                config[key] = ""
        if config.get("Entrypoint") == said.get("Entrypoint"):
            config["Entrypoint"] = None
            if config.get("Cmd") == said.get("Cmd"):
                config["Cmd"] = None
        config["Env"] = [variable for variable in config["Env"] or [] if variable not in (said.get("Env") or [])]
        host["Links"] = None
        return {**config, "HostConfig": host, "NetworkingConfig": {"EndpointsConfig": self.endpoints(old)}}

    def endpoints(self, old: dict) -> dict:
        endpoints = copy.deepcopy(old["NetworkSettings"]["Networks"])
        for endpoint in endpoints.values():
            endpoint["Aliases"] = [name for name in endpoint.get("Aliases") or [] if name != old["Id"][:12]]
        return endpoints


class Containrrr(Updater):
    """containrrr/watchtower: kill, delete, create with the name, disconnect and connect all networks again."""

    policy = "watchtower"
    version = "/v1.25"

    def take_away(self, old: dict) -> None:
        self.api.done("POST", f"/containers/{old['Id']}/kill?signal=SIGTERM")
        eventually("the container's end", lambda: not self.api.inspect(old["Id"])["State"]["Running"])
        self.api.done("DELETE", f"/containers/{old['Id']}?force=1")

    def create(self, old: dict, body: dict, name: str | None = None) -> Answer:
        first = next(iter(body["NetworkingConfig"]["EndpointsConfig"].items()))
        simple = {**body, "NetworkingConfig": {"EndpointsConfig": dict([first])}}
        path = f"/containers/create?name={quote(name or old['Name'], safe='')}"
        return self.api.ask("POST", path, simple)

    def finish(self, old: dict, made: str, body: dict) -> None:
        endpoints = body["NetworkingConfig"]["EndpointsConfig"]
        first = next(iter(endpoints))
        self.api.done("POST", f"/networks/{first}/disconnect", {"Container": made, "Force": True})
        for network, endpoint in endpoints.items():
            wanted = {"Container": made, "EndpointConfig": endpoint}
            self.api.done("POST", f"/networks/{network}/connect", wanted)
        self.api.done("POST", f"/containers/{made}/start")


class NickFedor(Updater):
    """nicholas-fedor/watchtower: stop, delete, create without a name, rename, connect the other networks."""

    policy = "watchtower-nickfedor"
    # If several networks are too many for a create.
    version = "/v1.41"

    def take_away(self, old: dict) -> None:
        self.api.done("POST", f"/containers/{old['Id']}/stop?signal=SIGTERM&t=10")
        self.api.done("DELETE", f"/containers/{old['Id']}?force=1&v=0")

    def create(self, old: dict, body: dict, name: str | None = None) -> Answer:
        first = next(iter(body["NetworkingConfig"]["EndpointsConfig"].items()))
        simple = {**body, "NetworkingConfig": {"EndpointsConfig": dict([first])}}
        return self.api.ask("POST", "/containers/create" + (f"?name={name}" if name else ""), simple)

    def finish(self, old: dict, made: str, body: dict) -> None:
        self.api.done("POST", f"/containers/{made}/rename?name={quote(old['Name'], safe='')}")
        for network, endpoint in list(body["NetworkingConfig"]["EndpointsConfig"].items())[1:]:
            wanted = {"Container": made, "EndpointConfig": endpoint}
            self.api.done("POST", f"/networks/{network}/connect", wanted)
        self.api.done("POST", f"/containers/{made}/start")


def update(engine: Engine, folder: Path, updater: Updater) -> None:
    before = make(engine, folder)
    # Twice, because its own work must not prevent the next update.
    for image in (f"{IMAGE}:latest", f"{IMAGE}:1"):
        old, of_image = updater.look(WEB)
        body = {**updater.body(old, of_image), "Image": image}
        updater.take_away(old)
        answer = updater.create(old, body)
        must_equal("the answer to the create", (answer.status, answer.body if answer.status != 201 else ""), (201, ""))
        updater.finish(old, answer.body["Id"], body)
    after = Api(engine.address).inspect(WEB)
    must(after["State"]["Running"], "it does not run")
    must_equal("what it sees of the host", engine.cli(engine.address)("exec", WEB, "cat", "/host/secret").out, SECRET)
    must_equal("its settings of the host", after["HostConfig"], before["HostConfig"])
    must_equal("its settings", after["Config"], before["Config"])
    must_equal("its networks", networks(after), networks(before))


def networks(inspection: dict) -> dict[str, list[str]]:
    """Its names on each network, without its own short ids, of which it gets more each time."""
    found = {}
    for name, endpoint in inspection["NetworkSettings"]["Networks"].items():
        found[name] = sorted({alias for alias in endpoint["Aliases"] if not is_short_id(alias)})
    return found


def is_short_id(name: str) -> bool:
    return len(name) == 12 and all(digit in "0123456789abcdef" for digit in name)


def must_refuse_changes(engine: Engine, folder: Path, updater: Updater) -> None:
    make(engine, folder)
    old, of_image = updater.look(WEB)
    body = updater.body(old, of_image)
    updater.take_away(old)
    for what, changed in changes(body, folder):
        answer = updater.create(old, changed)
        must(answer.refused("restricted"), f"{what}: {answer}")
    answer = updater.create(old, body, name="dockgate-other")
    must(answer.refused("restricted"), f"another name: {answer}")
    must(not Api(engine.address).is_there(WEB) and not Api(engine.address).is_there("dockgate-other"), "it was made")
    # It was only refused for its changes: without them, it passes.
    answer = updater.create(old, body)
    must_equal("the answer to the create", (answer.status, answer.body if answer.status != 201 else ""), (201, ""))
    made = answer.body["Id"]
    if isinstance(updater, NickFedor):
        updater.api.done("POST", f"/containers/{made}/rename?name={WEB}")
    answer = updater.api.ask("POST", "/networks/bridge/connect", {"Container": made})
    must(answer.refused("restricted"), f"another network: {answer}")
    names = {"Container": made, "EndpointConfig": {"Aliases": ["database"]}}
    answer = updater.api.ask("POST", f"/networks/{BACK}/connect", names)
    must(answer.refused("restricted"), f"another name on a network: {answer}")
    engine.cli(engine.address)("rm", "-f", "-v", made)


def changes(body: dict, folder: Path) -> list[tuple[str, dict]]:
    """The body with one change at a time."""
    host = body["HostConfig"]

    def of_host(**changed: object) -> dict:
        return {**body, "HostConfig": {**host, **changed}}

    return [
        ("another bind", of_host(Binds=[*host["Binds"], "/etc:/etc-of-host"])),
        ("its bind, elsewhere", of_host(Binds=[bind.replace(str(folder), "/") for bind in host["Binds"]])),
        ("another mount", of_host(Mounts=[{"Type": "bind", "Source": "/", "Target": "/root-of-host"}])),
        ("another volume", of_host(Mounts=[{"Type": "volume", "Source": "dockgate-other", "Target": "/other"}])),
        ("privileged", of_host(Privileged=True)),
        ("another capability", of_host(CapAdd=[*host["CapAdd"], "SYS_ADMIN"])),
        ("another device", of_host(Devices=[{"PathOnHost": "/dev/kmsg"}])),
        ("a namespace", of_host(PidMode="host")),
        ("a network of the host", of_host(NetworkMode="host")),
        ("another runtime", of_host(Runtime="io.containerd.runc.v2")),
        ("unmasked paths", of_host(MaskedPaths=[])),
        ("another port", of_host(PortBindings={"80/tcp": [{"HostIp": "", "HostPort": "2222"}]})),
        ("another restart policy", of_host(RestartPolicy={"Name": "always", "MaximumRetryCount": 0})),
        ("no limit", of_host(Memory=0, MemorySwap=0)),
        ("less of the host", {key: value for key, value in body.items() if key != "HostConfig"}),
        ("another command", {**body, "Cmd": ["sh", "-c", "cat /host/secret"]}),
        ("another entrypoint", {**body, "Entrypoint": ["sh"]}),
        ("another health check", {**body, "Healthcheck": {"Test": ["CMD-SHELL", "cat /host/secret"]}}),
        ("another variable", {**body, "Env": [*body["Env"], "LD_PRELOAD=/data/lib.so"]}),
        ("another user", {**body, "User": "1"}),
        ("another directory", {**body, "WorkingDir": "/host"}),
        ("another label", {**body, "Labels": {**body["Labels"], "traefik.enable": "true"}}),
        ("another repository", {**body, "Image": "dockgate-other:1"}),
        ("another registry", {**body, "Image": f"registry.example/{IMAGE}:1"}),
        ("an image by its id", {**body, "Image": "sha256:" + "0" * 64}),
        (
            "another network",
            {**body, "NetworkingConfig": {"EndpointsConfig": {"bridge": {}}}},
        ),
        (
            "another name on its network",
            {**body, "NetworkingConfig": {"EndpointsConfig": {FRONT: {"Aliases": ["database"]}}}},
        ),
    ]


def must_refuse_others(engine: Engine, folder: Path, api: Api) -> None:
    make(engine, folder)
    for method, path, body in [
        ("POST", f"/containers/{WEB}/exec", {"Cmd": ["cat", "/host/secret"]}),
        ("GET", f"/containers/{WEB}/archive?path=/host/secret", None),
        ("GET", f"/containers/{WEB}/export", None),
        ("POST", f"/containers/{WEB}/update", {"Memory": 0}),
        ("POST", f"/containers/{WEB}/attach?stream=1&stdin=1", None),
        ("POST", "/volumes/create", {"Name": "dockgate-other"}),
    ]:
        answer = api.ask(method, path, body)
        must(answer.refused("not_granted"), f"{method} {path}: {answer}")
    # Nothing was removed, so nothing can be replaced: not even an ordinary container can be created.
    answer = api.ask("POST", "/containers/create?name=dockgate-other", {"Image": "busybox"})
    must(answer.refused("restricted"), f"{answer}")


main()
