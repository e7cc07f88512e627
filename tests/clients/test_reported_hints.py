"""Hints of denials, followed on a real engine: G1, G7 and G17 of the reports.

The hint is written into the policy, Dockgate is restarted, and the same request must be allowed.

Runs on the main engine.
"""

from __future__ import annotations

import json
import os
import random
import re
import string
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "engine"))

from api import Answer, Api
from cases import Cases, eventually, must, must_equal
from support import Engine, Gate, main_engine, scratch

WEB = "dockgate-web"
NETWORK = "dockgate-net"
ALLOW = ["ContainerCreate", "ContainerExec", "ContainerAttach", "NetworkConnect", "PutContainerArchive"]
BINARY = os.environ.get("DOCKGATE_BIN") or str(Path(__file__).resolve().parents[2] / "target" / "release" / "dockgate")
SLEEP = {"Image": "busybox", "Cmd": ["sleep", "300"], "HostConfig": {"NetworkMode": "none"}}


def main() -> None:
    cases, engine = Cases(), main_engine()
    engine.clean_up()
    try:
        networks(cases, engine)
        containers(cases, engine)
        pipelines(cases, engine)
    finally:
        engine.clean_up()
    cases.finish()


@contextmanager
def gate(engine: Engine, policy: dict | str, *arguments: str) -> Iterator[tuple[Gate, Api]]:
    with scratch() as folder:
        path = folder / "policy.toml"
        path.write_text(policy if isinstance(policy, str) else written(policy))
        with Gate(engine.address, str(path), *arguments) as through:
            yield through, Api(through.host)


