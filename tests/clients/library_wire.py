"""Jobs of clients that cannot be installed here: the bytes that their sources send, through curl or a socket."""

from __future__ import annotations

import json
import socket

from cases import eventually, must, must_equal
from commands import run_well
from library_proof import LOOP, WEB, Place
from recorder import connect


def url(place: Place, path: str) -> str:
    return place.host.replace("tcp://", "http://") + path


def autoheal(place: Place) -> str:
    """One round of its loop: quotes, braces and brackets of the filter are sent as they are."""
    sick = ("--health-cmd", "false", "--health-interval", "100ms", "--health-retries", "1", "--label", "autoheal=true")
    place.direct("run", "-d", "--name", WEB, *sick, "busybox", *LOOP)
    filters = '{"health":["unhealthy"],"label":["autoheal=true"]}'
    listing = ("curl", "-s", "--globoff", url(place, f"/containers/json?filters={filters}"))
    [found] = eventually("an unhealthy container", lambda: json.loads(run_well(*listing).out))

    def started() -> str:
        return place.direct("inspect", "--format", "{{.State.StartedAt}}", WEB).out

    before = started()
    restart = url(place, f"/containers/{found['Id'][:12]}/restart?t=10")
    code = run_well("curl", "-s", "-f", "-X", "POST", "-o", "/dev/null", "-w", "%{http_code}", restart).out
    must_equal("status of the restart", code, "204")
    must(started() != before, "it was not restarted")
    return "the unhealthy container restarted"


# The scripts at these places in the image print how they were called.
FAKES = {
    "/app/docker-entrypoint.sh": 'echo rendered by "$@"',
    "/usr/sbin/nginx": 'echo nginx "$@"',
}
RELOAD = (
    "/app/docker-entrypoint.sh /usr/local/bin/docker-gen /app/nginx.tmpl /etc/nginx/conf.d/default.conf;"
    " /usr/sbin/nginx -s reload"
)


def acme_companion(place: Place) -> str:
    """The requests of its docker-gen, then those of its script: an exec without an upgrade, answered with 200 and a
    raw stream."""
    label = ("--label", "com.github.nginx-proxy.nginx=")
    place.direct("run", "-d", "--name", WEB, *label, "busybox", *LOOP)
    for path, script in FAKES.items():
        text = f"mkdir -p {path.rpartition('/')[0]}; printf '#!/bin/sh\\n%s\\n' '{script}' > {path}; chmod +x {path}"
        place.direct("exec", WEB, "sh", "-c", text)
    curl = ("curl", "-s", "-f", "--globoff")
    must_equal("ping", run_well(*curl, url(place, "/_ping")).out, "OK")
    for path in ("/version", "/info", "/networks", f"/containers/{WEB}/json"):
        json.loads(run_well(*curl, url(place, path)).out)
    watched = run_well(*curl, url(place, "/events?since=0&until=1"))
    must_equal("events of the first second", watched.out, "")
    filters = '{"label":["com.github.nginx-proxy.nginx"]}'
    [proxy] = json.loads(run_well(*curl, url(place, f"/containers/json?filters={filters}")).out)
    body = json.dumps(
        {"AttachStdin": False, "AttachStdout": True, "AttachStderr": True, "Tty": False, "Cmd": ["sh", "-c", RELOAD]}
    )
    post = ("-X", "POST", "-H", "Content-Type: application/json", "-d")
    made = json.loads(run_well(*curl, *post, body, url(place, f"/containers/{proxy['Id']}/exec")).out)
    start = ("-i", *post, '{"Detach": false, "Tty": false}', url(place, f"/exec/{made['Id']}/start"))
    head, _, output = run_well(*curl, *start).out.partition("\r\n\r\n")
    must(head.startswith("HTTP/1.1 200 OK"), head)
    must("application/vnd.docker.raw-stream" in head and "content-length" not in head.lower(), head)
    for line in ("rendered by /usr/local/bin/docker-gen", "nginx -s reload"):
        must(line in output, output)
    return "the exec's output, nginx told to read its configuration, by a raw stream without an upgrade"


def fluent_bit(place: Place) -> str:
    """Its only request, to a socket file: HTTP/1.0 without a Host; it skips what it reads first, and uses the rest as
    raw bytes."""
    stream = connect(place.host)
    try:
        stream.settimeout(20)
        stream.sendall(b"GET /events HTTP/1.0\r\n\r\n")
        head = stream.recv(32 * 1024)
        must(head.startswith(b"HTTP/1.") and b" 200 " in head.split(b"\r\n")[0], f"{head}")
        must(b"chunked" not in head.lower(), f"{head}")
        place.direct("run", "-d", "--name", WEB, "busybox", *LOOP)
        events = b""
        while b'"start"' not in events:
            events += stream.recv(32 * 1024)
        read = [json.loads(line) for line in events.splitlines()]
        stream.shutdown(socket.SHUT_RDWR)
    finally:
        stream.close()
    of_web = {each["Action"] for each in read if each.get("Actor", {}).get("Attributes", {}).get("name") == WEB}
    must({"create", "start"} <= of_web, f"{read}")
    return f"{len(read)} events, one a line, not in chunks"
