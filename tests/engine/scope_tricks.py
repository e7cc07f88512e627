"""Tricks to reach the objects of others, and to be in their way. They are checks of `scope_own.CHECKS`."""

from __future__ import annotations

import json
import time

from api import Api
from cases import eventually, must, must_equal
from recorder import Recorder
from scope_own import check, gone, make, names, ok
from scope_play import Clients
from scope_wire import Client
from scope_world import IMAGE


@check("a foreign container is named like the short id of an own one")
def squatted(direct: Api, clients: Clients) -> None:
    a, identity = clients.a, make(clients.a, "ci-web")
    short = identity[:12]
    squatter = make(direct, short)
    for each in (squatter, identity):
        direct.done("POST", f"/containers/{each}/start")
    must_equal("the container that the short id means", ok(a, "GET", f"/containers/{short}/json")["Id"], identity)
    ok(a, "POST", f"/containers/{short}/pause")
    ok(a, "POST", f"/containers/{short}/unpause")
    made = ok(a, "POST", f"/containers/{short}/exec", {"Cmd": ["true"]})["Id"]
    must_equal("the container of the exec", direct.get(f"/exec/{made}/json")["ContainerID"], identity)
    joined = make(a, "ci-joined", {"NetworkMode": f"container:{short}"})
    mode = direct.inspect(joined)["HostConfig"]["NetworkMode"]
    must(mode.endswith(identity), f"the joined container is {mode}")
    ok(a, "DELETE", f"/containers/{joined}", force="1")
    ok(a, "DELETE", f"/containers/{short}", force="1")
    must(direct.inspect(squatter)["State"]["Running"], "the foreign container has been stopped")
    gone(a, "GET", f"/containers/{short}/json")


def image_of_a(direct: Api) -> None:
    """An image whose labels say that it is client A's."""
    made = make(direct, "builder")
    stamp = ["LABEL dockgate.policy=scope-a", "LABEL dockgate.client=a"]
    query = "&".join(f"changes={line.replace(' ', '%20')}" for line in stamp)
    direct.done("POST", f"/commit?container={made}&repo=ci-forged&tag=1&{query}", {})
    direct.done("DELETE", f"/containers/{made}?force=1")


@check("an image says that client B's containers are client A's")
def forged_image(direct: Api, clients: Clients) -> None:
    image_of_a(direct)
    by_b = make(clients.b, "by-b", Image="ci-forged:1")
    make(clients.a, "ci-own", Image="ci-forged:1")
    gone(clients.a, "GET", "/containers/by-b/json")
    gone(clients.a, "DELETE", f"/containers/{by_b}", force="1")
    must_equal("client A's containers", names(clients.a), ["ci-own"])
    must_equal("client B's containers", names(clients.b), ["by-b"])


@check("the administrator runs an image that client A committed")
def run_outside(direct: Api, clients: Clients) -> None:
    make(clients.a, "ci-source")
    ok(clients.a, "POST", "/commit", {}, container="ci-source", repo="ci-committed", tag="1")
    outside = make(direct, "ci-outside", Image="ci-committed:1")
    gone(clients.a, "GET", f"/containers/{outside}/json")
    must_equal("client A's containers", names(clients.a), ["ci-source"])


@check("client B uses an image that client A committed")
def committed(_direct: Api, clients: Clients) -> None:
    made = make(clients.a, "ci-source", Cmd=["true"])
    ok(clients.a, "POST", "/commit", {}, container=made, repo="ci-committed", tag="1")
    make(clients.b, "by-b", Image="ci-committed:1")
    make(clients.a, "ci-own", Image="ci-committed:1")
    must_equal("client A's containers", names(clients.a), ["ci-own", "ci-source"])
    must_equal("client B's containers", names(clients.b), ["by-b"])
    gone(clients.a, "DELETE", "/containers/by-b")
    gone(clients.b, "DELETE", "/containers/ci-own")
    status, answer = clients.b.ask("DELETE", "/images/ci-committed:1")
    must(status in (403, 404), f"client B deletes client A's image: {status} {answer}")


