"""The requests that client A sends in the scope tests, as data.

They combine every operation of its policy with every kind of name.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from scope_lists import CHOSEN, STREAMS, container, container_lists, event_lists, lists, odd_forms, other_lists
from scope_wire import Row
from support import SLOW

TAKEN = "Docker has one name space for all, so it cannot be hidden that a name is taken"
IN_USE = "what a foreign container uses cannot be removed, and that cannot be hidden"

# Operations on a container. `leaks`: a foreign container's reply contains something about it.
READS = [
    ("GET", "json", {}, True),
    ("GET", "json", {"size": "1"}, True),
    ("GET", "top", {}, False),
    ("GET", "logs", {"stdout": "1", "stderr": "1", "timestamps": "1"}, False),
    ("GET", "stats", {"stream": "0", "one-shot": "1"}, False),
    ("GET", "changes", {}, False),
    ("GET", "archive", {"path": "/tmp"}, False),
    ("HEAD", "archive", {"path": "/tmp"}, False),
    ("GET", "checkpoints", {}, False),
]
WAITS = [
    ("POST", "wait", {"condition": "next-exit"}, ""),
    ("POST", "attach", {"logs": "1", "stdout": "1", "stderr": "1"}, ""),
    ("POST", "attach", {"logs": "1", "stream": "1", "stdout": "1"}, "tcp"),
    ("GET", "attach/ws", {"logs": "1", "stdout": "1"}, "websocket"),
]
WRITES = [
    ("POST", "resize", {"h": "20", "w": "20"}, None),
    ("POST", "exec", {}, {"Cmd": ["true"], "AttachStdout": True}),
    ("POST", "update", {}, {"PidsLimit": 99}),
    ("POST", "rename", {"name": "ci-renamed"}, None),
    ("POST", "pause", {}, None),
    ("POST", "unpause", {}, None),
    ("POST", "start", {}, None),
    ("POST", "kill", {"signal": "CONT"}, None),
    ("POST", "restart", {"t": "0"}, None),
    ("POST", "stop", {"t": "0"}, None),
]
# How a name can be written. The engine knows neither a name in another case nor one that does not exist.
SPELLINGS = [
    "<running>",
    "<running_id>",
    "<running_short>",
    "<running_prefix>",
    "<running_ambiguous>",
    "%2F<running>",
    "<running:upper>",
    "<running_id:upper>",
    "<no_running>",
    "<no_id>",
    "<no_short>",
]
# A prefix can become ambiguous at any time.
KNOWN = SPELLINGS[:3]
# Which ids begin with a digit is chance, so requests that change something do not name one by it.
SURE = [name for name in SPELLINGS if "ambiguous" not in name]
OTHERS = ["<stopped>", "<paused>", "<created>", "<failed>", "<joined>", "<other>", "<other_id>"]
NETWORK_SPELLINGS = ["<net>", "<net_id>", "<net_short>", "<net_prefix>"]
NETWORK_SPELLINGS += ["<net_ambiguous>", "<net:upper>", "<other_net>", "<no_net>"]
VOLUME_SPELLINGS = ["<vol>", "<vol:upper>", "<other_vol>", "<no_vol>"]
SURE_NETWORKS = [name for name in NETWORK_SPELLINGS if "ambiguous" not in name]
EXEC_SPELLINGS = ["<exec_id>", "<exec_short>", "<no_id>"]


def script() -> list[Row]:
    """All requests, in an order in which even an engine without Dockgate can answer most of them."""
    return [
        *event_lists(),
        *lists(),
        *container_lists(),
        *other_lists(),
        *odd_forms(),
        *reads(),
        *networks_and_volumes(),
        *references(),
        *own(),
        *writes(),
    ]


def some(names: list[str], turn: int) -> list[str]:
    """Enough of the names for each of them to be used often, or all in a slow run."""
    kept = names if SLOW else [name for place, name in enumerate(names) if place % 3 == turn % 3]
    return list(dict.fromkeys([names[0], *kept]))


def reads() -> Iterator[Row]:
    for turn, (method, what, query, leaks) in enumerate(READS):
        for name in some([*SPELLINGS, *OTHERS], turn):
            differs = CHOSEN if "ambiguous" in name else ""
            yield container(method, name, what, query, differs=differs, leaks=leaks and name in KNOWN + OTHERS[:5])
    for name in ["<running>", "<stopped>", "<other>", "<no_running>"]:
        yield container("GET", name, "export", {})
    for name in ["<running>", "<running_id>", "<no_running>"]:
        yield container("GET", name, "top", {"ps_args": "-ef"})
        yield container("GET", name, "logs", {"stdout": "1", "follow": "1"}, endless=True)
    for method, what, query, upgrade in WAITS:
        for name in ["<running>", "<running_id>", "<running_short>", "<stopped>", "<other>", "<no_running>"]:
            yield container(method, name, what, query, upgrade=upgrade, endless=True)
    for name in EXEC_SPELLINGS:
        yield Row("exec", "GET", f"/exec/{name}/json", leaks=name == "<exec_id>")
        yield Row("exec", "POST", f"/exec/{name}/resize", {"h": "10", "w": "10"})
        yield Row("exec", "POST", f"/exec/{name}/start", body={"Detach": True})
        yield Row("exec", "POST", f"/exec/{name}/start", body={"Tty": False}, upgrade="tcp", endless=True)


def networks_and_volumes() -> Iterator[Row]:
    for name in NETWORK_SPELLINGS:
        known = name in NETWORK_SPELLINGS[:3]
        differs = "" if name in SURE_NETWORKS else CHOSEN
        yield Row("networks", "GET", f"/networks/{name}", leaks=known, differs=differs)
        yield Row("networks", "GET", f"/networks/{name}", {"verbose": "1"}, leaks=known, differs=differs)
        yield Row("networks", "GET", f"/networks/{name}", {"scope": "local"}, differs=differs)
    for name in SURE_NETWORKS:
        yield Row("networks", "POST", f"/networks/{name}/connect", body={"Container": "ci-web"})
        yield Row("networks", "POST", f"/networks/{name}/disconnect", body={"Container": "ci-web", "Force": True})
    for name in VOLUME_SPELLINGS:
        yield Row("volumes", "GET", f"/volumes/{name}", leaks=name == "<vol>")
    # Everybody can join the engine's own networks.
    for name in ("bridge", "none"):
        yield Row("shared networks", "GET", f"/networks/{name}", {"verbose": "1"}, leaks=name == "bridge")
    for name in ("edge", "ci-net", "ci-shared-net"):
        yield Row("shared networks", "GET", f"/networks/{name}", {"verbose": "1"}, leaks=True)
        for other in ("<joined>", "<joined_id>", "<other>", "<stopped>", "<no_running>"):
            yield Row("shared networks", "POST", f"/networks/{name}/connect", body={"Container": other})
            yield Row("shared networks", "POST", f"/networks/{name}/disconnect", body={"Container": other})
    yield Row("shared networks", "DELETE", "/networks/edge")
    yield Row("shared networks", "GET", "/volumes/cache")
    yield Row("shared networks", "DELETE", "/volumes/cache")


def create(host: dict, differs: str = "", **more: object) -> Iterator[Row]:
    """The creation of a container, and its removal."""
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": "none", **host}, **more}
    yield Row(
        "containers that refer to foreign objects",
        "POST",
        "/containers/create",
        {"name": "ci-new"},
        body,
        differs=differs,
    )
    yield Row(
        "containers that refer to foreign objects",
        "DELETE",
        "/containers/ci-new",
        {"force": "1", "v": "1"},
        differs=differs,
    )


def references() -> Iterator[Row]:
    """Everything in the body of a creation that can name another object."""
    for name in ["<running>", "<running_id>", "<running_short>", "<stopped>", "<other>", "<no_running>"]:
        yield from create({"NetworkMode": f"container:{name}"})
        yield from create({"PidMode": f"container:{name}"})
        yield from create({"IpcMode": f"container:{name}"})
        yield from create({"VolumesFrom": [name]})
        yield from create({"VolumesFrom": [f"{name}:ro"]})
        yield from create({"NetworkMode": "ci-net", "Links": [f"{name}:x"]})
    for name in ["<net>", "<net_id>", "<other_net>", "<no_net>"]:
        yield from create({"NetworkMode": name})
        endpoints = {"EndpointsConfig": {"ci-net": {}, name: {}}}
        yield from create({"NetworkMode": "ci-net"}, NetworkingConfig=endpoints)
    links = {"EndpointsConfig": {"ci-net": {"Links": ["<running>:x"]}}}
    yield from create({"NetworkMode": "ci-net"}, NetworkingConfig=links)
    yield Row("commit", "POST", "/commit", {"container": "<running>", "repo": "ci-stolen"})
    yield Row("commit", "POST", "/commit", {"container": "<no_running>", "repo": "ci-stolen"})


def own() -> Iterator[Row]:
    """Client A's own objects, beside foreign ones that have joined the same networks and volumes."""
    for name in ("ci-web", "<own_id>", "<own_short>"):
        yield container("GET", name, "json", {})
        yield container("GET", name, "json", {"size": "1"})
        yield container("GET", name, "top", {})
        yield container("GET", name, "stats", {"stream": "0", "one-shot": "1"})
    yield container("GET", "ci-done", "logs", {"stdout": "1", "stderr": "1"})
    yield container("GET", "ci-done", "changes", {})
    yield container("GET", "ci-done", "archive", {"path": "/etc/"})
    yield container("POST", "ci-done", "wait", {})
    yield Row("exec", "GET", "/exec/<own_exec>/json")
    for name in ("ci-vol", "ci-shared-vol"):
        yield Row("volumes", "GET", f"/volumes/{name}")
    for what in ("pause", "unpause"):
        yield container("POST", "ci-web", what, {})
    yield container("POST", "ci-web", "rename", {"name": "ci-web-2"})
    yield container("POST", "ci-web-2", "rename", {"name": "ci-web"})
    yield container("POST", "ci-web", "rename", {"name": "ci-done"})
    yield Row("own objects", "POST", "/networks/edge/disconnect", body={"Container": "ci-web"})
    yield Row("own objects", "POST", "/networks/edge/connect", body={"Container": "ci-web"})
    # With less time, engine 20 sometimes kills it twice, and says so in two events.
    yield container("POST", "ci-web", "restart", {"t": "5"})
    for path in ("/images/ci-image:1/json", "/images/ci-image:1/history", "/images/busybox/get"):
        yield Row("images", "GET", path)
    yield Row("images", "GET", "/images/get", {"names": "busybox"})
    yield Row("images", "GET", "/images/busybox/attestations")
    yield Row("images", "POST", "/images/busybox/tag", {"repo": "ci-tagged", "tag": "1"})
    yield Row("images", "DELETE", "/images/ci-tagged:1")


