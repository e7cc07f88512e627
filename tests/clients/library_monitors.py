"""Jobs of programs that watch an engine: the real programs, each in its smallest setup."""

from __future__ import annotations

import ast
import json
import os
import shutil
import socket
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from api import Api
from cases import Failure, eventually, must, must_equal
from commands import client_environment, run_well
from library_proof import LOOP, WEB, Place

CLIENTS = Path(os.environ.get("DOCKGATE_TEST_CACHE", "/var/cache/dockgate-tests")) / "clients"

# Lines that keep coming.
TALK = ("sh", "-c", "trap 'exit 0' TERM; while :; do echo a line for the log; sleep 0.1; done")


@contextmanager
def service(folder: Path, *command: object, host: str | None = None):
    """A program that runs until the block ends; a failure shows its output."""
    log = folder / "log"
    with open(log, "wb") as file:
        words = [str(word) for word in command]
        process = subprocess.Popen(words, env=client_environment(host), stdout=file, stderr=file)
    try:
        yield
    except Failure as failure:
        raise Failure(f"{failure}; {words[0]} says {log.read_text(errors='replace')[-2000:]}") from None
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def read(address: str) -> str:
    """The answer of one of these programs; None while it starts."""
    try:
        with urllib.request.urlopen(f"http://{address}", timeout=5) as reply:
            return reply.read().decode()
    except OSError:
        return ""


def glances(place: Place) -> str:
    place.direct("run", "-d", "--name", WEB, "busybox", *LOOP)
    command = ("glances", "-C", "/dev/null", "--enable-plugin", "containers", "--stdout", "containers")
    done = run_well(*command, "--time", "1", "--stop-after", "3", host=place.host, env={"TMPDIR": place.folder})
    shown = [line.removeprefix("containers: ") for line in done.out.splitlines() if line.startswith("containers: ")]
    must(shown, f"Glances shows nothing: {done.out} {done.err}")
    [container] = ast.literal_eval(shown[-1])
    must_equal("name and status", (container["name"], container["status"]), (WEB, "running"))
    must(container["memory_usage"] > 0, f"no figures: {container}")
    must("busybox:latest" in container["image"][0].split(","), f"{container['image']}")
    return f"the container, its image, {container['memory_usage']} bytes of memory"


@contextmanager
def prometheus(place: Place, configuration: str):
    """Prometheus, which answers at the given address."""
    settings, address = place.folder / "prometheus.yml", f"127.0.0.1:{free_port()}"
    settings.write_text(f"scrape_configs:\n{configuration}")
    storage = f"--storage.tsdb.path={place.folder}/data"
    with service(place.folder, "prometheus", f"--config.file={settings}", storage, f"--web.listen-address={address}"):
        yield address


def targets(address: str, job: str) -> list[dict]:
    """The targets that Prometheus has found for a job."""
    text = read(f"{address}/api/v1/targets")
    found = json.loads(text)["data"]["activeTargets"] if text else []
    return [target["discoveredLabels"] for target in found if target["scrapePool"] == job]


def prometheus_containers(place: Place) -> str:
    place.direct("run", "-d", "--name", WEB, "--expose", "9100", "busybox", *LOOP)
    settings = f"""
  - job_name: containers
    docker_sd_configs: [{{host: "{place.host}", refresh_interval: 1s}}]
"""
    with prometheus(place, settings) as address:
        [found] = eventually("a target", lambda: targets(address, "containers"))
    must_equal("name", found["__meta_docker_container_name"], f"/{WEB}")
    must_equal("network", found["__meta_docker_network_name"], "bridge")
    return f"the target {found['__address__']} on the network bridge"


