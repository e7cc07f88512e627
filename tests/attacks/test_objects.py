"""S8, S9, S10: volumes, tags and compose projects that the client did not create.

Runs on the main engine, or on all with DOCKGATE_SLOW=1. Attacks that name an engine run on that one.
"""

from __future__ import annotations

import json
import random
import time
from urllib.parse import quote, urlencode

from arena import (
    IMAGE,
    LOOP,
    OWN,
    SECRET,
    VICTIM,
    Api,
    Gate,
    Scene,
    attack,
    control,
    fight,
    later,
    logs,
    must,
    saved,
    tar_of,
)

DATA, CACHE = "dockgate-pgdata", "dockgate-cache"
RUNNERS = (
    "ci-runner",
    "agent",
    "devcontainers",
    "docker-cli-run",
    "compose",
    "testcontainers-go",
    "testcontainers-java",
    "gitlab-runner",
    "woodpecker-agent",
)


def volume(name: str, target: str, **options: object) -> dict:
    return {"Type": "volume", "Source": name, "Target": target, **options}


def foreign_volume(scene: Scene, name: str = DATA, owner: str = VICTIM) -> str:
    """A volume of the administrator with a secret, mounted by a container that has nothing else."""
    write = {"Cmd": ["sh", "-c", f"echo {SECRET!r} > /d/secret; sleep 300"], "HostConfig": {"Binds": [f"{name}:/d"]}}
    made = scene.direct.done("POST", f"/containers/create?name={owner}", {"Image": IMAGE, **write})["Id"]
    scene.direct.done("POST", f"/containers/{made}/start")
    time.sleep(0.2)
    return made


def run(scene: Scene, host: dict, script: str = "cat /d/secret", name: str = OWN, **more: object) -> str:
    """The output of the client's container, or an empty string if it is denied."""
    body = {"Image": IMAGE, "Cmd": ["sh", "-c", script], "HostConfig": {"NetworkMode": "none", **host}, **more}
    if scene.through.ask("POST", f"/containers/create?name={name}", body).status != 201:
        return ""
    if scene.through.ask("POST", f"/containers/{name}/start").status >= 400:
        return ""
    scene.direct.done("POST", f"/containers/{name}/wait")
    return logs(scene.direct, name)


@attack("S8-binds", *RUNNERS, host={"Binds": [f"{DATA}:/d"]})
@attack("S8-binds-read-only", "compose", host={"Binds": [f"{DATA}:/d:ro"]})
@attack("S8-binds-nocopy", "compose", host={"Binds": [f"{DATA}:/d:nocopy"]})
@attack("S8-binds-among-others", "compose", host={"Binds": [f"{CACHE}:/c", f"{DATA}:/d"]})
@attack("S8-binds-driver", "compose", host={"Binds": [f"{DATA}:/d"], "VolumeDriver": "local"})
@attack("S8-mounts", *RUNNERS, host={"Mounts": [volume(DATA, "/d")]})
@attack("S8-mounts-read-only", "compose", host={"Mounts": [volume(DATA, "/d", ReadOnly=True)]})
@attack("S8-mounts-labels", "compose", host={"Mounts": [volume(DATA, "/d", VolumeOptions={"Labels": {"a": "b"}})]})
@attack("S8-mounts-no-copy", "compose", host={"Mounts": [volume(DATA, "/d", VolumeOptions={"NoCopy": True})]})
@attack("S8-volumes-from", *RUNNERS, host={"VolumesFrom": [VICTIM]})
@attack("S8-volumes-from-read-only", "compose", host={"VolumesFrom": [f"{VICTIM}:ro"]})
def foreign(scene: Scene, host: dict) -> bool:
    foreign_volume(scene)
    return SECRET in run(scene, host)


@attack("S8-written", "compose", "ci-runner")
def written(scene: Scene) -> bool:
    foreign_volume(scene)
    run(scene, {"Binds": [f"{DATA}:/d"]}, "echo changed > /d/secret")
    return b"changed" in scene.direct.ask("GET", f"/containers/{VICTIM}/archive?path=/d/secret").body.encode()


