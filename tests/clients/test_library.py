"""Clients do their jobs under their built-in policies, each with a separate Dockgate and record.

For each client: its job was done, and the output says what it was; no operation was refused that its source requires;
the policy that `dockgate learn` makes from its record allows nothing that the built-in policy does not; a replay of
the record with the built-in policy refuses nothing; and the most similar request that would give it more is refused.
At the end, for each policy: every operation that its own file allows was used, or is listed with the reason why not.

Arguments: policies, to run only their clients.

Runs on Docker 20.10 and the main engine.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent
sys.path.insert(0, str(CLIENTS.parent / "engine"))

import library_cli as cli
import library_libraries as libraries
import library_monitors as monitors
import library_wire as wire
from cases import Cases, must_equal
from library_proof import OTHER, OUT, Client, Place, own_operations, prove_by_denial, prove_by_record
from support import Engine, Gate, engines, scratch

# Requests that a policy does not allow. `OTHER` is a container that does not belong to the client.
LOGS = ("GET", f"/containers/{OTHER}/logs?stdout=1", None)
INSPECT = ("GET", f"/containers/{OTHER}/json", None)
EXPORT = ("GET", f"/containers/{OTHER}/export", None)
TYPE_INTO = ("GET", f"/containers/{OTHER}/attach/ws?stream=1&stdin=1", None)
ATTACH = ("POST", f"/containers/{OTHER}/attach?stream=1&stdin=1", None)
EXEC = ("POST", f"/containers/{OTHER}/exec", {"Cmd": ["sh"]})
PRIVILEGED_EXEC = ("POST", f"/containers/{OTHER}/exec", {"Cmd": ["sh"], "Privileged": True})
UPLOAD = ("PUT", f"/containers/{OTHER}/archive?path=/tmp", b"")
CREATE = ("POST", "/containers/create", {"Image": "busybox", "HostConfig": {"Binds": ["/:/host"]}})
BUILD_IN_THE_HOSTS_NETWORK = ("POST", "/build?networkmode=host", b"")
VOLUME_PRUNE = ("POST", "/volumes/prune", None)

LIBRARY = [
    Client("docker CLI, looking", "docker-cli-ps", cli.look, TYPE_INTO),
    Client("docker CLI, looking closer", "docker-cli-ps-details", cli.look_closer, EXPORT, slug="docker-cli-ps"),
    Client(
        "docker run",
        "docker-cli-run",
        cli.run_containers,
        CREATE,
        "restricted",
        unused={"NetworkConnect": "a network that someone else created must be named in the user's own policy"},
    ),
    Client("docker exec", "docker-cli-exec", cli.execute, PRIVILEGED_EXEC, "restricted"),
    Client(
        "docker build",
        "docker-cli-build",
        cli.build,
        BUILD_IN_THE_HOSTS_NETWORK,
        "restricted",
        unused=dict.fromkeys(["ContainerList", "ImageInspect"], "buildx 0.13 does not ask, newer releases do"),
    ),
    Client(
        "compose up, ps, down",
        "compose",
        cli.compose,
        CREATE,
        "restricted",
        unused=dict.fromkeys(["NetworkDisconnect", "VolumeList"], "compose 2.40 does not ask, other releases do"),
    ),
    Client(
        "compose logs",
        "compose-logs",
        cli.compose_logs,
        ATTACH,
        OUT,
        slug="compose",
        unused={"SystemInfo": "only for the menu on a terminal, which --abort-on-container-exit turns off"},
    ),
    Client("compose exec and run", "compose-exec", cli.compose_exec, EXEC, OUT, slug="compose"),
    Client("compose stats", "compose-stats", cli.compose_stats, LOGS, slug="compose"),
    Client("compose restart, pause, kill, top, wait", "compose-control", cli.compose_control, EXEC, slug="compose"),
    Client("compose down -v --rmi", "compose-remove", cli.compose_remove, VOLUME_PRUNE, slug="compose"),
    Client(
        "compose build",
        "compose-build",
        cli.compose_build,
        BUILD_IN_THE_HOSTS_NETWORK,
        "restricted",
        slug="compose",
    ),
    Client("compose cp", "compose-cp", cli.compose_cp, UPLOAD, OUT, slug="compose"),
    Client(
        "compose push and publish",
        "compose-publish",
        cli.compose_publish,
        ("GET", "/images/busybox/get", None),
        slug="compose",
        unused=dict.fromkeys(["ContainerExport", "ImageCommit"], "compose 2.26 has no such commands"),
    ),
    Client(
        "docker-rollout's commands",
        "docker-rollout-create",
        cli.roll_out,
        CREATE,
        "restricted",
        slug="docker-rollout",
    ),
    Client(
        "docker-py",
        "testcontainers-java",
        libraries.docker_py,
        EXEC,
        OUT,
        unused={"ImageDelete": "it deletes only an image that it built, with testcontainers-java-build"},
    ),
    Client("Testcontainers for Python", "testcontainers-java", libraries.testcontainers_python, CREATE, "restricted"),
    Client("Testcontainers for Node.js", "testcontainers-java", libraries.testcontainers_node, UPLOAD, OUT),
    Client("dockerode, as Homepage calls it", "homepage", libraries.dockerode, TYPE_INTO),
    Client("bollard, as Vector calls it", "vector", libraries.bollard, EXPORT),
    Client("Glances", "glances", monitors.glances, LOGS),
    Client("Prometheus", "prometheus-docker-sd", monitors.prometheus_containers, INSPECT),
    Client(
        "Prometheus in a swarm",
        "prometheus-swarm-sd",
        monitors.prometheus_swarm,
        ("GET", "/services/web/logs?stdout=1", None),
        engines=("28", "extra"),  # a swarm takes long
    ),
    Client(
        "CrowdSec",
        "crowdsec",
        monitors.crowdsec,
        EXPORT,
        unused={"SystemEvents": "CrowdSec 1.4 lists the containers again and again, newer releases follow the events"},
    ),
    Client("Netdata's script, and its collector's requests", "netdata", monitors.netdata, LOGS),
    Client("Zabbix agent 2", "zabbix-agent2", monitors.zabbix, LOGS, by_socket=True),
    Client("Autoheal's requests", "autoheal", wire.autoheal, ("POST", f"/containers/{OTHER}/stop", None)),
    Client(
        "acme-companion's requests",
        "acme-companion-exec",
        wire.acme_companion,
        EXEC,
        "restricted",
        slug="acme-companion",
    ),
    Client("Fluent Bit's request", "fluent-bit", wire.fluent_bit, ("GET", "/containers/json", None), by_socket=True),
]


def main() -> None:
    build = ["cargo", "build", "--locked", "--quiet", "--target-dir", libraries.BOLLARD_TARGET]
    subprocess.run(build, cwd=CLIENTS / "bollard", check=True)
    wanted = sys.argv[1:]
    cases, used = Cases(), defaultdict(set)
    clients = [client for client in LIBRARY if not wanted or client.policy in wanted]

    def prove_all(engine: Engine) -> None:
        for client in clients:
            if engine.name in client.engines:
                with cases.case(f"{engine.name}: {client.name} under {client.policy}"):
                    used[client.policy] |= prove(client, engine)

    # Clients mostly wait.
    with ThreadPoolExecutor() as pool:
        list(pool.map(prove_all, engines()))
    for policy in dict.fromkeys(client.policy for client in clients):
        with cases.case(f"the job uses what {policy} allows"):
            unused = {operation for client in clients if client.policy == policy for operation in client.unused}
            must_equal("allowed but not used", own_operations(policy) - used[policy], unused)
    cases.finish()


def prove(client: Client, engine: Engine) -> set[str]:
    """Lets a client do its job and compares that with its policy; returns the operations that it used."""
    engine.clean_up()
    try:
        with scratch() as folder:
            path = folder / "socket" if client.by_socket else None
            # Without the arguments of commands, a replay could not decide about a policy that names commands.
            (folder / "settings.toml").write_text("audit.argv = true\n")
            with Gate(engine.address, client.policy, f"--config={folder}/settings.toml", path=path) as gate:
                place = Place(engine, gate, folder / "job")
                place.folder.mkdir()
                seen = client.job(place)
                used = prove_by_record(client, place)
                prove_by_denial(client, place)
    finally:
        engine.clean_up()
        engine.cli(engine.address).may_fail("rmi", cli.IMAGE)
    besides = f"; also refused: {', '.join(sorted(client.denied))}" if client.denied else ""
    print(f"   {engine.name}: {client.name} saw {seen}{besides}", flush=True)
    return used


main()
