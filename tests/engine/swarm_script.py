"""The requests that client A sends in the scope tests on a swarm, as data."""

from __future__ import annotations

from collections.abc import Iterator

from scope_swarm import file_of, spec
from scope_wire import Row

IN_USE_HERE = "a node sets a network up when the first task joins it, and then has more to say about it"
IN_USE = "what a foreign service uses, and names and ports that are taken, cannot be hidden"

# How an object can be named. Its word stands for `NAME`.
SPELLINGS = ["<NAME>", "<NAME_id>", "<NAME_short>", "<NAME:upper>", "<no_NAME>", "<no_id>", "<no_short>"]


def spelled(name: str) -> list[str]:
    return [each.replace("NAME", name) for each in SPELLINGS]


def script() -> list[Row]:
    return [*lists(), *stored(), *services(), *tasks(), *references(), *own()]


def lists() -> Iterator[Row]:
    for path in ("/services", "/secrets", "/configs", "/tasks"):
        area, leaks = f"GET {path}", True
        yield Row(area, "GET", path, leaks=leaks)
        for filters in (
            {"label": ["<label>"]},
            {"label": {"<label>=<value>": True}},
            {"name": ["mk", "ci-mk"]},
            {"name": ["<svc>", "<secret>", "<config>"]},
            {"id": ["<svc_id>", "<secret_id>", "<config_id>", "<task_id>"]},
            {"id": ["<svc_short>"]},
            {"names": ["<secret>"]},
            {"service": ["<svc>"]},
            {"service": {"<svc_id>": True}},
            {"service": ["<svc_short>", "ci-web"]},
            {"service": ["<no_svc>"]},
            {"service": ["ci-web"]},
            {"service": ["<own_svc_id>"]},
            {"service": ["monitor"]},
            {"mode": ["replicated"]},
            {"desired-state": ["running"]},
            {"label": ["<label>"], "name": ["<svc>"]},
            {"nonsense": ["<svc>"]},
        ):
            yield Row(area, "GET", path, {"filters": filters})
        yield Row(area, "GET", path, {"filters": '{"label":["a"],"label":["<label>"]}'})
        yield Row(area, "GET", path, {"status": "1"}, leaks=leaks)
    for path in ("/info", "/system/df"):
        yield Row("GET of the engine", "GET", path)
    yield Row("GET of the engine", "GET", "/containers/json", {"all": "1"}, leaks=True)
    yield Row("GET of the engine", "GET", "/networks", leaks=True, differs=IN_USE_HERE)
    for name in ("edge", "ci-net"):
        differs = IN_USE_HERE if name == "edge" else ""
        yield Row("networks", "GET", f"/networks/{name}", leaks=True, differs=differs)
        yield Row("networks", "GET", f"/networks/{name}", {"verbose": "1"}, leaks=True, differs=differs)
    for name in spelled("net"):
        yield Row("networks", "GET", f"/networks/{name}", leaks=name == "<net>")
        yield Row("networks", "DELETE", f"/networks/{name}")


def stored() -> Iterator[Row]:
    for name, kind in (("secret", "secrets"), ("config", "configs")):
        for each in spelled(name):
            yield Row(kind, "GET", f"/{kind}/{each}", leaks=each == f"<{name}>")
            for query in ({"version": "<version>"}, {"version": "x"}, {}):
                for labels in ({}, {"dockgate.client": "a", "dockgate.policy": "swarm-a"}):
                    body = {"Name": each, "Labels": labels}
                    yield Row(kind, "POST", f"/{kind}/{each}/update", query, body)
        for each in spelled(name):
            yield Row(kind, "DELETE", f"/{kind}/{each}")


def services() -> Iterator[Row]:
    for each in [*spelled("svc"), "<other>", "<other_id>"]:
        area, path = "services", f"/services/{each}"
        yield Row(area, "GET", path, leaks=each in ("<svc>", "<other>"))
        yield Row(area, "GET", path, {"insertDefaults": "1"}, leaks=each == "<svc>")
        for query in ({"stdout": "1", "stderr": "1"}, {"stdout": "1", "details": "1", "timestamps": "1"}, {}):
            yield Row(area, "GET", f"{path}/logs", query, endless=True)
        yield Row(area, "GET", f"{path}/logs", {"stdout": "1", "follow": "1"}, endless=True)
        for query in ({"version": "<version>"}, {"version": "<version>", "rollback": "previous"}, {"version": "x"}, {}):
            for more in ({}, {"Networks": [{"Target": "<net>"}]}, {"Networks": [{"Target": "<no_net>"}]}):
                yield Row(area, "POST", f"{path}/update", query, spec("x", task=more))
        yield Row(area, "DELETE", path)