@attack("S8-anonymous-of-another", *RUNNERS)
def anonymous_of_another(scene: Scene) -> bool:
    """By the 64 digits that the engine gave it."""
    body = {"Image": IMAGE, "Cmd": ["sh", "-c", f"echo {SECRET!r} > /d/secret; sleep 300"], "Volumes": {"/d": {}}}
    made = scene.direct.done("POST", f"/containers/create?name={VICTIM}", body)["Id"]
    scene.direct.done("POST", f"/containers/{made}/start")
    time.sleep(0.2)
    name = scene.direct.inspect(made)["Mounts"][0]["Name"]
    return SECRET in run(scene, {"Binds": [f"{name}:/d"]})


@attack("S8-adopted-by-volume-create", "ci-runner", "compose", "woodpecker-agent", "agent", "gitlab-runner")
def adopted(scene: Scene) -> bool:
    """VolumeCreate returns an existing volume as it is, and must not make it the client's."""
    foreign_volume(scene)
    scene.through.ask("POST", "/volumes/create", {"Name": DATA})
    return SECRET in run(scene, {"Binds": [f"{DATA}:/d"]})


@attack("S8-while-it-is-made", "ci-runner", "compose", "docker-cli-run", race=True)
def while_it_is_made(scene: Scene) -> bool:
    """The administrator creates the volume while the client's create is on its way."""
    body = {"Image": IMAGE, "Cmd": ["true"], "HostConfig": {"NetworkMode": "none", "Binds": [f"{CACHE}:/d"]}}
    create = later(lambda: scene.through.ask("POST", f"/containers/create?name={OWN}", body))
    time.sleep(0.01 * random.random())
    scene.direct.ask("POST", "/volumes/create", {"Name": CACHE, "Labels": {"com.example": "production"}})
    create.join(20)
    return scene.direct.is_there(OWN) and "dockgate.policy" not in labels_of(scene, CACHE)


def labels_of(scene: Scene, name: str) -> dict:
    return scene.direct.get(f"/volumes/{name}")["Labels"] or {}


@attack("S8-no-stamp", *RUNNERS, host={"Binds": [f"{CACHE}:/d"]})
@attack("S8-no-stamp-mounts", "compose", host={"Mounts": [volume(CACHE, "/d")]})
def without_the_stamp(scene: Scene, host: dict) -> bool:
    """A volume that a container's creation makes belongs to no one, so that no one else is kept from it."""
    run(scene, host)
    answer = scene.direct.ask("GET", f"/volumes/{CACHE}")
    return answer.status == 200 and "dockgate.policy" not in (answer.body["Labels"] or {})


@attack("S8-made-between", "ci-runner", "compose")
def made_between(scene: Scene) -> bool:
    """The client's volume is removed, and the administrator creates one with that name."""
    run(scene, {"Binds": [f"{CACHE}:/d"]}, "true")
    scene.direct.done("DELETE", f"/containers/{OWN}?force=1")
    scene.direct.done("DELETE", f"/volumes/{CACHE}")
    foreign_volume(scene, CACHE)
    return SECRET in run(scene, {"Binds": [f"{CACHE}:/d"]})


@control("S8-works-twice", *RUNNERS)
def works_twice(scene: Scene) -> None:
    """`docker run -v cache:/d` twice; the second run sees what the first one left there."""
    run(scene, {"Binds": [f"{CACHE}:/d"]}, "echo kept > /d/file", "dockgate-one")
    said = run(scene, {"Binds": [f"{CACHE}:/d"]}, "cat /d/file", "dockgate-two")
    must(said == "kept\n", f"the second container says {said!r}")
    said = run(scene, {"Mounts": [volume(CACHE, "/d")]}, "cat /d/file", "dockgate-three")
    must(said == "kept\n", f"the third container says {said!r}")


