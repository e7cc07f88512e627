"""Requests of clients that the built-in policies of 0.1.0 refused, or allowed although the client does not need them.

Each case sends a client's requests one by one, as its source does, to an engine behind the policy that the case
names. A case that also passes with 0.1.0 is called "beside": it is the most similar request that must stay denied.

Runs on the main engine.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "engine"))

from api import Answer, Api
from cases import Cases, must, must_equal
from support import REPOSITORY, Engine, Gate, main_engine, scratch

BINARY = os.environ.get("DOCKGATE_BIN") or REPOSITORY / "target" / "release" / "dockgate"

JOB, STEP, OTHER = "dockgate-job", "dockgate-step", "dockgate-other"
VOLUME, SERVICE = "dockgate-volume", "dockgate-service"
NETWORKS = ("dockgate-jobs", "dockgate-others", "dockgate-net")
LOOP = ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"]


def main() -> None:
    cases, engine = Cases(), main_engine()
    direct = Api(engine.address)
    with cases.case("G13-what compose's list names lets each feature through"):
        compose_features()
    for group in (ofelia, backups, runners, gitlab, compose, testcontainers, dotnet, readers, swarms):
        try:
            group(cases, engine, direct)
        finally:
            tidy(engine)
    cases.finish()


@contextmanager
def behind(engine: Engine, policy: str):
    """The API behind a policy; everything that was created there or for it is deleted afterwards."""
    with Gate(engine.address, policy) as gate:
        try:
            yield Api(gate.host, "/v1.51")
        finally:
            tidy(engine)


def tidy(engine: Engine) -> None:
    """Removes the objects of a case, with requests: starting the CLI for it takes longer than most cases."""
    direct = Api(engine.address)
    for name in (STEP, JOB, OTHER):
        direct.ask("DELETE", f"/containers/{name}?force=1&v=1")
    for name in NETWORKS:
        direct.ask("DELETE", f"/networks/{name}")
    direct.ask("DELETE", f"/volumes/{VOLUME}")


# The reason for an object that a body names and that is not in the policy's scope.
UNKNOWN = "reference_not_found"


def denied(answer: Answer, reason: str = "not_granted") -> None:
    must(answer.refused(reason), f"not denied as {reason}: {answer}")


def missing(answer: Answer) -> None:
    """The engine's own answer for an object that does not exist: it is not in the policy's scope."""
    must(answer.status == 404 and not answer.reason, f"not missing: {answer}")


def run(api: Api, name: str, more: dict | None = None) -> str:
    made = api.done("POST", f"/containers/create?name={name}", {"Image": "busybox", "Cmd": LOOP, **(more or {})})
    api.done("POST", f"/containers/{name}/start")
    return made["Id"]


def execute(api: Api, container: str, *command: str) -> int:
    made = api.done(
        "POST", f"/containers/{container}/exec", {"AttachStdout": True, "AttachStderr": True, "Cmd": list(command)}
    )
    api.done("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": False})
    return api.get(f"/exec/{made['Id']}/json")["ExitCode"]


def filters(**values: str) -> str:
    return quote(json.dumps({key: {value: True} for key, value in values.items()}))


def ofelia(cases: Cases, engine: Engine, direct: Api) -> None:
    with cases.case("E-ofelia asks for the version before an exec with variables"), behind(engine, "ofelia") as api:
        api.get("/version")
        run(direct, JOB, {"Labels": {"ofelia.enabled": "true"}})
        must_equal("exit code", execute(api, JOB, "sh", "-c", "exit 3"), 3)
    with cases.case("cut: ofelia-run stops nothing"), behind(engine, "ofelia-run") as api:
        run(direct, OTHER)
        denied(api.ask("POST", f"/containers/{OTHER}/stop"))
    with cases.case("G15-ofelia finds the image of a job locally"), behind(engine, "ofelia-netresearch-run") as api:
        api.get("/images/busybox/json")
        must_equal("a missing image", api.ask("GET", "/images/dockgate-none/json").status, 404)
        denied(api.ask("GET", "/images/json"))
    with cases.case("G15-ofelia hears events by default"), behind(engine, "ofelia-netresearch") as api:
        api.get(f"/events?until=1&filters={filters(type='container', label='ofelia.enabled=true')}")
    with cases.case("G15-ofelia's services have their image"), behind(engine, "ofelia-netresearch-service") as api:
        pulled = api.ask("POST", "/images/create?fromImage=127.0.0.2:1/dockgate-none&tag=1")
        must(pulled.reason in (None, "restricted"), f"{pulled}")
        api.get("/images/busybox/json")
    with cases.case("G15-a job's network is one that create.networks names"), scratch() as folder:
        file = folder / "jobs.toml"
        file.write_text('extends = ["ofelia-netresearch-run"]\n[create]\nnetworks = ["@default", "dockgate-jobs"]\n')
        for name in NETWORKS[:2]:
            direct.done("POST", "/networks/create", {"Name": name})
        with Gate(engine.address, str(file)) as gate:
            api = Api(gate.host, "/v1.51")
            found = api.get(f"/networks?filters={filters(name='dockgate-jobs')}")[0]["Id"]
            api.get("/images/busybox/json")
            api.done("POST", f"/containers/create?name={JOB}", {"Image": "busybox", "Cmd": ["true"]})
            api.done("POST", f"/networks/{found}/connect", {"Container": JOB})
            denied(api.ask("POST", "/networks/dockgate-others/connect", {"Container": JOB}), "restricted")
            api.done("POST", f"/containers/{JOB}/start")
            must_equal("its end", api.done("POST", f"/containers/{JOB}/wait")["StatusCode"], 0)


def backups(cases: Cases, engine: Engine, direct: Api) -> None:
    for label in ("exec-pre", "exec-post"):
        with cases.case(f"G3-the deprecated label {label}"), behind(engine, "docker-volume-backup-exec") as api:
            run(direct, JOB, {"Labels": {f"docker-volume-backup.{label}": "exit 4"}})
            found = api.get(f"/containers/json?filters={filters(label=f'docker-volume-backup.{label}')}")
            must_equal("what is found", [each["Names"] for each in found], [[f"/{JOB}"]])
            must_equal("exit code", execute(api, found[0]["Id"], "/bin/sh", "-c", "exit 4"), 4)
    with cases.case("beside G3-a label that names no command"), behind(engine, "docker-volume-backup-exec") as api:
        run(direct, OTHER, {"Labels": {"docker-volume-backup.exec-label": "db"}})
        denied(api.ask("POST", f"/containers/{OTHER}/exec", {"Cmd": ["sh"]}), "restricted")


def runners(cases: Cases, engine: Engine, direct: Api) -> None:
    for policy in ("gitea-runner", "forgejo-runner", "ci-runner"):
        with cases.case(f"G11-{policy} joins a step to its job's container"), behind(engine, policy) as api:
            job = run(api, JOB)
            joins = [
                {"NetworkMode": f"container:{JOB}"},
                {"NetworkMode": f"container:{job}"},
                {"PidMode": f"container:{JOB}"},
                {"VolumesFrom": [JOB]},
            ]
            for join in joins:
                run(api, STEP, {"HostConfig": join})
                api.done("DELETE", f"/containers/{STEP}?force=1")
        with cases.case(f"beside G11-{policy} joins nobody else's container"), behind(engine, policy) as api:
            run(direct, OTHER)
            for join in ({"NetworkMode": f"container:{OTHER}"}, {"PidMode": f"container:{OTHER}"}):
                denied(api.ask("POST", "/containers/create", {"Image": "busybox", "HostConfig": join}), UNKNOWN)
        with cases.case(f"beside G11-{policy}: another took the job's name"), behind(engine, policy) as api:
            run(api, JOB)
            api.done("DELETE", f"/containers/{JOB}?force=1")
            run(direct, JOB)
            body = {"Image": "busybox", "HostConfig": {"NetworkMode": f"container:{JOB}"}}
            denied(api.ask("POST", "/containers/create", body), UNKNOWN)
    with cases.case("G11-ci-runner reads what a step has set"), behind(engine, "ci-runner") as api:
        run(api, JOB)
        must_equal("exit code", execute(api, JOB, "sh", "-c", "echo a=b > /tmp/set"), 0)
        must("a=b" in api.get(f"/containers/{JOB}/archive?path=/tmp/set"), "the file of the step")
    with cases.case("cut: gitea-runner lists no images"), behind(engine, "gitea-runner") as api:
        denied(api.ask("GET", "/images/json"))


def gitlab(cases: Cases, engine: Engine, direct: Api) -> None:
    with cases.case("G14-gitlab-runner ends the processes of a job"), behind(engine, "gitlab-runner") as api:
        run(api, JOB, {"Cmd": LOOP})
        made = api.done(
            "POST",
            f"/containers/{JOB}/exec",
            {"AttachStdout": True, "AttachStderr": True, "Cmd": ["sh", "-c", "kill -TERM 1"]},
        )
        api.done("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": False})
        must_equal("its end", api.done("POST", f"/containers/{JOB}/wait")["StatusCode"], 7)
    with cases.case("beside G14-gitlab-runner enters its own containers only"), behind(engine, "gitlab-runner") as api:
        run(direct, OTHER)
        run(api, JOB)
        body = {"AttachStdout": True, "Cmd": ["sh", "-c", "kill -TERM 1"]}
        missing(api.ask("POST", f"/containers/{OTHER}/exec", body))
        answer = api.ask("POST", f"/containers/{JOB}/exec", {"Privileged": True, **body})
        must(answer.status == 403 and answer.reason, f"not denied: {answer}")
    with cases.case("gitlab-runner takes its own containers off a network"), behind(engine, "gitlab-runner") as api:
        run(api, JOB)
        api.get("/networks/bridge")
        api.done("POST", "/networks/bridge/disconnect", {"Container": JOB, "Force": True})
    with cases.case("beside: gitlab-runner cannot take other containers off a network"), behind(engine, "gitlab-runner") as api:
        run(direct, OTHER)
        denied(api.ask("POST", "/networks/bridge/disconnect", {"Container": OTHER, "Force": True}), "not_found")


def compose(cases: Cases, engine: Engine, direct: Api) -> None:
    labels = {"com.docker.compose.project": "dockgate-shop", "com.docker.compose.service": "web"}
    with cases.case("G12-a terminal's size reaches its exec and its container"), behind(engine, "compose-exec") as api:
        run(api, JOB, {"Labels": labels, "Tty": True, "OpenStdin": True})
        made = api.done("POST", f"/containers/{JOB}/exec", {"Tty": True, "AttachStdin": True, "Cmd": LOOP})
        api.done("POST", f"/exec/{made['Id']}/start", {"Detach": True, "Tty": True})
        api.done("POST", f"/exec/{made['Id']}/resize?h=30&w=100")
        api.done("POST", f"/containers/{JOB}/resize?h=30&w=100")
    with cases.case("beside G12-compose exec enters projects only"), behind(engine, "compose-exec") as api:
        run(direct, OTHER)
        missing(api.ask("POST", f"/containers/{OTHER}/exec", {"Cmd": ["sh"]}))
    with cases.case("G12-compose stats reads figures"), behind(engine, "compose-stats") as api:
        run(api, JOB, {"Labels": labels})
        must(api.get(f"/containers/{JOB}/stats?stream=false&one-shot=true")["memory_stats"], "no figures")
        denied(api.ask("GET", f"/containers/{JOB}/logs?stdout=1"))
    with cases.case("G13-services join one another"), behind(engine, "compose") as api:
        web = run(api, JOB, {"Labels": labels})
        for join in (
            {"NetworkMode": f"container:{web}"},
            {"PidMode": f"container:{web}"},
            {"VolumesFrom": [web]},
            {"Links": [f"{JOB}:web"]},
        ):
            run(api, STEP, {"Labels": labels, "HostConfig": join})
            api.done("DELETE", f"/containers/{STEP}?force=1")
    with cases.case("G13-a pre_start hook is waited for"), behind(engine, "compose") as api:
        api.done("POST", f"/containers/create?name={STEP}", {"Image": "busybox", "Cmd": ["true"], "Labels": labels})
        api.done("POST", f"/containers/{STEP}/start")
        api.done("POST", f"/containers/{STEP}/wait")
    with cases.case("G13-an interface has a name"), behind(engine, "compose") as api:
        name = {"DriverOpts": {"com.docker.network.endpoint.ifname": "web0"}}
        run(api, STEP, {"Labels": labels, "NetworkingConfig": {"EndpointsConfig": {"bridge": name}}})
        must_equal("ip link", execute(direct, STEP, "ip", "link", "show", "web0"), 0)
    with cases.case("beside G13-a project shares nothing with others"), behind(engine, "compose") as api:
        run(direct, OTHER)
        for join in ({"NetworkMode": f"container:{OTHER}"}, {"VolumesFrom": [OTHER]}, {"Links": [f"{OTHER}:db"]}):
            body = {"Image": "busybox", "Labels": labels, "HostConfig": join}
            denied(api.ask("POST", "/containers/create", body), UNKNOWN)
    with cases.case("cut: compose asks neither for the engine nor for all images"), behind(engine, "compose") as api:
        denied(api.ask("GET", "/info"))
        denied(api.ask("GET", "/images/json"))


def container(**host: object) -> tuple[str, dict]:
    return "/containers/create", {"Image": "busybox", "HostConfig": host}


def on_network(**endpoint: object) -> tuple[str, dict]:
    networks = {"EndpointsConfig": {"bridge": endpoint}}
    return "/containers/create", {"Image": "busybox", "NetworkingConfig": networks}


def made(kind: str, **fields: object) -> tuple[str, dict]:
    return f"/{kind}/create", {"Name": "dockgate-made", **fields}


# What compose sends for each feature that its policy lists.
FEATURES = {
    "volumes: [/srv/data:/data]": container(Binds=["/srv/data:/data:rw"]),
    "secrets, configs with `file:`": container(Binds=["/srv/app/secret.txt:/run/secrets/it:ro"]),
    "networks: with `external: true`": container(NetworkMode="front"),
    "volumes: with `external: true`": container(Mounts=[{"Type": "volume", "Source": "data", "Target": "/data"}]),
    "ipv4_address, mac_address": on_network(IPAMConfig={"IPv4Address": "10.9.0.9"}),
    "ipam: with `subnet:`": made("networks", IPAM={"Config": [{"Subnet": "10.9.0.0/24"}]}),
    "driver, driver_opts of a network": made("networks", Driver="macvlan", Options={"parent": "eth0"}),
    "driver, driver_opts of a volume": made(
        "volumes", Driver="local", DriverOpts={"type": "nfs", "o": "addr=nas", "device": ":/data"}
    ),
    "volumes_from: [container:web]": container(VolumesFrom=["web"]),
    "network_mode, pid, ipc: host": container(NetworkMode="host", PidMode="host", IpcMode="host"),
    "cap_add": container(CapAdd=["NET_ADMIN"]),
    "devices": container(Devices=[{"PathOnHost": "/dev/ttyUSB0", "CgroupPermissions": "rwm"}]),
    "gpus, deploy: with devices": container(DeviceRequests=[{"Count": -1, "Capabilities": [["gpu"]]}]),
    "group_add": container(GroupAdd=["video"]),
    "sysctls": container(Sysctls={"net.core.somaxconn": "1024"}),
    "security_opt": container(SecurityOpt=["apparmor=unconfined"]),
    "tmpfs: with `exec`": container(Tmpfs={"/tmp": "exec"}),
    "logging: with another driver": container(LogConfig={"Type": "syslog", "Config": {"tag": "web"}}),
    "runtime": container(Runtime="runsc"),
    "oom_score_adj below 0": container(OomScoreAdj=-5),
    "privileged": container(Privileged=True),
    "annotations": container(Annotations={"com.example.owner": "1"}),
    "cgroup_parent": container(CgroupParent="/shop"),
}


def compose_features() -> None:
    """Denied under `compose`, and allowed with exactly what the list says."""
    text = (REPOSITORY / "policies" / "compose.toml").read_text()
    listed = dict(re.findall(r"^#   (.*?)  +(\S.*)$", text, re.MULTILINE))
    keys = {feature: key for feature, key in listed.items() if not key.startswith("the policy ")}
    must_equal("the features", sorted(keys), sorted(FEATURES))
    with scratch() as folder:
        file, body = folder / "shop.toml", folder / "body.json"
        for feature, (path, fields) in FEATURES.items():
            body.write_text(json.dumps(fields))
            key, _, see = keys[feature].split(";")[0].split(": root")[0].partition(" with see = ")
            key, _, block = key.partition(" in ")
            block = block or "[create]"
            scope = f'[scope]\nobjects = ["@own"]\nsee = {see}\n' if see else ""
            file.write_text('extends = ["compose"]\n' + block + "\n" + key.replace("], ", "]\n") + "\n" + scope)
            without, given = explain("compose", path, body), explain(file, path, body)
            # If `explain` cannot look up a volume, it assumes a new one. An example has an existing one.
            must(without.startswith("deny: ") or "is new" in without, f"{feature} under compose: {without}")
            must(given.startswith("allow: "), f"{feature} with {keys[feature]}: {given}")


def explain(policy: object, path: str, body: Path) -> str:
    command = [BINARY, "explain", "--policy", policy, "POST", f"/v1.51{path}", "--body", body]
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def testcontainers(cases: Cases, engine: Engine, direct: Api) -> None:
    with cases.case("G16-RemoveVolumes takes the volume of a test"), behind(engine, "testcontainers-go-volumes") as api:
        mount = {"Type": "volume", "Source": VOLUME, "Target": "/data"}
        run(api, JOB, {"HostConfig": {"Mounts": [mount]}})
        api.done("DELETE", f"/containers/{JOB}?force=1&v=1")
        api.done("DELETE", f"/volumes/{VOLUME}?force=1")
        must_equal("the volume", direct.ask("GET", f"/volumes/{VOLUME}").status, 404)
    with cases.case("beside G16-no volume goes without that policy"), behind(engine, "testcontainers-go") as api:
        direct.done("POST", "/volumes/create", {"Name": VOLUME})
        denied(api.ask("DELETE", f"/volumes/{VOLUME}?force=1"))


def dotnet(cases: Cases, engine: Engine, direct: Api) -> None:
    with cases.case("a test of Testcontainers for .NET"), behind(engine, "testcontainers-dotnet") as api:
        for path in ("/_ping", "/info", "/version", "/images/busybox/json"):
            api.get(path)
        network = api.done("POST", "/networks/create", {"Name": "dockgate-net", "Driver": "bridge"})["Id"]
        api.get(f"/networks/{network}")
        api.done("POST", "/volumes/create", {"Name": VOLUME, "Labels": {"org.testcontainers": "true"}})
        api.get(f"/volumes/{VOLUME}")
        mount = {"Type": "volume", "Source": VOLUME, "Target": "/data"}
        run(api, JOB, {"Labels": {"org.testcontainers": "true"}, "HostConfig": {"Mounts": [mount]}})
        api.done("POST", f"/networks/{network}/connect", {"Container": JOB})
        must_equal("exit code", execute(api, JOB, "true"), 0)
        for action in ("pause", "unpause", "stop?t=1", "wait"):
            api.done("POST", f"/containers/{JOB}/{action}")
        api.done("DELETE", f"/containers/{JOB}?v=true&force=true")
        api.done("DELETE", f"/networks/{network}")
        denied(api.ask("DELETE", f"/volumes/{VOLUME}"))


def readers(cases: Cases, engine: Engine, direct: Api) -> None:
    run(direct, OTHER)
    for policy, granted, cut in (
        ("caddy-docker-proxy-ingress", "/networks", [f"/containers/{OTHER}/json", "/networks/bridge"]),
        ("diun-swarm", "/version", ["/containers/json", "/images/busybox/json"]),
    ):
        with cases.case(f"cut: {policy} asks for less than the policy without a swarm"):
            with Gate(engine.address, policy) as gate:
                api = Api(gate.host, "/v1.51")
                api.get(granted)
                for path in cut:
                    denied(api.ask("GET", path))
    with cases.case("cut: sablier-pause pauses, and does not stop"), Gate(engine.address, "sablier-pause") as gate:
        api = Api(gate.host, "/v1.51")
        api.done("POST", f"/containers/{OTHER}/pause")
        api.done("POST", f"/containers/{OTHER}/unpause")
        denied(api.ask("POST", f"/containers/{OTHER}/stop"))
        denied(api.ask("POST", f"/containers/{OTHER}/wait"))


def swarms(cases: Cases, engine: Engine, direct: Api) -> None:
    cli = engine.cli(engine.address)
    cli("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377")
    try:
        cli("service", "create", "--detach", "--name", SERVICE, "--replicas", "0", "busybox", *LOOP)
        both = "docker-volume-backup-manager,docker-volume-backup-stop"
        with cases.case("G4-a backup on a manager whose services run on"), behind(engine, both) as api:
            run(direct, JOB, {"Labels": {"docker-volume-backup.stop-during-backup": "true"}})
            api.get("/info")
            api.get("/containers/json")
            must_equal("services", [each["Spec"]["Name"] for each in api.get("/services?status=true")], [SERVICE])
            api.done("POST", f"/containers/{JOB}/stop?t=1")
            api.done("POST", f"/containers/{JOB}/start")
        service = direct.get(f"/services/{SERVICE}")
        update = f"/services/{service['ID']}/update?version={service['Version']['Index']}"
        with cases.case("G4-which scales no service"), behind(engine, both) as api:
            denied(api.ask("POST", update, service["Spec"]))
        with cases.case("G8-swarm-cronjob's query-registry"), behind(engine, "swarm-cronjob-registry") as api:
            answer = api.ask("GET", "/distribution/dockgate-none:1/json")
            must(answer.reason is None, f"not the engine's own answer: {answer}")
        with cases.case("beside G8-without the label nothing asks a registry"), behind(engine, "swarm-cronjob") as api:
            denied(api.ask("GET", "/distribution/busybox/json"))
        with cases.case("cut: swarm-cronjob lists services and inspects none"), behind(engine, "swarm-cronjob") as api:
            api.get("/services")
            denied(api.ask("GET", f"/services/{SERVICE}"))
    finally:
        cli("swarm", "leave", "--force")


main()
