"""Jobs of the docker CLI and its plugins."""

from __future__ import annotations

import fcntl
import re
import signal
import struct
import termios
from pathlib import Path

from cases import eventually, must, must_equal
from cli_steps import CONVERSATION, converse
from commands import Background, Docker, Run, Terminal
from library_proof import LOOP, WEB, Place

IMAGE = "dockgate-test-image"
# Prints a variable of the container that it runs in.
SAY = ("sh", "-c", "echo $WORD")
# Pulling it gets as far as the engine, which cannot reach any registry.
NOWHERE = "dockgate-none:1"


# Waits for its size first.
SIZE_ARRIVED = "until stty size 2>/dev/null | grep -q '30 100'; do sleep 0.1; done"
SIZED = ("sh", "-c", f"{SIZE_ARRIVED}; {CONVERSATION[2]}")


def set_size(terminal: Terminal) -> None:
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))


def converse_in_size(terminal: Terminal) -> None:
    """A dialog on a terminal, whose size must have arrived."""
    set_size(terminal)
    converse(terminal)


def look(place: Place) -> str:
    place.direct("network", "create", f"{WEB}-net")
    place.direct("volume", "create", f"{WEB}-volume")
    place.direct("run", "-d", "--name", WEB, "busybox", *LOOP)
    docker = place.docker
    must_equal("ps", docker("ps", "--format", "{{.Names}}").out, f"{WEB}\n")
    must_equal("logs", docker("logs", WEB).out, "ready\n")
    must_equal("inspect", docker("inspect", "--format", "{{.State.Status}}", WEB).out, "running\n")
    must_equal("stats", docker("stats", "--no-stream", "--format", "{{.Name}}", WEB).out, f"{WEB}\n")
    server = docker("version", "--format", "{{.Server.Version}}").out.strip()
    must_equal("info", docker("info", "--format", "{{.ServerVersion}}").out.strip(), server)
    must("busybox" in docker("images").out, "no busybox in images")
    must_equal("image inspect", docker("image", "inspect", "--format", "{{.Config.Cmd}}", "busybox").out, "[sh]\n")
    for kind, name in [("network", f"{WEB}-net"), ("volume", f"{WEB}-volume")]:
        must(name in docker(kind, "ls").out, f"no {name} in {kind} ls")
        must_equal(kind, docker(kind, "inspect", "--format", "{{.Name}}", name).out, f"{name}\n")
    must("Images" in docker("system", "df").out, "nothing in system df")
    with docker.background("events", "--since", "0", "--filter", "event=create") as events:
        must("create" in events.prints_within(10), "no event")
    return f"the container in ps, stats and events, its log, and that it is Engine {server}"


def look_closer(place: Place) -> str:
    place.direct("run", "-d", "--name", WEB, "busybox", "sh", "-c", "echo > /made; while :; do sleep 0.1; done")
    must("while :" in place.docker("top", WEB).out, "no process in top")
    eventually("the file in diff", lambda: "A /made" in place.docker("diff", WEB).out)
    must("Imported" in place.docker("history", "busybox").out, "nothing in history")
    return "a process in top, a file in diff, the import in history"


def run_containers(place: Place) -> str:
    docker = place.docker
    cat = docker("run", "-i", "--rm", "--name", f"{WEB}-cat", "busybox", "cat", typed="typed\n")
    must_equal("what cat gave back", cat.out, "typed\n")
    volume = (f"{WEB}-volume:/data", "busybox", "touch", "/data/made")
    must_equal("exit code", docker("run", "--rm", "--name", f"{WEB}-touch", "-v", *volume).code, 0)
    converse_in_size(docker.terminal("run", "-it", "--name", f"{WEB}-tty", "busybox", *SIZED))
    with docker.background("run", "--name", f"{WEB}-loop", "busybox", *LOOP) as loop:
        must_equal("output", loop.prints_within(20), "ready\n")
        loop.process.send_signal(signal.SIGTERM)
        must_equal("exit code after the signal", loop.process.wait(20), 0)
    fails_at_the_registry(docker, "run", "--name", f"{WEB}-none", NOWHERE)
    return "what was typed, an exit code by a terminal, a signal that arrived"


