"""S2, S16, S20, S22: a name that refers to one object when a request is checked, and to another when the engine uses
it.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

from __future__ import annotations

import random
import time

from arena import IMAGE, LOOP, OWN, TARGET, VICTIM, Scene, attack, fight, later, logs, tar_of

JOINERS = ("compose", "ci-runner", "portainer", "woodpecker-agent", "testcontainers-go", "testcontainers-java")
UPLOADERS = ("ci-runner", "testcontainers-go", "testcontainers-java")
NET = "dockgate-net"
TAR = tar_of()
# How long the lock of a container can keep NetworkConnect and ContainerStart waiting, at most.
SETTLED = 0.05


def prefix(scene: Scene, target: str, digits: int) -> str:
    """The first digits of the network's id: this many, or as many more as are needed to make them unique."""
    others = [each["Id"] for each in scene.direct.get("/networks") if each["Id"] != target]
    return next(target[:n] for n in range(digits, 65) if not any(each.startswith(target[:n]) for each in others))


def target_and_prefix(scene: Scene, digits: int) -> tuple[str, str]:
    target = scene.network(scene.direct, TARGET, Labels={"com.example": "production"})
    return target, prefix(scene, target, digits)


def create(scene: Scene, networks: dict[str, dict], mode: str | None = None, **more: object) -> str | None:
    body = {
        "Image": IMAGE,
        "Cmd": LOOP,
        "HostConfig": {"NetworkMode": mode or next(iter(networks))},
        "NetworkingConfig": {"EndpointsConfig": networks},
        **more,
    }
    answer = scene.through.ask("POST", f"/containers/create?name={OWN}", body)
    return answer.body["Id"] if answer.status == 201 else None


def joined(scene: Scene, target: str) -> bool:
    """Whether the client's container is an endpoint of the network."""
    answer = scene.direct.ask("GET", f"/networks/{target}")
    return bool(answer.status == 200 and answer.body.get("Containers"))


def remove_network(scene: Scene, name: str, identity: str) -> None:
    """By its id; also tried by its name, in case only that is allowed."""
    if scene.through.ask("DELETE", f"/networks/{identity}").status >= 400:
        scene.through.ask("DELETE", f"/networks/{name}")


@attack("S2a-endpoint-id", *JOINERS, digits=12)
@attack("S2a-endpoint-id-13-digits", "compose", digits=13)
@attack("S2a-endpoint-id-63-digits", "compose", digits=63)
@attack("S2a-endpoint-id-11-digits", *JOINERS, digits=11)
@attack("S2a-endpoint-id-fewest-digits", *JOINERS, race=True, digits=1)
def endpoint_id(scene: Scene, digits: int) -> bool:
    """Until it is deleted, a network of the client has the id of an endpoint as its name."""
    target, name = target_and_prefix(scene, digits)
    own = scene.network(scene.through, NET)
    decoy = scene.network(scene.through, name)
    if not create(scene, {NET: {"NetworkID": name}}):
        return False
    if decoy:
        remove_network(scene, name, decoy)
    scene.through.ask("POST", f"/containers/{OWN}/start")
    return bool(own) and joined(scene, target)


@attack("S2a-endpoint-id-at-connect", *JOINERS, digits=12)
@attack("S2a-endpoint-id-at-connect-few-digits", "compose", race=True, digits=4)
def endpoint_id_at_connect(scene: Scene, digits: int) -> bool:
    """The same through NetworkConnect, to a container that is not running."""
    target, name = target_and_prefix(scene, digits)
    scene.network(scene.through, NET)
    decoy = scene.network(scene.through, name)
    if not create(scene, {NET: {}}):
        return False
    scene.network(scene.through, f"{NET}-2")
    body = {"Container": OWN, "EndpointConfig": {"NetworkID": name}}
    scene.through.ask("POST", f"/networks/{NET}-2/connect", body)
    if decoy:
        remove_network(scene, name, decoy)
    scene.through.ask("POST", f"/containers/{OWN}/start")
    return joined(scene, target)


@attack("S2a-late-name", *JOINERS, digits=12)
@attack("S2a-late-name-11-digits", *JOINERS, digits=11)
@attack("S2a-late-name-fewest-digits", *JOINERS, digits=1)
def late_name(scene: Scene, digits: int) -> bool:
    """A container is created on a network of the client, which is deleted before the start."""
    target, name = target_and_prefix(scene, digits)
    decoy = scene.network(scene.through, name)
    if not decoy or not create(scene, {name: {}}):
        return False
    remove_network(scene, name, decoy)
    scene.through.ask("POST", f"/containers/{OWN}/start")
    return joined(scene, target)


@attack("S2b-connect-behind-start", *JOINERS, race=True, digits=12)
@attack("S2b-connect-behind-start-11-digits", "compose", race=True, digits=11)
@attack("S2b-connect-behind-start-fewest-digits", "compose", "woodpecker-agent", race=True, digits=1)
def connect_behind_start(scene: Scene, digits: int) -> bool:
    """A start holds the container's lock while the network to connect is deleted."""
    target, name = target_and_prefix(scene, digits)
    scene.network(scene.through, NET)
    decoy = scene.network(scene.through, name)
    if not decoy or not create(scene, {NET: {}}):
        return False
    return connect_behind(scene, target, name, decoy, lambda: scene.through.ask("POST", f"/containers/{OWN}/start"))


