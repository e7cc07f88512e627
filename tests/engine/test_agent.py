"""The docker CLI under the policy `agent`, with the project directory written into a copy of it.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

from __future__ import annotations

from pathlib import Path

from api import Api
from cases import Cases, must, must_equal
from commands import Docker
from support import REPOSITORY, Engine, Gate, main_engines, scratch

BOX, OTHER, NETWORK = "dockgate-box", "dockgate-other", "dockgate-network"
SECRET = "known only to the host"
# The engine's own words: what is not in scope does not exist.
MISSING = "No such container"
LOOP = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")


def main() -> None:
    cases = Cases()
    for engine in main_engines():
        engine.clean_up()
        with scratch() as folder:
            workspace = folder / "workspace"
            (workspace / "app").mkdir(parents=True)
            (workspace / "app" / "source").write_text("of the project")
            (folder / "secret").write_text(SECRET)
            policy = (REPOSITORY / "policies" / "agent.toml").read_text()
            must("/workspace:rw" in policy, "the policy has no project directory")
            (folder / "agent.toml").write_text(policy.replace("/workspace", str(workspace)))
            direct = engine.cli(engine.address)
            direct("run", "-d", "-i", "--name", OTHER, "--hostname", "other", "busybox", *LOOP)
            try:
                with Gate(engine.address, str(folder / "agent.toml")) as gate:
                    through = engine.cli(gate.host)
                    works(cases, engine, through, workspace)
                    is_confined(cases, engine, through, folder)
            finally:
                engine.clean_up()
    cases.finish()


def works(cases: Cases, engine: Engine, through: Docker, workspace: Path) -> None:
    direct = engine.cli(engine.address)
    with cases.case(f"{engine.name}: runs the project in a container on a network of its own"):
        through("network", "create", NETWORK)
        script = "cat source; echo built > result"
        mount = ("-v", f"{workspace}:/src", "-w", "/src/app")
        run = ("run", "--rm", "--network", NETWORK, *mount, "busybox", "sh", "-c", script)
        must_equal("what it said", through(*run).out, "of the project")
        must_equal("what it wrote", (workspace / "app" / "result").read_text(), "built\n")
    with cases.case(f"{engine.name}: runs without a network"):
        mount = f"type=bind,source={workspace},target=/src,readonly"
        run = ("run", "--rm", "--network", "none", "--mount", mount, "busybox", "ls", "/src")
        must_equal("what it said", through(*run).out, "app\n")
    with cases.case(f"{engine.name}: runs commands in its own container"):
        through("run", "-d", "--name", BOX, "--network", NETWORK, "-p", "127.0.0.1:8080:80", "busybox", *LOOP)
        must_equal("exec", through("exec", "-i", BOX, "cat", typed="typed\n").out, "typed\n")
        labels = direct("inspect", "--format", "{{json .Config.Labels}}", BOX).out
        must_equal("its labels", labels, '{"agent":"true","dockgate.policy":"agent"}\n')
        # An agent's second container finds the first by its name.
        run = ("run", "--rm", "--network", NETWORK, "busybox", "ping", "-c", "1", BOX)
        must("1 packets received" in through(*run).out, "no answer")
    with cases.case(f"{engine.name}: sees and deletes only its own containers, networks and volumes"):
        must_equal("ps", through("ps", "--format", "{{.Names}}").out, f"{BOX}\n")
        through("restart", "-t", "0", BOX)
        must_equal("top", through("top", BOX, "-o", "pid,comm").code, 0)
        through("stop", "-t", "0", BOX)
        must_equal("logs", through("logs", BOX).code, 0)
        through("volume", "create", "dockgate-cache")
        through("rm", BOX)
        through("volume", "rm", "dockgate-cache")
        through("network", "rm", NETWORK)
        must_equal("ps -a", through("ps", "-aq").out, "")
        must_equal("what another runs", direct("ps", "--format", "{{.Names}}").out, f"{OTHER}\n")
        through("network", "create", NETWORK)


def is_confined(cases: Cases, engine: Engine, through: Docker, folder: Path) -> None:
    run = ("run", "--rm", "--network", "none")
    workspace = folder / "workspace"
    through(*run, "-v", f"{workspace}:/src", "busybox", "ln", "-s", "/", "/src/link")
    by_link = (*run, "-v", f"{workspace}/link:/h", "busybox", "cat", f"/h{folder}/secret")
    must_equal("direct, what a link leads to", engine.cli(engine.address)(*by_link).out, SECRET)
    for what, words, key in [
        ("a file beside it", (*run, "-v", f"{folder}:/h", "busybox", "cat", "/h/secret"), "create.binds"),
        ("a link that it has created in it", by_link, "create.binds"),
        (
            "the way up from it",
            (*run, "-v", f"{workspace}/../secret:/h", "busybox", "cat", "/h"),
            "clean absolute path",
        ),
        ("one that begins like it", (*run, "-v", f"{workspace}-2:/h", "busybox", "true"), "create.binds"),
        ("the engine's network", ("run", "--rm", "busybox", "true"), "create.networks"),
        ("another's namespaces", (*run[:-1], f"container:{OTHER}", "busybox", "hostname"), MISSING),
        ("a port for everybody", (*run, "-p", "8080:80", "busybox", "true"), "create.ports"),
        ("a low port", (*run, "-p", "127.0.0.1:80:80", "busybox", "true"), "create.ports"),
        ("a life after a restart", ("run", "--restart", "always", "--network", "none", "busybox"), "create.restart"),
        ("a label of others", (*run, "-l", "traefik.enable=true", "busybox", "true"), "create.labels"),
        ("its own label, changed", (*run, "-l", "agent=false", "busybox", "true"), "create.labels"),
        ("a privileged container", (*run, "--privileged", "busybox", "true"), "create.privileged"),
        ("another's container", ("exec", OTHER, "hostname"), MISSING),
        ("a network of the host's", ("network", "create", "-d", "macvlan", "dockgate-lan"), "networks.drivers"),
        ("another on its network", ("network", "connect", NETWORK, OTHER), MISSING),
        (
            "a volume of the host",
            ("volume", "create", "-o", "device=/", "-o", "type=none", "dockgate-v"),
            "volumes.options",
        ),
        ("another's end", ("stop", OTHER), MISSING),
        ("another's output", ("logs", OTHER), MISSING),
        ("another's files", ("cp", f"{OTHER}:/etc/hostname", "-"), "ContainerArchive"),
    ]:
        with cases.case(f"{engine.name}: refused, {what}"):
            done = through.may_fail(*words)
            must(done.code != 0 and SECRET not in done.out, f"it was allowed: {done.out!r}")
            is_told = key in done.err and (key == MISSING or "dockgate: " in done.err)
            must(is_told, f"no mention of {key}: {done.err!r}")
    with cases.case(f"{engine.name}: refused, another's input"):
        # The CLI does not show why it was refused.
        answer = Api(through.host).ask("POST", f"/containers/{OTHER}/attach?stream=1&stdin=1")
        must(answer.status == 404 and through.may_fail("attach", OTHER).code != 0, f"{answer}")
    with cases.case(f"{engine.name}: refused, a build"):
        (folder / "context").mkdir()
        (folder / "context" / "Dockerfile").write_text("FROM busybox\n")
        done = through.may_fail("build", str(folder / "context"), env={"DOCKER_BUILDKIT": "0"})
        must(done.code != 0 and "ImageBuild" in done.err, f"{done.err!r}")


main()
