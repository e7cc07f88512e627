"""The two gates side by side, HAProxy and Dockgate, and the daemon behind both.

The daemon is a stand-in: it answers every request with 200 and the number in the request's User-Agent, which both
gates pass on. So the reply itself shows whether its request was forwarded.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from cases import Failure, must
from support import Gate

FOLDER = Path(__file__).resolve().parent
LIMIT_SECONDS = 20
NUMBER = b"X-Number"


@dataclass(frozen=True)
class Request:
    """A request without its Host and its number, which are added when it is sent, unless `raw` is the complete
    request."""

    method: str
    target: str
    headers: tuple[str, ...] = ()
    body: bytes = b""
    raw: bytes | None = None

    def __str__(self) -> str:
        return " ".join([self.method, self.target[:120], *(header[:80] for header in self.headers)])

    def header(self, name: str) -> str | None:
        found = (value.strip() for known, _, value in (line.partition(":") for line in self.headers) if known == name)
        return next(found, None)

    def encoded(self, number: int) -> bytes:
        if self.raw is not None:
            return self.raw.replace(b"NUMBER", b"%d" % number)
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [] if self.header("Host") else ["Host: docker"]
        lines += [f"User-Agent: {number}", *self.headers]
        lines += [f"Content-Length: {len(self.body)}"] if self.body else []
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True)
class Verdict:
    """The result of a request: forwarded, or refused with a status and, by Dockgate, with a reason."""

    forwarded: bool
    status: int
    reason: str | None = None

    def __str__(self) -> str:
        return "forwarded" if self.forwarded else f"refused ({self.reason or self.status})"


class Wire:
    """One end of a connection, read piece by piece."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.kept = b""

    def until(self, end: bytes) -> bytes | None:
        """All bytes up to and including `end`; None if the other side ends the connection before that."""
        while (at := self.kept.find(end)) < 0:
            if not self._more():
                return None
        found, self.kept = self.kept[: at + len(end)], self.kept[at + len(end) :]
        return found

    def exactly(self, size: int) -> bytes:
        while len(self.kept) < size:
            must(self._more(), "the connection ended within a body")
        found, self.kept = self.kept[:size], self.kept[size:]
        return found

    def body(self, head: bytes) -> None:
        """Reads past the body of a head."""
        if header(head, b"Transfer-Encoding"):
            while size := int(self.until(b"\r\n") or b"0", 16):
                self.exactly(size + 2)
            self.until(b"\r\n")
        else:
            self.exactly(int(header(head, b"Content-Length") or b"0"))

    def _more(self) -> bool:
        data = self.stream.recv(65536)
        self.kept += data
        return bool(data)


class StandIn:
    """The daemon, on the socket file `path` and on the TCP address `address`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()
        # Those with a number, and the first lines of all others.
        self.requests = 0
        self.strangers: list[bytes] = []
        self.by_file = socket.socket(socket.AF_UNIX)
        self.by_file.bind(str(path))
        self.by_file.listen(128)
        self.by_tcp = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self.by_tcp.getsockname()[1]
        for listener in (self.by_file, self.by_tcp):
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            stream, _ = listener.accept()
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream: socket.socket) -> None:
        wire = Wire(stream)
        # When a gate ends, its connections end too; a missing reply is noticed by the test that waits for it.
        with stream, suppress(OSError):
            while head := wire.until(b"\r\n\r\n"):
                wire.body(head)
                number = header(head, b"User-Agent") or b"-"
                with self.lock:
                    if number.isdigit():
                        self.requests += 1
                    else:
                        self.strangers.append(head.partition(b"\r\n")[0])
                body = b"" if head.startswith(b"HEAD ") else b"{}"
                stream.sendall(b"HTTP/1.1 200 OK\r\n%s: %s\r\nContent-Length: 2\r\n\r\n%s" % (NUMBER, number, body))


class Client:
    """Sends requests one after the other, on one connection for as long as that stays open."""

    numbers = count(1)

    def __init__(self, connect) -> None:
        self.connect = connect
        self.wire: Wire | None = None
        self.sent = 0
        self.forwarded = 0

    def ask(self, request: Request) -> Verdict:
        if self.wire is None:
            self.wire = Wire(self.connect())
            self.wire.stream.settimeout(LIMIT_SECONDS)
        number = next(self.numbers)
        self.sent += 1
        try:
            self.wire.stream.sendall(request.encoded(number))
            head = self.wire.until(b"\r\n\r\n")
            must(head, "no reply")
            if request.method != "HEAD":
                self.wire.body(head)
        except (OSError, Failure) as error:
            raise Failure(f"{request}: {error}") from error
        # After a malformed head, no one knows what the next bytes are.
        if request.raw is not None or (header(head, b"Connection") or b"").lower() == b"close":
            self.close()
        verdict = read_verdict(head, number)
        self.forwarded += verdict.forwarded
        return verdict

    def close(self) -> None:
        if self.wire:
            self.wire.stream.close()
            self.wire = None


def read_verdict(head: bytes, number: int) -> Verdict:
    status, reason, echoed = int(head[9:12]), header(head, b"Dockgate-Reason"), header(head, NUMBER)
    must(echoed in (None, b"%d" % number), f"the reply is another request's: {head!r}")
    must(echoed is None or reason is None, f"both forwarded and refused: {head!r}")
    return Verdict(echoed is not None, status, reason.decode() if reason else None)


def header(head: bytes, name: bytes) -> bytes | None:
    found = re.search(rb"(?i)\r\n%s: *([^\r]*)\r\n" % name, head)
    return found[1] if found else None


class Haproxy(Client):
    """HAProxy with one of the configurations in this folder."""

    def __init__(self, config: str, daemon: str, environment: dict[str, str]) -> None:
        """`daemon` has the format of SOCKET_PATH."""
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            self.address = listener.getsockname()
            inherited = {"PATH": os.environ["PATH"], "LISTENER": str(listener.fileno()), "DAEMON": daemon}
            self.process = subprocess.Popen(
                ["haproxy", "-db", "-f", FOLDER / config],
                env=inherited | environment,
                pass_fds=[listener.fileno()],
                stderr=subprocess.PIPE,
                text=True,
            )
        super().__init__(lambda: socket.create_connection(self.address))

    def __enter__(self) -> Haproxy:
        return self

    def __exit__(self, *_failure) -> None:
        self.close()
        early = self.process.poll()
        self.process.terminate()
        diagnostics = self.process.communicate()[1]
        must(early is None, f"HAProxy ended by itself: {diagnostics}")


class Dockgate(Client):
    """Dockgate with only the policy of its environment."""

    def __init__(self, dialect: str, daemon: str | None, environment: dict[str, str]) -> None:
        """`daemon` has the format of `--upstream`; without it, SOCKET_PATH is used."""
        # The default is not set, so that it is tested as the default.
        choice = {} if dialect == "hardened" else {"DOCKGATE_DIALECT": dialect}
        self.gate = Gate(daemon, None, environment=choice | environment)
        super().__init__(self._connect)

    def _connect(self) -> socket.socket:
        host, _, port = self.gate.bare_host.removeprefix("tcp://").rpartition(":")
        return socket.create_connection((host, int(port)))

    def __enter__(self) -> Dockgate:
        self.gate.__enter__()
        return self

    def __exit__(self, *failure) -> None:
        self.close()
        self.gate.also = self.sent
        self.gate.__exit__(*failure)
