"""What clients can do with the objects in their scopes, each next to its nearest denial.

Each check is a case of its own, on an engine that has only what both clients may see and join.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from api import Api
from cases import eventually, must, must_equal
from scope_play import Clients
from scope_script import archive
from scope_wire import Client, Row
from scope_world import IMAGE, SLEEP


@dataclass(frozen=True)
class Check:
    run: Callable[[Api, Clients], None]
    # What client A's scope is.
    objects: tuple[str, ...]
    # Which images exist for the clients.
    images: str
    # Whether it runs on every engine, or only on the main one if the run is not slow.
    on_all: bool


CHECKS: dict[str, Check] = {}


def check(name: str, *objects: str, images: str = "shared", on_all: bool = False):
    def register(run: Callable[[Api, Clients], None]) -> Callable[[Api, Clients], None]:
        CHECKS[name] = Check(run, objects or ("@own",), images, on_all)
        return run

    return register


def ok(client: Client, method: str, path: str, body: object = None, /, **query: object) -> object:
    status, answer = client.ask(method, path, body, **query)
    must(status is not None and status < 400, f"{method} {path} {query}: {status} {answer}")
    return answer


def gone(client: Client, method: str, path: str, body: object = None, /, **query: object) -> None:
    status, answer = client.ask(method, path, body, **query)
    must_equal(f"{method} {path} {query}: {answer}", status, 404)


def names(client: Client, **query: object) -> list[str]:
    return [each["Names"][0].lstrip("/") for each in ok(client, "GET", "/containers/json", all="1", **query)]


def make(client: Client | Api, name: str, host: dict | None = None, **more: object) -> str:
    body = {**SLEEP, "HostConfig": host or {"NetworkMode": "none"}, **more}
    if isinstance(client, Api):
        return client.done("POST", f"/containers/create?name={name}", body)["Id"]
    return ok(client, "POST", "/containers/create", body, name=name)["Id"]


# Requests on client A's container `ci-c`, network `ci-n` and volume `ci-v`, in this order. Before each one client B
# sends the same, and must get the status of a missing object.
LIFE = [
    ("GET", "/containers/ci-c/json", {}, None, 200),
    ("POST", "/containers/ci-c/start", {}, None, 204),
    ("GET", "/containers/ci-c/top", {}, None, 200),
    ("GET", "/containers/ci-c/logs", {"stdout": "1"}, None, 200),
    ("GET", "/containers/ci-c/stats", {"stream": "0", "one-shot": "1"}, None, 200),
    ("PUT", "/containers/ci-c/archive", {"path": "/tmp"}, archive(), 200),
    ("GET", "/containers/ci-c/archive", {"path": "/tmp/new"}, None, 200),
    ("HEAD", "/containers/ci-c/archive", {"path": "/tmp/new"}, None, 200),
    ("GET", "/containers/ci-c/changes", {}, None, 200),
    ("GET", "/containers/ci-c/export", {}, None, 200),
    ("POST", "/containers/ci-c/update", {}, {"PidsLimit": 50}, 200),
    ("POST", "/containers/ci-c/pause", {}, None, 204),
    ("POST", "/containers/ci-c/unpause", {}, None, 204),
    ("POST", "/containers/ci-c/rename", {"name": "ci-d"}, None, 204),
    ("POST", "/containers/ci-d/rename", {"name": "ci-c"}, None, 204),
    ("POST", "/networks/ci-n/connect", {}, {"Container": "ci-c"}, 200),
    ("GET", "/networks/ci-n", {}, None, 200),
    ("POST", "/networks/ci-n/disconnect", {}, {"Container": "ci-c"}, 200),
    ("POST", "/networks/edge/connect", {}, {"Container": "ci-c"}, 200),
    ("POST", "/networks/edge/disconnect", {}, {"Container": "ci-c"}, 200),
    ("GET", "/volumes/ci-v", {}, None, 200),
    ("POST", "/commit", {"container": "ci-c", "repo": "ci-life"}, None, 201),
    ("POST", "/containers/ci-c/restart", {"t": "0"}, None, 204),
    ("POST", "/containers/ci-c/kill", {}, None, 204),
    ("POST", "/containers/ci-c/wait", {}, None, 200),
    ("POST", "/containers/ci-c/stop", {}, None, 304),
    ("DELETE", "/containers/ci-c", {}, None, 204),
    ("DELETE", "/networks/ci-n", {}, None, 204),
    ("DELETE", "/volumes/ci-v", {}, None, 204),
]
ACTIONS = "create start pause unpause rename connect disconnect commit mount unmount kill die destroy".split()


@check("own objects work, and the other client does not notice", on_all=True)
def life(_direct: Api, clients: Clients) -> None:
    a, b = clients.a, clients.b
    streams = [client.stream(Row("", "GET", "/events"), {}) for client in (a, b)]
    eventually("the streams to open", lambda: all(b"\r\n\r\n" in each.answer for each in streams))
    network = ok(a, "POST", "/networks/create", {"Name": "ci-n", "CheckDuplicate": True})["Id"]
    ok(a, "POST", "/volumes/create", {"Name": "ci-v"})
    identity = make(a, "ci-c", {"NetworkMode": "bridge", "Binds": ["ci-v:/d"]})
    others_lists(a, b, identity, network)
    denied_references(b, identity)
    for method, path, query, body, status in LIFE:
        gone(b, method, path, body, **query)
        if path.endswith("/pause"):
            execs(a, b)
        got, answer = a.ask(method, path, body, **query)
        must_equal(f"{method} {path} {query}: {answer}", got, status)
    eventually("the last event", lambda: streams[0].content.count(b'"Action":"destroy"') == 3)
    time.sleep(0.2)
    for stream in streams:
        stream.close()
    unseen = set(ACTIONS) - {event["Action"] for event in streams[0].events()}
    must(not unseen, f"client A's stream lacks {sorted(unseen)}")
    # Images are shared, and so are their events.
    others = json.dumps([event for event in streams[1].events() if event["Type"] != "image"])
    for text in (identity, network, '"ci-'):
        must(text not in others, f"client B's stream has {text}: {others[:2000]}")


def others_lists(a: Client, b: Client, identity: str, network: str) -> None:
    for path in ("/containers/json", "/networks", "/networks/", "/volumes", "/system/df"):
        query = {"all": "1"} if path == "/containers/json" else {}
        seen = {client: json.dumps(ok(client, "GET", path, **query)) for client in (a, b)}
        must(
            any(text in seen[a] for text in (identity, network, '"ci-v"')), f"{path} does not show client A its objects"
        )
        for text in (identity, network, '"ci-v"'):
            must(text not in seen[b], f"{path} shows client B {text}")
    counts = [ok(client, "GET", "/info")["Containers"] for client in (a, b)]
    must_equal("the numbers of containers in /info", counts, [1, 0])


def denied_references(b: Client, identity: str) -> None:
    """Client B names client A's objects in a body. What it may name is tried right after that."""
    # Not 404, because the docker command line takes that to mean the image, and pulls it.
    for host, status in [
        ({"NetworkMode": "ci-n"}, 400),
        ({"NetworkMode": "container:ci-c"}, 400),
        ({"NetworkMode": f"container:{identity}"}, 400),
        ({"NetworkMode": "none", "PidMode": "container:ci-c"}, 400),
        ({"NetworkMode": "none", "VolumesFrom": ["ci-c"]}, 400),
        # A volume's name is taken for everybody.
        ({"NetworkMode": "none", "Binds": ["ci-v:/d"]}, 409),
    ]:
        got, answer = b.ask("POST", "/containers/create", {"Image": IMAGE, "HostConfig": host}, name="b-c")
        must_equal(f"client B creates with {host}: {answer}", got, status)
    for host in ({"NetworkMode": "edge"}, {"NetworkMode": "none", "Binds": ["cache:/d"]}):
        make(b, "b-c", host)
        ok(b, "DELETE", "/containers/b-c")