def writes() -> Iterator[Row]:
    for turn, (method, what, query, body) in enumerate(WRITES):
        for name in some([*SURE, "<stopped>", "<other>"], turn):
            yield container(method, name, what, query, body=body)
    for name in ["<running>", "<running_id>", "<no_running>"]:
        yield container("PUT", name, "archive", {"path": "/tmp"}, body=archive())


def archive() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("new"))
    return file.getvalue()


def conflicts() -> list[Row]:
    """Requests whose outcome depends on foreign objects even under a scope: what they create is removed again."""
    return [*taken(), *removals(), *prunes()]


def taken() -> Iterator[Row]:
    body = {"Image": "busybox", "HostConfig": {"NetworkMode": "none"}}
    name = {"name": "<joined>"}
    yield Row("conflicts", "POST", "/containers/create", name, body, differs=TAKEN, leaks=True)
    yield Row("conflicts", "DELETE", "/containers/<joined>", differs=TAKEN)
    yield Row("conflicts", "POST", "/containers/ci-done/rename", name, differs=TAKEN, leaks=True)
    yield Row("conflicts", "POST", "/containers/<joined>/rename", {"name": "ci-done"}, differs=TAKEN)
    yield Row("conflicts", "POST", "/volumes/create", body={"Name": "<taken_vol>"}, differs=TAKEN, leaks=True)
    yield Row("conflicts", "DELETE", "/volumes/<taken_vol>", differs=TAKEN)
    made = {"Name": "<taken_net>", "CheckDuplicate": True}
    yield Row("conflicts", "POST", "/networks/create", body=made, differs=TAKEN)
    yield Row("conflicts", "DELETE", "/networks/<taken_net>", differs=TAKEN)
    yield Row("conflicts", "DELETE", "/networks/ci-shared-net", differs=IN_USE)
    yield Row("conflicts", "DELETE", "/networks/<shared_net_id>", differs=IN_USE)
    yield Row("conflicts", "DELETE", "/volumes/ci-shared-vol", differs=IN_USE, leaks=True)
    yield Row("conflicts", "DELETE", "/images/ci-image:1", differs=IN_USE, leaks=True)
    for name in ["<vol>", "<other_vol>", "<taken_vol>"]:
        yield from create({"Binds": [f"{name}:/d"]}, differs=TAKEN)
        yield from create({"Mounts": [{"Type": "volume", "Source": name, "Target": "/d"}]}, differs=TAKEN)
        yield Row("conflicts", "DELETE", f"/volumes/{name}", differs=TAKEN)


def removals() -> Iterator[Row]:
    for name in VOLUME_SPELLINGS:
        yield Row("removals", "DELETE", f"/volumes/{name}", {"force": "0"}, leaks=name == "<vol>")
    for name in SURE_NETWORKS:
        yield Row("removals", "DELETE", f"/networks/{name}")
    for name in [*SURE, *OTHERS]:
        yield Row("removals", "DELETE", f"/containers/{name}", {"force": "1"})


def prunes() -> Iterator[Row]:
    for kind in ("containers", "networks", "volumes"):
        for filters in ({"label": ["<label>"]}, {"label!": ["nothing"]}, {}):
            query = {"filters": filters} if filters else {}
            yield Row("prunes", "POST", f"/{kind}/prune", query)


def every_row() -> list[Row]:
    return [*script(), *conflicts(), *STREAMS]
