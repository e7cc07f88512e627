"""Clients of a Dockgate that has named clients: connections from inside of containers' networks, and Dockgate in a
container or on the host, its settings in a file that a test rewrites.

Connections are opened by this program in the network namespace of a container. To Dockgate they are the container's
own, but they do not end when the container does: a peer that vanishes without a word.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from api import Api
from cases import eventually, must, must_equal
from commands import Run, run
from standins import PLAIN
from support import TESTS, Engine, records_folder

ENGINES = TESTS / "engine" / "engines.sh"
PORT = 2375
CLONE_NEWNET = 0x40000000
# A connection whose right is gone must end within this time.
REVOKED_LIMIT = 2.0
libc = ctypes.CDLL(None, use_errno=True)


def within(namespace: Path, do: Callable[[], Any]) -> Any:
    """Runs `do` in a network namespace: what it opens belongs to it for good."""

    def enter() -> Any:
        with namespace.open() as at:
            if libc.setns(at.fileno(), CLONE_NEWNET):
                number = ctypes.get_errno()
                raise OSError(number, f"{namespace}: {os.strerror(number)}")
        return do()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(enter).result()


def root_of(engine: Engine) -> Path:
    """The engine's root folder, as this program sees it."""
    pid = (Path(engine.address.removeprefix("unix://")).parent.parent / "pid").read_text().strip()
    return Path("/proc") / pid / "root"


@dataclass
class Place:
    """A container that stays, and from whose network clients connect."""

    engine: Engine
    name: str
    id: str = ""
    addresses: dict[str, str] = field(default_factory=dict)
    addresses6: dict[str, str] = field(default_factory=dict)
    namespace: Path = Path()

    def __post_init__(self) -> None:
        about = Api(self.engine.address).inspect(self.name)
        networks = about["NetworkSettings"]
        self.id = about["Id"]
        self.addresses = {name: at["IPAddress"] for name, at in networks["Networks"].items()}
        self.addresses6 = {name: at["GlobalIPv6Address"] for name, at in networks["Networks"].items()}
        self.namespace = root_of(self.engine) / "run" / networks["SandboxKey"].removeprefix("/var/run/")

    def connects(self, address: str, bound_to: str | None = None, limit: float = 10.0) -> socket.socket:
        source = (bound_to, 0) if bound_to else None
        return within(self.namespace, lambda: socket.create_connection((address, PORT), limit, source))

    def runs(self, *command: object) -> Run:
        """Runs a command with every right over the container's network."""
        return within(self.namespace, lambda: run(*command))


@dataclass
class Seen:
    """A request's answer: what came back, and what is on record."""

    status: int
    record: dict
    said: bytes = b""

    @property
    def client(self) -> dict:
        return self.record["client"]


def shown(opened: socket.socket) -> str:
    """The near end of a connection, as Dockgate's records show it."""
    if opened.family == socket.AF_UNIX:
        return "-"
    host, port, *more = opened.getsockname()
    if opened.family == socket.AF_INET:
        return f"{host}:{port}"
    return f"[{host.split('%')[0]}{f'%{more[1]}' if more[1] else ''}]:{port}"


