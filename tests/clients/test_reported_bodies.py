"""Bodies that real clients were reported to send, and that the daemon accepts: A, B, K, L, M, P and G18 of the
reports.

A case that is named only after a report fails on a Dockgate with the reported bug. A case named `beside` is a similar
but ambiguous request, which stays denied.

Runs on the main engine; fields that no engine reads are sent to all of them, and to Podman.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "engine"))

from api import Answer, Api
from cases import Cases, must, must_equal
from support import Engine, Gate, engines, main_engine, podman, scratch

WEB = "dockgate-web"
NETWORK = "dockgate-net"
VOLUME = "dockgate-volume"
IMAGE = "dockgate-built"
POLICY = """
allow = ["*:read", "*:write", "ContainerCreate", "ContainerExec", "ExecStart", "ImageBuild", "ServiceCreate",
    "ServiceUpdate", "VolumeCreate"]
[create]
volumes = ["*"]
[images]
tags = ["*"]
"""
SLEEP = {"Image": "busybox", "Cmd": ["sleep", "300"], "HostConfig": {"NetworkMode": "none"}}
NOTHING = [b"{}", b"null", b'""', b" {} ", b"\n{}\n", b"{ }"]
SOMETHING = [b"[]", b"0", b'"a"', b'{"a":1}', b"{}{}", b'{"Binds":["/:/h"]}', b"    {}    "]


def main() -> None:
    cases = Cases()
    with ways(main_engine(), POLICY) as (direct, through):
        starts(cases, direct, through)
        networks(cases, direct, through)
        execs(cases, direct, through)
        creates(cases, direct, through)
        texts(cases, direct, through)
        services(cases, direct, through)
    for engine in [*engines(), podman()]:
        with ways(engine, POLICY) as (direct, through):
            ignored(cases, engine, direct)
            builds(cases, engine, direct, through)
    with ways(main_engine(), "observe = true\n" + POLICY) as (direct, through):
        observed(cases, direct, through)
    cases.finish()


@contextmanager
def ways(engine: Engine, policy: str) -> Iterator[tuple[Api, Api]]:
    engine.clean_up()
    with scratch() as folder:
        (folder / "policy.toml").write_text(policy)
        try:
            with Gate(engine.address, str(folder / "policy.toml")) as gate:
                yield Api(engine.address), Api(gate.host)
        finally:
            engine.clean_up()


def made(through: Api, body: dict | None = None) -> str:
    """A new container, created through Dockgate, so that it belongs to the policy."""
    through.ask("DELETE", f"/containers/{WEB}?force=1&v=1")
    return through.done("POST", f"/containers/create?name={WEB}", body or SLEEP)["Id"]


def denied(answer: Answer, text: str) -> None:
    must(answer.reason, f"was not denied: {answer.status} {answer.body}")
    must(text in str(answer.body), f"says nothing of {text!r}: {answer.body}")


def starts(cases: Cases, direct: Api, through: Api) -> None:
    """Ansible, Portainer's button and Ruby's client send `{}`."""
    for body in NOTHING:
        with cases.case(f"A-start-with-{body!r}"):
            made(through)
            must_equal("direct", direct.ask("POST", f"/containers/{WEB}/start", body).status, 204)
            made(through)
            must_equal("through", through.ask("POST", f"/containers/{WEB}/start", body).status, 204)
            must(direct.inspect(WEB)["State"]["Running"], "it does not run")
    for kind in ["text/plain", "application/x-www-form-urlencoded"]:
        with cases.case(f"A-start-with-{kind}"):
            made(through)
            must_equal("through", through.ask("POST", f"/containers/{WEB}/start", b"{}", kind).status, 204)
    for call in ["pause", "unpause", "stop?t=0"]:
        with cases.case(f"A-the-same-with-{call}"):
            answer = through.ask("POST", f"/containers/{WEB}/{call}", b"{}", "text/plain")
            must_equal("through", answer.status, 204)
    for body in SOMETHING:
        with cases.case(f"beside A-start-with-{body!r}"):
            made(through)
            answer = through.ask("POST", f"/containers/{WEB}/start", body)
            must(answer.refused("body_not_allowed"), f"{answer}")
            must(not direct.inspect(WEB)["State"]["Running"], "it runs")


def networks(cases: Cases, direct: Api, through: Api) -> None:
    endpoint = '{"Aliases":["db"],"Links":null,"MacAddress":null}'
    for client, body in [
        ("docker-java", f'{{"enableIPv6":null,"Name":"{NETWORK}","Driver":null,"Options":{{}},"EnableIPv6":null}}'),
        ("docker-java-false", f'{{"enableIPv6":false,"Name":"{NETWORK}","EnableIPv6":false}}'),
        ("lower-case", f'{{"name":"{NETWORK}","driver":"bridge"}}'),
    ]:
        with cases.case(f"B-network-of-{client}"):
            through.ask("DELETE", f"/networks/{NETWORK}")
            through.done("POST", "/networks/create", body.encode())
            must_equal("IPv6", direct.get(f"/networks/{NETWORK}")["EnableIPv6"], False)
    made(through)
    for client, body in [
        ("docker-java", f'{{"containerConfig":{endpoint},"Container":"{WEB}","EndpointConfig":{endpoint}}}'),
        ("go-dockerclient", f'{{"Container":"{WEB}","EndpointConfig":{{"Aliases":["db"]}},"Force":false}}'),
        ("Ruby", f'{{"container":"{WEB}","endpointConfig":{{"aliases":["db"]}}}}'),
    ]:
        with cases.case(f"B-G9-connect-of-{client}"):
            made(through, {**SLEEP, "HostConfig": {}})
            through.done("POST", f"/networks/{NETWORK}/connect", body.encode())
            joined = direct.inspect(WEB)["NetworkSettings"]["Networks"][NETWORK]
            must("db" in joined["Aliases"], f"the alias is not there: {joined}")
            through.done("POST", f"/networks/{NETWORK}/disconnect", f'{{"container":"{WEB}"}}'.encode())
    for body in [
        '{"Name":"dockgate-n","EnableIPv6":true,"enableIPv6":false}',
        '{"Name":"dockgate-n","EnableIPv6":false,"enableIPv6":null}',
        '{"Name":"dockgate-n","Options":{"a":"1"},"options":{"b":"2"}}',
        '{"Name":"dockgate-n","Labels":{"a":"1","a":"2"}}',
        '{"Name":"dockgate-n","Ipv6Enabled":false}',
    ]:
        with cases.case(f"beside B-{body}"):
            answer = through.ask("POST", "/networks/create", body.encode())
            must(answer.refused("bad_body"), f"{answer}")


def execs(cases: Cases, direct: Api, through: Api) -> None:
    made(through)
    through.done("POST", f"/containers/{WEB}/start")
    again = '"AttachStdin":true,"AttachStderr":true,"AttachStdout":true,"Privileged":false'
    for client, exec_body, start in [
        ("go-dockerclient", '{"Cmd":["id","-u"],"Container":"web","AttachStdout":true}',
         '{"InputStream":null,"OutputStream":{},"ErrorStream":{},"RawTerminal":false}'),
        ("Portainer", '{"id":"web","AttachStdout":true,"Cmd":["id","-u"]}', '{"Detach":false}'),
        ("Docker.DotNet-4", '{"TTY":false,"AttachStdout":true,"Cmd":["id","-u"]}', '{"Detach":false,"TTY":false}'),
        ("Docker.DotNet-3", '{"AttachStdout":true,"Cmd":["id","-u"]}', f'{{{again},"Tty":false,"Detach":false}}'),
        ("Docker.DotNet-3.128", '{"AttachStdout":true,"Cmd":["id","-u"]}',
         f'{{"User":"1","Env":["A=b"],"WorkingDir":"/","Cmd":["false"],"DetachKeys":"",{again},"Tty":false}}'),
    ]:
        with cases.case(f"B-G9-exec-of-{client}"):
            made_exec = through.done("POST", f"/containers/{WEB}/exec", exec_body.encode())["Id"]
            answer = through.ask("POST", f"/exec/{made_exec}/start", start.encode())
            must_equal("status", answer.status, 200)
            must("0\n" in answer.body, f"it said {answer.body!r}")
    for body in ['{"Tty":true,"TTY":false}', '{"Detach":true,"Streams":{}}', '{"Tty":"false"}']:
        with cases.case(f"beside B-exec-start-{body}"):
            made_exec = through.done("POST", f"/containers/{WEB}/exec", {"Cmd": ["true"]})["Id"]
            answer = through.ask("POST", f"/exec/{made_exec}/start", body.encode())
            must(answer.refused("bad_body"), f"{answer}")


def creates(cases: Cases, direct: Api, through: Api) -> None:
    def create(body: dict) -> Answer:
        through.ask("DELETE", f"/containers/{WEB}?force=1&v=1")
        return through.ask("POST", f"/containers/create?name={WEB}", body)

    with cases.case("B-a-container-in-lower-case"):
        answer = create({"image": "busybox", "cmd": ["true"], "hostconfig": {"networkmode": "none", "memory": 67108864}})
        must_equal("status", answer.status, 201)
        must_equal("memory", direct.inspect(WEB)["HostConfig"]["Memory"], 67108864)
    with cases.case("B-what-is-spelled-otherwise-is-judged"):
        denied(create({"image": "busybox", "HOSTCONFIG": {"PRIVILEGED": True}}), "HostConfig.Privileged is not allowed")
    for key, value in [("Dns", ["1.1.1.1"]), ("runtime", "runc"), ("Binds", ["/:/h"]), ("Privileged", True)]:
        for more in [{}, {"HostConfig": {}}]:
            with cases.case(f"M-{key}-beside-{list(more)}"):
                right = key[0].upper() + key[1:]
                denied(create({"Image": "busybox", key: value, **more}), f"send it as HostConfig.{right}")
    with cases.case("M-what-says-nothing"):
        nothing = {"Dns": [], "Memory": 0, "Privileged": False, "Runtime": "", "VolumesFrom": []}
        must_equal("status", create({"Image": "busybox", **nothing}).status, 201)
    with cases.case("L-a-volume-with-a-mountpoint"):
        through.done("POST", "/volumes/create", {"Name": VOLUME, "Driver": "local", "Mountpoint": "/etc"})
        must(direct.get(f"/volumes/{VOLUME}")["Mountpoint"] != "/etc", "the mountpoint counts")
    with cases.case("P-G18-a-finding-is-said-once"):
        direct.done("POST", "/containers/create?name=dockgate-other", SLEEP)
        links = {"Links": ["dockgate-other:a", "dockgate-other:b"], "VolumesFrom": ["dockgate-other"], "NetworkMode": "host"}
        answer = create({"Image": "busybox", "HostConfig": links})
        must_equal("how often", answer.body["message"].count("create.join"), 1)
        must('HostConfig.NetworkMode "host"' in answer.body["message"], f"{answer.body}")
    with cases.case("P-a-relative-path-keeps-the-daemons-advice"):
        relative = {"Image": "busybox", "HostConfig": {"Binds": ["relative/x:/x"]}}
        advice = "If you intended to pass a host directory, use absolute path"
        denied_by_daemon = direct.ask("POST", f"/containers/create?name={WEB}", relative)
        must(advice in str(denied_by_daemon.body), f"the daemon says {denied_by_daemon.body}")
        denied(create(relative), advice)
    for body in [
        {"HostConfig": {}, "Hostconfig": {"Privileged": True}},
        {"Image": "busybox", "image": "evil"},
        {"HostConfig": {"Binds": ["a:/a"], "binds": []}},
        {"Newer": 1},
    ]:
        with cases.case(f"beside B-{json.dumps(body)}"):
            must(create({"Image": "busybox", **body}).refused("bad_body"), "it was not refused in this way")


def texts(cases: Cases, direct: Api, through: Api) -> None:
    """The daemon's own suites look for its texts."""
    for target in ["/containers/create", "/containers/foobar/exec", "/networks/create", "/volumes/create"]:
        for body, kind in [
            (b"{}", "text/plain"),
            (b"{invalid json", "application/json"),
            (b"{} trailing content", "application/json"),
            (b'{"a":[1,]}', "application/json"),
        ]:
            with cases.case(f"JSON-{target}-{body!r}-{kind}"):
                theirs, ours = (api.ask("POST", target, body, kind) for api in (direct, through))
                must_equal("status", ours.status, theirs.status)
                begins = f"dockgate: {theirs.body['message']}"
                must(ours.body["message"].startswith(begins), f"{ours.body} does not begin as {theirs.body}")


