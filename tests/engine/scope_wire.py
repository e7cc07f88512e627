"""Requests of the scope tests as raw bytes, and the search for markers in what comes back.

A marker is text that nobody can guess, planted where a client must not see it. A reply may contain a marker only if
the request that it answers contained it too.
"""

from __future__ import annotations

import base64
import binascii
import json
import random
import re
import string
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlencode

from exchanges import Exchange, read_exchanges
from recorder import connect

# A reply that never ends, such as that to an attach, is cut after this many silent seconds.
QUIET = 0.4
LIMIT = 30.0
SHOWN = 60

TOKEN = re.compile(r"<([a-z0-9_]+)(:upper)?>")


@dataclass(frozen=True)
class Row:
    """One request of the script. `<word>` in its texts means a name or an id, which the world decides."""

    area: str
    method: str
    path: str
    query: Mapping[str, object] = field(default_factory=dict)
    body: object = None
    # tcp or websocket
    upgrade: str = ""
    # The reply may have no end.
    endless: bool = False
    # Why the reply may depend on objects out of scope. It must not contain a marker even then.
    differs: str = ""
    # Sent directly to the engine, it returns a marker: this proves that the search finds it.
    leaks: bool = False

    def __str__(self) -> str:
        query = "&".join(f"{key}={compact(value)}" for key, value in self.query.items())
        body = "" if self.body is None else "a tar" if isinstance(self.body, bytes) else compact(self.body)
        return f"{self.method} {self.path}{'?' if query else ''}{query} {body}".strip()


def compact(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def render(value: object, words: Mapping[str, str]) -> object:
    """The value with the words in it replaced, at any depth."""
    if isinstance(value, str):
        return TOKEN.sub(lambda found: words[found[1]].upper() if found[2] else words[found[1]], value)
    if isinstance(value, dict):
        return {render(key, words): render(each, words) for key, each in value.items()}
    if isinstance(value, list):
        return [render(each, words) for each in value]
    return value


def bytes_of(row: Row, words: Mapping[str, str], version: str = "") -> bytes:
    query = {key: compact(render(value, words)) for key, value in row.query.items()}
    target = version + quote(render(row.path, words), safe="/%:") + ("?" + urlencode(query) if query else "")
    lines = [f"{row.method} {target} HTTP/1.1", "Host: localhost"]
    if row.upgrade:
        lines += ["Connection: Upgrade", f"Upgrade: {row.upgrade}"]
    else:
        lines.append("Connection: close")
    if row.upgrade == "websocket":
        lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyEh"]
    body = b""
    if row.body is not None:
        is_tar = isinstance(row.body, bytes)
        body = row.body if is_tar else compact(render(row.body, words)).encode()
        lines += [f"Content-Type: application/{'x-tar' if is_tar else 'json'}", f"Content-Length: {len(body)}"]
    elif row.method in ("POST", "PUT"):
        lines.append("Content-Length: 0")
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer_to(address: str, request: bytes, *, endless: bool = False) -> bytes:
    """The complete answer, or, if it may have no end, everything until it is silent."""
    with connect(address) as stream:
        stream.settimeout(QUIET if endless else LIMIT)
        stream.sendall(request)
        answer = b""
        try:
            while part := stream.recv(1 << 20):
                answer += part
        except ConnectionResetError:
            pass  # the engine's way to close when it has not read all that was sent
        except TimeoutError:
            if not endless:
                raise
    return answer


def exchange_of(request: bytes, answer: bytes) -> Exchange:
    return read_exchanges(request, answer)[0]


def seen_by_client(exchange: Exchange) -> bytes:
    """Everything that a client can read, without its framing."""
    if exchange.reply is None:
        return b""
    head = "\n".join([exchange.reply.line, *(f"{name}: {value}" for name, value in exchange.reply.headers)])
    hidden = [decoded(value) for name, value in exchange.reply.headers if "Stat" in name]
    return b"\n".join([head.encode(), *hidden, exchange.reply_body.content, exchange.piped_in or b""])


def decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return b""


class Stream:
    """A reply that stays open, read in the background, such as that to `/events`."""

    def __init__(self, address: str, row: Row, words: Mapping[str, str]) -> None:
        self.row, self.request = row, bytes_of(row, words)
        self.connection = connect(address)
        self.connection.sendall(self.request)
        self.answer = b""
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        try:
            while part := self.connection.recv(1 << 20):
                self.answer += part
        except OSError:
            pass  # closed below

    @property
    def content(self) -> bytes:
        found = exchange_of(self.request, self.answer)
        return found.reply_body.content if found.reply else b""

    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.content.split(b"\n") if line.strip() and line.endswith(b"}")]

    def has(self, text: str) -> bool:
        return text.encode() in self.content

    def close(self) -> None:
        try:
            self.connection.shutdown(2)
        except OSError:
            pass  # the other side was faster
        self.thread.join(5)
        self.connection.close()


class Markers:
    """The markers of one world, and where each one is."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.planted: dict[str, str] = {}
        self.lock = threading.Lock()

    def new(self, where: str) -> str:
        return self.plant("mk" + "".join(self.chance.choices(string.ascii_lowercase, k=16)), where)

    def plant(self, text: str, where: str) -> str:
        with self.lock:
            self.planted[text] = where
        return text

    def plant_id(self, identity: str, where: str) -> str:
        self.plant(identity[:12], f"the short id of {where}")
        return self.plant(identity, f"the id of {where}")

    def found_in(self, reply: bytes, request: bytes) -> list[str]:
        """What a reply gives away, with an excerpt."""
        with self.lock:
            planted = list(self.planted.items())
        asked = unquote(request.decode("latin-1"))
        said = reply.decode("latin-1")
        lower_asked, lower_said = asked.lower(), said.lower()
        return [
            f"{where}: ...{said[max(0, at - SHOWN) : at + len(marker) + SHOWN]!r}..."
            for marker, where in planted
            if (at := lower_said.find(marker)) >= 0
            and (marker not in lower_asked or (marker in said and marker not in asked))
        ]


class Client:
    """Sends rows to one address, and counts them."""

    def __init__(self, address: str, version: str = "") -> None:
        self.address, self.version = address, version
        self.sent = 0

    def send(self, row: Row, words: Mapping[str, str]) -> tuple[bytes, Exchange]:
        """The request as it was sent, and the exchange."""
        request = bytes_of(row, words, self.version)
        self.sent += 1
        return request, exchange_of(request, answer_to(self.address, request, endless=row.endless))

    def stream(self, row: Row, words: Mapping[str, str]) -> Stream:
        self.sent += 1
        return Stream(self.address, row, words)

    def ask(self, method: str, path: str, body: object = None, /, **query: object) -> tuple[int, object]:
        """A status and a parsed body."""
        _, exchange = self.send(Row("", method, path, query, body), {})
        content = exchange.reply_body.content
        try:
            return exchange.status, json.loads(content)
        except ValueError:
            return exchange.status, content.decode(errors="replace")


def wait_until(check, limit: float = 10.0) -> bool:
    deadline = time.monotonic() + limit
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