class Talk:
    """One connection to Dockgate."""

    def __init__(self, gate: Dockgate, opened: socket.socket, is_alone: bool = False) -> None:
        """With `is_alone`, nobody else connects meanwhile, and the firewall may change the near end's address."""
        self.gate = gate
        self.asked = 0
        self.before = len(gate.requests()) if is_alone else None
        self.connection = http.client.HTTPConnection("dockgate")
        self.connection.sock = opened
        self.connection.auto_open = 0
        self.opened = opened
        self.address = shown(opened)

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_failure) -> None:
        self.close()

    def asks(self, target: str, method: str = "GET", body: dict | None = None) -> Seen:
        """Sends a request and reads its answer to the end."""
        text = json.dumps(body) if body else None
        self.connection.request(method, target, text, {"Content-Type": "application/json"} if body else {})
        with self.connection.getresponse() as reply:
            said = reply.read()
        self.asked += 1
        return Seen(reply.status, self.record(self.asked), said)

    def record(self, number: int, limit: float = 10.0) -> dict:
        """The record of a request on this connection."""

        def found() -> dict | None:
            requests = self.gate.requests_of(self.address) if self.before is None else self.gate.requests()
            mine = requests[self.before or 0 :]
            return mine[number - 1] if len(mine) >= number else None

        return eventually(f"record {number} of {self.address}", found, limit)

    def streams(self, target: str, is_read: bool = True) -> Stream:
        """Sends a GET whose answer does not end."""
        self.asked += 1
        return Stream(self, f"GET {target} HTTP/1.1\r\nHost: dockgate\r\n\r\n".encode(), is_read)

    def attaches(self, container: str) -> Stream:
        """Follows a container's output, which takes the connection over."""
        self.asked += 1
        target = f"/containers/{container}/attach?stream=1&stdout=1"
        lines = [f"POST {target} HTTP/1.1", "Host: dockgate", "Connection: Upgrade", "Upgrade: tcp"]
        return Stream(self, "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode())

    def uploads(self, container: str) -> Stream:
        """Begins an upload into a container."""
        self.asked += 1
        lines = [f"PUT /containers/{container}/archive?path=/tmp HTTP/1.1", "Host: dockgate"]
        lines += ["Content-Type: application/x-tar", "Transfer-Encoding: chunked", "", ""]
        name = b"file".ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"00000100000\0" + b"00000000000\0"
        header = name.ljust(148, b"\0") + b" " * 8 + b"0"
        header = header.ljust(257, b"\0") + b"ustar\x0000"
        header = header.ljust(512, b"\0")
        header = header[:148] + f"{sum(header):06o}\0 ".encode() + header[156:]
        part = header + b"a" * 512
        return Stream(self, "\r\n".join(lines).encode() + f"{len(part):x}\r\n".encode() + part + b"\r\n")

    def runs_exec(self, container: str, *argv: str) -> Stream:
        """Creates and starts an exec, whose output takes the connection over."""
        made = self.asks(f"/containers/{container}/exec", "POST", {"Cmd": argv, "AttachStdout": True})
        must_equal(f"status of {made}", made.status, 201)
        self.asked += 1
        target = f"/exec/{json.loads(made.said)['Id']}/start"
        lines = [f"POST {target} HTTP/1.1", "Host: dockgate", "Content-Type: application/json"]
        lines += ["Connection: Upgrade", "Upgrade: tcp", "Content-Length: 2", "", "{}"]
        return Stream(self, "\r\n".join(lines).encode())

    def close(self) -> None:
        self.opened.close()
        self.connection.close()

    def is_open_at_dockgate(self) -> bool:
        """Whether Dockgate still has its end of this connection."""
        at = self.gate.place()
        (port,) = re.findall(r":(\d+)$", self.address)
        found = at.runs("ss", "-tnH", "state", "established", "dport", "=", f":{port}").out
        return self.address.rsplit(":", 1)[0].strip("[]") in found

    def ends_at_dockgate(self, since: float, limit: float = REVOKED_LIMIT) -> float:
        """Waits until Dockgate has closed its end; returns after how many milliseconds."""
        eventually("the end of a connection", lambda: not self.is_open_at_dockgate(), limit + 10)
        took = time.monotonic() - since
        must(took <= limit, f"the connection ended only after {took:.2f} s")
        return took * 1000


@dataclass
class Host(Place):
    """An engine's host, which is the gateway of its networks."""

    name: str = "-"

    def __post_init__(self) -> None:
        self.namespace = root_of(self.engine).parent / "ns" / "net"


class Stream:
    """An answer without an end, read by a thread of its own."""

    def __init__(self, talk: Talk, request: bytes, is_read: bool = True) -> None:
        self.talk = talk
        self.number = talk.asked
        self.ended: float | None = None
        self.got = b""
        self.socket = talk.connection.sock
        self.socket.settimeout(120)
        self.socket.sendall(request)
        if is_read:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while part := self.socket.recv(65536):
                self.got += part
        self.ended = time.monotonic()

    def begins(self, text: bytes) -> Stream:
        eventually(f"{text!r} in a stream", lambda: text in self.got or self.ended)
        must(text in self.got, f"the stream said {self.got!r}")
        return self

    def ends_after(self, since: float, limit: float = REVOKED_LIMIT) -> float:
        """Waits until it has ended; returns after how many milliseconds."""
        eventually("the end of a stream", lambda: self.ended, limit + 10)
        took = self.ended - since
        must(took <= limit, f"the stream ended only after {took:.2f} s")
        return took * 1000

    def record(self) -> dict:
        return self.talk.record(self.number)


class Dockgate:
    """Dockgate with settings of its own, in a container or on an engine's host. Its folder has the settings, the
    policies, and the records."""

    numbers = count()

    def __init__(self, engine: Engine, folder: Path, settings: str) -> None:
        self.engine = engine
        self.docker = engine.cli(engine.address)
        self.api = Api(engine.address)
        self.number = next(self.numbers)
        self.folder = folder / f"gate-{self.number}"
        self.folder.mkdir()
        self.name = f"dockgate-clients-{self.number}"
        self.file = self.folder / "records.jsonl"
        self.shared = f'[audit]\noutput = "{self.file}"\nformat = "json"\n'
        self.changes(settings)

    def changes(self, settings: str) -> None:
        """Writes the settings. Keys come first, then tables."""
        (self.folder / "dockgate.toml").write_text(settings + self.shared)

    def policy(self, name: str, *allow: str) -> str:
        """A policy file that allows these; returns its path."""
        path = self.folder / f"{name}.toml"
        text = "\n".join([f'description = "{name}"', f"allow = {json.dumps(allow)}", ""])
        path.write_text(text)
        return str(path)

    def records(self) -> list[dict]:
        """The records of requests so far, without those of the process itself."""
        lines = self.file.read_bytes().splitlines(keepends=True) if self.file.exists() else []
        records = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return [record for record in records if "id" in record]

    def requests(self) -> list[dict]:
        return [each for each in self.records() if each["event"] == "request"]

    def requests_of(self, address: str) -> list[dict]:
        """Those of one connection. Its interface has another number on each side."""
        bare = re.sub(r"%\d+", "", address)
        return [each for each in self.requests() if re.sub(r"%\d+", "", each["client"]["address"]) == bare]

    def reloads(self, settings: str) -> float:
        """Changes the settings and has them read; returns when."""
        self.changes(settings)
        since = time.monotonic()
        self.signals(signal.SIGHUP)
        return since

    def keeps_records(self) -> None:
        """Leaves the records to the check of all records. Each request here was looked up in them by its connection."""
        books = records_folder() / f"test_clients-{os.getpid()}-{self.engine.name}-{self.name}"
        lines = self.file.read_bytes() if self.file.exists() else b""
        books.with_suffix(".jsonl").write_bytes(lines)
        count_of = sum(each["event"] == "request" for each in self.records())
        books.with_suffix(".sent").write_text(str(count_of))

    def links(self) -> list[str]:
        """Its link-local addresses, as clients write them."""
        found = json.loads(self.place().runs("ip", "-json", "-6", "address", "show", "scope", "link").out)
        links = {address["local"] for link in found for address in link.get("addr_info", []) if address}
        return [f"{link}%eth0" for link in sorted(links)]

    def signals(self, number: int) -> None:
        raise NotImplementedError

    def place(self) -> Place:
        """Where it is itself."""
        raise NotImplementedError


class Boxed(Dockgate):
    """Dockgate in a container, on these networks."""

    def __init__(self, engine: Engine, folder: Path, settings: str, *networks: str, options: tuple = ()) -> None:
        super().__init__(engine, folder, settings)
        self.networks = networks
        self.options = options
        self.addresses: dict[str, str] = {}
        self.upstream = engine.address.removeprefix("unix://")

    def __enter__(self) -> Boxed:
        folder = self.folder
        mounts = ("--volume", f"{self.upstream}:/var/run/docker.sock", "--volume", f"{folder}:{folder}")
        config = ("--env", f"DOCKGATE_CONFIG={folder}/dockgate.toml")
        self.docker(
            "create", "--name", self.name, "--network", self.networks[0], *mounts, *config, *self.options, PLAIN
        )
        for network in self.networks[1:]:
            self.docker("network", "connect", network, self.name)
        self.docker("start", self.name)
        self.reads_addresses()
        eventually("dockgate to listen", lambda: "listening on" in self.says(), 20)
        return self

    def reads_addresses(self) -> None:
        about = self.api.inspect(self.name)
        must(about["State"]["Running"], f"dockgate has ended: {self.says()}")
        networks = about["NetworkSettings"]["Networks"]
        self.addresses = {name: at["IPAddress"] for name, at in networks.items()}
        self.addresses6 = {name: at["GlobalIPv6Address"] for name, at in networks.items()}

    def says(self) -> str:
        return str(self.api.ask("GET", f"/containers/{self.name}/logs?stdout=1&stderr=1").body)

    def signals(self, number: int) -> None:
        self.api.done("POST", f"/containers/{self.name}/kill?signal={number}")

    def place(self) -> Place:
        return Place(self.engine, self.name)

    def __exit__(self, failure: type | None, *_more) -> None:
        self.docker.may_fail("stop", "--time", "10", self.name)
        said = self.says()
        if failure:
            print(f"{self.name} said: {said}", flush=True)
        self.docker.may_fail("rm", "--force", self.name)
        self.keeps_records()
        must("panic" not in said, f"dockgate panicked: {said}")


# Runs $2 in the root folder $1. The machine that runs the tests may be a container, which Dockgate would see. The
# variable that `enter` needs is not one of Dockgate's.
AS_ON_A_HOST = """set -e
unset DOCKGATE_TEST_RUN
mount -t tmpfs tmpfs "$1"
cp "$2" "$1/dockgate"
for folder in tmp proc usr lib lib64; do
    [ -d /$folder ] || continue
    mkdir "$1/$folder"
    mount --rbind /$folder "$1/$folder"
done
exec chroot "$1" /dockgate serve
"""


class OnHost(Dockgate):
    """Dockgate on the host of an engine, where it has every bridge's gateway address."""

    def __init__(self, engine: Engine, folder: Path, settings: str, upstream: str | None = None) -> None:
        super().__init__(engine, folder, settings)
        self.upstream = upstream or engine.address
        networks = json.loads(self.docker("network", "inspect", *networks_of_test(self.docker)).out)
        subnets = {each["Name"]: [at["Subnet"] for at in each["IPAM"]["Config"]] for each in networks}
        # These networks were made without a gateway: the host has the first address.
        gateways = {name: [str(ip_network(of)[1]) for of in all_] for name, all_ in subnets.items()}
        self.addresses = {name: at for name, all_ in gateways.items() for at in all_ if "." in at}
        self.addresses6 = {name: at for name, all_ in gateways.items() for at in all_ if ":" in at}

    def __enter__(self) -> OnHost:
        binary = os.environ.get("DOCKGATE_BIN") or TESTS.parent / "target" / "release" / "dockgate"
        root = self.folder / "root"
        root.mkdir()
        environment = {name: value for name, value in os.environ.items() if name in ("PATH", "DOCKGATE_TEST_RUN")}
        environment |= {"DOCKGATE_CONFIG": str(self.folder / "dockgate.toml"), "DOCKGATE_UPSTREAM": self.upstream}
        entered = (ENGINES, "enter", self.engine.name, "--net")
        command = [*map(str, entered), "unshare", "--mount", "bash", "-c", AS_ON_A_HOST, "sh", str(root), str(binary)]
        self.log = self.folder / "stderr"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        eventually("dockgate to listen", lambda: "listening on" in self.says() or self.process.poll() is not None)
        must(self.process.poll() is None, f"dockgate has ended: {self.says()}")
        return self

    def says(self) -> str:
        return self.log.read_text()

    def place(self) -> Place:
        return Host(self.engine)

    def signals(self, number: int) -> None:
        self.process.send_signal(number)

    def __exit__(self, failure: type | None, *_more) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "none within 15 s"
        said = self.says()
        if failure:
            print(f"dockgate on the host said: {said}", flush=True)
        self.keeps_records()
        must_equal("dockgate's exit code", code, 0)
        must("panic" not in said, f"dockgate panicked: {said}")


def networks_of_test(docker) -> list[str]:
    return docker("network", "ls", "--quiet", "--filter", "name=dockgate-").out.split()


class Relay:
    """The daemon's socket behind another one, which can lose the event stream and keep it away."""

    def __init__(self, path: Path, daemon: str) -> None:
        self.daemon = daemon
        self.path = path
        self.has_events = True
        self.following: list[socket.socket] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        path.chmod(0o666)
        self.listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_failure) -> None:
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        daemon = socket.socket(socket.AF_UNIX)
        try:
            daemon.connect(self.daemon)
        except OSError:
            client.close()
            return

        def copy(source: socket.socket, target: socket.socket, is_request: bool) -> None:
            with contextlib.suppress(OSError):
                while part := source.recv(65536):
                    line = part.split(b"\r\n", 1)[0]
                    if is_request and b"/events" in line and b"until=" not in line:
                        if not self.has_events:
                            break
                        self.following.append(client)
                    target.sendall(part)
            for each in (source, target):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=copy, args=(daemon, client, False), daemon=True).start()
        copy(client, daemon, True)

    def cuts_events(self) -> None:
        """Ends the event stream and refuses another."""
        self.has_events = False
        for each in self.following:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.following.clear()

    def restores_events(self) -> None:
        self.has_events = True
