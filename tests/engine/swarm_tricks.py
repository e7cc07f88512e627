"""What clients can do with swarm objects in their scopes, and tricks to reach those of others."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from api import Api
from cases import eventually, must, must_equal
from recorder import Recorder
from scope_own import gone, ok
from scope_play import Clients
from scope_swarm import file_of, made, running, spec
from scope_wire import Client, Row
from scope_world import IMAGE


@dataclass(frozen=True)
class Check:
    run: Callable[[Api, Clients], None]
    objects: tuple[str, ...]


CHECKS: dict[str, Check] = {}
DATA = base64.b64encode(b"value").decode()


def check(name: str, *objects: str):
    def register(run: Callable[[Api, Clients], None]) -> Callable[[Api, Clients], None]:
        CHECKS[name] = Check(run, objects or ("@own",))
        return run

    return register


def named(client: Client, kind: str, **query: object) -> list[str]:
    return sorted(each["Spec"]["Name"] for each in ok(client, "GET", f"/{kind}", **query))


def update(client: Client, path: str, change: Callable[[dict], None], **query: object) -> tuple[int, object]:
    while True:
        found = ok(client, "GET", path)
        change(found["Spec"])
        version = str(found["Version"]["Index"])
        status, answer = client.ask("POST", f"{path}/update", found["Spec"], version=version, **query)
        # The swarm has changed the service in between.
        if not out_of_sequence(answer):
            return status, answer


def out_of_sequence(answer: object) -> bool:
    return "update out of sequence" in json.dumps(answer)


@check("own objects work, and the other client does not notice")
def life(direct: Api, clients: Clients) -> None:
    a, b = clients.a, clients.b
    streams = [client.stream(Row("", "GET", "/events"), {}) for client in (a, b)]
    eventually("the streams to open", lambda: all(b"\r\n\r\n" in each.answer for each in streams))
    secret = made(a, "/secrets/create", {"Name": "ci-s", "Data": DATA, "Labels": {"x": "y"}})
    config = made(a, "/configs/create", {"Name": "ci-c", "Data": DATA})
    network = made(a, "/networks/create", {"Name": "ci-n", "Driver": "overlay"})
    container = {"Secrets": [file_of("Secret", secret, "ci-s")], "Configs": [file_of("Config", config, "ci-c")]}
    service = made(a, "/services/create", spec("ci-w", container, {"Networks": [{"Target": "ci-n"}]}))

    def own_task() -> list[str]:
        states = {each["ID"]: each["Status"]["State"] for each in ok(a, "GET", "/tasks") if each["ServiceID"] == service}
        return [task for task, state in states.items() if state == "running"]

    task = eventually("its task", own_task)[0]
    must_equal("client A's containers", len(ok(a, "GET", "/containers/json")), 1)
    must_equal("client B's containers", ok(b, "GET", "/containers/json"), [])
    for kind, mine, seen in [("services", "ci-w", "monitor"), ("secrets", "ci-s", "token"), ("configs", "ci-c", "motd")]:
        must_equal(f"client A's {kind}", named(a, kind), sorted([mine, seen]))
        must_equal(f"client B's {kind}", named(b, kind), [seen])
    own_tasks = {each["ServiceID"] for each in ok(a, "GET", "/tasks")}
    seen = direct.get("/services/monitor")["ID"]
    must_equal("the services of client A's tasks", own_tasks, {service, seen})
    must_equal("those of client B's", {each["ServiceID"] for each in ok(b, "GET", "/tasks")}, {seen})
    for path in (f"/tasks/{task}", f"/tasks/{task}/logs", "/services/ci-w", f"/services/{service[:12]}"):
        gone(b, "GET", path, stdout="1")
        ok(a, "GET", path, stdout="1")
    for path in ("/secrets/ci-s", f"/secrets/{secret}", "/configs/ci-c", f"/configs/{config[:10]}", "/networks/ci-n"):
        gone(b, "GET", path)
        gone(b, "DELETE", path)
        ok(a, "GET", path)
    status, answer = update(a, "/services/ci-w", lambda it: it["TaskTemplate"].update(ForceUpdate=1))
    must_equal(f"an update: {answer}", status, 200)
    for kind in ("secrets/ci-s", "configs/ci-c"):
        status, answer = update(a, f"/{kind}", lambda it: it["Labels"].update(more="1"))
        must_equal(f"an update of {kind}: {answer}", status, 200)
    gone(b, "DELETE", "/services/ci-w")
    must_equal("the secret's error", "ci-w" in a.ask("DELETE", "/secrets/ci-s")[1]["message"], True)
    ok(a, "DELETE", "/services/ci-w")
    for path in ("/secrets/ci-s", "/configs/ci-c"):
        ok(a, "DELETE", path)
    make_last(a)
    eventually("the last event", lambda: streams[0].has('"ci-last"'))
    for stream in streams:
        stream.close()
    seen = {(each["Type"], each["Action"]) for each in streams[0].events()}
    for kind in ("service", "secret", "config"):
        for action in ("create", "update", "remove"):
            must((kind, action) in seen, f"client A's stream lacks {kind} {action}: {sorted(seen)}")
    others = json.dumps([event for event in streams[1].events() if event["Type"] != "image"])
    for text in (service, secret, config, network, '"ci-'):
        must(text not in others, f"client B's stream has {text}: {others[:2000]}")


def make_last(client: Client) -> None:
    made(client, "/secrets/create", {"Name": "ci-last", "Data": DATA})


@check("lists with labels, a hundred times")
def labels_of_lists(direct: Api, clients: Clients) -> None:
    """The swarm reads label filters into a map, in random order: a key without a value can win over one with a value."""
    a, b = clients.a, clients.b
    for client, name in ((a, "ci-a"), (b, "b")):
        secret = made(client, "/secrets/create", {"Name": f"{name}-s", "Data": DATA})
        made(client, "/configs/create", {"Name": f"{name}-c", "Data": DATA})
        container = {"Secrets": [file_of("Secret", secret, f"{name}-s")]}
        made(client, "/services/create", spec(f"{name}-w", container))
    made(direct, "/services/create", spec("foreign", Labels={"dockgate.policy": "swarm-c"}))
    eventually("the tasks", lambda: len(running(direct)) >= 4)
    for filters in (["dockgate.policy"], ["dockgate.policy=swarm-a", "dockgate.policy"], ["dockgate.client=b"]):
        for turn in range(100 if filters == ["dockgate.policy"] else 20):
            for kind in ("services", "secrets", "configs", "tasks"):
                text = json.dumps(ok(a, "GET", f"/{kind}", filters={"label": filters}))
                for foreign in ('"b-', "foreign"):
                    must(foreign not in text, f"{kind} with {filters} in turn {turn}: {text[:800]}")


@check("a client neither leaves its scope nor takes others into it")
def updates(direct: Api, clients: Clients) -> None:
    a, b = clients.a, clients.b
    made(a, "/services/create", spec("ci-w"))
    made(a, "/secrets/create", {"Name": "ci-s", "Data": DATA})
    made(a, "/configs/create", {"Name": "ci-c", "Data": DATA})

    def marks(path: str) -> list[dict]:
        found = direct.get(path)["Spec"]
        places = [found, found.get("TaskTemplate", {}).get("ContainerSpec", found)]
        return [{key: value for key, value in it["Labels"].items() if key.startswith("dockgate.")} for it in places]

    own = [{"dockgate.policy": "swarm-a", "dockgate.client": "a"}] * 2
    for path in ("/services/ci-w", "/secrets/ci-s", "/configs/ci-c"):
        must_equal(f"the marks of {path}", marks(path), own)
        for labels in ({}, {"x": "y"}, {"dockgate.policy": "swarm-a"}):

            def change(it: dict, labels: dict = labels) -> None:
                it["Labels"] = dict(labels)
                if "TaskTemplate" in it:
                    it["TaskTemplate"]["ContainerSpec"]["Labels"] = dict(labels)

            status, answer = update(a, path, change)
            must_equal(f"an update of {path} with {labels}: {answer}", status, 200)
            must_equal(f"the marks of {path} after {labels}", marks(path), own)
        for labels in ({"dockgate.client": "b"}, {"dockgate.policy": "swarm-b", "dockgate.client": "b"}):
            status, answer = update(a, path, lambda it, labels=labels: it["Labels"].update(labels))
            must_equal(f"an update of {path} with {labels}: {answer}", status, 403)
        gone(b, "GET", path)
        gone(b, "POST", f"{path}/update", direct.get(path)["Spec"] | {"Labels": {}}, version="1")
    status, answer = a.ask("POST", "/services/create", spec("ci-x", Labels={"dockgate.client": "b"}))
    must_equal(f"a service of client B: {answer}", status, 403)
    status, answer = a.ask("POST", "/secrets/create", {"Name": "ci-x", "Labels": {"dockgate.client": "b"}, "Data": DATA})
    must_equal(f"a secret of client B: {answer}", status, 403)


@check("rollbacks lead only to states in scope")
def rollbacks(direct: Api, clients: Clients) -> None:
    a = clients.a
    made(a, "/services/create", spec("ci-w"))
    must_equal("an update", update(a, "/services/ci-w", lambda it: it["TaskTemplate"].update(ForceUpdate=1))[0], 200)
    status, answer = update(a, "/services/ci-w", lambda _: None, rollback="previous")
    must_equal(f"a rollback to an own state: {answer}", status, 200)
    foreign = made(direct, "/secrets/create", {"Name": "foreign", "Data": DATA})
    marks = direct.get("/services/ci-w")["Spec"]["Labels"]

    def change(**more: object) -> None:
        while True:
            found = direct.get("/services/ci-w")
            found["Spec"]["Labels"] = more.get("labels", marks)
            found["Spec"]["TaskTemplate"]["ContainerSpec"]["Secrets"] = more.get("secrets", [])
            path = f"/services/ci-w/update?version={found['Version']['Index']}"
            answer = direct.ask("POST", path, found["Spec"])
            if not out_of_sequence(answer.body):
                must_equal(f"the change {more}: {answer}", answer.status, 200)
                return

    for more, want in [
        ({"labels": {"dockgate.policy": "swarm-b", "dockgate.client": "b"}}, 403),
        ({"labels": {}}, 403),
        ({"secrets": [file_of("Secret", foreign, "foreign")]}, 404),
    ]:
        change(**more)
        change()
        status, answer = update(a, "/services/ci-w", lambda _: None, rollback="previous")
        must_equal(f"a rollback to {more}: {answer}", status, want)


@check("an image says that client B's service is client A's")
def forged_image(direct: Api, clients: Clients) -> None:
    body = {"Image": IMAGE, "Cmd": ["true"]}
    builder = direct.done("POST", "/containers/create", body)["Id"]
    lines = ["LABEL dockgate.policy=swarm-a", "LABEL dockgate.client=a"]
    query = "&".join(f"changes={line.replace(' ', '%20')}" for line in lines)
    direct.done("POST", f"/commit?container={builder}&repo=ci-forged&tag=1&{query}", {})
    made(clients.b, "/services/create", spec("by-b", {"Image": "ci-forged:1"}))
    eventually("its task", lambda: [each for each in running(direct) if each["Image"].startswith("ci-forged")])
    must_equal("client A's containers", ok(clients.a, "GET", "/containers/json"), [])
    must_equal("client B's containers", len(ok(clients.b, "GET", "/containers/json")), 1)
    must_equal("client A's services", named(clients.a, "services"), ["monitor"])


@check("a foreign object is named like the short id of an own one")
def squatted(direct: Api, clients: Clients) -> None:
    a = clients.a
    for kind, body in (("services", spec("ci-w")), ("secrets", {"Name": "ci-s", "Data": DATA}), ("configs", {"Name": "ci-c", "Data": DATA})):
        identity = made(a, f"/{kind}/create", body)
        other = made(direct, f"/{kind}/create", {**body, "Name": identity[:12]})
        must_equal(f"the {kind} that the short id means", ok(a, "GET", f"/{kind}/{identity[:12]}")["ID"], identity)
        ok(a, "DELETE", f"/{kind}/{identity[:12]}")
        must_equal(f"the foreign one of {kind}", direct.get(f"/{kind}/{other}")["ID"], other)
        gone(a, "GET", f"/{kind}/{identity[:12]}")
    identity = made(a, "/networks/create", {"Name": "ci-n", "Driver": "overlay"})
    direct.done("POST", "/networks/create", {"Name": identity[:12]})
    must_equal("the network that the short id means", ok(a, "GET", f"/networks/{identity[:12]}")["Id"], identity)


@check("client B uses client A's secrets, configs and networks")
def stolen(direct: Api, clients: Clients) -> None:
    a, b = clients.a, clients.b
    secret = made(a, "/secrets/create", {"Name": "ci-s", "Data": DATA})
    config = made(a, "/configs/create", {"Name": "ci-c", "Data": DATA})
    network = made(a, "/networks/create", {"Name": "ci-n", "Driver": "overlay", "Attachable": True})
    token = direct.get("/secrets/token")["ID"]
    made(b, "/services/create", spec("by-b", {"Secrets": [file_of("Secret", token, "token")]}))
    for container, task in [
        ({"Secrets": [file_of("Secret", secret, "ci-s")]}, {}),
        ({"Configs": [file_of("Config", config, "ci-c")]}, {}),
        ({}, {"Networks": [{"Target": "ci-n"}]}),
        ({}, {"Networks": [{"Target": network}]}),
    ]:
        gone(b, "POST", "/services/create", spec("by-b-2", container, task))
        found = ok(b, "GET", "/services/by-b")
        whole = spec("by-b", container, task)
        gone(b, "POST", "/services/by-b/update", whole, version=str(found["Version"]["Index"]))
    must_equal("client B's services", named(b, "services"), ["by-b", "monitor"])
    # Somebody else uses client A's secret, and client A is not told who.
    made(direct, "/services/create", spec("foreign", {"Secrets": [file_of("Secret", secret, "ci-s")]}))
    status, answer = a.ask("DELETE", "/secrets/ci-s")
    must(status == 400 and "foreign" not in json.dumps(answer), f"a secret in use: {status} {answer}")


@check("a service waits for a volume that somebody else creates later")
def later_volume(direct: Api, clients: Clients) -> None:
    mount = {"Mounts": [{"Type": "volume", "Source": "data", "Target": "/d"}]}
    idle = {"Mode": {"Replicated": {"Replicas": 0}}}
    status, answer = clients.a.ask("POST", "/services/create", spec("ci-w", mount, **idle))
    must_equal(f"a volume that is not in scope.names: {answer}", status, 403)
    direct.done("POST", "/volumes/create", {"Name": "ci-data"})
    mount["Mounts"][0]["Source"] = "ci-data"
    status, answer = clients.a.ask("POST", "/services/create", spec("ci-w", mount, **idle))
    must_equal(f"a volume of somebody else: {answer}", status, 409)
    for name in ("ci-new", "cache"):
        mount["Mounts"][0]["Source"] = name
        made(clients.a, "/services/create", spec(f"ci-{name}", mount, **idle))


@check("docker stack deploy of two clients")
def stacks(direct: Api, clients: Clients) -> None:
    file, secret = clients.folder / "stack.yaml", clients.folder / "secret.txt"
    secret.write_text("value")
    web = {
        "image": IMAGE,
        "command": "sleep 300",
        "stop_grace_period": "1s",
        "secrets": ["s"],
        "configs": ["c"],
        "volumes": ["data:/d"],
        "deploy": {"replicas": 1},
    }
    stored = {"secrets": {"s": {"file": str(secret)}}, "configs": {"c": {"file": str(secret)}}}
    file.write_text(json.dumps({"version": "3.8", "services": {"web": web}, "volumes": {"data": {}}, **stored}))
    foreign = spec("foreign_web", Labels={"com.docker.stack.namespace": "foreign"})
    made(direct, "/services/create", foreign)

    def docker(client: Client, *words: str, fails: bool = False) -> str:
        with Recorder(client.address) as relay:
            done = clients.engine.cli(relay.host).may_fail(*words)
            relay.settle()
            client.sent += relay.requests
        must((done.code != 0) == fails, f"docker {' '.join(words)}: {done.code} {done.out} {done.err}")
        return done.out + done.err

    deploy = ("stack", "deploy", "--resolve-image", "never", "-c", str(file))
    for client, stack in ((clients.a, "ci-one"), (clients.b, "two")):
        docker(client, *deploy, stack)
        # A second time, nothing changes.
        before = direct.get(f"/services/{stack}_web")["Spec"]
        docker(client, *deploy, stack)
        must_equal(f"the service of {stack}", direct.get(f"/services/{stack}_web")["Spec"], before)
        eventually(
            "its task",
            lambda stack=stack: any(each["Names"][0].startswith(f"/{stack}_web.") for each in running(direct)),
        )
        out = docker(client, "stack", "ls", "--format", "{{.Name}}")
        must_equal(f"the stacks of {stack}'s client", out.split(), [stack])
        services = ("stack", "services", stack, "--format", "{{.Name}} {{.Replicas}}")
        # The swarm says so a little after the container runs.
        eventually(
            f"docker stack services {stack}",
            lambda services=services, stack=stack: docker(client, *services).startswith(f"{stack}_web 1/1"),
        )
        out = docker(client, "stack", "ps", stack, "--format", "{{.Name}} {{.CurrentState}}")
        must(out.startswith(f"{stack}_web.1 Running"), f"docker stack ps {stack}: {out}")
        out = docker(client, "service", "ls", "--format", "{{.Name}}").split()
        must_equal(f"docker service ls of {stack}'s client", sorted(out), sorted([f"{stack}_web", "monitor"]))
        docker(client, "service", "logs", f"{stack}_web")
        docker(client, "service", "scale", "--detach", f"{stack}_web=2")
        must_equal("the marks of its volume", direct.get(f"/volumes/{stack}_data")["Labels"]["dockgate.client"], client_of(client, clients))
    said = docker(clients.b, *deploy, "ci-one", fails=True)
    must("create.projects" in said, f"client B deploys client A's stack: {said}")
    said = docker(clients.b, "stack", "ps", "ci-one", fails=True)
    must("nothing found" in said, f"docker stack ps of client A's stack: {said}")
    docker(clients.b, "stack", "rm", "ci-one")
    must_equal("client A's service", direct.get("/services/ci-one_web")["Spec"]["Name"], "ci-one_web")
    docker(clients.a, "stack", "rm", "ci-one")
    docker(clients.b, "stack", "rm", "two")
    must_equal("what is left", sorted(each["Spec"]["Name"] for each in direct.get("/services")), ["foreign_web", "monitor"])


def client_of(client: Client, clients: Clients) -> str:
    return "a" if client is clients.a else "b"


@check("selectors by label, project and name", "label:team=ci", "project:web", "name:ci-*")
def selectors(direct: Api, clients: Clients) -> None:
    a, inside, outside = clients.a, [], []
    for name, labels, is_inside in [
        ("labelled", {"team": "ci"}, True),
        ("stacked", {"com.docker.stack.namespace": "web"}, True),
        ("ci-named", {}, True),
        ("none", {}, False),
        ("other-value", {"team": "cid"}, False),
        ("other-stack", {"com.docker.stack.namespace": "web2"}, False),
        ("CI-named-too", {}, False),
    ]:
        made(direct, "/services/create", spec(name, Labels=labels))
        for kind in ("secrets", "configs"):
            made(direct, f"/{kind}/create", {"Name": name, "Labels": labels, "Data": DATA})
        (inside if is_inside else outside).append(name)
    # The labels of its containers do not count.
    made(direct, "/services/create", spec("in-containers", {"Labels": {"team": "ci"}}))
    for kind, seen in (("services", "monitor"), ("secrets", "token"), ("configs", "motd")):
        must_equal(f"the listed {kind}", named(a, kind), sorted([*inside, seen]))
        for name in inside:
            ok(a, "GET", f"/{kind}/{name}")
        for name in outside:
            gone(a, "GET", f"/{kind}/{name}")
            gone(a, "DELETE", f"/{kind}/{name}")
    gone(a, "GET", "/services/in-containers")
    # An update may not lead out of the scope. A selector of another kind may still select it.
    for path in ("/services/labelled", "/secrets/labelled", "/configs/labelled"):
        status, answer = update(a, path, lambda it: it["Labels"].update(team="ops"))
        must_equal(f"an update of {path}: {answer}", status, 403)
        status, answer = update(a, path, lambda it: it["Labels"].pop("team"))
        must_equal(f"an update of {path}: {answer}", status, 200)
        must_equal(f"the label of {path}", direct.get(path)["Spec"]["Labels"].get("team"), "ci")