def execs(a: Client, b: Client) -> None:
    gone(b, "POST", "/containers/ci-c/exec", {"Cmd": ["true"]})
    made = ok(a, "POST", "/containers/ci-c/exec", {"Cmd": ["echo", "said"], "AttachStdout": True})["Id"]
    size = {"h": "10", "w": "10"}
    for method, what, query, body in [
        ("GET", "json", {}, None),
        ("POST", "resize", size, None),
        ("POST", "start", {}, {"Detach": False}),
    ]:
        gone(b, method, f"/exec/{made}/{what}", body, **query)
    _, exchange = a.send(Row("", "POST", f"/exec/{made}/start", body={"Detach": False}, upgrade="tcp"), {})
    must(b"said" in (exchange.piped_in or exchange.reply_body.content), f"the exec says {exchange}")
    must_equal("the exit code of the exec", ok(a, "GET", f"/exec/{made}/json")["ExitCode"], 0)


@check("prune removes only own objects", on_all=True)
def prune(direct: Api, clients: Clients) -> None:
    makers: dict[str, Client | Api] = {"ci-a": clients.a, "b": clients.b, "ci-foreign": direct}
    for name, maker in makers.items():
        ask = maker.done if isinstance(maker, Api) else (lambda *words, maker=maker: ok(maker, *words))
        ask("POST", "/volumes/create", {"Name": f"{name}-v"})
        ask("POST", "/networks/create", {"Name": f"{name}-n"})
        make(maker, f"{name}-c", Cmd=["true"])
        ask("POST", f"/containers/{name}-c/start")
        eventually("its end", lambda name=name: direct.inspect(f"{name}-c")["State"]["Status"] == "exited")
    for kind in ("containers", "networks", "volumes"):
        for filters in ({"label!": ["nothing"]}, {"all": ["1"]} if kind == "volumes" else {}):
            query = {"filters": filters} if filters else {}
            status, answer = clients.a.ask("POST", f"/{kind}/prune", **query)
            must(status == 200 or kind == "volumes", f"{kind}/prune {filters}: {status} {answer}")
            for other in ("b-", "ci-foreign-"):
                must(other not in json.dumps(answer), f"{kind}/prune {filters} removed an object of others: {answer}")
    left = {each["Names"][0].lstrip("/") for each in direct.get("/containers/json?all=1")}
    left |= {each["Name"] for each in direct.get("/networks")} | {
        each["Name"] for each in direct.get("/volumes")["Volumes"]
    }
    expected = {f"{name}-{kind}" for name in ("b", "ci-foreign") for kind in "cnv"}
    must(expected <= left, f"client A's prune removed {sorted(expected - left)}")
    must(not {"ci-a-c", "ci-a-n"} & left, f"client A's prune left its own objects: {sorted(left)}")