def fails_at_the_registry(docker: Docker, *words: object) -> None:
    """Makes a request that needs a registry: the engine tries, but has none to talk to."""
    done = docker.may_fail(*words)
    must(done.code != 0 and "dial " in done.err, f"exit code {done.code} of {words}: {done.err}")


def execute(place: Place) -> str:
    place.direct("run", "-d", "--name", WEB, "busybox", *LOOP)
    docker = place.docker
    must_equal("what cat gave back", docker("exec", "-i", WEB, "cat", typed="typed\n").out, "typed\n")
    must_equal("exit code", docker.may_fail("exec", WEB, "sh", "-c", "exit 3").code, 3)
    converse_in_size(docker.terminal("exec", "-it", WEB, *SIZED))
    return "what was typed, an exit code, a conversation on a terminal"


def build(place: Place) -> str:
    """With the classic builder and with BuildKit, which each CLI reaches in its own way."""
    (place.folder / "hello").write_text("hello from the context\n")
    dockerfile = place.folder / "Dockerfile"
    dockerfile.write_text("FROM busybox\nCOPY hello /hello\nRUN cat /hello > /again\n")
    for way in ("0", "1"):
        place.docker("build", "--no-cache", "-t", IMAGE, place.folder, env={"DOCKER_BUILDKIT": way})
        built = place.direct("run", "--rm", "--name", WEB, IMAGE, "cat", "/again").out
        must_equal("the built file", built, "hello from the context\n")
        place.direct("rmi", IMAGE)
    if place.engine.name != "20":
        place.docker("buildx", "build", "--load", "-t", IMAGE, place.folder)
        return "the file that each builder made"
    # This CLI tells the engine that it gave up; buildx just hangs up.
    dockerfile.write_text("FROM busybox\nRUN echo begun; sleep 60\n")
    words = ("build", "--no-cache", "--progress", "plain", place.folder)
    with Background("env", "DOCKER_BUILDKIT=1", *place.engine.docker, *words, host=place.host) as unfinished:
        eventually("the step that sleeps", lambda: "begun\n" in unfinished.prints_within(10))
    return "the file that each builder made, and a build given up"


COMPOSE = """
name: dockgate-compose
services:
  web:
    image: busybox
    command: sh -c 'trap "exit 0" TERM; echo web is up; while :; do sleep 0.1; done'
    volumes: [data:/data]
    networks: [front, back]
    environment: {WORD: %s}
  second:
    image: busybox
    command: sh -c 'echo second is done'
    depends_on: [web]
    networks: [front]
networks: {front: {}, back: {}}
volumes: {data: {}}
"""

BUILT = """
name: dockgate-compose
services:
  web:
    build: .
    image: dockgate-test-image
    command: sh -c 'cat /hello; trap "exit 0" TERM; while :; do sleep 0.1; done'
    network_mode: bridge
"""


MISSING = f"""
name: dockgate-compose
services: {{none: {{image: "{NOWHERE}"}}}}
"""


class Compose:
    """compose behind the policy, for the project of a folder."""

    def __init__(self, place: Place, text: str = COMPOSE % "first") -> None:
        self.docker = place.engine.plugins(place.host)
        self.file = place.folder / "compose.yaml"
        self.file.write_text(text)

    def words(self, *words: object) -> tuple:
        return ("compose", "--ansi", "never", "--progress", "quiet", "-f", self.file, *words)

    def __call__(self, *words: object, **options) -> Run:
        return self.docker(*self.words(*words), **options)

    def terminal(self, *words: object) -> Terminal:
        return self.docker.terminal(*self.words(*words))


