"""Promise 12: no reply shows what `redact` hides.

Secrets are planted in every place from which a reply can show them, and without redaction the replies that
`redaction_world` lists show them. With all classes hidden none comes back, in any spelling, in any reply or log of the
run. With one class hidden, the others are shown as before.

Runs on every Docker engine, and on Podman with what it has.
"""

from __future__ import annotations

import base64
import json
import re
from contextlib import contextmanager
from urllib.parse import unquote

from api import Api, raw_reply
from cases import Cases, eventually, must, must_equal
from redaction_world import BROKEN, WEB, World
from support import EVERYTHING, Engine, Gate, at_once, engines, podman, scratch

CLASSES = {
    "env": ["env:keep=PUBLIC_*"],
    "commands": ["commands"],
    "labels": ["labels:secret.*"],
    "mounts": ["mounts"],
    "volume-options": ["volume-options"],
    "config-data": ["config-data"],
    "swarm-tokens": ["swarm-tokens"],
    "host": ["host"],
}
ALL = [entry for entries in CLASSES.values() for entry in entries]
ALLOW = [
    "*:read",
    "ConfigInspect",
    "ConfigList",
    "ContainerStart",
    "ContainerTop",
    "ContainerWait",
    "ImageAttestations",
    "PluginInspect",
    "PluginList",
    "SwarmInspect",
    "SwarmUnlockkey",
    "VolumeCreate",
]

def main() -> None:
    at_once(on_engine, engines() + [podman()])


def on_engine(cases: Cases, engine: Engine) -> None:
    api = Api(engine.address)
    is_podman = engine.name == "podman"
    version = tuple(map(int, api.get("/version")["ApiVersion"].split(".")))
    with scratch() as folder:
        world = World(api, folder)
        try:
            with cases.case(f"{engine.name}: secrets are planted"):
                if is_podman:
                    world.requests += plant_on_podman(world)
                else:
                    world.build(has_swarm=True, has_annotations=version >= (1, 43))
            if cases.failed:
                return
            with cases.case(f"{engine.name}: without redaction each secret is shown in all its places"):
                with Gate(engine.address, EVERYTHING) as gate:
                    control(world, Api(gate.host))
            with cases.case(f"{engine.name}: with everything hidden, nothing is shown"):
                with hiding(engine, folder, ALL) as gate:
                    nothing(world, gate, is_podman)
            for name, entries in CLASSES.items():
                with cases.case(f"{engine.name}: only {name} is hidden"), hiding(engine, folder, entries) as gate:
                    only(world, Api(gate.host), name)
        finally:
            world.clear()


@contextmanager
def hiding(engine: Engine, folder, entries: list[str]):
    policy = folder / f"{re.sub('[^a-z]', '', ''.join(entries))}.toml"
    policy.write_text(f"allow = {json.dumps(ALLOW)}\nredact = {json.dumps(entries)}\n")
    with Gate(engine.address, str(policy)) as gate:
        yield gate


def plant_on_podman(world: World) -> list[str]:
    """Podman has no swarm, plugins or events of execs; its inspection has what Docker's has."""
    inspect = f"/containers/{WEB}/json"
    env, command = world.secret("env", "container", inspect), world.secret("commands", "argument", inspect)
    label = world.secret("labels", "container", inspect, "/containers/json?all=1")
    body = {
        "Image": "busybox",
        "Env": [f"A={env}"],
        "Cmd": ["sh", "-c", f"sleep 3000; {command}"],
        "Labels": {"secret.key": label},
    }
    world.clear()
    world.api.done("POST", f"/containers/create?name={WEB}", body)
    world.api.done("POST", f"/containers/{WEB}/start")
    return ["/containers/json?all=1", inspect, f"/containers/{WEB}/top", "/info", "/version", "/images/json", "/volumes"]


def control(world: World, api: Api) -> None:
    replies = read(world, api)
    missing = []
    for secret, requests in world.shown_by.items():
        for request in requests:
            name = next((it for it in replies if it.startswith("/events")), "") if request == "events" else request
            if secret not in replies.get(name, ""):
                missing.append(f"{secret} in {request}")
    must_equal("secrets that are not shown", missing, [])


