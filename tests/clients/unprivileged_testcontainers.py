"""Containers of a test suite through Testcontainers for Python, and ways out of them; prints a line for each step.

`DOCKER_HOST` and the arguments are the same as for `unprivileged_docker_py.py`.
"""

from __future__ import annotations

import sys

from docker.errors import APIError
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

LOOP = ["sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"]


def main(prefix: str, folder: str, _other: str) -> None:
    with Network() as network:
        web = (
            DockerContainer("busybox:latest", command=LOOP)
            .with_name(f"{prefix}-web")
            .with_env("WORD", "from the environment")
            .with_exposed_ports(80)
            .with_network(network)
            .with_network_aliases("www")
            .with_kwargs(mem_limit="64m", user="1000:1000", working_dir="/tmp", cap_drop=["ALL"], init=True)
            .with_volume_mapping(f"{prefix}-volume", "/data", "rw")
            .waiting_for(LogMessageWaitStrategy("ready"))
        )
        with web:
            script = "echo $WORD; id -u; pwd; test -d /data && grep CapEff /proc/self/status"
            report("exec", tuple(web.exec(["sh", "-c", script])))
            report("logs", web.get_logs())
            report("has a port", web.get_exposed_port(80) is not None)
        ways_out(folder)


def ways_out(folder: str) -> None:
    for name, script, container in [
        ("a bind", "cat /host/secret", lambda: DockerContainer("busybox").with_volume_mapping(folder, "/host")),
        ("the pids of the host", "grep -q supervise /proc/1/cmdline && echo reached", lambda: kwargs(pid_mode="host")),
        ("a capability", "mount -t tmpfs none /tmp && echo reached", lambda: kwargs(cap_add=["SYS_ADMIN"])),
    ]:
        try:
            with container().with_command(LOOP) as made:
                report(name, made.exec(["sh", "-c", script]).output)
        except APIError as error:
            report(name, error.explanation)


def kwargs(**options: object) -> DockerContainer:
    return DockerContainer("busybox").with_kwargs(**options)


def report(step: str, result: object) -> None:
    print(f"{step}: {result!r}", flush=True)


main(*sys.argv[1:])
