"""The servers of a benchmark: the stand-in daemon, the proxies in front of it, and what they cost.

Everything listens on loopback or on unix sockets in one temporary folder, and is stopped by its own pid.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from string import Template

HERE = Path(__file__).parent
LIST = "/v1.41/containers/json"
LIST_BYTES = 8_322

# The variables of Tecnativa's image in the order of its rules, each with the path that it allows. The regular
# expressions are tried in this order, so the order is part of the cost.
CONTAINER = "containers/[a-zA-Z0-9_.-]+"
SWITCHES = [
    ("ALLOW_RESTARTS", f"{CONTAINER}/((stop)|(restart)|(kill))"),
    ("ALLOW_START", f"{CONTAINER}/start"),
    ("ALLOW_STOP", f"{CONTAINER}/stop"),
] + [
    (name.lstrip("_").upper(), name)
    for name in (
        "auth build commit configs containers distribution events exec grpc images info networks nodes"
        " _ping plugins secrets services session swarm system tasks version volumes"
    ).split()
]
OPEN = {"CONTAINERS", "EVENTS", "PING", "VERSION"}
# `as it ships` opens a new connection to the daemon for every request.
AS_IT_SHIPS = "option http-server-close"
KEEP_ALIVE = "option http-keep-alive\n    http-reuse always"
LOG_ON = "log stdout format raw daemon info"

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Wrong(Exception):
    """A server did not start, or gave a wrong answer: no measurement of it would count."""


def stop_at_signals():
    """Makes SIGTERM and SIGHUP leave through every `with`, as SIGINT does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def containers():
    """A list of ten containers in the daemon's format, of exactly `LIST_BYTES` bytes."""
    entries = [
        {
            "Id": f"{number:x}" * 64,
            "Names": [f"/shop-service-{number}"],
            "Image": "registry.example/shop/service:1.2.3",
            "ImageID": "sha256:" + f"{number:x}" * 64,
            "Command": "/docker-entrypoint.sh service --port 8080",
            "Created": 1700000000 + number,
            "Ports": [{"IP": "0.0.0.0", "PrivatePort": 8080, "PublicPort": 8080 + number, "Type": "tcp"}],
            "Labels": {
                "com.docker.compose.project": "shop",
                "com.docker.compose.service": f"service-{number}",
                "traefik.enable": "true",
                "traefik.http.routers.shop.rule": "Host(`shop.example`)",
            },
            "State": "running",
            "Status": "Up 2 hours",
            "HostConfig": {"NetworkMode": "shop_default"},
            "NetworkSettings": {"Networks": {"shop_default": {"IPAddress": f"172.18.0.{number + 2}"}}},
            "Mounts": [],
        }
        for number in range(10)
    ]
    missing = LIST_BYTES - len(json.dumps(entries)) - 1  # the daemon ends its lists with a newline
    for number, entry in enumerate(entries):
        share = missing // 10 + (number < missing % 10)
        entry["Labels"]["traefik.http.routers.shop.rule"] += " " * share
    text = json.dumps(entries) + "\n"
    assert len(text) == LIST_BYTES
    return text


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def wait_for(what, ready, alive, log):
    """Polls `ready` for ten seconds, as long as the process is alive."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if ready():
            return
        if alive() is not None:
            break
        time.sleep(0.005)
    raise Wrong(f"{what} did not start:\n{log.read_text(errors='replace')}")


def accepts(family, address):
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


class Server:
    """A process with all its children."""

    def __init__(self, name, process, port=None, records=None):
        self.name, self.process, self.port, self.records = name, process, port, records
        self.binary = None

    def tree(self):
        """The pids of the process and of all its descendants."""
        children = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                children.setdefault(int(fields(entry)[1]), []).append(int(entry.parent.name))
        pids = [self.process.pid]
        for pid in pids:
            pids += children.get(pid, [])
        return pids

    def cpu(self):
        """Seconds of user and system time, including children that have exited."""
        ticks = 0
        for pid in self.tree():
            with contextlib.suppress(OSError):
                ticks += sum(int(field) for field in fields(Path(f"/proc/{pid}/stat"))[11:15])
        return ticks / CLOCK_TICKS

    def memory(self, key):
        """MiB of `VmRSS` (now) or `VmHWM` (at its peak), summed."""
        total = 0
        for pid in self.tree():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(key + ":"):
                    total += int(line.split()[1])
        return total / 1024

    def ask(self, method, path):
        """Status and body of one request over a new connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            reply = connection.getresponse()
            return reply.status, reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise Wrong(f"{self.name}: {method} {path}: {error}") from error
        finally:
            connection.close()


