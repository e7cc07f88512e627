"""The example files: compose and Swarm accept them, they are as hardened as their comments say, and their services
start.

Clients are stand-ins: none of their images can be pulled.

Runs on the main engine.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import standins
from cases import Cases, Failure, eventually, must, must_equal
from commands import Docker, Run, run_well
from standins import PLAIN
from support import REPOSITORY, main_engine, scratch

EXAMPLES = ["compose.example.yaml"]
EXAMPLES += sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("examples/*/compose.yaml"))
CLIENTS = "examples/clients/compose.yaml"
REDACTION = "examples/redaction/compose.yaml"
STACKS = sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("examples/swarm/*.yaml"))
POLICIES = sorted(REPOSITORY.glob("examples/**/policy.toml"))

# What a user must set, because no one else can.
SETTINGS = {
    "WOODPECKER_SERVER": "ci.example.com:9000",
    "WOODPECKER_AGENT_SECRET": "secret",
    "XDG_RUNTIME_DIR": "/run/user/1000",
}
SOCKETS = ("docker.sock", "podman.sock")
# Where a private engine has its own.
OWN_SOCKET = "/mnt/docker.sock"

# Stopping them should not take time.
CLIENT = """
FROM busybox:latest
STOPSIGNAL SIGKILL
COPY client.sh /client.sh
ENV LISTS={lists}
ENTRYPOINT ["sh", "/client.sh"]
"""
# What stand-ins get with the policies in the examples.
REFUSED = {"/containers/create": 403, "/containers/web/exec": 403, "/containers/web/archive?path=/etc": 403}
FOR_TRAEFIK = {"/version": 200, "/containers/json": 200, "/info": 403} | REFUSED
FOR_WATCHTOWER = {"/version": 403, "/containers/json": 200, "/info": 200} | REFUSED
IDLE = """
FROM busybox:latest
STOPSIGNAL SIGKILL
ENTRYPOINT ["sleep", "86400"]
"""


class Compose:
    """`docker compose` for one file, copied to where the engine sees the files next to it."""

    def __init__(self, docker: Docker, file: Path, name: str) -> None:
        self.docker = docker
        self.name = name
        self.file = file
        self.run("config", "--quiet")
        self.project = json.loads(self.run("config", "--format", "json").out)

    def run(self, *words: object, env: dict | None = None) -> Run:
        command = ("compose", "--ansi", "never", "--progress", "quiet", "--project-name", self.name, "--file", self.file)
        return self.docker(*command, *words, env=SETTINGS | (env or {}))

    def with_the_engines_own_socket(self) -> Compose:
        """The same, with the differences of a private engine."""
        for service in self.project["services"].values():
            for volume in sockets_of(service):
                volume["source"] = OWN_SOCKET
        file = self.file.with_name(f"{self.name}.json")
        file.write_text(json.dumps(self.project))
        return Compose(self.docker, file, self.name)


def sockets_of(service: dict) -> list[dict]:
    return [volume for volume in service.get("volumes", []) if volume["source"].endswith(SOCKETS)]


def must_be_hardened(project: dict, swarm: bool) -> None:
    services = project["services"]
    must_equal("services with the socket", [name for name in services if sockets_of(services[name])], ["dockgate"])
    gate = services["dockgate"]
    must_equal("image", gate["image"], PLAIN)
    must_equal("ports", gate.get("ports"), None)
    must_equal("read_only", gate.get("read_only"), True)
    must_equal("cap_add", gate["cap_add"], ["SETGID", "SETUID", "SETPCAP"])
    for name in gate.get("networks") or ():
        must(project["networks"][name].get("internal"), f"the network {name} of dockgate is not internal")
    must(gate.get("networks") or gate.get("network_mode") == "none", "dockgate is on the default network")
    limits = gate["deploy"]["resources"]["limits"]
    must(limits.keys() >= {"cpus", "memory", "pids"}, f"limits of dockgate: {limits}")
    for name, service in services.items():
        must(not service.get("privileged"), f"{name} is privileged")
        must_equal(f"log options of {name}", service["logging"]["options"].keys(), {"max-size", "max-file"})
        if swarm:  # which has neither of the following
            continue
        must("no-new-privileges:true" in service["security_opt"], f"{name} may gain privileges")
        if name not in ("dockgate", "demo"):
            must_equal(f"what {name} waits for", service["depends_on"]["dockgate"]["condition"], "service_healthy")


def copied(folder: Path) -> None:
    """Everything under its path in the repository, where engines see it."""
    shutil.copy(REPOSITORY / "compose.example.yaml", folder)
    shutil.copytree(REPOSITORY / "examples", folder / "examples")


def checks(cases: Cases, docker: Docker, folder: Path) -> dict[str, Compose]:
    """Checks every file with its own tool; returns those for compose."""
    projects = {}
    for number, name in enumerate(EXAMPLES):
        with cases.case(f"{name}: config"):
            compose = projects[name] = Compose(docker, folder / name, f"dockgate-example-{number}")
            must_be_hardened(compose.project, swarm=False)
            other = json.loads(compose.run("config", "--format", "json", env={"DOCKGATE_TAG": "9"}).out)
            must_equal("image by DOCKGATE_TAG", other["services"]["dockgate"]["image"], "dockgate:9")
    for name in STACKS:
        with cases.case(f"{name}: config"):
            docker("stack", "config", "--compose-file", folder / name)
            must_be_hardened(Compose(docker, folder / name, "dockgate-stack").project, swarm=True)
    binary = os.environ.get("DOCKGATE_BIN") or REPOSITORY / "target" / "release" / "dockgate"
    with cases.case("policies of the examples"):
        run_well(binary, "check", *POLICIES)
    return projects


def make_clients(docker: Docker, folder: Path) -> None:
    """Images under the names of those that the examples run."""
    shutil.copy(Path(__file__).with_name("client.sh"), folder)
    for image, dockerfile in (
        ("traefik:v3.6", CLIENT.format(lists="/containers/json")),
        ("nickfedor/watchtower:latest", CLIENT.format(lists="/containers/json")),
        ("amir20/dozzle:v8", IDLE),
        ("gethomepage/homepage:v1", IDLE),
        ("traefik/whoami:v1.11", IDLE.replace('"sleep", "86400"', '"sh", "-c", "exec sleep 86400"')),
    ):
        (folder / "Dockerfile").write_text(dockerfile)
        docker("build", "--tag", image, folder)


def the_main_one_works(docker: Docker, compose: Compose) -> None:
    """compose.example.yaml, all of it."""
    compose = compose.with_the_engines_own_socket()
    compose.run("up", "--detach", "--wait")
    try:
        must_be_shut_off(docker, compose)
        must_equal("what the client got", first_round(compose, "traefik"), FOR_TRAEFIK)
    except Failure:
        print(compose.run("logs").out, flush=True)
        raise
    finally:
        compose.run("down", "--volumes", "--timeout", "1")


def each_client_has_its_own_rights(docker: Docker, compose: Compose) -> None:
    """examples/clients: each gets what its own policy allows, and nothing that only the other's does."""
    compose = compose.with_the_engines_own_socket()
    compose.run("up", "--detach", "--wait")
    try:
        for client, got in (("traefik", FOR_TRAEFIK), ("watchtower", FOR_WATCHTOWER)):
            must_equal(f"what {client} got", first_round(compose, client), got)
            must_be_on_record(compose, client, got)
        must_have_no_way_to_the_other_side(docker, compose)
    except Failure:
        print(compose.run("logs").out, flush=True)
        raise
    finally:
        compose.run("down", "--volumes", "--timeout", "1")


