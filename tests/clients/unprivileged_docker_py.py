"""Containers of a test suite through docker-py, and ways out of them; prints a line for each step.

`DOCKER_HOST` is the engine; arguments: a name prefix for everything that is created, a folder of the host with the
file `secret`, and the name of a container that someone else has created.
"""

from __future__ import annotations

import io
import sys
import tarfile

from docker.errors import APIError, DockerException
from docker.types import Healthcheck, LogConfig, Mount, Ulimit

import docker

LOOP = ["sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"]


def main(prefix: str, folder: str, other: str) -> None:
    client = docker.from_env(timeout=30)
    network = client.networks.create(f"{prefix}-net", labels={"made-by": prefix})
    web = client.containers.run(
        "busybox:latest",
        LOOP,
        detach=True,
        name=f"{prefix}-web",
        network=network.name,
        cap_drop=["ALL"],
        cap_add=["NET_BIND_SERVICE"],
        cpu_shares=512,
        dns=["192.0.2.53"],
        domainname="example.org",
        entrypoint=None,
        environment={"WORD": "from the environment"},
        extra_hosts={"other": "192.0.2.1"},
        healthcheck=Healthcheck(test=["CMD", "true"], interval=1_000_000_000),
        hostname="inside",
        init=True,
        labels={"made-by": prefix},
        log_config=LogConfig(type="json-file", config={"max-size": "1m"}),
        mem_limit="64m",
        mounts=[Mount("/mounted", f"{prefix}-volume"), Mount("/memory", None, type="tmpfs", tmpfs_size="1m")],
        nano_cpus=500_000_000,
        oom_score_adj=100,
        pids_limit=64,
        ports={"80/tcp": None, "81/udp": ("127.0.0.1", None)},
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 1},
        security_opt=["no-new-privileges"],
        shm_size="16m",
        stop_signal="SIGTERM",
        tmpfs={"/tmp": "size=1m"},
        tty=False,
        ulimits=[Ulimit(name="nofile", soft=100, hard=200)],
        user="1000:1000",
        volumes={f"{prefix}-volume": {"bind": "/data", "mode": "rw"}},
        working_dir="/tmp",
    )
    web.reload()
    report("started", web.status)
    script = "echo $WORD; id -u; pwd; hostname; ulimit -n; grep CapEff /proc/self/status"
    report("exec", web.exec_run(["sh", "-c", script], environment={"MORE": "1"}, workdir="/data"))
    report("logs", web.logs())
    report("put archive", web.put_archive("/tmp", archive()))
    report("exec after it", web.exec_run(["cat", "/tmp/hello.txt"]))
    report("stop", web.stop(timeout=1))
    ways_out(client, folder, other)
    report("remove", web.remove(force=True, v=True))
    report("remove network", network.remove())


def ways_out(client: docker.DockerClient, folder: str, other: str) -> None:
    bind = {"volumes": {folder: {"bind": "/host", "mode": "ro"}}}
    options = {"type": "none", "o": "bind", "device": folder}
    driver = docker.types.DriverConfig("local", options)
    for name, more, script in [
        ("a bind", bind, "cat /host/secret"),
        ("a mount", {"mounts": [Mount("/host", folder, type="bind")]}, "cat /host/secret"),
        ("a driver's options", {"mounts": [Mount("/host", None, driver_config=driver)]}, "cat /host/secret"),
        ("a capability", {"cap_add": ["SYS_ADMIN"]}, "mount -t tmpfs none /tmp && echo reached"),
        ("the pids of the host", {"pid_mode": "host"}, "grep -q supervise /proc/1/cmdline && echo reached"),
        ("the network of the host", {"network_mode": "host"}, "ls /sys/class/net | grep -q docker0 && echo reached"),
        ("a device", {"devices": ["/dev/random:/given:r"]}, "test -e /given && echo reached"),
        ("another's volumes", {"volumes_from": [other]}, "cat /host/secret"),
    ]:
        attempt(name, lambda more=more, script=script: output(client, script, **more))
    attempt("an exec elsewhere", lambda: client.containers.get(other).exec_run(["cat", "/host/secret"]).output)
    attempt("an upload elsewhere", lambda: client.containers.get(other).put_archive("/tmp", archive()) and b"reached")
    # It does not start on every machine.
    attempt(
        "a privileged container", lambda: client.containers.create("busybox", privileged=True).remove() or b"reached"
    )


def output(client: docker.DockerClient, script: str, **more) -> bytes:
    """The output of the program's own container. `containers.run` follows the log, and engine 20.10 sometimes sends
    nothing if the container ends in that time."""
    made = client.containers.create("busybox", ["sh", "-c", script], **more)
    try:
        made.start()
        made.wait()
        return made.logs()
    finally:
        made.remove(force=True)


def attempt(name: str, way) -> None:
    try:
        report(name, way())
    except (APIError, DockerException) as error:
        report(name, getattr(error, "explanation", None) or str(error))


def archive() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo("hello.txt")
        member.size = 6
        tar.addfile(member, io.BytesIO(b"hello\n"))
    return file.getvalue()


def report(step: str, result: object) -> None:
    print(f"{step}: {result!r}", flush=True)


main(*sys.argv[1:])
