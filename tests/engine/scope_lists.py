"""Lists, filters and events that client A asks for in the scope tests, as data.

Every documented filter has values that concern foreign objects.
"""

from __future__ import annotations

from collections.abc import Iterator

from scope_wire import Row

IN_USE = "whether a foreign container uses an own object cannot be hidden from whoever may delete it"
CHOSEN = "which ids contain these digits is chance"
# Values of filters that name something.
FOREIGN = ["<running>", "<running_id>", "<running_short>", "<running_ambiguous>", "<joined>", "<other>", "<no_running>"]


def container(method: str, name: str, what: str, query: dict, **more: object) -> Row:
    return Row(f"{method} /containers/.../{what}", method, f"/containers/{name}/{what}".rstrip("/"), query, **more)


def lists() -> Iterator[Row]:
    for path, query in [
        ("/containers/json", {"all": "1"}),
        ("/containers/json", {"all": "1", "size": "1"}),
        ("/containers/json", {"limit": "3"}),
        ("/containers/json", {}),
        ("/networks", {}),
        ("/networks/", {}),
        ("/volumes", {}),
        ("/system/df", {}),
    ]:
        yield Row("lists", "GET", path, query, leaks=True)
    yield Row("lists", "GET", "/containers/json", {"limit": "1", "all": "1"})
    yield Row("lists", "HEAD", "/containers/json", {"all": "1"})
    yield Row("lists", "HEAD", "/_ping")
    for kind in ("container", "volume", "image"):
        yield Row("lists", "GET", "/system/df", {"type": kind})
    for path in ("/info", "/version", "/_ping", "/images/json", "/images/busybox/json", "/images/busybox/history"):
        yield Row("lists", "GET", path)
    for query in ({"all": "1"}, {"shared-size": "1"}, {"digests": "1"}):
        yield Row("lists", "GET", "/images/json", query)


def container_lists() -> Iterator[Row]:
    """Every documented filter of the list of containers, with values that concern foreign ones."""
    filters = [{key: [value]} for key in ("name", "id", "before", "since") for value in FOREIGN]
    filters += [{"name": [value]} for value in ("^/mk", "mk.*", ".*", "")]
    filters += [{"id": [f"<running_{what}>"]} for what in ("prefix", "ambiguous")]
    filters += [{"label": [value]} for value in ("<label>", "<label>=<value>", "com.docker.compose.project")]
    filters += [
        {"label": ["dockgate.policy"]},
        {"label": ["dockgate.policy=scope-b"]},
        {"label": ["dockgate.client=b"]},
    ]
    filters += [{"network": [value]} for value in ("<net>", "<net_id>", "<other_net>", "edge", "<no_net>")]
    filters += [{"volume": [value]} for value in ("<vol>", "<other_vol>", "cache", "<no_vol>")]
    filters += [{"ancestor": [value]} for value in ("busybox", "ci-image:1", "<running>")]
    states = ("created", "running", "paused", "exited", "dead", "restarting", "removing")
    filters += [{"status": [value]} for value in states]
    filters += [{"health": [value]} for value in ("starting", "healthy", "unhealthy", "none")]
    filters += [{"exited": [value]} for value in ("0", "3", "127")]
    filters += [{"is-task": ["false"]}, {"publish": ["80"]}, {"expose": ["80"]}, {"isolation": ["default"]}]
    filters += [{"name": ["<running>", "ci-web"]}, {"since": ["ci-done"]}, {"before": ["ci-done"]}]
    filters += [{"label": {"<label>": True}}, {"label": {"<label>": False}}, {"nonsense": ["<running>"]}]
    for each in filters:
        differs = CHOSEN if "_ambiguous" in str(each) else ""
        query = {"all": "1", "filters": each}
        yield Row("GET /containers/json with filters", "GET", "/containers/json", query, differs=differs)
    for digit in "0123456789abcdef":
        query = {"all": "1", "filters": {"id": [digit]}}
        yield Row("GET /containers/json with filters", "GET", "/containers/json", query, differs=CHOSEN)
    for each in ({"status": ["exited"]}, {"label": ["<label>"]}, {"name": ["mk"]}, {"health": ["none"]}):
        yield Row(
            "GET /containers/json with a limit", "GET", "/containers/json", {"all": "1", "limit": "2", "filters": each}
        )
    found = ({"label": ["<label>"]}, {"name": ["<running>"]}, {"network": ["<net>"]}, {"volume": ["<vol>"]})
    for each in found:
        yield Row("GET /containers/json that finds", "GET", "/containers/json", {"filters": each}, leaks=True)