def read(world: World, api: Api) -> dict[str, str]:
    return {path: raw_reply(api, "GET", path).decode() for path in world.requests}


def nothing(world: World, gate: Gate, is_podman: bool) -> None:
    api = Api(gate.host)
    replies = read(world, api)
    for path, reply in replies.items():
        for line in reply.splitlines() if path.startswith("/events") else [reply]:
            if line:
                json.loads(line)
        found = shown(world, reply)
        must_equal(f"secrets in {path}", found, [])
    inspected = json.loads(replies[f"/containers/{WEB}/json"])
    names = [pair.split("=")[0] for pair in inspected["Config"]["Env"]]
    hidden = [pair for pair in inspected["Config"]["Env"] if not pair.endswith("=dockgate:redacted")]
    if not is_podman:
        must_equal("names of variables", names[:2], ["DB_PASSWORD", "PUBLIC_NAME"])
        must_equal("variables that are kept", hidden, ["PUBLIC_NAME=open"])
        refused(world, api)
        answers = [api.ask("POST", f"/containers/{BROKEN}/start")]
        answers.append(api.ask("POST", "/volumes/create", {"Name": WEB}))
        for answer in answers:
            must_equal(f"secrets in {answer}", shown(world, json.dumps(answer.body)), [])
    # Records are written behind the replies.
    eventually("records", lambda: len(gate.records()) >= len(world.requests))
    texts = [json.dumps(record) for record in gate.records()] + gate.diagnostics
    must_equal("secrets in logs", [it for text in texts for it in shown(world, text)], [])
    redacted = [record for record in gate.records() if "redacted" in record]
    must(len(redacted) >= len(world.requests) - 1, f"records with `redacted`: {len(redacted)}")


def refused(world: World, api: Api) -> None:
    """Questions whose answers would show a secret."""
    label = next(it for it in world.secrets if "labelsxcontainer" in it)
    for path in (
        f'/containers/json?filters={{"label":["secret.key={label}"]}}',
        f'/containers/json?filters={{"label":{{"secret.key={label}":true}}}}',
        f"/containers/{WEB}/top?ps_args=eww",
        f"/containers/{WEB}/top?ps_args=-o+args,pid",
        '/events?until=1&filters={"event":["exec_create:%20sh"]}',
    ):
        answer = api.ask("GET", path)
        must(answer.status == 403 and answer.reason == "restricted", f"{path}: {answer}")
    listed = api.get('/containers/json?filters={"label":["secret.key"]}')
    must(f"/{WEB}" in [name for container in listed for name in container["Names"]], f"a filter by key: {listed}")


def only(world: World, api: Api, name: str) -> None:
    """The class is hidden, and what belongs to others is shown."""
    replies = read(world, api)
    everything = "".join(replies.values())
    found = {secret: secret in everything for secret, of in world.secrets.items() if of == name}
    must_equal("hidden secrets", [secret for secret, is_shown in found.items() if is_shown], [])
    lost = []
    for secret, requests in world.shown_by.items():
        of = world.secrets[secret]
        # Errors quote commands, so they are hidden with several classes.
        is_error = "broken" in secret
        # The path of a volume's device is hidden with the options and with mounts.
        is_device = "device" in secret and name == "volume-options"
        if of != name and not is_error and not is_device:
            lost += [f"{secret} in {it}" for it in requests if it in replies and secret not in replies[it]]
    must_equal("secrets of other classes that are hidden", lost, [])


def shown(world: World, text: str) -> list[str]:
    """The secrets in a text, in any spelling."""
    unescaped = re.sub(r"\\u([0-9a-fA-F]{4})", lambda it: chr(int(it[1], 16)), text)
    decoded = [text, unescaped, unquote(text)]
    for word in re.findall(r"[A-Za-z0-9+/_-]{16,}={0,2}", text):
        for start in range(4):
            piece = word[start:]
            padded = piece.rstrip("=") + "=" * (-len(piece.rstrip("=")) % 4)
            try:
                decoded.append(base64.b64decode(padded.replace("-", "+").replace("_", "/")).decode(errors="replace"))
            except ValueError:
                continue
    return [secret for secret in world.secrets if any(secret in it for it in decoded)]


if __name__ == "__main__":
    main()
