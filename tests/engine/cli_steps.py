"""The steps of the docker CLI that are compared between two runs, see `steps`."""

from pathlib import Path

from cases import must, must_equal
from commands import Docker, Run, Terminal

WEB = "dockgate-web"
IMAGE = "dockgate-test-image"
LOOP = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")

# On a terminal: asks, and exits with the answer. Not a shell, whose prompt can print anything.
CONVERSATION = ("sh", "-c", "tty; read -r code; echo so be it; exit $code")


def converse(terminal: Terminal) -> None:
    terminal.wait_for("/dev/")
    terminal.type("5\r")
    must_equal("exit code", terminal.end(), 5)
    must(terminal.seen.endswith("5\r\nso be it\r\n"), f"{terminal.seen!r}")


def run_with_stdin(docker: Docker, _folder: Path) -> list[Run]:
    done = docker("run", "-i", "--rm", "--name", WEB, "busybox", "cat", typed="typed\n" * 10_000)
    must_equal("what cat gave back", done.out, "typed\n" * 10_000)
    return [done]


def run_with_a_tty(docker: Docker, _folder: Path) -> str:
    terminal = docker.terminal("run", "-it", "--name", WEB, "busybox", *CONVERSATION)
    converse(terminal)
    docker("rm", WEB)
    return terminal.seen


def run_detached(docker: Docker, _folder: Path) -> list[Run]:
    started = docker("run", "-d", "--name", WEB, "busybox", "sh", "-c", "echo said; echo aside >&2; exit 4")
    waited = docker("wait", WEB)
    must_equal("exit code", waited.out, "4\n")
    logs = docker("logs", WEB)
    must_equal("logs", (logs.out, logs.err), ("said\n", "aside\n"))
    return [started, waited, logs, docker("rm", WEB)]


def run_that_fails(docker: Docker, _folder: Path) -> list[Run]:
    done = [
        docker.may_fail("run", "--rm", "--name", WEB, "busybox", "sh", "-c", "exit 9"),
        docker.may_fail("run", "--rm", "--name", WEB, "busybox", "no-such-program"),
        docker.may_fail("stop", "no-such-container"),
    ]
    must_equal("exit codes", [each.code for each in done], [9, 127, 1])
    # The client may add that it canceled its other request, which waits for the end of the container.
    done[1].err = done[1].err.splitlines()[0]
    return done


def exec_with_and_without_stdin(docker: Docker, _folder: Path) -> list[Run]:
    docker("run", "-d", "--name", WEB, "busybox", *LOOP)
    with_stdin = docker("exec", "-i", WEB, "cat", typed="x\n")
    must_equal("what cat gave back", with_stdin.out, "x\n")
    done = [
        with_stdin,
        docker("exec", WEB, "echo", "hello"),
        docker.may_fail("exec", WEB, "sh", "-c", "echo aside >&2; exit 3"),
        docker("exec", "-d", WEB, "touch", "/tmp/detached"),
    ]
    must_equal("exit code", done[2].code, 3)
    converse(docker.terminal("exec", "-it", WEB, *CONVERSATION))
    return [*done, docker("rm", "-f", WEB)]


def attach_and_detach(docker: Docker, _folder: Path) -> str:
    docker("run", "-dit", "--name", WEB, "busybox", "cat")
    done = []
    for keys, options in [("\x10\x11", ()), ("\x18", ("--detach-keys", "ctrl-x"))]:
        terminal = docker.terminal("attach", *options, WEB)
        terminal.wait_until_raw()
        terminal.type("typed\r")
        # Once from the terminal, once from cat.
        terminal.wait_for("typed\r\ntyped\r\n")
        terminal.press(keys)
        done.append(str(terminal.end()))
        must("read escape sequence" in terminal.seen or done[-1] == "0", f"no word of detaching: {terminal.seen!r}")
    running = docker("inspect", "--format", "{{.State.Running}}", WEB)
    must_equal("still running", running.out, "true\n")
    docker("rm", "-f", WEB)
    return f"detached with exit codes {done}"


