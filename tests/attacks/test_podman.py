"""S3, S4, S17, S19: requests that Podman reads differently than Docker.

Runs on Podman.
"""

from __future__ import annotations

import os
import time

from arena import IMAGE, LOOP, OWN, VICTIM, Api, Scene, attack, fight, logs, tar_of
from own import own_gate

PODMAN = ["podman"]
RUN = 'allow = ["ContainerCreate", "ContainerStart", "ContainerWait", "ContainerLogs", "ContainerAttach"]\n'
HIJACK = ("Connection: Upgrade", "Upgrade: tcp")


def run(scene: Scene, script: str, **more: object) -> str:
    """The output of the client's container."""
    body = {"Image": IMAGE, "Cmd": ["sh", "-c", script], **more}
    body["HostConfig"] = {"NetworkMode": "none", **more.get("HostConfig", {})}
    if scene.through.ask("POST", f"/containers/create?name={OWN}", body).status != 201:
        return ""
    if scene.through.ask("POST", f"/containers/{OWN}/start").status >= 400:
        return ""
    scene.direct.ask("POST", f"/containers/{OWN}/wait")
    return logs(scene.direct, OWN)


@attack("S3-volumes", RUN, on=PODMAN, suffix=":/host:rw")
@attack("S3-volumes-read-only", RUN, on=PODMAN, suffix=":/host:ro")
@attack("S3-volumes-two-parts", RUN, on=PODMAN, suffix=":/host")
@attack("S3-volumes-beside-clean", RUN, on=PODMAN, suffix=":/host", more={"/clean": {}})
def volumes_key(scene: Scene, suffix: str, more: dict | None = None) -> bool:
    return "known" in run(scene, "cat /host/secret", Volumes={**(more or {}), f"{scene.folder}{suffix}": {}})


@attack("S3-volume-of-another", RUN, on=PODMAN)
def volumes_key_that_names_a_volume(scene: Scene) -> bool:
    """A key such as `dockgate-data:/d` is a named volume there."""
    write = {"Cmd": ["sh", "-c", "echo known > /d/secret; sleep 300"], "HostConfig": {"Binds": ["dockgate-data:/d"]}}
    made = scene.direct.done("POST", f"/containers/create?name={VICTIM}", {"Image": IMAGE, **write})["Id"]
    scene.direct.done("POST", f"/containers/{made}/start")
    time.sleep(0.3)
    return "known" in run(scene, "cat /d/secret", Volumes={"dockgate-data:/d": {}})


@attack("S3-bind-target", RUN + '[create]\nbinds = ["/tmp/**:ro"]\n', on=PODMAN)
def bind_with_a_longer_target(scene: Scene) -> bool:
    """A target with a colon or a comma ends the argument and begins another option."""
    planted = False
    for target in ("/x:rw", "/x,ro=false", "/x,rw"):
        mount = {"Type": "bind", "Source": str(scene.folder), "Target": target, "ReadOnly": True}
        run(scene, "touch /x/planted", HostConfig={"Mounts": [mount]})
        planted |= scene.planted.exists()
        scene.direct.ask("DELETE", f"/containers/{OWN}?force=1")
    return planted


@attack("S4-attach", RUN, on=PODMAN, query="stream=1&stdout=1")
@attack("S4-attach-logs", RUN, on=PODMAN, query="stream=1&logs=1&stdout=1&stderr=1")
@attack("S4-attach-bare", RUN, on=PODMAN, query="stream=1")
@attack("S4-attach-false", RUN, on=PODMAN, query="stream=1&stdout=1&stdin=false")
def attach_types(scene: Scene, query: str) -> bool:
    """Reading the output of a container that sees the host is allowed, typing into it is not."""
    scene.victim()
    wire = scene.wire().head("POST", f"/containers/{VICTIM}/attach?{query}", *HIJACK)
    wire.type(b"touch /host/planted\n")
    return scene.planted.exists()


@attack("S19-chown", RUN + '[create]\nbinds = ["/tmp/**:ro"]\n', on=PODMAN)
def target_chowns(scene: Scene) -> bool:
    mount = {"Type": "bind", "Source": str(scene.folder), "Target": "/x,U=true", "ReadOnly": True}
    run(scene, "true", User="1234", HostConfig={"Mounts": [mount]})
    return os.stat(scene.folder / "secret").st_uid != 0