def fields(stat):
    """The fields of a /proc/PID/stat after the name, which may contain spaces and parentheses."""
    return stat.read_text().rpartition(")")[2].split()


class Stage(contextlib.ExitStack):
    """Starts servers, and stops them in reverse order at the end."""

    def __enter__(self):
        super().__enter__()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="dockgate-bench-")))
        self.started = 0
        return self

    def fill(self, template, **values):
        """Writes a configuration from its template in this folder."""
        self.started += 1
        path = self.folder / f"{self.started}-{template}"
        path.write_text(Template((HERE / template).read_text()).substitute(values, folder=self.folder))
        return path

    def start(self, name, command, drained=False, environment=None):
        """Starts a command; `drained` counts the lines of its stdout through a pipe."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as stderr:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if drained else subprocess.DEVNULL,
                stderr=stderr,
                env={"PATH": os.environ["PATH"], **(environment or {})},
            )
        records = None
        if drained:
            records = subprocess.Popen(["wc", "-l"], stdin=process.stdout, stdout=subprocess.PIPE)
            process.stdout.close()
        server = Server(name, process, records=records)
        self.callback(end, server)
        return server, log

    def daemon(self, locations=""):
        """The stand-in daemon, with these locations besides its own; returns its socket."""
        (self.folder / "containers.json").write_text(containers())
        upstream = self.folder / "daemon.sock"
        config = self.fill("nginx.conf", upstream=upstream, locations=locations)
        server, log = self.start("nginx", ["nginx", "-c", config, "-e", self.folder / "nginx.log"])
        wait_for("nginx", lambda: accepts(socket.AF_UNIX, str(upstream)), server.process.poll, log)
        return upstream

    def holder(self):
        """The stand-in daemon whose streams never end; returns its socket."""
        upstream = self.folder / "streams.sock"
        server, log = self.start("streams", [sys.executable, HERE / "held_streams.py", upstream])
        wait_for("streams", lambda: accepts(socket.AF_UNIX, str(upstream)), server.process.poll, log)
        return upstream

    def haproxy(self, name, upstream, connections, log_line):
        environment = {name: str(int(name in OPEN)) for name, _ in SWITCHES}
        rules = ["http-request deny unless METH_GET || { env(POST) -m bool }"]
        for variable, path in SWITCHES:
            condition = rf"{{ path,url_dec -m reg -i ^(/v[\d\.]+)?/{path} }} {{ env({variable}) -m bool }}"
            rules.append(f"http-request allow if {condition}")
        rules.append("http-request deny")
        return self.run_haproxy(
            name,
            "haproxy.cfg",
            environment | {"POST": "0"},
            upstream=upstream,
            connections=connections,
            log=log_line,
            rules="\n    ".join(rules),
        )

    def relay(self, name, upstream):
        return self.run_haproxy(name, "relay.cfg", {}, upstream=upstream)

    def run_haproxy(self, name, template, environment, **values):
        port = free_port()
        config = self.fill(template, port=port, **values)
        # The flags of its official image: a master and a worker, in the foreground.
        command = ["haproxy", "-W", "-db", "-f", config]
        server, log = self.start(name, command, drained=bool(values.get("log")), environment=environment)
        server.port = port
        wait_for(name, lambda: accepts(socket.AF_INET, ("127.0.0.1", port)), server.process.poll, log)
        return server

    def dockgate(
        self, name, upstream, policy=HERE / "policy.toml", under=(), port=0, wait=True, environment=None
    ):
        """Dockgate with its record drained; `under` is a command to run it under, such as valgrind. An environment
        for another image replaces the policy."""
        line = "" if environment else f"policy = [{json.dumps(str(policy.resolve()))}]"
        config = self.fill("dockgate.toml", upstream=upstream, policy=line, port=port)
        binary = os.path.abspath(os.environ["DOCKGATE_BIN"])
        command = [*under, binary, "serve", "--config", config]
        server, log = self.start(name, command, drained=True, environment=environment)
        server.port, server.binary = port, Path(binary)
        if wait:
            wait_for(name, lambda: said_port(log), server.process.poll, log)
            server.port = said_port(log)
        return server


def said_port(log):
    """The port in Dockgate's line `listening on tcp://127.0.0.1:PORT`, once the line is complete."""
    _, said, rest = log.read_text(errors="replace").partition("listening on tcp://127.0.0.1:")
    port, newline, _ = rest.partition("\n")
    return int(port) if said and newline else None


def end(server):
    """Stops a server by its pid; returns how many lines were drained from it."""
    process = server.process
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if server.records is None:
        return None
    counted, _ = server.records.communicate()
    server.records = None
    return int(counted)