@check("lists of unused objects have those in scope", on_all=True)
def unused(direct: Api, clients: Clients) -> None:
    a = clients.a
    for name in ("ci-used", "ci-unused"):
        ok(a, "POST", "/volumes/create", {"Name": name})
        ok(a, "POST", "/networks/create", {"Name": name})
    direct.done("POST", "/volumes/create", {"Name": "foreign"})
    direct.done("POST", "/networks/create", {"Name": "foreign"})
    make(a, "ci-web", {"NetworkMode": "ci-used", "Binds": ["ci-used:/d"]})
    ok(a, "POST", "/containers/ci-web/start")
    for value, want in (("true", ["ci-unused"]), ("false", ["ci-used"]), ("1", ["ci-unused"])):
        for filters in ({"dangling": [value]}, {"dangling": {value: True}}):
            volumes = ok(a, "GET", "/volumes", filters=filters)["Volumes"] or []
            must_equal(f"volumes with {filters}", [each["Name"] for each in volumes], want)
            # Which networks the engine calls unused, and when, is its own affair.
            all_networks = direct.get(f"/networks?filters={quote(json.dumps(filters))}")
            expected = {each["Name"] for each in all_networks} & {"ci-used", "ci-unused"}
            networks = ok(a, "GET", "/networks", filters=filters)
            must_equal(f"networks with {filters}", {each["Name"] for each in networks}, expected)


