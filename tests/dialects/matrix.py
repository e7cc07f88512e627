"""The requests of the matrix, and the differences because of which Dockgate may refuse one that HAProxy forwards.

The rows come from `dockgate operations --json`. What the daemon itself would do with a path comes from another
source, the daemon's own route table in tests/data: a claim that a refusal breaks nothing must not rely on Dockgate.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from servers import Request
from support import REPOSITORY, TESTS

METHODS = ("GET", "HEAD", "POST", "DELETE")
SAMPLES = {"name": "web", "id": "web", "checkpoint": "before", "name...": "team/app"}
# The client offers this if the daemon requires it; HAProxy requires the key as well.
OFFERS = {
    "h2c": ("Connection: Upgrade", "Upgrade: h2c"),
    "websocket": (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ),
}

SECTIONS = tuple(
    "AUTH BUILD COMMIT CONFIGS CONTAINERS DISTRIBUTION EVENTS EXEC GRPC IMAGES INFO NETWORKS NODES PING PLUGINS"
    " SECRETS SERVICES SESSION SWARM SYSTEM TASKS VERSION VOLUMES".split()
)
PODMAN_SECTIONS = tuple(
    "CONTAINERS EVENTS EXEC GENERATE IMAGES INFO MANIFESTS NETWORKS PING PLAY PODS SECRETS SYSTEM"
    " VERSION VOLUMES".split()
)
GATED = ("archive", "changes", "export", "logs", "top")
ACTIONS = ("start", "stop", "restart", "kill", "pause", "unpause")


@dataclass(frozen=True)
class Operation:
    """A row of Dockgate's table, with a request for each of its routes."""

    name: str
    requests: tuple[Request, ...]


@cache
def operations() -> tuple[Operation, ...]:
    binary = os.environ.get("DOCKGATE_BIN") or REPOSITORY / "target" / "release" / "dockgate"
    rows = json.loads(subprocess.run([binary, "operations", "--json"], check=True, capture_output=True).stdout)
    return tuple(Operation(row["operation"], tuple(requests_of(row))) for row in rows)


def requests_of(row: dict) -> Iterable[Request]:
    for route in row["routes"]:
        path = re.sub(r"\{([^}]+)\}", lambda name: SAMPLES[name[1]], route["path"])
        yield Request(route["method"], f"/v1.45{path}", OFFERS.get(row["reply"], ()))


def docker_rows() -> list[Request]:
    """Every path of the table with every method."""
    known = {(own.method, own.target): own for operation in operations() for own in operation.requests}
    targets = dict.fromkeys(target for _, target in known)
    crossed = {(method, target): Request(method, target) for target in targets for method in METHODS}
    return list((crossed | known).values())


def stray_rows() -> list[Request]:
    """Paths outside of the table, below a prefix that a variable allows."""
    words = (prefix(section) for section in SECTIONS)
    strays = [Request(method, f"/v1.45/{word}XYZ") for word in words for method in ("GET", "POST")]
    beyond = [f"/containers/web/{action}{tail}" for action in ACTIONS for tail in ("XYZ", "/exec", "/more")]
    return strays + [Request(method, path) for path in beyond for method in METHODS]


def podman_rows() -> list[Request]:
    objects = [f"/{kind}/web/{last}" for kind in ("containers", "pods") for last in (*GATED, *ACTIONS, "exec")]
    objects = [f"/v5.4.2/libpod{path}" for path in objects] + [f"/v1.45/pods/web/{last}" for last in ACTIONS]
    rows = [Request(method, target) for target in objects for method in METHODS]
    words = [f"/v5.4.2/libpod/{prefix(section)}" for section in PODMAN_SECTIONS]
    targets = [f"{word}{tail}" for word in words for tail in ("", "/web/json")]
    rows += [Request(method, target) for target in targets for method in ("GET", "POST")]
    return [*rows, Request("PUT", "/v5.4.2/libpod/containers/web/archive")]


def prefix(section: str) -> str:
    return "_ping" if section == "PING" else section.lower()


@cache
def daemon_routes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Method and path of all routes of the Docker daemon, except those that Dockgate leaves out on purpose."""
    with (TESTS / "data" / "docker-api.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    wanted = (row for row in rows if row["effect"] != "refused")
    return tuple((row["method"], re.compile(route_pattern(row["path"]))) for row in wanted)


def route_pattern(path: str) -> str:
    """gorilla/mux: `{name}` is a segment, `{name:.*}` anything that the expression matches."""
    parts = re.split(r"\{\w+(?::([^}]+))?\}", path)
    # Every other part is an expression, or None for a plain name.
    return "".join(re.escape(part) if i % 2 == 0 else f"({part or '[^/]+'})" for i, part in enumerate(parts))


def difference(request: Request) -> str | None:
    """The difference in docs/migration.md because of which Dockgate refuses a row that HAProxy forwards, if there is
    one."""
    path = re.sub(r"^/v[\d.]+", "", request.target)
    if path.startswith("/libpod/"):
        _, _, kind, *below = path.split("/")
        is_action = kind in ("containers", "pods") and len(below) > 1 and below[1].startswith(ACTIONS)
        return "podman-action" if is_action else None
    if path.endswith("/"):
        return "unclean-path"
    found = (pattern.fullmatch(path) for method, pattern in daemon_routes() if method == request.method)
    names = [match.groups() for match in found if match]
    if not names:
        return "no-route"
    # An image's name may have slashes, such as `team/app`; other names may not.
    slashed = [match for match in names if "/" in "".join(match)]
    is_image = path.startswith(("/images/", "/plugins/", "/distribution/"))
    return "slash-name" if slashed == names and not is_image else None