def written(policy: dict) -> str:
    """A policy as TOML: lists and flags, in blocks."""
    values = {key: value for key, value in policy.items() if not isinstance(value, dict)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    for block, keys in policy.items():
        if isinstance(keys, dict):
            lines += [f"[{block}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"


def followed(engine: Engine, blocks: dict, method: str, path: str, body: object = None) -> str:
    """The hint of a denial, which must change the verdict."""
    policy = {"allow": ALLOW, **blocks}
    with gate(engine, policy) as (_, through):
        denied = through.ask(method, path, body)
    must(denied.refused("restricted"), f"not denied: {denied}")
    hint = denied.body["message"].split("; to allow it, ", 1)[1]
    for step in re.findall(r'add ("(?:[^"\\]|\\.)*") to ([a-z_]+)\.([a-z_]+)|set ([a-z_]+)\.([a-z_]+) = true', hint):
        value, block, key, flag_block, flag = step
        if flag:
            policy.setdefault(flag_block, {})[flag] = True
            continue
        policy[block] = {**policy.get(block, {})}
        policy[block][key] = [*policy[block].get(key, []), json.loads(value)]
    with gate(engine, policy) as (_, through):
        allowed = through.ask(method, path, body)
    must(allowed.reason is None, f"followed, the hint {hint!r} changes nothing: {allowed}")
    return hint


def networks(cases: Cases, engine: Engine) -> None:
    direct = Api(engine.address)
    network = direct.done("POST", "/networks/create", {"Name": NETWORK})["Id"]
    ids = {each["Name"]: each["Id"] for each in direct.get("/networks")}

    def create(by: str) -> dict:
        return {"Image": "busybox", "HostConfig": {"NetworkMode": by}}

    def endpoint(by: str) -> dict:
        return {**create("none"), "NetworkingConfig": {"EndpointsConfig": {by: {}}}}

    for shape in (create, endpoint):
        with cases.case(f"G1-host-by-id-{shape.__name__}"):
            hint = followed(engine, {}, "POST", "/containers/create", shape(ids["host"]))
            must_equal("the hint", hint, 'add "network" to create.host_namespaces')
        with cases.case(f"G1-network-by-id-{shape.__name__}"):
            hint = followed(engine, {}, "POST", "/containers/create", shape(network))
            must(hint.startswith(f'add "{NETWORK}" to create.networks'), f"not by its name: {hint}")
        with cases.case(f"G1-bridge-by-id-{shape.__name__}"):
            blocks = {"create": {"networks": ["none-of-these"]}}
            hint = followed(engine, blocks, "POST", "/containers/create", shape(ids["bridge"]))
            must_equal("the hint", hint, 'add "@default" to create.networks')
    with cases.case("G1-none-by-id-takes-no-key"):
        with gate(engine, {"allow": ALLOW, "create": {"networks": []}}) as (_, through):
            by_id = through.ask("POST", "/containers/create", create(ids["none"]))
        must(by_id.reason is None, f"denied: {by_id}")
    with cases.case("beside G1-none-by-id: what is only called so"):
        with gate(engine, {"allow": ALLOW, "create": {"networks": []}}) as (_, through):
            other = through.ask("POST", "/containers/create", create(network[:12]))
        must(other.refused("restricted"), f"not denied: {other}")
    with cases.case("G1-join-by-id-of-an-own-container"):
        with gate(engine, {"allow": ALLOW}) as (_, through):
            own = through.done("POST", f"/containers/create?name={WEB}-own", SLEEP)["Id"]
        hint = followed(engine, {}, "POST", "/containers/create", create(f"container:{own}"))
        must_equal("the hint", hint, 'add "@own" to create.join')


def containers(cases: Cases, engine: Engine) -> None:
    direct = Api(engine.address)
    body = {**SLEEP, "HostConfig": {"NetworkMode": "none", "Binds": ["/tmp:/x"]}, "OpenStdin": True}
    web = direct.done("POST", f"/containers/create?name={WEB}", body)["Id"]
    direct.done("POST", f"/containers/{web}/start")
    exec_body = {"Cmd": ["true"]}
    for what, path, body in [
        ("exec", f"/containers/{web}/exec", exec_body),
        ("exec-by-name", f"/containers/{WEB}/exec", exec_body),
    ]:
        with cases.case(f"G7-{what}-into-a-container-with-a-bind"):
            hint = followed(engine, {}, "POST", path, body)
            must_equal("the hint", hint, 'add "/tmp:rw" to create.binds')
    with cases.case("G7-attach-names-the-container-and-what-it-has"):
        with gate(engine, {"allow": ALLOW}) as (_, through):
            denied = through.ask("POST", f"/containers/{web}/attach?stdin=1&stream=1")
        told = f'the container "{WEB}" has Mounts "/tmp:rw", which [create] does not allow'
        must(denied.refused("restricted") and told in denied.body["message"], f"not reported: {denied}")
    with cases.case("Messages-exec-into-by-id-recommends-the-name"):
        blocks = {"exec": {"into": ["other"]}, "create": {"binds": ["/tmp:rw"]}}
        hint = followed(engine, blocks, "POST", f"/containers/{web}/exec", exec_body)
        must_equal("the hint", hint, f'add "{WEB}" to exec.into')


def pipelines(cases: Cases, engine: Engine) -> None:
    """Runs of a pipeline whose volume has a different name each time."""
    with cases.case("G17-a-third-run-passes-under-what-two-runs-taught"):
        record = ""
        for _ in range(2):
            with gate(engine, "observe = true\nallow = []\n") as (through, api):
                pipeline(api)
                record += "".join(json.dumps(line) + "\n" for line in records_of_steps(through))
        learned = subprocess.run([BINARY, "learn"], input=record, capture_output=True, text=True, check=True)
        policy = learned.stdout.replace('    # "', '    "')
        volumes = tomllib.loads(policy)["create"]["volumes"]
        must("dockgate-drone-*" in volumes, f"no pattern: {volumes}")
        with gate(engine, policy) as (through, api):
            pipeline(api)
            lines = records_of_steps(through)
            must(all(line["verdict"] != "deny" for line in lines), "the third run was denied")


def records_of_steps(through: Gate) -> list[dict]:
    """The record of both steps: a line is written after the reply was sent."""

    def are_there() -> bool:
        return sum(line["event"] == "request" for line in through.records()) == 2

    eventually("both steps are on record", are_there)
    return through.records()


def pipeline(api: Api) -> None:
    letters = string.ascii_letters + string.digits
    volume = "dockgate-drone-" + "".join(random.choices(letters, k=20))
    for step in ("clone", "build"):
        body = {**SLEEP, "HostConfig": {"NetworkMode": "none", "Binds": [f"{volume}:/drone"]}}
        answer: Answer = api.ask("POST", f"/containers/create?name=dockgate-{step}-{volume[-6:]}", body)
        must_equal("the status", answer.status, 201)


main()