def lifecycle(docker: Docker, _folder: Path) -> list[Run]:
    return [
        docker("network", "create", f"{WEB}-net"),
        docker("volume", "create", f"{WEB}-volume"),
        docker("create", "--name", WEB, "--network", f"{WEB}-net", "-v", f"{WEB}-volume:/data", "busybox", *LOOP),
        docker("start", WEB),
        docker("pause", WEB),
        docker("unpause", WEB),
        docker("update", "--memory", "64m", "--memory-swap", "64m", WEB),
        docker("rename", WEB, f"{WEB}-renamed"),
        docker("restart", "--time", "1", f"{WEB}-renamed"),
        docker("network", "disconnect", f"{WEB}-net", f"{WEB}-renamed"),
        docker("diff", f"{WEB}-renamed"),
        docker("stop", "--time", "1", f"{WEB}-renamed"),
        docker("commit", f"{WEB}-renamed", f"{IMAGE}:commit"),
        docker("tag", f"{IMAGE}:commit", f"{IMAGE}:tag"),
        docker("rm", f"{WEB}-renamed"),
        docker("volume", "rm", f"{WEB}-volume"),
        docker("network", "rm", f"{WEB}-net"),
        docker("rmi", f"{IMAGE}:tag"),
        docker("rmi", f"{IMAGE}:commit"),
    ]


def copy_both_ways(docker: Docker, folder: Path) -> list[Run]:
    docker("create", "--name", WEB, "busybox", "true")
    (folder / "sent").write_bytes(bytes(range(256)) * 8192)
    done = [docker("cp", folder / "sent", f"{WEB}:/tmp/it"), docker("cp", f"{WEB}:/tmp/it", folder / "got")]
    must_equal("the same file came back", (folder / "got").read_bytes() == (folder / "sent").read_bytes(), True)
    (folder / "got").unlink()
    return [*done, docker.may_fail("cp", f"{WEB}:/no/such/file", "-"), docker("rm", WEB)]


def save_into_load(docker: Docker, _folder: Path) -> str:
    docker("tag", "busybox", IMAGE)
    with docker.pipe("save", IMAGE) as save, docker.pipe("load", stdin=save.stdout) as load:
        save.stdout.close()
        out = load.communicate(timeout=60)[0].decode()
        must_equal("exit codes", (save.wait(60), load.returncode), (0, 0))
    docker("rmi", IMAGE)
    must_equal("loaded", out, f"Loaded image: {IMAGE}:latest\n")
    return out


def import_and_export(docker: Docker, folder: Path) -> list[Run]:
    docker("create", "--name", WEB, "busybox", "true")
    done = [docker("export", "-o", folder / "root.tar", WEB), docker("import", folder / "root.tar", f"{IMAGE}:import")]
    return [*done, docker("rmi", f"{IMAGE}:import"), docker("rm", WEB)]


def build_in_the_classic_way(docker: Docker, folder: Path) -> list[Run]:
    (folder / "context").mkdir()
    (folder / "context" / "Dockerfile").write_text("FROM busybox\nCOPY hello /hello\nRUN cat /hello\nENV A=b\n")
    (folder / "context" / "hello").write_text("hello from the context\n")
    built = docker("build", "--no-cache", "-t", IMAGE, folder / "context", env={"DOCKER_BUILDKIT": "0"})
    must("hello from the context" in built.out, built.out)
    (folder / "context" / "Dockerfile").write_text("FROM busybox\nRUN exit 8\n")
    failed = docker.may_fail("build", "--no-cache", folder / "context", env={"DOCKER_BUILDKIT": "0"})
    must(failed.code != 0, "a failing build succeeded")
    return [built, failed, docker("rmi", IMAGE)]


def idle_then_gone(docker: Docker, _folder: Path) -> str:
    """A client that hangs up on an endless reply is noticed, and the next one is served."""
    docker("run", "-d", "--name", WEB, "busybox", *LOOP)
    with docker.background("logs", "-f", WEB) as logs, docker.background("stats", WEB) as stats:
        must_equal("logs of a silent container", logs.prints_within(0.5), "")
        must(stats.prints_within(10), "stats printed nothing")
    docker("rm", "-f", WEB)
    return "done"
