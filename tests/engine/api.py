"""Single requests to the Docker API, as JSON, over whichever address."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from urllib.parse import quote

from cases import must
from recorder import connect


@dataclass(frozen=True)
class Answer:
    """A status, and the body as JSON where it is some, else as text."""

    status: int
    body: object
    reason: str | None

    def refused(self, reason: str) -> bool:
        """Whether Dockgate itself refused, for this reason."""
        return self.reason == reason


@dataclass(frozen=True)
class Api:
    """The API at an address; each request has a connection of its own."""

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
        """What the answer says to a request that must be granted and work."""
        answer = self.ask(method, path, body)
        must(answer.status < 400, f"{method} {path}: {answer.status} {answer.body}")
        return answer.body

    def inspect(self, name: str) -> dict:
        return self.get(f"/containers/{quote(name)}/json")

    def is_there(self, name: str) -> bool:
        return self.ask("GET", f"/containers/{quote(name)}/json").status == 200