@control("S8-works-anonymous", *RUNNERS)
def works_with_anonymous_volumes(scene: Scene) -> None:
    """Another container mounts an anonymous volume of the client's container, as compose does when it recreates one."""
    run(scene, {}, "echo kept > /d/file", "dockgate-one", Volumes={"/d": {}})
    name = scene.direct.inspect("dockgate-one")["Mounts"][0]["Name"]
    said = run(scene, {"Binds": [f"{name}:/d"]}, "cat /d/file", "dockgate-two")
    must(said == "kept\n", f"the second container says {said!r}")


@control("S8-works-for-managers", "portainer")
def works_for_managers(scene: Scene) -> None:
    foreign_volume(scene)
    must(SECRET in run(scene, {"Binds": [f"{DATA}:/d"]}), "portainer cannot mount a volume of others")


# Tags.

TAGGER = """
allow = ["ImageBuild", "ImageTag", "ImageCommit", "ImageCreate", "ImageLoad", "ImageInspect", "ImageDelete",
         "ContainerCreate", "ContainerStart", "ContainerDelete"]
"""
IMPORTER = TAGGER + "[images]\nimport = true\n"
LATE = "a name that is free when a build or an import begins can be made by others while it runs"
PROD = "dockgate-prod"


def prod(scene: Scene, tag: str = "1") -> str:
    """The id of the administrator's image."""
    scene.direct.done("POST", f"/images/create?fromSrc=-&repo={PROD}&tag={tag}", tar_of("prod", b"production"))
    return image_of(scene, f"{PROD}:{tag}")


def image_of(scene: Scene, reference: str) -> str:
    return scene.direct.get(f"/images/{quote(reference, safe='')}/json")["Id"]


def context(extra: str = "") -> bytes:
    return tar_of("Dockerfile", f"FROM {IMAGE}\nLABEL evil={random.random()}\n{extra}".encode())


def build(scene: Scene, query: str) -> int:
    return scene.through.ask("POST", f"/build?{query}", context(), "application/x-tar").status


@attack("S9-build", TAGGER, query=f"t={PROD}:1")
@attack("S9-build-full-name", TAGGER, query=f"t=docker.io/library/{PROD}:1")
@attack("S9-build-index-name", TAGGER, query=f"t=index.docker.io/library/{PROD}:1")
@attack("S9-build-second-name", TAGGER, query=f"t=dockgate-free:1&t={PROD}:1")
@attack("S9-build-latest", TAGGER, query=f"t={PROD}", tag="latest")
@attack("S9-build-escaped", TAGGER, query=f"t=%64ockgate-prod:1")
def built_over(scene: Scene, query: str, tag: str = "1") -> bool:
    before = prod(scene, tag)
    build(scene, query)
    return image_of(scene, f"{PROD}:{tag}") != before


@attack("S9-build-as-shipped", "docker-cli-build")
def built_over_as_shipped(scene: Scene) -> bool:
    return built_over(scene, f"t={PROD}:1")


@attack("S9-buildkit", TAGGER.replace('"ImageBuild"', '"ImageBuild", "Session", "SystemPing", "SystemInfo"'), on=["20"])
def built_over_by_buildkit(scene: Scene) -> bool:
    """As the CLI of 20.10 builds with BuildKit: through /build?version=2."""
    before = prod(scene)
    (scene.folder / "Dockerfile").write_text(f"FROM {IMAGE}\nLABEL evil={random.random()}\n")
    docker = scene.engine.cli(scene.gate.host)
    docker.may_fail("build", "-t", f"{PROD}:1", str(scene.folder), env={"DOCKER_BUILDKIT": "1"})
    return image_of(scene, f"{PROD}:1") != before


@attack("S9-tag", TAGGER, "devcontainers")
@attack("S9-tag-latest", TAGGER, query={"repo": PROD}, tag="latest")
@attack("S9-tag-full-name", TAGGER, query={"repo": f"docker.io/library/{PROD}", "tag": "1"})
@attack("S9-tag-in-repo", TAGGER, query={"repo": f"{PROD}:1"})
def tagged_over(scene: Scene, query: dict | None = None, tag: str = "1") -> bool:
    before = prod(scene, tag)
    scene.through.ask("POST", f"/images/{IMAGE}/tag?{urlencode(query or {'repo': PROD, 'tag': '1'})}")
    return image_of(scene, f"{PROD}:{tag}") != before