def connect_behind(scene: Scene, target: str, name: str, decoy: str, holder) -> bool:
    """Connects while something holds the container's lock, and deletes the network in that time."""
    held = later(holder)
    time.sleep(SETTLED * random.random())
    connect = later(lambda: scene.through.ask("POST", f"/networks/{name}/connect", {"Container": OWN}))
    time.sleep(SETTLED)
    remove_network(scene, name, decoy)
    held.join(20)
    connect.join(20)
    return joined(scene, target)


@attack("S2b-connect-behind-upload", *UPLOADERS, race=True, digits=12)
@attack("S2b-connect-behind-upload-11-digits", "ci-runner", race=True, digits=11)
@attack("S2b-connect-behind-upload-fewest-digits", "ci-runner", race=True, digits=1)
def connect_behind_upload(scene: Scene, digits: int) -> bool:
    """An upload holds it for as long as the client likes."""
    target, name = target_and_prefix(scene, digits)
    scene.network(scene.through, NET)
    decoy = scene.network(scene.through, name)
    if not decoy or not create(scene, {NET: {}}):
        return False
    scene.through.done("POST", f"/containers/{OWN}/start")
    upload = hold(scene)
    connect = later(lambda: scene.through.ask("POST", f"/networks/{name}/connect", {"Container": OWN}))
    time.sleep(3 * SETTLED)
    remove_network(scene, name, decoy)
    upload.send(TAR[600:]).received(1)
    connect.join(20)
    return joined(scene, target)


@attack("S2b-start-behind-upload", *UPLOADERS, race=True, digits=12)
@attack("S2b-start-behind-upload-11-digits", "ci-runner", race=True, digits=11)
@attack("S2b-start-behind-upload-fewest-digits", "ci-runner", race=True, digits=1)
def start_behind_upload(scene: Scene, digits: int) -> bool:
    """The start is evaluated while its empty body is held back; then an upload makes the engine wait."""
    target, name = target_and_prefix(scene, digits)
    decoy = scene.network(scene.through, name)
    if not decoy or not create(scene, {name: {}}):
        return False
    start = scene.wire().head("POST", f"/containers/{OWN}/start", "Transfer-Encoding: chunked")
    time.sleep(3 * SETTLED)
    upload = hold(scene)
    start.send(b"0\r\n\r\n")
    time.sleep(3 * SETTLED)
    remove_network(scene, name, decoy)
    upload.send(TAR[600:]).received(1)
    start.received(3)
    return joined(scene, target)


def hold(scene: Scene):
    """An upload that has begun, so that the engine holds the container."""
    lines = (f"Content-Length: {len(TAR)}", "Content-Type: application/x-tar")
    wire = scene.wire().head("PUT", f"/containers/{OWN}/archive?path=/tmp", *lines).send(TAR[:600])
    time.sleep(3 * SETTLED)
    return wire


@attack("S2c-ten-networks", *JOINERS, race=True, digits=12)
@attack("S2c-ten-networks-11-digits", "compose", race=True, digits=11)
@attack("S2c-ten-networks-fewest-digits", "ci-runner", race=True, digits=1)
def ten_networks(scene: Scene, digits: int) -> bool:
    """A start joins ten networks one after the other, and the last one is deleted in that time."""
    target, name = target_and_prefix(scene, digits)
    decoy = scene.network(scene.through, name)
    first = scene.network(scene.through, NET)
    if not decoy or not first or not create(scene, {NET: {}}):
        return False
    for number in range(10):
        further = scene.network(scene.through, f"{NET}-{number}")
        if further:
            scene.through.ask("POST", f"/networks/{further}/connect", {"Container": OWN})
    scene.through.ask("POST", f"/networks/{name}/connect", {"Container": OWN})
    start = later(lambda: scene.through.ask("POST", f"/containers/{OWN}/start"))
    time.sleep(0.3 * random.random())
    remove_network(scene, name, decoy)
    start.join(30)
    return joined(scene, target)


JOIN = """
allow = ["ContainerCreate", "ContainerStart", "ContainerDelete", "ContainerRename", "ContainerWait", "ContainerLogs",
         "ContainerRestart", "ContainerStop"]
[create]
join = ["@own"]
"""