def secrets_are_hidden(docker: Docker, compose: Compose) -> None:
    """examples/redaction: the client sees the demo container without the secrets that the engine shows."""
    compose = compose.with_the_engines_own_socket()
    compose.run("up", "--detach", "--wait")
    try:
        demo = compose.run("ps", "--quiet", "demo").out.strip()
        client = compose.run("ps", "--quiet", "homepage").out.strip()
        shown = docker("inspect", demo).out
        must("DB_PASSWORD=hunter2" in shown, "the engine does not show the secret")
        ask = ("exec", client, "wget", "-q", "-O", "-", f"http://dockgate:2375/containers/{demo}/json")
        got = json.loads(docker(*ask).out)
        must("hunter2" not in json.dumps(got), f"the client sees a secret: {got}")
        must_equal("variables", got["Config"]["Env"][:2], ["DB_PASSWORD=dockgate:redacted", "PUBLIC_NAME=demo"])
        labels = got["Config"]["Labels"]
        must_equal("labels", (labels["secret.key"], labels["public"]), ("dockgate:redacted", "1"))
    except Failure:
        print(compose.run("logs").out, flush=True)
        raise
    finally:
        compose.run("down", "--volumes", "--timeout", "1")


def must_be_on_record(compose: Compose, client: str, got: dict[str, int]) -> None:
    """The verdicts that a client got, under its name. The health check's requests are not on record."""
    records = records_of(compose)
    must_equal("clients", {record["client"].get("name") for record in records}, {"traefik", "watchtower"})
    own = [record for record in records if record["client"]["name"] == client]
    must_equal(f"how {client} is known", {record["client"]["by"] for record in own}, {"network"})
    denied = {record["path"].removeprefix("/v1.41") for record in own if record["verdict"] == "deny"}
    must_equal(f"denied to {client}", denied, {path.split("?")[0] for path, status in got.items() if status == 403})


