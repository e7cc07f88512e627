"""Single requests, as raw bytes, directly and through Dockgate: the same status, headers and body bytes.

Nothing is masked, because the engine usually answers a repeated request with the same bytes. If it does not, even in
several tries, times and similar values are masked (see `compare`).

Runs on every Docker engine, because their bytes differ.
"""

import io
import re
import tarfile
import time

from cases import Cases, Failure, must
from compare import compare, compare_headers
from exchanges import Exchange, read_exchanges
from recorder import connect
from support import EVERYTHING, Engine, Gate, engines

WEB = "dockgate-web"
DONE = "dockgate-done"
# Lists without an order, and times in seconds, are sometimes equal.
TRIES = 6


def main() -> None:
    cases = Cases()
    for engine in engines():
        engine.clean_up()
        docker = engine.cli(engine.address)
        docker("run", "-d", "--init", "--name", WEB, "-e", "WORD=value", "busybox", "sleep", "86400")
        docker("run", "--name", DONE, "busybox", "sh", "-c", "echo said; echo aside >&2; seq 2000; touch /new")
        docker("volume", "create", "dockgate-volume")
        with Gate(engine.address, EVERYTHING) as gate:
            for request in requests(time.time()):
                with cases.case(f"{engine.name}: {first_line(request)}"):
                    same_answer(request, engine, gate)
        engine.clean_up()
    cases.finish()


def first_line(request: bytes) -> str:
    """The case's name: the same in every run."""
    line = request.decode("latin-1").split("\r\n")[0]
    return re.sub(r"(since|until)=[\d.]+", r"\1=...", line)


def same_answer(request: bytes, engine: Engine, gate: Gate) -> None:
    """The answer through Dockgate, between two answers of the engine: equal to one of them, byte for byte."""
    for _ in range(TRIES):
        before, between, after = ask(engine.address, request), ask(gate.host, request), ask(engine.address, request)
        found = unmasked(before, between)
        if not found or not unmasked(after, between):
            return
    if not unmasked(before, after):
        raise Failure("; ".join(found))
    found = compare(before, between)
    must(not found, "; ".join(found))


def unmasked(one: Exchange, other: Exchange) -> list[str]:
    if one.status != other.status:
        return [f"status {one.status}, {other.status}: {other.reply_body.content[:200]!r}"]
    found = compare_headers(one, other, masked=False)
    if one.informational != other.informational:
        found.append(f"informational {one.informational}, {other.informational}")
    if one.complete != other.complete:
        found.append(f"complete: {one.complete}, {other.complete}")
    if one.reply_body.content != other.reply_body.content:
        found.append(f"body: {one.reply_body.content[:300]!r}, {other.reply_body.content[:300]!r}")
    if one.piped_in != other.piped_in:
        found.append(f"piped {one.piped_in!r}, {other.piped_in!r}")
    return found


def ask(address: str, request: bytes) -> Exchange:
    """The complete answer to a request after which the connection is closed."""
    with connect(address) as stream:
        stream.settimeout(30)
        stream.sendall(request)
        answer = b""
        try:
            while part := stream.recv(1 << 20):
                answer += part
        except ConnectionResetError:
            pass  # The engine's way to close when it has not read all that was sent.
    return read_exchanges(request, answer)[0]


