"""Single requests to the Docker API, as JSON, over any address."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from urllib.parse import quote

from cases import must
from recorder import connect


@dataclass(frozen=True)
class Answer:
    """A status, and the body: parsed if it is JSON, otherwise as text."""

    status: int
    body: object
    reason: str | None

    def refused(self, reason: str) -> bool:
        """Whether Dockgate itself refused, with this reason."""
        return self.reason == reason


@dataclass(frozen=True)
class Api:
    """The API at an address; each request uses a new connection."""

    host: str
    version: str = ""

    def ask(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> Answer:
        connection = http.client.HTTPConnection("localhost", timeout=60)
        connection.sock = connect(self.host)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": content_type} if data is not None else {}
        try:
            connection.request(method, self.version + path, data, headers)
            reply = connection.getresponse()
            text = reply.read().decode(errors="replace")
        finally:
            connection.close()
        reason = reply.headers.get("Dockgate-Reason")
        try:
            return Answer(reply.status, json.loads(text), reason)
        except json.JSONDecodeError:
            return Answer(reply.status, text, reason)

    def get(self, path: str) -> object:
        return self.done("GET", path)

    def done(self, method: str, path: str, body: object = None) -> object:
        """The answer to a request that must be allowed and succeed."""
        answer = self.ask(method, path, body)
        must(answer.status < 400, f"{method} {path}: {answer.status} {answer.body}")
        return answer.body

    def inspect(self, name: str) -> dict:
        return self.get(f"/containers/{quote(name)}/json")

    def is_there(self, name: str) -> bool:
        return self.ask("GET", f"/containers/{quote(name)}/json").status == 200


def logs(api: Api, name: str) -> str:
    """A container's output without the frame headers."""
    raw = raw_reply(api, "GET", f"/containers/{name}/logs?stdout=1&stderr=1")
    text = b""
    while raw:
        length = int.from_bytes(raw[4:8], "big")
        text, raw = text + raw[8 : 8 + length], raw[8 + length :]
    return text.decode(errors="replace")


def raw_reply(api: Api, method: str, path: str) -> bytes:
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = connect(api.host)
    connection.request(method, path)
    content = connection.getresponse().read()
    connection.close()
    return content


def typed(api: Api, path: str, text: bytes) -> bytes:
    """Everything that a hijacked connection returns after this input, to its end."""
    with connect(api.host) as stream:
        stream.settimeout(10)
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        stream.sendall(head.encode())
        said = b""
        while b"\r\n\r\n" not in said:
            said += stream.recv(4096)
        if not said.startswith(b"HTTP/1.1 101"):
            return said
        stream.sendall(text)
        while part := stream.recv(4096):
            said += part
    return said
