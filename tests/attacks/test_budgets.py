"""S12, S13, S14, S21: how much of Dockgate and of the daemon one client can occupy while others wait."""

from __future__ import annotations

import json
import os
import time
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from arena import IMAGE, LOOP, SUCCEEDED, Api, Cases, Gate, Wire, later, must, tar_of
from fake import FakeDaemon, container
from support import engines, scratch

MIB = 1024 * 1024
# S13: the most memory that Dockgate may use, whatever the requests are.
MOST_MEMORY = 128 * MIB
# S12: for one request.
MOST_SECONDS = 1.0
TICKS = os.sysconf("SC_CLK_TCK")
# Half a MiB as JSON.
MANY_LABELS = {f"com.example.label-{number:05}": "of somebody" for number in range(16000)}


def cpu_seconds(gate: Gate) -> float:
    fields = Path(f"/proc/{gate.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_memory(gate: Gate) -> int:
    status = Path(f"/proc/{gate.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def policy(folder: Path, text: str) -> str:
    file = folder / "policy.toml"
    file.write_text(text)
    return str(file)


def quietly(function, *words: object) -> object:
    """The reply to a request, whose connection may break off."""
    try:
        return function(*words)
    except Exception as error:  # noqa: BLE001 - what is measured is Dockgate
        return error


def lookups_fill_the_memory(cases: Cases) -> None:
    """Creates that name sixty large containers each, and are denied."""
    for name, key, count in [
        ("S13-volumes-from", "VolumesFrom", 20),
        ("S13-links", "Links", 20),
    ]:
        with cases.case(name), scratch() as folder, FakeDaemon(folder, large_containers) as daemon:
            text = 'allow = ["ContainerCreate"]\n[create]\njoin = ["@own"]\n'
            with Gate(daemon.address, policy(folder, text)) as gate:
                names = [f"c{number}" for number in range(60)]
                body = {"Image": IMAGE, "HostConfig": {"NetworkMode": "none", key: names}}
                ask = Api(gate.host).ask
                threads = [later(lambda: quietly(ask, "POST", "/containers/create", body)) for _ in range(count)]
                for thread in threads:
                    thread.join(120)
                peak = peak_memory(gate)
                must(peak < MOST_MEMORY, f"{SUCCEEDED}: {count} denied creates took {peak // MIB} MiB")


def large_containers(method: str, path: str, _body: bytes) -> tuple[int, object]:
    if method == "GET" and path.endswith("/json"):
        return 200, container(unquote(path.split("/")[2]), {**MANY_LABELS, "dockgate.policy": "policy"})
    return 404, {"message": "no such thing"}


# As many as Dockgate remembers for a container.
VARIABLES = [f"v{number}=" for number in range(6000)]


def a_comparison_takes_the_processor(cases: Cases) -> None:
    """One create under `create.replaces`, after the containers that it is compared with were removed."""
    env = {"Env": VARIABLES}
    labels = {f"a{number}": "" for number in range(6000)}
    for name, had, wanted, count in [
        ("S12-env", env, {"Env": VARIABLES[-1:] * 16000}, 40),
        ("S12-env-reversed", env, {"Env": VARIABLES[::-1]}, 100),
        ("S12-labels", {"Labels": labels}, {"Labels": dict(reversed(labels.items()))}, 256),
    ]:
        with cases.case(name), scratch() as folder, FakeDaemon(folder, partial(removed, had)) as daemon:
            text = 'allow = ["ContainerCreate", "ContainerDelete"]\n[create]\nreplaces = true\nimages = []\n'
            with Gate(daemon.address, policy(folder, text)) as gate:
                api = Api(gate.host)
                for number in range(count):
                    api.done("DELETE", f"/containers/n{number}?force=1")
                before = cpu_seconds(gate)
                body = {"Image": "busybox:2", "Tty": True, "HostConfig": {"NetworkMode": "none"}, **wanted}
                answer = api.ask("POST", "/containers/create", body)
                must("create.replaces does not allow it" in str(answer.body), f"it was not compared: {answer}")
                took = cpu_seconds(gate) - before
                must(took < MOST_SECONDS, f"{SUCCEEDED}: one create took {took:.1f} s of the processor")


def removed(had: dict, method: str, path: str, _body: bytes) -> tuple[int, object]:
    """A daemon on which all containers have this configuration."""
    name = unquote(path.split("/")[2])
    if method == "DELETE":
        return 204, b""
    if path.startswith("/containers/"):
        return 200, container(name, had.get("Labels"), **{key: had[key] for key in had if key != "Labels"})
    return 200, {"Id": "sha256:" + "1" * 64, "RepoTags": ["busybox:2"], "Config": {}}


def bodies_keep_others_out(cases: Cases) -> None:
    """One client repeatedly begins bodies of a MiB and does not end them; another client creates a container."""
    for name, length, sent, count in [
        ("S14-sixteen-bodies", MIB, MIB - 1, 16),
        ("S14-hardly-begun", MIB, 1, 16),
        ("S14-half-sent", MIB, MIB // 2, 40),
        ("S14-chunked", 0, MIB - 64, 24),
    ]:
        with cases.case(name), scratch() as folder, FakeDaemon(folder, makes_everything) as daemon:
            with Gate(daemon.address, policy(folder, 'allow = ["ContainerCreate"]\n')) as gate:
                wires = [unfinished(gate.bare_host, length, sent) for _ in range(count)]
                time.sleep(1)
                statuses = [create_from(gate.bare_host, "127.0.0.2") for _ in range(5)]
                for wire in wires:
                    wire.close()
                gate.also += count + len(statuses)
                must(set(statuses) == {201}, f"{SUCCEEDED}: another client's creates were answered with {statuses}")


def makes_everything(_method: str, _path: str, _body: bytes) -> tuple[int, object]:
    return 201, {"Id": "3" * 64, "Warnings": []}


def unfinished(host: str, length: int, sent: int) -> Wire:
    wire = Wire(host, "127.0.0.1")
    framing = f"Content-Length: {length}" if length else "Transfer-Encoding: chunked"
    wire.head("POST", "/containers/create", "Content-Type: application/json", framing)
    data = b'{"Image":"busybox","Env":["A=' + b"a" * MIB
    wire.stream.settimeout(2)
    if not length:
        wire.send(f"{MIB:x}\r\n".encode())
    return wire.send(data[:sent])


def create_from(host: str, source: str) -> int:
    body = json.dumps({"Image": IMAGE, "Env": ["A=" + "a" * 1000], "HostConfig": {"NetworkMode": "none"}}).encode()
    wire = Wire(host, source)
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close")
    wire.head("POST", "/containers/create", *lines)
    said = wire.send(body).received(10)
    wire.close()
    return int(said.split(b" ")[1]) if said.startswith(b"HTTP/1.1 ") else 0


def uploads_freeze_a_container(cases: Cases, seconds: int) -> None:
    """An upload that sends a byte from time to time; the engine holds the container's lock until it ends."""
    engine = [each for each in engines() if each.name in ("28", "26", "20")][-1]
    name = f"dockgate-slow-{seconds}"
    with cases.case(f"S21-byte-each-{seconds}-s"), Gate(engine.address, "ci-runner") as gate:
        api, direct = Api(gate.host), Api(engine.address)
        own = api.done("POST", f"/containers/create?name={name}", {"Image": IMAGE, "Cmd": LOOP})["Id"]
        try:
            tar = tar_of(content=b"x" * 100_000)
            wire = Wire(gate.host)
            lines = (f"Content-Length: {len(tar)}", "Content-Type: application/x-tar")
            wire.head("PUT", f"/containers/{own}/archive?path=/tmp", *lines).send(tar[:600])
            began = time.monotonic()
            stop = later(lambda: drip(wire, tar[600:], seconds))
            time.sleep(1)
            answered: list[float] = []
            later(lambda: (direct.ask("GET", f"/containers/{own}/json"), answered.append(time.monotonic())))
            while not answered and time.monotonic() - began < 45:
                time.sleep(0.2)
            wire.close()
            stop.join(5)
            must(answered, f"{SUCCEEDED}: an inspection by another client was not answered for 45 s")
            must(answered[0] - began < 40, f"{SUCCEEDED}: an inspection took {answered[0] - began:.0f} s")
        finally:
            direct.ask("DELETE", f"/containers/{own}?force=1")


def drip(wire: Wire, data: bytes, seconds: int) -> None:
    for number in range(12):
        time.sleep(seconds)
        try:
            wire.stream.sendall(data[number : number + 1])
        except OSError:
            return


def main() -> None:
    cases = Cases()
    # They wait most of the time, and there are few of them.
    slow = [later(lambda each=each: uploads_freeze_a_container(cases, each)) for each in (4, 29)]
    lookups_fill_the_memory(cases)
    a_comparison_takes_the_processor(cases)
    bodies_keep_others_out(cases)
    for thread in slow:
        thread.join()
    cases.finish()


main()