def prometheus_swarm(place: Place) -> str:
    jobs = "".join(
        f"""
  - job_name: {role}
    dockerswarm_sd_configs: [{{host: "{place.host}", role: {role}, refresh_interval: 1s}}]
"""
        for role in ("nodes", "services", "tasks")
    )
    with swarm(place), prometheus(place, jobs) as address:
        found = {
            role: eventually(role, lambda role=role: targets(address, role)) for role in ("nodes", "services", "tasks")
        }
    must_equal("role of the node", found["nodes"][0]["__meta_dockerswarm_node_role"], "manager")
    for role in ("services", "tasks"):
        must_equal(f"service of the role {role}", found[role][0]["__meta_dockerswarm_service_name"], WEB)
        networks = {each.get("__meta_dockerswarm_network_name") for each in found[role]}
        must(f"{WEB}-net" in networks, f"networks of the role {role}: {networks}")
    return "the manager as a node, the service, its task, and their network"


@contextmanager
def swarm(place: Place):
    """The engine as a swarm of one node with one service, on a network of the swarm; it leaves the swarm at the end."""
    direct = place.direct
    direct("swarm", "init", "--advertise-addr", "127.0.0.1")
    try:
        direct("network", "create", "--driver", "overlay", f"{WEB}-net")
        words = ("--detach", "--no-resolve-image", "--network", f"{WEB}-net", "--publish", "mode=host,target=9100")
        direct("service", "create", "--name", WEB, *words, "busybox", *LOOP)
        states = ("service", "ps", "--format", "{{.CurrentState}}", WEB)
        eventually("the task", lambda: direct(*states).out.startswith("Running"))
        yield
    finally:
        direct.may_fail("service", "rm", WEB)
        eventually("the network's end", lambda: direct.may_fail("network", "rm", f"{WEB}-net").code == 0)
        direct("swarm", "leave", "--force")
        # Both exist for a moment longer than the swarm.
        networks = ("network", "ls", "--format", "{{.Name}}")
        eventually("the overlay's end", lambda: f"{WEB}-net" not in direct(*networks).out)
        eventually("the bridge's end", lambda: direct.may_fail("network", "rm", "docker_gwbridge").code == 0)


CROWDSEC = """
common: {{daemonize: false, log_media: stdout, log_level: info, working_dir: .}}
config_paths:
  config_dir: {folder}/
  data_dir: {folder}/data/
  simulation_path: {folder}/simulation.yaml
  hub_dir: {hub}/
  index_path: {hub}/.index.json
crowdsec_service: {{acquisition_path: {folder}/acquis.yaml, parser_routines: 1}}
cscli: {{output: human}}
db_config: {{type: sqlite, db_path: {folder}/data/crowdsec.db, use_wal: false}}
api:
  client: {{credentials_path: {folder}/client.yaml}}
  server: {{listen_uri: "127.0.0.1:{api}", profiles_path: {folder}/profiles.yaml}}
prometheus: {{enabled: true, level: full, listen_addr: 127.0.0.1, listen_port: {metrics}}}
"""

ACQUISITION = """
source: docker
docker_host: {host}
container_name: [{name}]
check_interval: 1s
labels: {{type: syslog}}
"""