def services(cases: Cases, direct: Api, through: Api) -> None:
    """dockerode's `service.update` repeats the query in the body, with the credentials."""
    direct.done("POST", "/swarm/init", {"ListenAddr": "127.0.0.1:24377", "AdvertiseAddr": "127.0.0.1"})
    try:
        task = {"ContainerSpec": {"Image": "busybox", "Command": ["sleep", "300"]}}
        spec = {"Name": "dockgate-service", "TaskTemplate": task, "Mode": {"Replicated": {"Replicas": 0}}}
        with cases.case("L-a-service-with-exposed-ports"):
            through.done("POST", "/services/create", {**spec, "EndpointSpec": {"ExposedPorts": [{"Port": 6379}]}})
        through.ask("POST", "/services/create", spec)
        version = direct.get("/services/dockgate-service")["Version"]["Index"]
        repeated = {"version": version, "registryAuthFrom": "spec", "rollback": "", "authconfig": {"username": "a"}}
        update = f"/services/dockgate-service/update?version={version}"
        with cases.case("beside L-an-order-in-two-spellings"):
            two = {**spec, "RollbackConfig": {"Order": "stop-first", "order": "start-first"}}
            must(through.ask("POST", update, two).refused("bad_body"), "it was not refused in this way")
        with cases.case("L-an-update-of-dockerode"):
            through.done("POST", update, {**spec, **repeated, "Labels": {"a": "b"}})
            must_equal("label", direct.get("/services/dockgate-service")["Spec"]["Labels"]["a"], "b")
    finally:
        direct.ask("POST", "/swarm/leave?force=1")