def compose(place: Place) -> str:
    project = Compose(place)
    with project.docker.background(*project.words("events")) as events:
        project("up", "-d")
        must("dockgate-compose" in events.prints_within(20), "no event of the project")
    states = project("ps", "-a", "--format", "{{.Service}} {{.State}}", "web").out
    must_equal("ps", states, "web running\n")
    project.file.write_text(COMPOSE % "second")
    project("up", "-d")
    word = place.direct("exec", "dockgate-compose-web-1", *SAY).out
    must_equal("the word of the container that was recreated", word, "second\n")
    project("images")
    with project.docker.background(*project.words("wait", "web")) as waiting:
        eventually("the wait at the engine", lambda: "ContainerWait" in begun(place))
        project("stop", "web")
        must_equal("wait", waiting.process.wait(20), 0)
    project.file.write_text(MISSING)
    fails_at_the_registry(project.docker, *project.words("up", "-d"))
    project.file.write_text(COMPOSE % "second")
    project("down")
    left = place.direct("ps", "-aq", "--filter", "name=dockgate-compose").out
    must_equal("left behind", left, "")
    return "the containers of a project up, recreated with another variable, and gone"


def compose_logs(place: Place) -> str:
    project = Compose(place)
    up = project("up", "--abort-on-container-exit", "--no-log-prefix").out
    must("second is done" in up, f"up: {up!r}")
    must("web is up" in project("logs", "--no-log-prefix").out, "no line in logs")
    project.terminal("up", "--abort-on-container-exit").end()
    typed_into = COMPOSE.replace("image: busybox", "image: busybox\n    tty: true\n    stdin_open: true", 1)
    project.file.write_text(typed_into % "first")
    project("up", "-d")
    terminal = project.terminal("attach", "web")
    eventually("the size at the engine", lambda: "ContainerResize" in begun(place))
    project("stop")
    terminal.end()
    project("down")
    return "lines of both services, in the foreground, at a terminal and in logs"


def compose_exec(place: Place) -> str:
    project = Compose(place)
    project("up", "-d")
    must_equal("exec", project("exec", "-T", "web", *SAY).out, "first\n")
    done = project.docker.may_fail(*project.words("exec", "-T", "web", "sh", "-c", "exit 3"))
    must_equal("exit code", done.code, 3)
    for command in (("exec", "web"), ("run", "--rm", "--no-deps", "web")):
        terminal = project.terminal(*command, "sh", "-c", f"{SIZE_ARRIVED}; exit 5")
        set_size(terminal)
        must_equal(f"exit code at a terminal of {command}: {terminal.seen!r}", terminal.end(), 5)
    project("down")
    return "a variable of the service, an exit code, a terminal in a container and in one of its own"


def compose_control(place: Place) -> str:
    project = Compose(place)
    project("up", "-d")
    container = "dockgate-compose-web-1"

    def state() -> str:
        return place.direct("inspect", "--format", "{{.State.Status}}", container).out.strip()

    project("pause", "web")
    must_equal("state", state(), "paused")
    project("unpause", "web")
    must("while :" in project("top", "web").out, "no process in top")
    started = place.direct("inspect", "--format", "{{.State.StartedAt}}", container).out
    project("restart", "web")
    must(place.direct("inspect", "--format", "{{.State.StartedAt}}", container).out != started, "not restarted")
    with project.docker.background(*project.words("wait", "web")) as waiting:
        eventually("the wait at the engine", lambda: "ContainerWait" in begun(place))
        project("kill", "web")
        must_equal("wait", waiting.process.wait(20), 137)
    must_equal("state", state(), "exited")
    project("down")
    return "the service paused, unpaused, restarted, killed and waited for"


def compose_stats(place: Place) -> str:
    project = Compose(place)
    project("up", "-d")
    shown = project("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", "web").out
    must(re.search("dockgate-compose-web-1 [1-9.]+", shown), f"no figures: {shown!r}")
    project("down")
    return "the memory that the service uses"