def records_of(compose: Compose) -> list[dict]:
    lines = compose.run("logs", "--no-log-prefix", "dockgate").out.replace("\x1b[2K", "").split("\n")
    records = [json.loads(line) for line in lines if line.startswith("{")]
    return [record for record in records if record["event"] == "request"]


def must_have_no_way_to_the_other_side(docker: Docker, compose: Compose) -> None:
    """A client reaches Dockgate on its own network only."""
    gate = json.loads(docker("inspect", compose.run("ps", "--quiet", "dockgate").out.strip()).out)[0]
    networks = gate["NetworkSettings"]["Networks"]
    must_equal("networks of dockgate", networks.keys(), {"traefik-docker", "watchtower-docker"})
    for client in ("traefik", "watchtower"):
        container = compose.run("ps", "--quiet", client).out.strip()
        for network, endpoint in networks.items():
            ping = ("timeout", "3", "wget", "-q", "-O", "-", f"http://{endpoint['IPAddress']}:2375/_ping")
            want = "OK" if network == f"{client}-docker" else ""
            must_equal(f"ping of {client} on {network}", docker.may_fail("exec", container, *ping).out, want)


def first_round(compose: Compose, client: str) -> dict[str, int]:
    return eventually(
        f"the requests of {client}", lambda: answers(compose.run("logs", "--no-log-prefix", client).out)
    )


def answers(log: str) -> dict[str, int]:
    """The answers that the stand-in got in its first round, after that is over."""
    lines = log.replace("\x1b[2K", "").split("\n")  # compose erases each line before it writes it
    if "asked" not in lines:
        return {}
    return {path: int(status or 0) for path, _, status in (line.partition(" ") for line in lines[: lines.index("asked")])}


def must_be_shut_off(docker: Docker, compose: Compose) -> None:
    """The socket is in one container only, and only its client reaches that one."""
    found = {}
    for container in compose.run("ps", "--quiet").out.split():
        inspected = json.loads(docker("inspect", container).out)[0]
        found[inspected["Config"]["Labels"]["com.docker.compose.service"]] = inspected
    must_equal("services", found.keys(), {"dockgate", "traefik", "demo"})
    mounts = {name: [mount["Destination"] for mount in each["Mounts"]] for name, each in found.items()}
    must_equal("mounts", mounts, {"dockgate": ["/var/run/docker.sock"], "traefik": [], "demo": []})
    gate = found["dockgate"]
    must_equal("health", gate["State"]["Health"]["Status"], "healthy")
    must_equal("published ports", [port for port in gate["NetworkSettings"]["Ports"].values() if port], [])
    (network,) = gate["NetworkSettings"]["Networks"]
    must_equal("internal", docker("network", "inspect", "--format", "{{.Internal}}", network).out, "true\n")
    members = [name for name, each in found.items() if network in each["NetworkSettings"]["Networks"]]
    must_equal("on Dockgate's network", sorted(members), ["dockgate", "traefik"])
    address = gate["NetworkSettings"]["Networks"][network]["IPAddress"]
    ping = ("timeout", "3", "wget", "-q", "-O", "-", f"http://{address}:2375/_ping")
    must_equal("ping of traefik", docker("exec", found["traefik"]["Id"], *ping).out, "OK")
    must_equal("ping of demo", docker.may_fail("exec", found["demo"]["Id"], *ping).out, "")