def tasks() -> Iterator[Row]:
    for each in ["<task_id>", "<task_short>", "<svc>.1.<task_id>", "<no_id>", "<no_short>", "<no_svc>.1.<no_id>"]:
        yield Row("tasks", "GET", f"/tasks/{each}", leaks=each == "<task_id>")
        yield Row("tasks", "GET", f"/tasks/{each}/logs", {"stdout": "1"}, endless=True)
        yield Row("tasks", "GET", f"/tasks/{each}/logs", {"stdout": "1", "follow": "1"}, endless=True)
    for each in ["<svc>.1.<task_id>", "<no_svc>.1.<no_id>"]:
        yield Row("tasks", "GET", f"/containers/{each}/json", leaks=each.startswith("<svc>"))
        yield Row("tasks", "DELETE", f"/containers/{each}", {"force": "1"})


def create(container: dict, task: dict | None = None) -> Iterator[Row]:
    """The creation of a service, its update to the same, and its removal."""
    area = "services that refer to foreign objects"
    yield Row(area, "POST", "/services/create", body=spec("ci-new", container, task, Mode={"Replicated": {"Replicas": 0}}))
    yield Row(area, "POST", "/services/ci-web/update", {"version": "1"}, spec("ci-web", container, task))
    yield Row(area, "DELETE", "/services/ci-new")


def references() -> Iterator[Row]:
    for kind in ("Secret", "Config"):
        name = kind.lower()
        for identity in (f"<{name}_id>", f"<{name}>", "<no_id>", f"<own_{name}_id>"):
            for called in (f"<{name}>", f"ci-{name}"):
                yield from create({f"{kind}s": [file_of(kind, identity, called)]})
    for each in ("<net>", "<net_id>", "<net_short>", "<no_net>", "<no_id>", "edge", "ci-net"):
        yield from create({}, {"Networks": [{"Target": each}]})
    for each in ("mkvolume", "cache", "ci-volume"):
        yield from create({"Mounts": [{"Type": "volume", "Source": each, "Target": "/v"}]})


def own() -> Iterator[Row]:
    for each in ("ci-web", "<own_svc_id>", "<own_short>"):
        yield Row("own", "GET", f"/services/{each}")
        yield Row("own", "GET", f"/services/{each}/logs", {"stdout": "1"}, endless=True)
    yield Row("own", "GET", "/tasks/<own_task_id>")
    yield Row("own", "GET", "/tasks/<own_task_id>/logs", {"stdout": "1"}, endless=True)
    for name in ("secret", "config"):
        yield Row("own", "GET", f"/{name}s/ci-{name}")
        yield Row("own", "GET", f"/{name}s/<own_{name}_id>")
        # It is in use.
        yield Row("own", "DELETE", f"/{name}s/ci-{name}")
    for path in ("/services/monitor", "/secrets/token", "/configs/motd"):
        yield Row("seen", "GET", path)
        yield Row("seen", "DELETE", path)
    yield Row("seen", "GET", "/services/monitor/logs", {"stdout": "1"}, endless=True)
    yield Row("own", "DELETE", "/networks/ci-net", differs=IN_USE)
    for kind, name in (("services", "svc"), ("secrets", "secret"), ("configs", "config")):
        body = spec(f"<{name}>") if kind == "services" else {"Name": f"<{name}>", "Data": "aGk="}
        yield Row("taken", "POST", f"/{kind}/create", body=body, differs=IN_USE)
        yield Row("taken", "DELETE", f"/{kind}/<{name}>", differs=IN_USE)
    ports = {"Ports": [{"PublishedPort": 8099, "TargetPort": 80}]}
    yield Row("taken", "POST", "/services/create", body=spec("ci-port", EndpointSpec=ports), differs=IN_USE, leaks=True)
    yield Row("taken", "DELETE", "/services/ci-port", differs=IN_USE)


STREAMS = [
    Row("events", "GET", "/events", leaks=True),
    *(Row("events", "GET", "/events", {"filters": {"type": [kind]}}, leaks=True) for kind in ("service", "secret", "config")),
    Row("events", "GET", "/events", {"filters": {"scope": ["swarm"]}}, leaks=True),
    Row("events", "GET", "/events", {"filters": {"event": ["remove", "update"]}}, leaks=True),
]