def other_lists() -> Iterator[Row]:
    networks = [{"name": [value]} for value in ("<net>", "<other_net>", "mk", "edge", "<no_net>")]
    networks += [{"id": [value]} for value in ("<net_id>", "<net_short>", "<net_prefix>", "<net_ambiguous>", "<no_id>")]
    networks += [{"label": ["<label>"]}, {"label": ["<label>=<value>"]}, {"driver": ["bridge"]}, {"scope": ["local"]}]
    networks += [{"type": ["custom"]}, {"type": ["builtin"]}, {"dangling": ["true"]}, {"dangling": ["false"]}]
    for each in networks:
        finds = any(text in str(each) for text in ("<net>", "<label>", "custom"))
        differs = CHOSEN if "_prefix" in str(each) or "_ambiguous" in str(each) else ""
        differs = IN_USE if "dangling" in each else differs
        yield Row("GET /networks with filters", "GET", "/networks", {"filters": each}, leaks=finds, differs=differs)
    volumes = [{"name": [value]} for value in ("<vol>", "<other_vol>", "mk", "cache", "<no_vol>")]
    volumes += [{"label": ["<label>"]}, {"label": ["<label>=<value>"]}, {"driver": ["local"]}]
    volumes += [{"dangling": ["true"]}, {"dangling": ["false"]}]
    for each in volumes:
        finds = any(text in str(each) for text in ("<vol>", "<label>", "local"))
        differs = IN_USE if "dangling" in each else ""
        yield Row("GET /volumes with filters", "GET", "/volumes", {"filters": each}, leaks=finds, differs=differs)
    images = [{"reference": ["*"]}, {"dangling": ["true"]}, {"label": ["<label>"]}]
    images += [{key: ["ci-image:1"]} for key in ("before", "since")]
    for each in images:
        yield Row("GET /images/json with filters", "GET", "/images/json", {"filters": each})


def odd_forms() -> Iterator[Row]:
    """Queries and paths that are rarely written this way."""
    foreign = '["<running>"]'
    for text in [
        '{"name":{"<running>":true}}',
        '{"name":{"<running>":false}}',
        '{"name":{"<running>":true},"id":["<running_id>"]}',
        '{"name":["ci-web"],"name":["<running>"]}',
        f'{{"NAME":{foreign}}}',
        f'{{"name":{foreign},"NAME":["ci-web"]}}',
        '{"name":"<running>"}',
        '{"name":["<running>",""]}',
        '{"label":[]}',
        '{"label":["<label>","dockgate.policy"]}',
        '{"label":["dockgate.policy","dockgate.policy=scope-b"]}',
        '{"label!":["dockgate.policy=scope-a"]}',
        '{"\\u006eame":["<running>"]}',
        "{}",
        "null",
        "[]",
        "",
        "<running>",
    ]:
        for path in ("/containers/json", "/networks", "/volumes"):
            yield Row("filters in odd forms", "GET", path, {"filters": text})
    for query in [
        {"all": "1", "before": "<running>"},
        {"all": "1", "since": "<running>"},
        {"all": "1", "limit": "-1"},
        {"all": "1", "limit": "1000000000000"},
        {"all": "1", "limit": "x"},
        {"all": "true", "limit": ""},
        {"all": "0", "limit": "2"},
    ]:
        yield Row("odd queries", "GET", "/containers/json", query)
    for path in ("/containers/ci-web/../<running>/json", "/containers//<running>/json", "/containers/<running>/json/"):
        yield Row("odd paths", "GET", path)
    for path in ("/containers/ci-web%2F..%2F<running>/json", "/containers/%252F<running>/json", "/networks/%2F<net>"):
        yield Row("odd paths", "GET", path)
    for since in ("0", "10m", "1", "2020-01-01T00:00:00Z"):
        filters = {"container": ["<running>"]}
        yield Row("odd queries", "GET", "/events", {"since": since, "until": "<now>", "filters": filters})


def event_lists() -> Iterator[Row]:
    """Events of the past, which end at once. They begin with these."""
    yield container("POST", "ci-web", "pause", {})
    yield container("POST", "ci-web", "unpause", {})
    yield Row("own objects", "POST", "/networks/edge/disconnect", body={"Container": "ci-web"})
    yield Row("own objects", "POST", "/networks/edge/connect", body={"Container": "ci-web"})
    filters = [{"container": [value]} for value in FOREIGN]
    filters += [{"network": ["<net>"]}, {"network": ["<net_id>"]}, {"network": ["edge"]}, {"volume": ["<vol>"]}]
    filters += [{"label": ["<label>"]}, {"image": ["busybox"]}, {"type": ["network"]}, {"type": ["volume"]}]
    filters += [{"event": ["exec_create"]}, {"event": ["rename"]}, {"scope": ["local"]}, {"type": ["daemon"]}]
    filters += [{"type": ["container"]}, {"container": ["ci-web"]}, {"label": ["dockgate.client=b"]}]
    for each in filters:
        finds = each in ({"type": ["network"]}, {"type": ["container"]}, {"label": ["<label>"]})
        query = {"since": "<after>", "until": "<now>", "filters": each}
        differs = CHOSEN if "_ambiguous" in str(each) else ""
        yield Row("GET /events of the past", "GET", "/events", query, leaks=finds, differs=differs)
    yield Row("GET /events of the past", "GET", "/events", {"since": "<after>", "until": "<now>"}, leaks=True)


# Event streams that are open during the whole script.
STREAMS = [
    Row("events", "GET", "/events", leaks=True),
    Row("events", "GET", "/events", {"filters": {"type": ["container"]}}, leaks=True),
    Row("events", "GET", "/events", {"filters": {"type": ["network"]}}, leaks=True),
    Row("events", "GET", "/events", {"filters": {"type": ["volume"]}}, leaks=True),
    Row("events", "GET", "/events", {"filters": {"network": ["edge"]}}, leaks=True),
    Row("events", "GET", "/events", {"filters": {"event": ["connect", "exec_start", "destroy"]}}, leaks=True),
    Row("events", "GET", "/events", {"filters": {"container": ["<running>"]}}),
    Row("events", "GET", "/events", {"filters": {"label": ["<label>"]}}, leaks=True),
]