def requests(now: float) -> list[bytes]:
    """The requests. None of them changes the engine when it is repeated."""
    reads = [
        "/_ping",
        "/version",
        "/v1.24/version",
        "/v1.40/info",
        "/v9.99/info",
        "/events?since={since}&until={now}",
        "/events?since={since}&until={now}&filters=%7B%22type%22%3A%5B%22volume%22%5D%7D",
        "/system/df",
        "/containers/json?all=1",
        "/containers/json?all=1&size=1&limit=1",
        "/containers/json?filters=%7B%22name%22%3A%5B%22done%22%5D%7D&all=true",
        "/containers/json?filters=nonsense",
        "/containers/{web}/json",
        "/containers/{web}/json?size=1",
        "/containers/no-such-container/json",
        "/containers/{web}/top?ps_args=-ef",
        "/containers/{done}/logs?stdout=1&stderr=1",
        "/containers/{done}/logs?stdout=1&timestamps=1&tail=10",
        "/containers/{done}/logs?stdout=1&stderr=1&follow=1",
        "/containers/{done}/logs",
        "/containers/{done}/changes",
        "/containers/{done}/export",
        "/containers/{done}/archive?path=/bin/",
        "/containers/{done}/archive?path=/no/such/file",
        "/containers/{done}/archive",
        "/images/json",
        "/images/json?all=1&digests=1",
        "/images/busybox/json",
        "/images/docker.io/library/busybox:latest/json",
        "/images/busybox:latest/history",
        "/images/busybox/get",
        "/images/get?names=busybox&names=alpine%3A3",
        "/images/no/such/image/json",
        "/networks",
        "/networks/",
        "/networks/bridge?verbose=1",
        "/networks/no-such-network",
        "/volumes",
        "/volumes/dockgate-volume",
        "/volumes/no-such-volume",
        "/exec/0123456789abcdef/json",
        "/plugins",
        "/swarm",
        "/nodes",
        "/services",
        "/tasks",
        "/secrets",
        "/configs",
    ]
    names = {"web": WEB, "done": DONE, "since": int(now) - 600, "now": f"{now:.9f}"}
    archive = "/containers/" + DONE + "/archive?path=/tmp"
    return [
        *(line("GET", target.format(**names)) for target in reads),
        line("HEAD", "/_ping"),
        line("HEAD", archive),
        line("HEAD", f"/containers/{DONE}/archive?path=/no/such/file"),
        line("GET", f"/containers/{DONE}/archive?path=/etc/", "Accept-Encoding: gzip"),
        line("GET", f"/containers/{DONE}/archive?path=/etc/", "Accept-Encoding: deflate"),
        b"GET /version HTTP/1.0\r\n\r\n",
        f"GET /containers/{WEB}/json HTTP/1.0\r\n\r\n".encode(),
        line("POST", f"/containers/{DONE}/wait"),
        line("POST", f"/containers/{WEB}/start"),
        line("POST", f"/containers/{DONE}/stop"),
        line("POST", f"/containers/{DONE}/kill"),
        line("POST", f"/containers/{WEB}/resize?h=nonsense"),
        line("POST", f"/containers/{WEB}/rename?name=-"),
        line(
            "POST", "/containers/create?name=dockgate-bad", "Content-Type: application/json", body=b'{"Image":"none"}'
        ),
        line("POST", "/volumes/create", "Content-Type: application/json", body=b'{"Name":"dockgate-volume"}'),
        line("POST", "/build?remote=nonsense", "Content-Type: application/x-tar", body=tar()),
        line("POST", "/images/busybox/tag?repo=busybox&tag=latest"),
        line("POST", "/images/no-such-image/tag?repo=busybox"),
        line("POST", "/images/load", "Content-Type: application/x-tar", body=b"no archive at all"),
        line("PUT", archive, "Content-Type: application/x-tar", body=tar()),
        line("PUT", archive, "Content-Type: application/x-tar", "Expect: 100-continue", body=tar()),
        line("PUT", archive, "Transfer-Encoding: chunked", body=chunked(tar())),
        line("PUT", archive.replace("/tmp", "/no/such/folder"), "Content-Type: application/x-tar", body=tar()),
        line("POST", "/containers/no-such-container/attach?stream=1&stdout=1", "Connection: Upgrade", "Upgrade: tcp"),
        line("POST", f"/containers/{DONE}/attach?logs=1&stdout=1&stderr=1", "Connection: Upgrade", "Upgrade: tcp"),
        line("POST", f"/containers/{DONE}/attach?logs=1&stdout=1&stderr=1"),
        line(
            "GET",
            f"/containers/{DONE}/attach/ws?logs=1&stdout=1",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyEh",
        ),
        line("DELETE", "/containers/no-such-container?force=1"),
        line("DELETE", f"/containers/{WEB}"),
        line("DELETE", "/networks/bridge"),
    ]


def line(method: str, target: str, *headers: str, body: bytes | None = None) -> bytes:
    """A request that asks to close the connection, unless it asks for an upgrade."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers]
    if not any(header.startswith("Connection:") for header in headers):
        lines.append("Connection: close")
    if body is not None and not any(header.startswith("Transfer-Encoding:") for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("hello.txt")
        member.size = 6
        archive.addfile(member, io.BytesIO(b"hello\n"))
    return file.getvalue()


def chunked(content: bytes) -> bytes:
    parts = [content[at : at + 1000] for at in range(0, len(content), 1000)]
    return b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts) + b"0\r\n\r\n"


main()