@attack("S19-tmpfs-target", RUN, on=PODMAN, host={"Mounts": [{"Type": "tmpfs", "Target": "/x,exec,dev,suid"}]})
@attack("S19-tmpfs-key", RUN, on=PODMAN, host={"Tmpfs": {"/x:exec,dev,suid": ""}})
@attack("S19-tmpfs-key-comma", RUN, on=PODMAN, host={"Tmpfs": {"/x,exec,dev,suid": ""}})
def tmpfs_with_options(scene: Scene, host: dict) -> bool:
    """Options that `tmpfs_options` does not allow."""
    said = run(scene, "grep ' /x ' /proc/mounts", HostConfig=host)
    return " /x " in said and not all(option in said for option in ("noexec", "nosuid", "nodev"))


@attack("S19-environment", RUN, on=PODMAN, env=["*"])
@attack("S19-environment-prefix", RUN, on=PODMAN, env=["CONTAINERS*"])
@attack("S19-environment-among", RUN, on=PODMAN, env=["A=b", "*"])
@attack("S19-environment-bare", RUN, on=PODMAN, env=["CONTAINERS_CONF"])
def environment_of_the_service(scene: Scene, env: list[str]) -> bool:
    return "CONTAINERS_CONF=/" in run(scene, "env", Env=env)


BUILD = 'allow = ["ImageBuild"]\n'


@attack("S19-dockerfile-fetched", BUILD, on=PODMAN, query="dockerfile=http://127.0.0.1:1/x")
@attack("S19-dockerfile-fetched-tls", BUILD, on=PODMAN, query="dockerfile=https://127.0.0.1:1/x")
@attack("S19-dockerfile-fetched-array", BUILD, on=PODMAN, query="dockerfile=%5B%22http%3A%2F%2F127.0.0.1%3A1%2Fx%22%5D")
@attack("S19-remote-fetched", BUILD, on=PODMAN, query="remote=http://127.0.0.1:1/x")
def dockerfile_is_fetched(scene: Scene, query: str) -> bool:
    context = tar_of("Dockerfile", f"FROM {IMAGE}\n".encode())
    answer = scene.through.ask("POST", f"/build?{query}", context, "application/x-tar")
    return answer.reason is None and "refused" in str(answer.body)


RAW = """
allow = ["POST /libpod/containers/{}/kill", "POST /libpod/containers/{}/stop", "DELETE /libpod/containers/{}",
         "POST /libpod/containers/{}/rename"]
"""


@attack("S17-kill-by-name", RAW, on=PODMAN, path="/libpod/containers/{name}/kill")
@attack("S17-kill-by-id", RAW, on=PODMAN, path="/libpod/containers/{id}/kill")
@attack("S17-kill-by-prefix", RAW, on=PODMAN, path="/libpod/containers/{short}/kill")
@attack("S17-stop-by-name", RAW, on=PODMAN, path="/libpod/containers/{name}/stop?timeout=1")
@attack("S17-rename", RAW, on=PODMAN, path="/libpod/containers/{name}/rename?name=dockgate-else")
def raw_path(scene: Scene, path: str) -> bool:
    """Dockgate's own container, by a path that is not in the table."""
    body = {"Image": IMAGE, "Cmd": LOOP, "HostConfig": {"NetworkMode": "none"}}
    own = scene.direct.done("POST", "/containers/create?name=dockgate-self", body)["Id"]
    scene.direct.done("POST", f"/containers/{own}/start")
    with own_gate(scene.engine.address, str(scene.policy_file), own, scene.folder) as gate:
        place = path.format(name="dockgate-self", id=own, short=own[:4])
        Api(gate.host).ask("POST", f"/v5.4.2{place}")
    now = scene.direct.inspect(own)
    return not now["State"]["Running"] or now["Name"].strip("/") != "dockgate-self"


@attack("low-podman-default-network", 'allow = ["ContainerCreate", "ContainerStart"]\n', on=PODMAN)
def default_network_is_refused(scene: Scene) -> bool:
    """The client's container does not start on the default network, which is called `podman` there."""
    body = {"Image": IMAGE, "Cmd": LOOP}
    made = scene.through.done("POST", f"/containers/create?name={OWN}", body)["Id"]
    return scene.through.ask("POST", f"/containers/{made}/start").status >= 400


fight()
