"""Podman behind Dockgate: the Docker API as on any engine, and from Podman's own API only what the policy names.

Runs on Podman.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path

from cases import Cases, must, must_equal
from cli_answers import must_tell, same_output
from cli_steps import (
    LOOP,
    WEB,
    copy_both_ways,
    exec_with_and_without_stdin,
    import_and_export,
    run_with_a_tty,
    run_with_stdin,
)
from commands import Docker, Run, run_well
from recorder import connect
from steps import case_name, two_ways
from support import EVERYTHING, READ_ONLY, TESTS, Engine, Gate, podman, scratch

RAW_PATHS = 'allow = ["GET /libpod/_ping", "GET /libpod/info", "GET /libpod/containers/{}/json"]'


def main() -> None:
    cases = Cases()
    engine = podman()
    direct = engine.cli(engine.address)
    with cases.case("the start report names Podman"):
        start_report(engine)
    with two_ways(engine) as ways:
        for step in [
            run_with_stdin,
            run_with_a_tty,
            exec_with_and_without_stdin,
            life_of_a_container,
            copy_both_ways,
            import_and_export,
        ]:
            with cases.case(case_name(engine, step)):
                ways.take(step)
    engine.clean_up()
    direct("run", "-d", "--name", WEB, "busybox", *LOOP)
    try:
        read_only(cases, engine, direct)
        with cases.case("raw paths allow only what they name"):
            raw_paths(engine, direct)
        with cases.case("raw paths serve Podman's own client"):
            own_client(engine)
        with cases.case("LIBPOD_INFO allows Podman's info, and nothing else of Podman's API that is not allowed anyway"):
            image_swap_variables(engine)
    finally:
        engine.clean_up()
    cases.finish()


def start_report(engine: Engine) -> None:
    status, body = ask(engine.address, "GET", "/version")
    must_equal("the engine's own answer", status, 200)
    version = json.loads(body)
    with Gate(engine.address, EVERYTHING) as gate:
        gate.says(
            f"connected to Podman Engine {version['Version']}"
            f" (API {version['MinAPIVersion']}-{version['ApiVersion']}) at {engine.address}"
        )


def life_of_a_container(docker: Docker, _folder: Path) -> list[Run]:
    done = [docker("create", "--name", WEB, "busybox", "sh", "-c", f"echo up; {LOOP[-1]}"), docker("start", WEB)]
    with docker.background("logs", "-f", WEB) as logs:
        must_equal("logs", logs.prints_within(10), "up\n")
    return [
        *done,
        docker("ps", "--format", "{{.Names}} {{.Image}} {{.Command}}"),
        docker("pause", WEB),
        docker("unpause", WEB),
        docker("rename", WEB, f"{WEB}-renamed"),
        docker("exec", f"{WEB}-renamed", "echo", "hello"),
        docker("stop", "--time", "5", f"{WEB}-renamed"),
        docker("rm", f"{WEB}-renamed"),
        docker.may_fail("rm", f"{WEB}-renamed"),
    ]


def read_only(cases: Cases, engine: Engine, direct: Docker) -> None:
    with Gate(engine.address, READ_ONLY) as gate:
        through = engine.cli(gate.host)
        for words in [
            ("version",),
            ("info",),
            ("ps", "-a"),
            ("ps", "-a", "--format", "{{json .}}"),
            ("images", "--digests", "--no-trunc"),
            ("inspect", WEB),
            ("inspect", "busybox"),
            ("inspect", "--type", "container", "no-such-thing"),
            ("network", "inspect", "podman"),
            ("volume", "ls"),
        ]:
            with cases.case(f"read-only prints the same: docker {' '.join(words)}"):
                same_output(direct, through, words)
        before = direct("ps", "-aq").out, direct("inspect", WEB).out
        for operation, words in [
            ("ContainerCreate", ("run", "busybox", "true")),
            ("ContainerLogs", ("logs", WEB)),
            ("ContainerExec", ("exec", WEB, "true")),
            ("ContainerStop", ("stop", WEB)),
            ("ContainerDelete", ("rm", "-f", WEB)),
        ]:
            with cases.case(f"read-only refuses docker {words[0]}, {operation}"):
                done = through.may_fail(*words)
                must(done.code != 0, "the exit code is 0")
                must_tell(operation, done.err)
        with cases.case("nothing has changed on the engine"):
            must_equal("containers", (direct("ps", "-aq").out, direct("inspect", WEB).out), before)


def raw_paths(engine: Engine, direct: Docker) -> None:
    inspect = f"/libpod/containers/{WEB}/json"
    with scratch() as folder:
        (folder / "policy.toml").write_text(RAW_PATHS)
        with Gate(engine.address, str(folder / "policy.toml")) as gate:
            for target in [f"/v5.4.2{inspect}", f"/v5.0.0{inspect}?size=true", "/v5.4.2/libpod/containers/none/json"]:
                must_equal(target, ask(gate.host, "GET", target), ask(engine.address, "GET", target))
            status, info = ask(gate.host, "GET", "/v5.4.2/libpod/info")
            version = json.loads(info)["version"]["Version"]
            must_equal("the version of /libpod/info", (status, version), (200, version_of(engine)))
            for status, method, target in [
                (403, "GET", "/v5.4.2/libpod/containers/json"),
                (403, "GET", f"/v5.4.2/libpod/containers/{WEB}/logs?stdout=true"),
                (403, "GET", f"/v5.4.2/libpod/containers/{WEB}/json/json"),
                (403, "HEAD", "/v5.4.2/libpod/info"),
                (403, "POST", f"/v5.4.2/libpod/containers/{WEB}/stop"),
                (403, "DELETE", f"/v5.4.2/libpod/containers/{WEB}?force=true"),
                (403, "GET", f"/v1.41/containers/{WEB}/json"),
                (400, "GET", f"/v5.4.2/containers/{WEB}/json"),
                (400, "GET", f"/v5.4.2/libpod/containers/{WEB}%2Fjson"),
                (400, "GET", "/v5.4.2/libpod/../libpod/info"),
                (400, "GET", "/v5.4.2//libpod/info"),
            ]:
                must_equal(f"{method} {target}", ask(gate.host, method, target)[0], status)
    must_equal("the container", direct("inspect", "--format", "{{.State.Status}}", WEB).out, "running\n")


def own_client(engine: Engine) -> None:
    with scratch() as folder:
        (folder / "policy.toml").write_text(RAW_PATHS)
        # A socket file, because the client is in the engine's own network.
        with Gate(engine.address, str(folder / "policy.toml"), path=folder / "podman.sock") as gate:
            for words in [("info", "--format", "{{.Version.Version}}"), ("container", "inspect", WEB)]:
                through, direct = (podman_client(url, *words) for url in (gate.host, "unix:///mnt/docker.sock"))
                must_equal(" ".join(words), through.out, direct.out)
            paths = {exchange.target for exchange in gate.recorder.exchanges()}
            must(f"/v{version_of(engine)}/libpod/info" in paths, f"the client asked for {paths}")


def version_of(engine: Engine) -> str:
    """What Podman says about itself when asked directly."""
    return json.loads(ask(engine.address, "GET", "/v5.4.2/libpod/info")[1])["version"]["Version"]


def podman_client(url: str, *words: str) -> Run:
    """Podman's own client, run where its engine is, because it looks at the system that it runs on."""
    script = TESTS / "engine" / "engines.sh"
    return run_well(script, "enter", "podman", "--mount", "--net", "--pid", "podman", "--url", url, *words)


def image_swap_variables(engine: Engine) -> None:
    variables = {"DOCKGATE_DIALECT": "linuxserver", "LIBPOD_INFO": "1"}
    with Gate(engine.address, None, environment=variables) as gate:
        gate.says("LIBPOD_INFO=1 allows /libpod/info")
        for status, target in [
            (200, "/v5.4.2/libpod/info"),
            (200, "/v5.4.2/libpod/_ping"),
            (200, "/v5.4.2/libpod/version"),
            (200, "/_ping"),
            (403, "/v5.4.2/libpod/containers/json"),
            (403, f"/v5.4.2/libpod/containers/{WEB}/json"),
            (403, "/v5.4.2/libpod/images/json"),
            (403, "/containers/json"),
            (403, "/info"),
        ]:
            must_equal(target, ask(gate.host, "GET", target)[0], status)


def ask(host: str, method: str, target: str) -> tuple[int, bytes]:
    client = http.client.HTTPConnection("localhost")
    client.sock = connect(host)
    client.sock.settimeout(30)
    client.request(method, target)
    reply = client.getresponse()
    answer = reply.status, reply.read()
    client.close()
    return answer


main()