@attack("S9-commit", TAGGER)
@attack("S9-commit-latest", TAGGER, query={"repo": PROD}, tag="latest")
@attack("S9-commit-in-repo", TAGGER, query={"repo": f"{PROD}:1"})
def committed_over(scene: Scene, query: dict | None = None, tag: str = "1") -> bool:
    before, own = prod(scene, tag), scene.own()
    words = {"container": own, **(query or {"repo": PROD, "tag": "1"})}
    scene.through.ask("POST", f"/commit?{urlencode(words)}", {})
    return image_of(scene, f"{PROD}:{tag}") != before


@attack("S9-import", IMPORTER)
@attack("S9-import-latest", IMPORTER, query={"repo": PROD}, tag="latest")
def imported_over(scene: Scene, query: dict | None = None, tag: str = "1") -> bool:
    before = prod(scene, tag)
    words = {"fromSrc": "-", **(query or {"repo": PROD, "tag": "1"})}
    scene.through.ask("POST", f"/images/create?{urlencode(words)}", tar_of("evil"), "application/x-tar")
    return image_of(scene, f"{PROD}:{tag}") != before


@attack("S9-load", TAGGER)
@attack("S9-load-among-others", TAGGER, names=("dockgate-free:1", f"{PROD}:1"))
def loaded_over(scene: Scene, names: tuple[str, ...] = (f"{PROD}:1",)) -> bool:
    scene.direct.done("POST", f"/images/create?fromSrc=-&repo={PROD}&tag=1", tar_of("evil"))
    file = saved(scene.engine.address, f"{PROD}:1", names)
    scene.direct.done("DELETE", f"/images/{PROD}:1")
    before = prod(scene)
    scene.through.ask("POST", "/images/load?quiet=1", file, "application/x-tar")
    return image_of(scene, f"{PROD}:1") != before


@attack("S9-build-held-back", TAGGER, known=LATE, begin=0)
@attack("S9-build-held-back-begun", TAGGER, known=LATE, begin=600)
@attack("S9-import-held-back", IMPORTER, known=LATE, begin=0)
@attack("S9-import-held-back-begun", IMPORTER, known=LATE, begin=600)
def moved_after_a_wait(scene: Scene, begin: int) -> bool:
    """The name is free when the request begins; the administrator takes it before the end of the body."""
    is_import = scene.policy == IMPORTER
    data = tar_of("evil") if is_import else context()
    path = f"/images/create?fromSrc=-&repo={PROD}&tag=1" if is_import else f"/build?t={PROD}:1"
    wire = scene.wire().head("POST", path, "Content-Type: application/x-tar", f"Content-Length: {len(data)}")
    wire.send(data[:begin])
    time.sleep(0.3)
    before = prod(scene)
    wire.send(data[begin:]).received(3)
    return image_of(scene, f"{PROD}:1") != before


@control("S9-works-own", TAGGER)
def works_with_own_tags(scene: Scene) -> None:
    """An image that was built here is built again and tagged again, and so is one that another Dockgate with this
    policy built."""
    must(build(scene, "t=dockgate-mine:1") == 200, "the first build")
    first = image_of(scene, "dockgate-mine:1")
    must(build(scene, "t=dockgate-mine:1") == 200, "the second build")
    second = image_of(scene, "dockgate-mine:1")
    must(first != second, "the second build has not moved the tag")
    with Gate(scene.engine.address, str(scene.policy_file)) as restarted:
        answer = Api(restarted.host).ask("POST", "/build?t=dockgate-mine:1", context(), "application/x-tar")
        must(answer.status == 200, f"the build after a restart: {answer.status} {answer.body}")
        must(image_of(scene, "dockgate-mine:1") != second, "the build after a restart has not moved the tag")
    for source in (IMAGE, "dockgate-mine:1"):
        answer = scene.through.ask("POST", f"/images/{source}/tag?repo=dockgate-mine&tag=2")
        must(answer.status == 201, f"the tag of {source}: {answer.status} {answer.body}")
        must(image_of(scene, "dockgate-mine:2") == image_of(scene, source), f"the tag of {source} is elsewhere")