def ignored(cases: Cases, engine: Engine, direct: Api) -> None:
    """Fields that Dockgate drops have no meaning for any engine."""
    direct.done("POST", f"/containers/create?name={WEB}", {"Image": "busybox", "Cmd": ["sleep", "300"]})
    direct.done("POST", f"/containers/{WEB}/start")
    with cases.case(f"{engine.name}: no engine reads what is run at the start of an exec"):
        body = {"Cmd": ["id", "-u"], "AttachStdout": True, "id": "other", "Container": "other", "containerId": "other"}
        made_exec = direct.done("POST", f"/containers/{WEB}/exec", body)["Id"]
        start = {"Cmd": ["false"], "User": "1", "Privileged": True, "Env": ["A=b"], "WorkingDir": "/tmp", "RawTerminal": True}
        streams = {"InputStream": None, "OutputStream": {}, "ErrorStream": {}, "AttachStdout": False, "DetachKeys": "a"}
        answer = direct.ask("POST", f"/exec/{made_exec}/start", {**start, **streams})
        must("0\n" in str(answer.body), f"it said {answer}")
    with cases.case(f"{engine.name}: no engine reads what a connect repeats"):
        direct.done("POST", "/networks/create", {"Name": NETWORK})
        direct.done("POST", "/containers/create?name=dockgate-idle", {"Image": "busybox"})
        body = {"Container": "dockgate-idle", "EndpointConfig": {"Aliases": ["db"]}, "containerConfig": {"Aliases": ["no"]}, "Force": True}
        direct.done("POST", f"/networks/{NETWORK}/connect", body)
        aliases = direct.inspect("dockgate-idle")["NetworkSettings"]["Networks"][NETWORK]["Aliases"]
        must("db" in aliases and "no" not in aliases, f"aliases {aliases}")
    with cases.case(f"{engine.name}: no engine reads the mountpoint of a new volume"):
        made_volume = direct.done("POST", "/volumes/create", {"Name": VOLUME, "Mountpoint": "/etc"})
        must(made_volume["Mountpoint"] != "/etc", f"{made_volume}")