@attack("S16-net", JOIN, race=True, key="NetworkMode", proof="cat /etc/hostname")
@attack("S16-pid", JOIN, race=True, key="PidMode", proof="cat /proc/1/root/etc/hostname /proc/1/environ")
@attack("S16-ipc", JOIN, race=True, key="IpcMode", proof="ls /dev/shm")
@attack("S16-net-by-name", JOIN, race=True, key="NetworkMode", proof="cat /etc/hostname", by_name=True)
def joins_another(scene: Scene, key: str, proof: str, by_name: bool = False) -> bool:
    """The namespaces of the client's own container, whose id is another container's name by the time of the start."""
    own = scene.own("dockgate-first")
    scene.direct.done("POST", f"/containers/{own}/start")
    shared = {"IpcMode": "shareable", "Binds": [f"{scene.folder}:/host"]}
    victim = scene.victim(HostConfig=shared, Env=["PASSWORD=victim"])
    command = {"Cmd": ["touch", "/dev/shm/victim"], "AttachStdout": True}
    made = scene.direct.done("POST", f"/containers/{victim}/exec", command)["Id"]
    scene.direct.done("POST", f"/exec/{made}/start", {"Detach": False})
    called = "dockgate-first" if by_name else own
    body = {"Image": IMAGE, "Cmd": ["sh", "-c", proof], "HostConfig": {key: f"container:{called}"}}
    answer = scene.through.ask("POST", f"/containers/create?name={OWN}", body)
    if answer.status != 201:
        return False
    scene.through.done("DELETE", f"/containers/{own}?force=1")
    scene.rename(scene.through, VICTIM, own)
    if scene.through.ask("POST", f"/containers/{OWN}/start").status >= 400:
        return False
    scene.direct.ask("POST", f"/containers/{OWN}/wait")
    return "victim" in logs(scene.direct, OWN)


NAMED = """
allow = ["ContainerCreate", "ContainerStart", "ContainerDelete", "ContainerRename", "ContainerExec", "ExecStart",
         "PutContainerArchive"]
[exec]
into = ["job-*"]
[archive]
into = ["job-*"]
"""
PLAIN = {"HostConfig": {}}


@attack("S20-exec", NAMED)
@attack("S20-exec-escaped", NAMED, name="%6Aob-1")
@attack("S20-exec-slash", NAMED, name="/job-1")
def renamed_into(scene: Scene, name: str = "job-1") -> bool:
    """An ordinary container of someone else, renamed so that a pattern of the policy matches it."""
    victim = scene.victim(**PLAIN)
    scene.rename(scene.through, VICTIM, name)
    made = scene.through.ask("POST", "/containers/job-1/exec", {"Cmd": ["touch", "/tmp/planted"], "AttachStdout": True})
    if made.status == 201:
        scene.through.ask("POST", f"/exec/{made.body['Id']}/start", {"Detach": False})
    return there(scene, victim)


@attack("S20-upload", NAMED)
def renamed_for_an_upload(scene: Scene) -> bool:
    victim = scene.victim(**PLAIN)
    scene.rename(scene.through, VICTIM, "job-1")
    scene.through.ask("PUT", "/containers/job-1/archive?path=/tmp", TAR, "application/x-tar")
    return there(scene, victim)


def there(scene: Scene, container: str) -> bool:
    return scene.direct.ask("HEAD", f"/containers/{container}/archive?path=/tmp/planted").status == 200


SHORT = ("ci-runner", "portainer", "compose")


@attack("S22-created-as-short-id", *SHORT, "docker-cli-run", "woodpecker-agent", digits=12)
@attack("S22-created-as-13-digits", "ci-runner", digits=13)
@attack("S22-created-as-40-digits", "ci-runner", digits=40)
def created_as_short_id(scene: Scene, digits: int) -> bool:
    """The administrator uses a short id, and gets the client's object."""
    victim = scene.victim()
    body = {"Image": IMAGE, "Cmd": LOOP}
    scene.through.ask("POST", f"/containers/create?name={victim[:digits]}", body)
    return scene.direct.inspect(victim[:digits])["Id"] != victim


@attack("S22-renamed-to-short-id", *SHORT, digits=12)
@attack("S22-renamed-to-14-digits", "ci-runner", digits=14)
def renamed_to_short_id(scene: Scene, digits: int) -> bool:
    victim, own = scene.victim(), scene.own()
    scene.rename(scene.through, own, victim[:digits])
    return scene.direct.inspect(victim[:digits])["Id"] != victim


@attack("S22-network-as-short-id", *SHORT, "woodpecker-agent", digits=12)
@attack("S22-network-as-20-digits", "ci-runner", digits=20)
def network_as_short_id(scene: Scene, digits: int) -> bool:
    target = scene.network(scene.direct, TARGET)
    scene.network(scene.through, target[:digits])
    return scene.direct.get(f"/networks/{target[:digits]}")["Id"] != target


@attack("S22-run-on-short-id", "ci-runner", race=True)
def administrator_runs_on_it(scene: Scene) -> bool:
    """The administrator's own `docker run --network <short id>` ends up on the client's network."""
    target = scene.network(scene.direct, TARGET)
    theirs = scene.network(scene.through, target[:12])
    body = {"Image": IMAGE, "Cmd": LOOP, "HostConfig": {"NetworkMode": target[:12]}}
    made = scene.direct.done("POST", f"/containers/create?name={VICTIM}", body)["Id"]
    scene.direct.done("POST", f"/containers/{made}/start")
    return bool(theirs) and bool(scene.direct.get(f"/networks/{theirs}").get("Containers"))


fight()