@control("S9-works-pull", TAGGER)
def works_with_pulls(scene: Scene) -> None:
    """A pull does not move a tag of someone else's image, except to the registry's image."""
    prod(scene)
    answer = scene.through.ask("POST", f"/images/create?fromImage=registry.invalid/{PROD}&tag=1")
    must(answer.reason is None, f"{answer}")


# Compose projects.

SHOP = "dockgate-shop"
WITHOUT = ("docker-cli-run", "woodpecker-agent", "testcontainers-go", "testcontainers-java", "gitlab-runner")
COMPOSERS = ("compose", "ci-runner", "agent", "devcontainers")
PROJECTS = """
allow = ["ContainerCreate", "NetworkCreate", "VolumeCreate", "ContainerStart", "ContainerRename", "ContainerDelete"]
[create]
projects = ["@own", "@new"]
"""


def compose(**more: str) -> dict[str, str]:
    return {f"com.docker.compose.{key}": value for key, value in {"project": SHOP, **more}.items()}


DB = compose(service="db", **{"container-number": "0", "oneoff": "False"})


def has_project(scene: Scene) -> bool:
    """Whether something that the client created belongs to the project."""
    wanted = quote(json.dumps({"label": [f"com.docker.compose.project={SHOP}"]}))
    containers = [each["Names"][0] for each in scene.direct.get(f"/containers/json?all=1&filters={wanted}")]
    networks = [each["Name"] for each in scene.direct.get(f"/networks?filters={wanted}")]
    volumes = [each["Name"] for each in scene.direct.get(f"/volumes?filters={wanted}")["Volumes"] or []]
    return any("theirs" in name or name == f"{SHOP}_default" for name in (*containers, *networks, *volumes))


def try_container(scene: Scene, labels: dict = DB) -> None:
    body = {"Image": IMAGE, "Cmd": LOOP, "Labels": labels, "HostConfig": {"NetworkMode": "none"}}
    scene.through.ask("POST", "/containers/create?name=dockgate-theirs", body)


def try_network(scene: Scene) -> None:
    scene.network(scene.through, f"{SHOP}_default", Labels=compose(network="default"))


def try_volume(scene: Scene) -> None:
    scene.through.ask("POST", "/volumes/create", {"Name": f"{SHOP}_theirs", "Labels": compose(volume="theirs")})


def try_mount(scene: Scene) -> None:
    """A volume's labels in a mount of a container."""
    mount = volume(f"{SHOP}_theirs", "/d", VolumeOptions={"Labels": compose(volume="theirs")})
    run(scene, {"Mounts": [mount]}, "true")


KINDS = {"container": try_container, "volume": try_volume, "network": try_network, "mount": try_mount}


@attack("S10-new-container", *WITHOUT, kind="container")
@attack("S10-new-network", "woodpecker-agent", "testcontainers-go", kind="network")
@attack("S10-new-volume", "woodpecker-agent", "gitlab-runner", kind="volume")
@attack("S10-new-mount", *WITHOUT, kind="mount")
def of_no_project(scene: Scene, kind: str) -> bool:
    """A policy without `create.projects` cannot create anything that belongs to a project, before or after `up`."""
    KINDS[kind](scene)
    return has_project(scene)


def shop(scene: Scene) -> None:
    """The administrator's project: one container, a network and a volume."""
    body = {"Image": IMAGE, "Cmd": LOOP, "Labels": compose(service="web", oneoff="False")}
    scene.direct.done("POST", f"/containers/create?name={SHOP}-web-1", body)
    scene.network(scene.direct, f"{SHOP}_front", Labels=compose(network="front"))
    scene.direct.done("POST", "/volumes/create", {"Name": f"{SHOP}_data", "Labels": compose(volume="data")})