@check("images are shared, but only own names of them change")
def shared_images(direct: Api, clients: Clients) -> None:
    a, b = clients.a, clients.b
    make(a, "ci-source")
    ok(a, "POST", "/commit", {}, container="ci-source", repo="ci-made", tag="1")
    ok(a, "POST", "/images/ci-made:1/tag", repo="ci-made", tag="2")
    before = {tag: image["Id"] for image in direct.get("/images/json") for tag in image["RepoTags"] or []}
    for client, image in ((a, IMAGE), (a, "alpine:3"), (b, IMAGE), (b, "ci-made:1"), (b, "ci-made:2")):
        ok(client, "GET", f"/images/{image}/json")
        status, answer = client.ask("DELETE", f"/images/{image}")
        must_equal(f"DELETE of {image}: {answer}", status, 403)
    status, answer = a.ask("POST", "/images/ci-made:1/tag", repo=IMAGE, tag="latest")
    must_equal(f"a tag over {IMAGE}: {answer}", status, 403)
    after = {tag: image["Id"] for image in direct.get("/images/json") for tag in image["RepoTags"] or []}
    must_equal("the tags", after, before)
    for tag in ("ci-made:2", "ci-made:1"):
        ok(a, "DELETE", f"/images/{tag}")


@check("an error text shows the ids of own objects")
def own_ids(_direct: Api, clients: Clients) -> None:
    identity = make(clients.a, "ci-c")
    status, answer = clients.a.ask("POST", "/containers/create", {"Image": IMAGE}, name="ci-c")
    must(status == 409 and identity in answer["message"], f"a name that an own object has: {status} {answer}")


# Other selectors.

LABELLED = {"Labels": {"team": "ci"}}
PROJECT = {"Labels": {"com.docker.compose.project": "web"}}


def scoped_objects(direct: Api, name: str, more: dict) -> None:
    make(direct, name, **more)
    direct.done("POST", "/networks/create", {"Name": f"{name}-n", **more})
    direct.done("POST", "/volumes/create", {"Name": f"{name}-v", **more})


def sees(a: Client, inside: set[str], outside: set[str]) -> None:
    for name in inside:
        for path in (f"/containers/{name}/json", f"/networks/{name}-n", f"/volumes/{name}-v"):
            ok(a, "GET", path)
    for name in outside:
        for path in (f"/containers/{name}/json", f"/networks/{name}-n", f"/volumes/{name}-v"):
            gone(a, "GET", path)
    must_equal("the listed containers", set(names(a)), inside)
    networks = {each["Name"] for each in ok(a, "GET", "/networks")} & {f"{name}-n" for name in inside | outside}
    must_equal("the listed networks", networks, {f"{name}-n" for name in inside})
    volumes = {each["Name"] for each in ok(a, "GET", "/volumes")["Volumes"]} - {"cache"}
    must_equal("the listed volumes", volumes, {f"{name}-v" for name in inside})
    for name in outside:
        gone(a, "DELETE", f"/containers/{name}", force="1")
    for name in inside:
        ok(a, "DELETE", f"/containers/{name}", force="1")


@check("selectors by label, project and name", "label:team=ci", "project:web", "name:ci-*")
def selectors(direct: Api, clients: Clients) -> None:
    for name, more in [
        ("labelled", LABELLED),
        ("composed", PROJECT),
        ("ci-named", {}),
        ("none", {}),
        ("other-value", {"Labels": {"team": "cid"}}),
        ("other-project", {"Labels": {"com.docker.compose.project": "web2"}}),
        ("xci-named", {}),
        ("CI-named", {}),
    ]:
        scoped_objects(direct, name, more)
    outside = {"none", "other-value", "other-project", "xci-named", "CI-named"}
    sees(clients.a, {"labelled", "composed", "ci-named"}, outside)


@check("everything without a label", "not-label:private")
def without_a_label(direct: Api, clients: Clients) -> None:
    scoped_objects(direct, "plain", {})
    scoped_objects(direct, "private", {"Labels": {"private": ""}})
    sees(clients.a, {"plain"}, {"private"})