@check("names that differ only by case")
def other_case(direct: Api, clients: Clients) -> None:
    a = clients.a
    own, foreign = make(a, "ci-web"), make(direct, "CI-WEB")
    ok(a, "POST", "/volumes/create", {"Name": "ci-vol"})
    direct.done("POST", "/volumes/create", {"Name": "CI-VOL"})
    ok(a, "POST", "/networks/create", {"Name": "ci-net"})
    direct.done("POST", "/networks/create", {"Name": "CI-NET"})
    must_equal("ci-web", ok(a, "GET", "/containers/ci-web/json")["Id"], own)
    must_equal("its id in capitals", a.ask("GET", f"/containers/{own.upper()}/json")[0], 404)
    for path in ("/containers/CI-WEB/json", "/volumes/CI-VOL", "/networks/CI-NET"):
        gone(a, "GET", path)
    for path in ("/containers/CI-WEB", "/volumes/CI-VOL", "/networks/CI-NET"):
        gone(a, "DELETE", path)
    for pattern in ("CI-WEB", "(?i)ci-web"):
        listed = ok(a, "GET", "/containers/json", all="1", filters={"name": [pattern]})
        must(foreign not in json.dumps(listed), f"the filter {pattern} finds the foreign container")
    ok(a, "DELETE", "/containers/ci-web")
    must(direct.is_there(foreign), "the foreign container is gone")


@check("limit, before and since with a newer foreign container", on_all=True)
def limits(direct: Api, clients: Clients) -> None:
    a = clients.a
    for name in ("ci-1", "ci-2", "ci-3"):
        make(a, name)
    make(direct, "ci-foreign")
    make(clients.b, "b-foreign")
    for query, expected in [
        ({"limit": "1"}, ["ci-3"]),
        ({"limit": "2"}, ["ci-3", "ci-2"]),
        ({"limit": "1", "filters": {"status": ["created"]}}, ["ci-3"]),
        ({"limit": "1", "filters": {"name": ["ci-"]}}, ["ci-3"]),
        ({"filters": {"before": ["ci-2"]}}, ["ci-1"]),
        ({"filters": {"since": ["ci-2"]}}, ["ci-3"]),
        ({"limit": "1", "filters": {"since": ["ci-1"]}}, ["ci-3"]),
        ({"limit": "0"}, ["ci-3", "ci-2", "ci-1"]),
        ({"limit": "9"}, ["ci-3", "ci-2", "ci-1"]),
    ]:
        must_equal(f"the list with {query}", names(a, **query), expected)


# How an object is read, and how it is removed.
NAMED = {
    "/containers/ci-web/json": "/containers/ci-web",
    "/volumes/ci-vol": "/volumes/ci-vol",
    "/networks/ci-net": "/networks/ci-net",
}


def make_all(client: Client | Api) -> str:
    """The id of the container."""
    ask = client.done if isinstance(client, Api) else (lambda *words: ok(client, *words))
    ask("POST", "/volumes/create", {"Name": "ci-vol"})
    ask("POST", "/networks/create", {"Name": "ci-net"})
    return make(client, "ci-web")


@check("a foreign object takes the name of an own one")
def taken_over(direct: Api, clients: Clients) -> None:
    """A verdict belongs to an object, not to its name. Volumes have only names, and times of creation."""
    a = clients.a
    foreign = replaced(direct, a)
    for path, removal in NAMED.items():
        gone(a, "GET", path)
        gone(a, "DELETE", removal)
    direct.done("POST", f"/containers/{foreign}/rename?name=elsewhere")
    own = make(a, "ci-web")
    direct.done("POST", f"/containers/{own}/rename?name=ci-moved")
    direct.done("POST", f"/containers/{foreign}/rename?name=ci-web")
    gone(a, "GET", "/containers/ci-web/json")
    must_equal("the renamed container", ok(a, "GET", "/containers/ci-moved/json")["Id"], own)


def replaced(direct: Api, a: Client, between=lambda: None) -> str:
    """Client A's objects have become foreign ones. Returns the id of the container."""
    make_all(a)
    for path in NAMED:
        ok(a, "GET", path)
    time.sleep(1.1)  # A volume's time of creation has seconds.
    between()
    for removal in NAMED.values():
        direct.done("DELETE", removal)
    return make_all(direct)