def builds(cases: Cases, engine: Engine, direct: Api, through: Api) -> None:
    """docker-py sends the name of a Dockerfile outside of the context, and then its text."""
    context = tar_of({"first": "FROM busybox\nLABEL which=first\n", "second": "FROM busybox\nLABEL which=second\n"})
    rows = [("K", "first", "FROM busybox\nLABEL which=text\n"), ("K-the-first-of-two", "first", "second")]
    for name, one, other in rows:
        query = urlencode([("dockerfile", one), ("t", IMAGE), ("dockerfile", other)])
        for way, api in [("direct", direct), ("through", through)]:
            case = f"{engine.name}: {name}" if way == "through" else f"{engine.name}: the daemon takes the first, {name}"
            with cases.case(case):
                answer = api.ask("POST", f"/build?{query}", context, "application/x-tar")
                must_equal("status", answer.status, 200)
                labels = direct.get(f"/images/{IMAGE}/json")["Config"]["Labels"]
                must_equal("which", labels["which"], "first")
                direct.ask("DELETE", f"/images/{IMAGE}?force=1")
    with cases.case(f"{engine.name}: beside K-a-first-that-is-not-in-the-context"):
        query = urlencode([("dockerfile", "../first"), ("dockerfile", "first"), ("t", IMAGE)])
        must(through.ask("POST", f"/build?{query}", context, "application/x-tar").refused("bad_query"), "it was built")
    with cases.case(f"{engine.name}: beside K-two-remotes"):
        query = urlencode([("remote", ""), ("remote", "http://127.0.0.1:1/x"), ("t", IMAGE)])
        must(through.ask("POST", f"/build?{query}", context, "application/x-tar").refused("bad_query"), "it was built")


def tar_of(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def observed(cases: Cases, direct: Api, through: Api) -> None:
    """Fields that the daemon itself ignores or rejects are let through, so that they are recorded."""
    with cases.case("B-observe-an-unknown-field"):
        body = {**SLEEP, "Newer": {"a": [1, None]}, "HostConfig": {"NetworkMode": "none", "Newest": 1}}
        made(through, body)
    with cases.case("B-observe-a-value-of-another-kind"):
        answer = through.ask("POST", "/containers/create", {"Image": "busybox", "Tty": "true"})
        must(answer.reason is None and answer.status == 400, f"{answer}")
    with cases.case("beside B-observe-two-values"):
        answer = through.ask("POST", "/containers/create", b'{"Image":"busybox","image":"b","Newer":1}')
        must(answer.refused("bad_body"), f"{answer}")
    with cases.case("beside B-observe-a-forged-mark"):
        answer = through.ask("POST", "/containers/create", {**SLEEP, "Newer": 1, "labels": {"dockgate.policy": "other"}})
        must(answer.reason is not None, f"{answer}")


main()