def crowdsec(place: Place) -> str:
    place.direct("run", "-d", "--name", WEB, "busybox", *TALK)
    folder, metrics = place.folder, free_port()
    settings = folder / "config.yaml"
    hub = CLIENTS / "usr/share/crowdsec/hub"
    settings.write_text(CROWDSEC.format(folder=folder, hub=hub, api=free_port(), metrics=metrics))
    (folder / "acquis.yaml").write_text(ACQUISITION.format(host=place.host, name=WEB))
    shutil.copytree(CLIENTS / "etc/crowdsec", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.yaml"))
    for name in ("simulation.yaml", "profiles.yaml"):
        shutil.copy(CLIENTS / "etc/crowdsec" / name, folder)
    (folder / "data").mkdir()
    (folder / "client.yaml").touch()
    words = ("machines", "add", "test", "--password", "test", "--file", folder / "client.yaml")
    run_well(CLIENTS / "usr/bin/cscli", "--config", settings, *words)
    count = f'cs_dockersource_hits_total{{source="{WEB}"}} '

    def lines_read() -> list[str]:
        answer = read(f"127.0.0.1:{metrics}/metrics")
        return [line.removeprefix(count) for line in answer.splitlines() if line.startswith(count)]

    with service(folder, CLIENTS / "usr/bin/crowdsec", "-c", settings):
        [number] = eventually("lines of the log", lines_read)
    return f"{number} lines of the container's log read"


def zabbix(place: Place) -> str:
    """Each key in a test run of the agent; it can only use a socket file."""
    place.direct("run", "-d", "--name", WEB, "busybox", *LOOP)

    def value(key: str) -> str:
        settings = place.folder / f"{key.split('[')[0]}.conf"
        own = f"ControlSocket={settings}.sock\nPlugins.Docker.Endpoint={place.host}\n"
        settings.write_text(f"Hostname=test\nServer=127.0.0.1\nLogType=console\n{own}")
        said = run_well(CLIENTS / "usr/sbin/zabbix_agent2", "-c", settings, "-t", key).out
        must("[s|" in said, f"{key}: {said}")
        return said.split("[s|", 1)[1].rstrip()[:-1]

    of_web = [f"docker.{what}[/{WEB}]" for what in ("container_info", "container_stats")]
    keys = ["docker.ping", "docker.info", "docker.containers.discovery", "docker.images", "docker.data_usage", *of_web]
    # Each run takes a second.
    with ThreadPoolExecutor(len(keys)) as pool:
        values = dict(zip(keys, pool.map(value, keys), strict=True))
    must_equal("docker.ping", values["docker.ping"], "1")
    must_equal("discovery", json.loads(values["docker.containers.discovery"])[0]["{#NAME}"], f"/{WEB}")
    must_equal("info", json.loads(values["docker.info"])["ContainersRunning"], 1)
    must("busybox:latest" in values["docker.images"], values["docker.images"])
    must(json.loads(values["docker.data_usage"])["LayersSize"] > 0, values["docker.data_usage"])
    must_equal("container", json.loads(values[of_web[0]])["State"]["Running"], True)
    must(json.loads(values[of_web[1]])["memory_stats"]["usage"] > 0, values[of_web[1]])
    return f"values for {len(keys)} keys, the container discovered"


# The requests of Netdata's collector in Go, in its order. Debian has no package of it.
COLLECTOR = ["/info", "/images/json"] + [
    f"/containers/json?filters=%7B%22health%22%3A%7B%22{health}%22%3Atrue%7D%7D"
    for health in ("healthy", "unhealthy", "none", "starting")
]


def netdata(place: Place) -> str:
    # Without any variable its script finds no name.
    place.direct("run", "-d", "--name", WEB, "--env", "A=b", "busybox", *LOOP)
    container = place.direct("inspect", "--format", "{{.Id}}", WEB).out.strip()
    # It prefers a docker CLI, if there is one.
    programs = place.folder / "bin"
    programs.mkdir()
    for name in ("basename", "curl", "date", "grep", "jq", "logger", "ps", "sed", "tr"):
        (programs / name).symlink_to(shutil.which(name))
    script = CLIENTS / "usr/lib/netdata/plugins.d/cgroup-name.sh"
    environment = {"PATH": str(programs), "DOCKER_HOST": place.host.removeprefix("tcp://")}
    named = run_well("/bin/bash", script, f"/docker/{container}", f"docker_{container}", env=environment)
    must_equal("name", named.out, f"{WEB}\n")
    api = Api(place.host)
    must_equal("ping", api.ask("HEAD", "/_ping").status, 200)
    versioned = Api(place.host, "/v1.41")
    info, images, *listed = [versioned.get(path) for path in COLLECTOR]
    must_equal("containers", (info["ContainersRunning"], [len(each) for each in listed]), (1, [0, 0, 1, 0]))
    must(len(images) >= 1, "no images")
    return f"the name of a control group; a running container and {len(images)} images counted"