@attack("S10-foreign-container", *COMPOSERS, PROJECTS, kind="container")
@attack("S10-foreign-network", "compose", "ci-runner", "agent", PROJECTS, kind="network")
@attack("S10-foreign-volume", "compose", "ci-runner", "agent", PROJECTS, kind="volume")
@attack("S10-foreign-mount", *COMPOSERS, PROJECTS, kind="mount")
def of_a_foreign_project(scene: Scene, kind: str) -> bool:
    shop(scene)
    KINDS[kind](scene)
    return has_project(scene)


@attack("S10-foreign-only-volume", "compose", kind="volume")
@attack("S10-foreign-only-network", "compose", kind="network")
@attack("S10-foreign-only-container", "compose", kind="container")
def of_what_is_left(scene: Scene, kind: str) -> bool:
    """A project of which only one object is left, as after `compose down`."""
    if kind == "volume":
        scene.direct.done("POST", "/volumes/create", {"Name": f"{SHOP}_data", "Labels": compose(volume="data")})
    elif kind == "network":
        scene.network(scene.direct, f"{SHOP}_front", Labels=compose(network="front"))
    else:
        body = {"Image": IMAGE, "Cmd": LOOP, "Labels": compose(service="web")}
        scene.direct.done("POST", f"/containers/create?name={SHOP}-web-1", body)
    try_container(scene)
    return has_project(scene)


@attack("S10-stack", *WITHOUT)
def of_a_stack(scene: Scene) -> bool:
    label = "com.docker.stack.namespace"
    try_container(scene, {label: SHOP})
    answer = scene.direct.ask("GET", "/containers/dockgate-theirs/json")
    return answer.status == 200 and label in answer.body["Config"]["Labels"]


@attack("S10-race", PROJECTS, race=True)
def while_it_comes_up(scene: Scene) -> bool:
    """The administrator runs `up` while the client takes a new name: the project belongs to one of them, not to both."""
    create = later(lambda: try_container(scene))
    time.sleep(0.004 * random.random())
    body = {"Image": IMAGE, "Cmd": LOOP, "Labels": compose(service="web")}
    scene.direct.done("POST", f"/containers/create?name={SHOP}-web-1", body)
    create.join(20)
    # Objects that both created at the same moment cannot be told apart; a second container must be denied.
    scene.direct.ask("DELETE", "/containers/dockgate-theirs?force=1")
    try_container(scene)
    return has_project(scene)


@control("S10-works-own", "compose", "ci-runner", "agent", PROJECTS)
def works_with_an_own_project(scene: Scene) -> None:
    for number in (1, 2):
        labels = compose(service="db", **{"container-number": str(number)})
        body = {"Image": IMAGE, "Cmd": LOOP, "Labels": labels, "HostConfig": {"NetworkMode": "none"}}
        scene.through.done("POST", f"/containers/create?name={SHOP}-db-{number}", body)
        network = {"Name": f"{SHOP}_net{number}", "Labels": compose(network=f"net{number}")}
        scene.through.done("POST", "/networks/create", network)
        data = {"Name": f"{SHOP}_data{number}", "Labels": compose(volume=f"data{number}")}
        scene.through.done("POST", "/volumes/create", data)


@control("S10-works-with-compose", "compose", on=["26", "28"])
def works_with_compose(scene: Scene) -> None:
    """The compose plugin itself, twice."""
    file = scene.folder / "compose.yaml"
    web = {"image": IMAGE, "command": "sleep 300", "volumes": ["data:/d"]}
    file.write_text(json.dumps({"services": {"web": web}, "volumes": {"data": {}}}))
    docker = scene.engine.cli(scene.gate.host)
    for _ in range(2):
        docker("compose", "-p", SHOP, "-f", str(file), "up", "-d")
    docker("compose", "-p", SHOP, "-f", str(file), "down", "-t", "1")


fight()