def dockgate_turns_healthy(cases: Cases, compose: Compose, name: str) -> None:
    """The only service of an example that needs no third-party image."""
    with cases.case(f"{name}: dockgate turns healthy"):
        compose = compose.with_the_engines_own_socket()
        try:
            compose.run("up", "--detach", "--wait", "dockgate")
            if "dockgate" in compose.project.get("volumes", {}):
                must_reach_the_socket_in_the_volume(compose)
        except Failure as failure:
            raise Failure(f"{failure}: {compose.run('logs').out}") from None
        finally:
            compose.run("down", "--volumes", "--timeout", "1")


def must_reach_the_socket_in_the_volume(compose: Compose) -> None:
    """A client that is root without capabilities, as in the example, may connect; Dockgate's own health check is such
    a client."""
    volume = compose.project["volumes"]["dockgate"]["name"]
    listen = compose.project["services"]["dockgate"]["environment"]["DOCKGATE_LISTEN"]
    options = ("--rm", "--network", "none", "--cap-drop", "ALL", "--env", f"DOCKGATE_LISTEN={listen}")
    mounts = ("--volume", f"{volume}:/run/dockgate", "--volume", f"{OWN_SOCKET}:/var/run/docker.sock")
    must_equal("health", compose.docker("run", *options, *mounts, PLAIN, "healthcheck").out, "healthy\n")


def stacks_run(docker: Docker, folder: Path) -> None:
    """Both stacks on a swarm of one node."""
    docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    try:
        for name in STACKS:
            file = folder / name
            file.write_text(file.read_text().replace("/var/run/docker.sock:", f"{OWN_SOCKET}:", 1))
            stack = f"dockgate-{file.stem}"
            docker("stack", "deploy", "--detach=true", "--resolve-image", "never", "--compose-file", file, stack)
        # A task runs when its container is healthy.
        running = ["dockgate-dozzle_dockgate 1/1", "dockgate-dozzle_dozzle 1/1"]
        running += ["dockgate-traefik_dockgate 1/1", "dockgate-traefik_traefik 1/1"]
        listing = ("service", "ls", "--format", "{{.Name}} {{.Replicas}}")
        try:
            eventually("all services to run", lambda: sorted(docker(*listing).out.split("\n")[:-1]) == running, 60)
        except Failure as late:
            tasks = docker("service", "ps", "--no-trunc", *(line.split()[0] for line in running)).out
            raise Failure(f"{late}\n{tasks}") from None
        for name in STACKS:
            stack = f"dockgate-{(folder / name).stem}"
            # A network is kept as long as a task that is on its way out uses it.
            eventually(f"{stack} to be removed", lambda stack=stack: docker.may_fail("stack", "rm", stack).code == 0)
        # Leaving the swarm earlier would leave networks behind that no command removes.
        left = ("network", "ls", "--quiet", "--filter", "scope=swarm", "--filter", "name=dockgate-")
        eventually("the stacks to be gone", lambda: not docker(*left).out)
    finally:
        docker("swarm", "leave", "--force")
        docker("network", "rm", "docker_gwbridge")


def main() -> None:
    cases = Cases()
    engine = main_engine()
    docker = engine.cli(engine.address)
    engine.clean_up()
    with cases.case("images"), scratch() as folder:
        standins.build(docker)
        make_clients(docker, folder)
    with scratch() as folder:
        copied(folder)
        projects = checks(cases, docker, folder)
        with cases.case("compose.example.yaml: its client gets only what is allowed"):
            the_main_one_works(docker, projects.pop(EXAMPLES[0]))
        with cases.case(f"{CLIENTS}: each client gets what its own policy allows"):
            each_client_has_its_own_rights(docker, projects.pop(CLIENTS))
        with cases.case(f"{REDACTION}: the client sees no secret"):
            secrets_are_hidden(docker, projects.pop(REDACTION))
        threads = [
            threading.Thread(target=dockgate_turns_healthy, args=(cases, compose, name))
            for name, compose in projects.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with cases.case("the stacks run"):
            stacks_run(docker, folder)
    engine.clean_up()
    cases.finish()


main()
