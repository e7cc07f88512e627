"""Event streams of two clients: what each one must and must not see. They are checks of `scope_own.CHECKS`."""

from __future__ import annotations

import time

from api import Api
from cases import eventually, must, must_equal
from recorder import connect
from scope_own import check, make, ok
from scope_play import Clients
from scope_wire import Client, Row, Stream

EVENTS = 40


def opened(client: Client, **filters: list[str]) -> Stream:
    """A stream of events that has begun."""
    stream = client.stream(Row("", "GET", "/events", {"filters": filters} if filters else {}), {})
    eventually("the stream to open", lambda: b"\r\n\r\n" in stream.answer)
    return stream


def read(client: Client, stream: Stream, last: str = "ci-last") -> list[dict]:
    """All events of a stream, up to that of a container that the client creates now."""
    make(client, last)
    eventually("the last event", lambda: stream.has(f'"name":"{last}"'))
    stream.close()
    return stream.events()


@check("an event reader that does not read")
def stalled(direct: Api, clients: Clients) -> None:
    """Requests of both clients go on, and the reader finds every event of its own when it reads again."""
    a, b = clients.a, clients.b
    make(a, "ci-big", Labels={"x": "y" * 60_000})
    make(direct, "ci-foreign", Labels={"x": "z" * 60_000})
    ok(a, "POST", "/containers/ci-big/start")
    direct.done("POST", "/containers/ci-foreign/start")
    reading, stream = opened(b), Stalled(a)
    for number in range(EVENTS):
        began = time.monotonic()
        # An event of an exec has all labels of its container, so these fill every buffer on the way.
        ok(a, "POST", "/containers/ci-big/exec", {"Cmd": ["true"]})
        direct.done("POST", "/containers/ci-foreign/exec", {"Cmd": ["true"]})
        ok(b, "POST", "/volumes/create", {"Name": f"b-{number}"})
        took = time.monotonic() - began
        must(took < 5, f"three requests took {took:.1f} s because of the reader")
    eventually("client B's last event", lambda: reading.has(f'"b-{EVENTS - 1}"'))
    reading.close()
    must(not reading.has('"ci-'), "client B's stream has events of client A")
    seen = stream.rest()
    must_equal("client A's events", seen.count(b'"Action":"exec_create: true'), EVENTS)
    must(b"zzz" not in seen and b'"b-' not in seen, "client A's stream has events of others")


class Stalled:
    """An event stream that is read only at the end."""

    def __init__(self, client: Client) -> None:
        client.sent += 1
        self.connection = connect(client.address)
        self.connection.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.2)

    def rest(self) -> bytes:
        self.connection.settimeout(1)
        seen = b""
        try:
            while part := self.connection.recv(1 << 20):
                seen += part
        except TimeoutError:
            pass  # nothing more comes
        self.connection.close()
        return seen


@check("events of own objects")
def own_objects(_direct: Api, clients: Clients) -> None:
    """Events of networks and volumes have no labels: Dockgate asks about the object, which must still be there then."""
    a, stream = clients.a, opened(clients.a)
    for number in range(10):
        volume, network = f"ci-v{number}", f"ci-n{number}"
        ok(a, "POST", "/volumes/create", {"Name": volume})
        ok(a, "POST", "/networks/create", {"Name": network})
        eventually("their events", lambda: stream.has(volume) and stream.has(network))
        ok(a, "DELETE", f"/volumes/{volume}")
        ok(a, "DELETE", f"/networks/{network}")
    events = read(a, stream)
    for kind in ("volume", "network"):
        for action in ("create", "destroy"):
            seen = [each for each in events if each["Type"] == kind and each["Action"] == action]
            must_equal(f"{action} events of a {kind}", len(seen), 10)


@check("a foreign volume has the name of an own one whose end the stream does not show")
def end_not_shown(direct: Api, clients: Clients) -> None:
    a = clients.a
    stream = opened(a, type=["volume", "container"], event=["create"])
    ok(a, "POST", "/volumes/create", {"Name": "ci-vol"})
    eventually("its event", lambda: stream.has('"ID":"ci-vol"'))
    ok(a, "DELETE", "/volumes/ci-vol")
    direct.done("POST", "/volumes/create", {"Name": "ci-vol"})
    seen = [each for each in read(a, stream) if each["Type"] == "volume"]
    must_equal("events of the volume", len(seen), 1)