@check("a foreign object takes a name while Dockgate's connections to the engine are cut")
def taken_over_unseen(direct: Api, clients: Clients) -> None:
    """What Dockgate knows from events is worth nothing after a gap in them."""
    a, relay = clients.a, clients.relay

    def cut() -> None:
        for each in list(relay.connections):
            each.cut()

    replaced(direct, a, cut)
    for path, removal in NAMED.items():
        gone(a, "GET", path)
        gone(a, "DELETE", removal)
    must_equal("client A's containers", names(a), [])
    own = make(a, "ci-new")
    cut()
    must_equal("client A's new container", ok(a, "GET", "/containers/ci-new/json")["Id"], own)


@check("docker and compose see only own objects", on_all=True)
def command_line(direct: Api, clients: Clients) -> None:
    """Two clients run the same compose file."""
    if not direct.get("/version")["ApiVersion"] > "1.41":
        return  # its command line has no compose
    file = clients.folder / "compose.yaml"
    web = {"image": IMAGE, "command": "sh -c 'echo up; exec sleep 300'", "stop_signal": "SIGKILL", "volumes": ["data:/d"]}
    file.write_text(json.dumps({"services": {"web": web}, "volumes": {"data": {}}}))
    make(direct, "ci-foreign")
    for client, project in ((clients.a, "ci-one"), (clients.b, "two")):
        with Recorder(client.address) as relay:
            docker = clients.engine.plugins(relay.host)
            docker("compose", "-p", project, "-f", file, "up", "-d")
            docker("compose", "-p", project, "-f", file, "up", "-d", "--force-recreate", "-t", "0")
            services = docker("compose", "-p", project, "-f", file, "ps", "--format", "{{.Service}} {{.State}}").out
            must_equal(f"compose ps of {project}", services, "web running\n")
            said = eventually("the log", lambda: docker("compose", "-p", project, "-f", file, "logs", "--no-log-prefix").out)
            # Some releases clear the line first.
            must(said.endswith("up\n") and len(said.splitlines()) == 1, f"compose logs of {project}: {said!r}")
            listed = docker("ps", "-a", "--format", "{{.Names}}").out.split()
            must_equal(f"docker ps of {project}", listed, [f"{project}-web-1"])
            said = docker("run", "--rm", "--name", f"{project}-run", IMAGE, "echo", "said").out
            must_equal(f"docker run of {project}", said, "said\n")
            projects = json.loads(docker("compose", "ls", "--format", "json").out)
            must_equal("compose ls", [each["Name"] for each in projects], [project])
            other = docker("compose", "-p", "ci-one", "-f", file, "ps", "-aq").out if project == "two" else ""
            must_equal("client B's view of client A's project", other, "")
            relay.settle()
            client.sent += relay.requests
    for client, project in ((clients.a, "ci-one"), (clients.b, "two")):
        with Recorder(client.address) as relay:
            docker = clients.engine.plugins(relay.host)
            docker("compose", "-p", project, "-f", file, "down", "-v", "-t", "0")
            relay.settle()
            client.sent += relay.requests
    must_equal("what is left", [each["Names"] for each in direct.get("/containers/json?all=1")], [["/ci-foreign"]])


@check("nothing becomes part of a project of another")
def other_project(direct: Api, clients: Clients) -> None:
    labels = {"com.docker.compose.project": "web"}
    make(direct, "web-db-1", Labels=labels)
    own = {"com.docker.compose.project": "ci-web"}
    for path, query, body in (
        ("/containers/create", {"name": "ci-new"}, {"Image": IMAGE, "Cmd": ["true"]}),
        ("/networks/create", {}, {"Name": "ci-new"}),
        ("/volumes/create", {}, {"Name": "ci-new"}),
    ):
        for project, want in ((labels, 403), (own, 201)):
            status, answer = clients.a.ask("POST", path, {**body, "Labels": project}, **query)
            must(status == want, f"{path} {project}: {status} {answer}")
