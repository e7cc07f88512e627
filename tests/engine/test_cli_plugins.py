"""BuildKit through /grpc and /session, and compose, under a policy that allows everything.

Each engine has the plugins of its release; Docker 20.10 has none, so it uses those of the main engine.

Runs on every Docker engine.
"""

from pathlib import Path

from cases import Cases, must, must_equal
from commands import Docker, Run
from exchanges import Exchange
from steps import case_name, two_ways
from support import engines

IMAGE = "dockgate-test-image"

DOCKERFILE = """
FROM busybox
COPY hello /hello
RUN cat /hello > /again
"""

COMPOSE = """
name: dockgate-compose
services:
  web:
    image: busybox
    command: sh -c 'trap "exit 0" TERM; echo web is up; while :; do sleep 0.1; done'
    volumes: [data:/data]
    environment: {WORD: value}
  second:
    image: busybox
    command: sh -c 'echo second is done'
    depends_on: [web]
volumes:
  data: {}
"""


def build_with_buildx(docker: Docker, folder: Path) -> str:
    context(folder)
    docker("buildx", "build", "--no-cache", "-t", IMAGE, folder)
    return what_was_built(docker)


def build_that_fails(docker: Docker, folder: Path) -> str:
    context(folder)
    (folder / "Dockerfile").write_text("FROM busybox\nRUN echo on purpose; exit 8\n")
    done = docker.may_fail("buildx", "build", "--no-cache", folder)
    must(done.code != 0 and "on purpose" in done.err, f"exit code {done.code}: {done.err}")
    return "failed"


def build_with_the_builder_of_the_cli(docker: Docker, folder: Path) -> str:
    context(folder)
    docker("build", "--no-cache", "-t", IMAGE, folder, env={"DOCKER_BUILDKIT": "1"})
    return what_was_built(docker)


def context(folder: Path) -> None:
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "hello").write_text("hello from the context\n")


def what_was_built(docker: Docker) -> str:
    content = docker("run", "--rm", IMAGE, "cat", "/again").out
    must_equal("the built file", content, "hello from the context\n")
    docker("rmi", IMAGE)
    return content


def compose_up_and_down(docker: Docker, folder: Path) -> list[Run]:
    (folder / "compose.yaml").write_text(COMPOSE)

    def compose(*words: str) -> Run:
        return docker("compose", "--ansi", "never", "--progress", "quiet", "-f", folder / "compose.yaml", *words)

    done = [compose("up", "-d"), docker("wait", "dockgate-compose-second-1")]
    listing = compose("ps", "-a", "--format", "{{.Name}} {{.State}}")
    logs = compose("logs", "--no-log-prefix")
    # The two services' lines come in any order, and begin with "erase this line".
    logs.out = "\n".join(sorted(logs.out.replace("\x1b[2K", "").split("\n")))
    must_equal("logs", logs.out, "\nsecond is done\nweb is up")
    listing.out = "\n".join(sorted(listing.out.split("\n")))
    must_equal("ps", listing.out, "\ndockgate-compose-second-1 exited\ndockgate-compose-web-1 running")
    done += [listing, logs, compose("exec", "-T", "web", "sh", "-c", "echo $WORD"), compose("down", "--volumes")]
    left = docker("ps", "-aq", "--filter", "label=com.docker.compose.project=dockgate-compose")
    must_equal("left behind", left.out, "")
    return done


def must_have_used(exchanges: list[Exchange], *paths: str) -> None:
    upgraded = {exchange.target for exchange in exchanges if exchange.status == 101}
    for path in paths:
        must(any(target.endswith(path) for target in upgraded), f"no {path} in {upgraded}")


def main() -> None:
    cases = Cases()
    for engine in engines():
        with two_ways(engine) as ways:
            for step in (build_with_buildx, build_that_fails, compose_up_and_down):
                with cases.case(case_name(engine, step)):
                    exchanges = ways.take(step, engine.plugins(engine.address).command)
                    if step is build_with_buildx:
                        must_have_used(exchanges, "/grpc", "/session")
            with cases.case(case_name(engine, build_with_the_builder_of_the_cli)):
                must_have_used(ways.take(build_with_the_builder_of_the_cli), "/session")
    cases.finish()


main()