def begun(place: Place) -> set[str]:
    return {line.get("operation") for line in place.gate.records() if line["event"] == "begin"}


def compose_remove(place: Place) -> str:
    place.direct("tag", "busybox", IMAGE)
    project = Compose(place, COMPOSE.replace("image: busybox", f"image: {IMAGE}") % "first")
    project("up", "-d")
    project("down", "-v", "--rmi", "all")
    must(place.direct.may_fail("image", "inspect", IMAGE).code != 0, "the image is still there")
    must(place.direct.may_fail("volume", "inspect", "dockgate-compose_data").code != 0, "the volume is still there")
    return "the volume and the image gone"


def with_context(folder: Path) -> None:
    (folder / "hello").write_text("hello from the context\n")
    (folder / "Dockerfile").write_text("FROM busybox\nCOPY hello /hello\nRUN cat /hello\n")


def compose_build(place: Place) -> str:
    with_context(place.folder)
    project = Compose(place, BUILT)
    project("up", "-d", "--build")
    said = eventually("the file in the log", lambda: place.direct("logs", "dockgate-compose-web-1").out)
    must("hello from the context" in said, said)
    project("down")
    place.direct("rmi", IMAGE)
    project("build", env={"DOCKER_BUILDKIT": "0"})
    place.direct("rmi", IMAGE)
    return "the file of the context in the service's log"


def compose_cp(place: Place) -> str:
    note = "configs: {note: {content: known to the project}}\n"
    text = COMPOSE.replace(
        "networks: [front, back]", "networks: [front, back]\n    configs: [{source: note, target: /note}]"
    )
    project = Compose(place, text % "first" + note)
    project("up", "-d")
    must_equal("the config", place.direct("exec", "dockgate-compose-web-1", "cat", "/note").out, "known to the project")
    (place.folder / "sent").write_text("sent\n")
    project("cp", place.folder / "sent", "web:/tmp/sent")
    project("cp", "web:/tmp/sent", place.folder / "got")
    must_equal("what came back", (place.folder / "got").read_text(), "sent\n")
    project("down")
    return "a config in the service, a file there and back"


def compose_publish(place: Place) -> str:
    """There is no registry: only the engine's error about that can be seen."""
    place.direct("tag", "busybox", IMAGE)
    project = Compose(place, BUILT)
    fails_at_the_registry(project.docker, *project.words("push"))
    project.file.write_text(MISSING)
    fails_at_the_registry(
        project.docker, *project.words("alpha", "publish", "dockgate-none", "--resolve-image-digests")
    )
    place.direct("rmi", IMAGE)
    return "the engine ask a registry that is not there, to push and for a digest"


ROLLED = """
name: dockgate-compose
services:
  web:
    image: busybox
    command: sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'
    volumes: [data:/data]
    healthcheck: {test: "true", interval: 200ms}
volumes: {data: {}}
"""


def roll_out(place: Place) -> str:
    """The commands of the script docker-rollout; the project is created through the same policy."""
    project = Compose(place, ROLLED)
    project("up", "-d")
    old = project("ps", "--quiet", "web").out.split()
    project("up", "--detach", "--scale", "web=2", "--no-recreate", "web")
    new = [each for each in project("ps", "--quiet", "web").out.split() if each not in old]
    must_equal("containers, old and new", (len(old), len(new)), (1, 1))
    docker = project.docker
    health = docker("inspect", "--format", "{{json .State.Health.Status}}", *new)
    must("health" in health.out or "starting" in health.out, health.out)
    eventually(
        "health", lambda: docker("inspect", "--format", "{{json .State.Health.Status}}", *new).out == '"healthy"\n'
    )
    docker("stop", *old)
    docker("rm", *old)
    project.file.write_text(MISSING)
    fails_at_the_registry(docker, *project.words("up", "-d"))
    project.file.write_text(ROLLED)
    must_equal("what is left", project("ps", "--quiet", "web").out.split(), new)
    return "a second container healthy beside the first, then on its own"
