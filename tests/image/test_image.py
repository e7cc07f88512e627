"""The image, built from the unchanged Dockerfile: it starts however it is run, serves at once, stops at once, and is
small.

The image is built on the main engine and runs on every Docker engine.
"""

from __future__ import annotations

import json
import os
import re
import socket
import tempfile
import threading
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import standins
from cases import Cases, eventually, must, must_equal
from commands import Docker, run_well
from standins import COMPAT, PLAIN, VERSION
from support import REPOSITORY, Engine, engines, main_engine, records_folder, scratch

MIB = 1024 * 1024
ANSWER_LIMIT_MS = 20.0
STOP_LIMIT = 1.0
# From the start of the container. A client that depends on Dockgate waits this long at each `docker compose up`.
HEALTHY_LIMIT = 6.0
# Dockgate's user after it has given up root.
DROPPED = 65532

# A kernel that was built without IPv6, from a program's point of view.
NO_IPV6 = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 97,  # EAFNOSUPPORT
            "args": [{"index": 0, "value": 10, "op": "SCMP_CMP_EQ"}],  # AF_INET6
        }
    ],
}


# Prints the status that busybox' wget gets for $target; retries until something listens.
ASK = """until said=$(wget -S -O /dev/null "http://127.0.0.1:2375$target" 2>&1) || [ "${said##*refused}" = "$said" ]; do
    sleep 0.01
done
echo "$said" | sed -n 's,.*HTTP/1.1 \\([0-9]*\\).*,\\1,p' | head -n 1"""


class Boxed:
    """Dockgate in a container, its records kept. Clients come from containers in its network."""

    numbers = count()

    def __init__(self, engine: Engine, *options: str, image: str = PLAIN, command: tuple[str, ...] = ()) -> None:
        self.docker = engine.cli(engine.address)
        self.socket = engine.address.removeprefix("unix://")
        self.name = f"dockgate-image-{next(self.numbers)}"
        self.requests = 0
        network = () if "--network" in options else ("--network", "none")
        mount = ("--volume", f"{self.socket}:/var/run/docker.sock:ro")
        self.docker("run", "--detach", "--name", self.name, *network, *mount, *options, image, *command)

    def __enter__(self) -> Boxed:
        return self

    def __exit__(self, failure: type | None, *_more) -> None:
        # A record is written after its reply, so the last one is only certain to exist when Dockgate has ended.
        self.docker.may_fail("stop", "--time", "10", self.name)
        logs = self.docker.may_fail("logs", self.name)
        state = self.docker.may_fail("inspect", "--format", "{{json .State}}", self.name).out
        self.docker("rm", "--force", self.name)
        if failure:
            print(f"{self.name} was {state} and said: {logs.err}", flush=True)
        books = records_folder() / f"test_image-{os.getpid()}-{self.name}"
        books.with_suffix(".jsonl").write_text(logs.out)
        books.with_suffix(".sent").write_text(str(self.requests))

    def statuses(self, *targets: str) -> list[int]:
        """The answers to GET for each target, after Dockgate listens."""
        asked = " ".join(f"'{target}'" for target in targets)
        answers = self.client("--rm", script=f"for target in {asked}; do {ASK}; done").out
        self.requests += len(targets)
        return [int(status) for status in answers.split()]

    def client(self, *options: str, script: str):
        network = f"container:{self.name}"
        image = "busybox:latest"
        return self.docker("run", "--init", *options, "--network", network, image, "timeout", "20", "sh", "-c", script)

    def identity(self) -> tuple[int, int, int | None]:
        """Its user and group, and its only other group."""
        _header, line = self.docker("top", self.name, "-o", "pid,uid,gid,supgid").out.strip().split("\n")
        _pid, uid, gid, groups = line.split()
        (other,) = {group for group in groups.split(",") if group != gid} or {"-"}
        return int(uid), int(gid), None if other == "-" else int(other)

    @contextmanager
    def events_client(self):
        """A client that follows events with a filter that matches nothing."""
        reader = f"{self.name}-reader"
        target = "http://127.0.0.1:2375/events?filters=%7B%22image%22%3A%5B%22none%22%5D%7D"
        self.client("--detach", "--name", reader, script=f"wget -q -O - '{target}'")
        self.requests += 1
        begun = '"event":"begin"'
        eventually("the events to be followed", lambda: begun in self.docker("logs", self.name).out)
        yield
        self.docker("rm", "--force", reader)

    def stop(self) -> float:
        """Stops it; returns how long that took, by Docker's own clock."""
        since = self.docker("info", "--format", "{{.SystemTime}}").out.strip()
        self.docker("stop", "--time", "10", self.name)
        state = json.loads(self.docker("inspect", "--format", "{{json .State}}", self.name).out)
        must_equal("exit code", state["ExitCode"], 0)
        return seconds_of(state["FinishedAt"]) - seconds_of(since)


def seconds_of(time: str) -> float:
    """Seconds within the day of Docker's times, with nanoseconds."""
    hour, minute, second = re.search(r"T(\d+):(\d+):([\d.]+)", time).groups()
    return int(hour) * 3600 + int(minute) * 60 + float(second)


def capabilities_nobody_has() -> list[str]:
    """Capabilities that this machine does not allow its root, so no container can have them."""
    (mask,) = re.findall(r"^CapBnd:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    header = Path("/usr/include/linux/capability.h").read_text()
    all_of_them = re.findall(r"^#define (CAP_[A-Z_]+)\s+(\d+)$", header, re.MULTILINE)
    return [name for name, bit in all_of_them if not int(mask, 16) >> int(bit) & 1]


def ways_to_run(engine: Engine, folder: Path):
    """Name, options, command, and Dockgate's user then."""
    group = os.stat(engine.address.removeprefix("unix://")).st_gid
    no_ipv6 = folder / "no-ipv6.json"
    no_ipv6.write_text(json.dumps(NO_IPV6))
    dropped = (DROPPED, DROPPED, group)
    added = [word for capability in ("SETGID", "SETUID", "SETPCAP") for word in ("--cap-add", capability)]
    haproxy = ("haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg")
    yield "root with Docker's capabilities", [], (), dropped
    if engine.name == "20":  # whose runc fails where a capability is not to be had
        missing = [word for name in capabilities_nobody_has() for word in ("--cap-drop", name)]
        yield "root with every capability", ["--cap-add", "ALL", *missing], (), dropped
    else:
        yield "root with every capability", ["--cap-add", "ALL"], (), dropped
        yield "privileged", ["--privileged"], (), dropped
    yield "root without capabilities", ["--cap-drop", "ALL"], (), (0, 0, None)
    hardened = ["--cap-drop", "ALL", *added, "--read-only", "--security-opt", "no-new-privileges"]
    yield "as in compose.example.yaml", hardened, (), dropped
    yield "a user of the socket's group", ["--user", f"65534:{group}"], (), (65534, group, None)
    yield "a root file system that is read-only", ["--read-only"], (), dropped
    yield "IPv6 switched off", ["--sysctl", "net.ipv6.conf.all.disable_ipv6=1"], (), dropped
    yield "a kernel without IPv6", ["--security-opt", f"seccomp={no_ipv6}"], (), dropped
    yield "the command of HAProxy left over", [], haproxy, dropped


def runs_in_every_way(cases: Cases, engine: Engine) -> None:
    with scratch() as folder:
        for name, options, command, identity in ways_to_run(engine, folder):
            with cases.case(f"{engine.name}: {name}"), Boxed(engine, *options, command=command) as gate:
                must_equal("statuses", gate.statuses("/_ping", "/version", "/containers/json"), [200, 200, 403])
                must_equal("user, group, other group", gate.identity(), identity)
                gate.docker("exec", gate.name, "/dockgate", "healthcheck")
                with gate.events_client():
                    took = gate.stop()
                print(f"{engine.name}: {name}: stopped in {took:.2f} s while events were followed", flush=True)
                must(took <= STOP_LIMIT, f"{took:.2f} s is too long")


def turns_healthy_soon(cases: Cases, engine: Engine) -> None:
    with cases.case(f"{engine.name}: healthy soon after the start"), Boxed(engine) as gate:

        def healthy_state() -> dict | None:
            state = json.loads(gate.docker("inspect", "--format", "{{json .State}}", gate.name).out)
            return state if state["Health"]["Status"] == "healthy" else None

        state = eventually("a healthy container", healthy_state)
        took = seconds_of(state["Health"]["Log"][-1]["End"]) - seconds_of(state["StartedAt"])
        print(f"{engine.name}: healthy {took:.1f} s after the start", flush=True)
        must(took <= HEALTHY_LIMIT, f"healthy only after {took:.1f} s")


def finds_its_own_program(cases: Cases, engine: Engine) -> None:
    for image in (PLAIN, COMPAT):
        with cases.case(f"{engine.name}: dockgate without its path in {image}"), Boxed(engine, image=image) as gate:
            must("dockgate " in gate.docker("exec", gate.name, "dockgate", "version").out, "no version was printed")


def serves_wget_in_compat(cases: Cases, engine: Engine) -> None:
    with cases.case(f"{engine.name}: wget in compat"), Boxed(engine, image=COMPAT) as gate:
        gate.statuses("/_ping")
        for check in (
            ("wget", "--spider", "http://localhost:2375/version"),
            ("sh", "-c", "wget -q --spider http://localhost:2375/_ping || exit 1"),
        ):
            gate.docker("exec", gate.name, *check)
        gate.requests += 2


def finds_the_daemon_by_name(cases: Cases, engine: Engine) -> None:
    """A static program has no libraries for looking up names; Docker's name server must be enough."""
    network = "dockgate-image-names"
    with cases.case(f"{engine.name}: a daemon by its name"):
        engine.clean_up()
        docker = engine.cli(engine.address)
        docker("network", "create", "--internal", network)
        # Another Dockgate takes the daemon's role: it speaks the same protocol.
        alias = ("--network-alias", "engine")
        with Boxed(engine, "--network", network, *alias, "--no-healthcheck") as daemon:
            upstream = ("--env", "DOCKGATE_UPSTREAM=tcp://engine:2375")
            with Boxed(engine, "--network", network, *upstream, "--no-healthcheck") as gate:
                daemon.statuses("/_ping")
                must_equal("statuses", gate.statuses("/version", "/containers/json"), [200, 403])
                # At the start it was asked for its version, and for the gate's own container by two names; one
                # request was passed on.
                daemon.requests += 4
        docker("network", "rm", network)


class Asker:
    """Requests by hand, one connection each, and counted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sent = 0

    def __call__(self, method: str, target: str, body: object = None) -> tuple[int, str]:
        """The status, and the message of a refusal."""
        text = "" if body is None else json.dumps(body)
        kind = "Content-Type: application/json\r\n" if text else ""
        length = f"Content-Length: {len(text)}\r\n" if text or method == "POST" else ""
        head = f"{method} {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n{kind}{length}\r\n"
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(self.path))
            self.sent += 1
            client.sendall((head + text).encode())
            reply = b"".join(iter(lambda: client.recv(65536), b""))
        first, _, rest = reply.decode(errors="replace").partition("\r\n")
        return int(first.split()[1]), rest.partition("\r\n\r\n")[2]


def reaching(name: str, own: str, network: str, exec_id: str, folder: Path):
    """Requests for Dockgate's own container by this name."""
    at = f"/containers/{name}"
    shell = {"Cmd": ["/dockgate", "--version"]}
    yield "POST", f"{at}/exec", shell
    yield "POST", f"{at}/attach?stream=1&stdin=1", None
    yield "GET", f"{at}/archive?path=/", None
    yield "GET", f"{at}/export", None
    # The record is in them.
    yield "GET", f"{at}/logs?stdout=1&stderr=1", None
    yield "PUT", f"{at}/archive?path=/", None
    yield "POST", f"{at}/kill", None
    yield "POST", f"{at}/stop?t=0", None
    yield "POST", f"{at}/restart?t=0", None
    yield "POST", f"{at}/pause", None
    yield "POST", f"{at}/rename?name=other", None
    yield "POST", f"{at}/update", {"PidsLimit": 1}
    yield "DELETE", f"{at}?force=1", None
    yield "POST", f"/commit?container={name}&repo=stolen", None
    yield "POST", f"/networks/bridge/connect", {"Container": name}
    yield "POST", f"/networks/{network}/disconnect", {"Container": name, "Force": True}
    # With force, Podman would also delete the containers on them.
    yield "DELETE", f"/networks/{network}?force=true", None
    yield "DELETE", f"/volumes/{network}?force=true", None
    image = {"Image": "busybox:latest", "Cmd": ["true"]}
    for key in ("NetworkMode", "PidMode", "IpcMode"):
        yield "POST", "/containers/create", image | {"HostConfig": {key: f"container:{name}"}}
    yield "POST", "/containers/create", image | {"HostConfig": {"VolumesFrom": [f"{name}:rw"]}}
    yield "POST", "/containers/create", image | {"HostConfig": {"NetworkMode": network}}
    alias = {"EndpointsConfig": {"bridge": {"Aliases": [own]}}}
    yield "POST", "/containers/create", image | {"NetworkingConfig": alias}
    yield "POST", f"/containers/create?name={own}", image
    volume = {"Type": "volume", "Source": network, "Target": "/x"}
    for mounted in (
        {"Binds": [f"{network}:/x:ro"]},
        {"Mounts": [volume]},
        {"Binds": [f"{folder}:/x"]},
        {"Binds": [f"{folder}/everything.toml:/x:ro"]},
    ):
        yield "POST", "/containers/create", image | {"HostConfig": mounted}
    repository, _, tag = standins.PLAIN.partition(":")
    yield "POST", f"/images/busybox:latest/tag?repo={repository}&tag={tag}", None
    yield "POST", f"/exec/{exec_id}/start", {"Detach": True}


def tells_of_a_policy_that_was_replaced_outside(cases: Cases, engine: Engine) -> None:
    """If only the file is mounted, it stays the old one when an editor replaces it."""
    with scratch() as folder, cases.case(f"{engine.name}: a policy file that was replaced on the host"):
        policy, place = folder / "client.toml", "/etc/dockgate/client.toml"
        policy.write_text('allow = ["SystemVersion"]\n')
        options = ("--volume", f"{policy}:{place}:ro", "--env", f"DOCKGATE_POLICY={place}")
        with Boxed(engine, *options) as gate:
            must_equal("statuses", gate.statuses("/version", "/info"), [200, 403])

            def says(line: str) -> None:
                gate.docker("kill", "--signal", "HUP", gate.name)
                eventually(line, lambda: line in gate.docker("logs", gate.name).err)

            policy.write_text('allow = ["SystemInfo"]\n')
            says("newly allowed: SystemInfo")
            must_equal("statuses", gate.statuses("/version", "/info"), [403, 200])
            (folder / "new.toml").write_text("allow = []\n")
            os.replace(folder / "new.toml", policy)
            says("not reloaded: the old settings stay in force")
            says(f'"{place}": was replaced or deleted on the host')
            must_equal("statuses", gate.statuses("/info"), [200])
            gate.docker("restart", gate.name)
            must_equal("statuses", gate.statuses("/info"), [403])


def keeps_to_itself(cases: Cases, engine: Engine) -> None:
    """No policy, however wide, lets a client reach the container that Dockgate runs in, by any name."""
    network = "dockgate-image-own"
    with cases.case(f"{engine.name}: Dockgate's own container"), shared_folder(engine) as folder:
        engine.clean_up()
        docker = engine.cli(engine.address)
        docker("network", "create", network)
        # The user that Dockgate switches to creates its socket here, and no one else may replace the policy.
        folder.chmod(0o1777)
        policy = folder / "everything.toml"
        policy.write_text((REPOSITORY / "tests" / "policies" / "everything.toml").read_text())
        volumes = ("--volume", f"{folder}:/shared", "--volume", f"{network}:/data")
        options = ("--network", network, *volumes, "--no-healthcheck")
        command = ("serve", "--policy", "/shared/everything.toml", "--listen", "unix:///shared/gate.sock")
        with Boxed(engine, *options, command=command) as gate:
            ask = Asker(folder / "gate.sock")
            eventually("the listener", lambda: ask.path.exists())
            whole = docker("inspect", "--format", "{{.Id}}", gate.name).out.strip()
            must(f"container    {whole[:12]} is Dockgate's own" in docker("logs", gate.name).err, "the start report names it")
            created = json.dumps({"Cmd": ["/dockgate", "--version"]})
            exec_id = direct_exec(engine, whole, created)
            others = docker("ps", "--all", "--quiet", "--no-trunc").out.split()
            prefixes = (whole[:length] for length in range(2, 12))
            prefix = next(it for it in prefixes if sum(other.startswith(it) for other in others) == 1)
            renamed = f"{gate.name}-renamed"
            names = [whole, whole[:12], prefix, gate.name]
            for name in [*names, renamed]:
                if name == renamed:
                    docker("rename", gate.name, renamed)
                for method, target, body in reaching(name, gate.name, network, exec_id, folder):
                    status, said = ask(method, target, body)
                    must_equal(f"{method} {target} {body}: {said}", (status, "Dockgate" in said), (403, True))
                must_equal("inspect", ask("GET", f"/containers/{name}/json")[0], 200)
            docker("rename", renamed, gate.name)
            must_equal("another name", ask("POST", "/containers/no-such-container/kill")[0], 404)
            beside = {"Image": "busybox:latest", "HostConfig": {"Binds": [f"{network}-2:/x"]}}
            must_equal("another volume", ask("POST", "/containers/create?name=dockgate-image-beside", beside)[0], 201)
            gate.requests += ask.sent
        docker("rm", "--volumes", "dockgate-image-beside")
        docker("volume", "rm", network, f"{network}-2")
        docker("network", "rm", network)


@contextmanager
def shared_folder(engine: Engine):
    """A folder that the engine sees at the same path."""
    beside = Path(engine.address.removeprefix("unix://")).parent
    with tempfile.TemporaryDirectory(dir=beside) as folder:
        yield Path(folder)


def direct_exec(engine: Engine, container: str, body: str) -> str:
    """The id of an exec that is created without Dockgate."""
    ask = Asker(Path(engine.address.removeprefix("unix://")))
    status, said = ask("POST", f"/containers/{container}/exec", json.loads(body))
    must_equal(f"exec: {said}", status, 201)
    return json.loads(said[said.index("{") : said.rindex("}") + 1])["Id"]


def is_what_it_says(cases: Cases, docker: Docker) -> None:
    with cases.case("settings of the image"):
        image = json.loads(docker("image", "inspect", PLAIN).out)[0]
        config = image["Config"]
        must_equal("entrypoint", (config["Entrypoint"], config["Cmd"]), (["/dockgate"], None))
        must_equal("user", config["User"], "")
        must_equal("ports", config["ExposedPorts"], {"2375/tcp": {}})
        must_equal("stop signal", config["StopSignal"], "SIGTERM")
        must_equal("health check", config["Healthcheck"]["Test"], ["CMD", "/dockgate", "healthcheck"])
        must_equal("version", config["Labels"]["org.opencontainers.image.version"], VERSION)
        must_equal("environment", config["Env"], ["PATH=/"])
        must_equal("layers", len(image["RootFS"]["Layers"]), 1)
        for name in (PLAIN, COMPAT):
            size = json.loads(docker("image", "inspect", name).out)[0]["Size"]
            print(f"{name}: {size / MIB:.2f} MiB", flush=True)
            must(name != PLAIN or size <= 9 * MIB, f"{name} has {size} bytes")
    with cases.case("text of the Dockerfile"):
        must("# syntax=" not in standins.DOCKERFILE, "a `# syntax=` line needs a pull")
        (version,) = re.findall(r"cargo-auditable@([\d.]+)", standins.DOCKERFILE)
        tools = (REPOSITORY / "scripts" / "install-tools").read_text()
        must(f"cargo-auditable@{version} " in tools, f"scripts/install-tools has another cargo-auditable than {version}")


def answers_at_once(cases: Cases, engine: Engine) -> None:
    """Measured in a separate network, from exec to the first answer, with the image's own binary."""
    with cases.case("time from exec to the first answer"), scratch() as folder:
        docker = engine.cli(engine.address)
        docker("create", "--name", "dockgate-image-binary", PLAIN)
        docker("cp", "dockgate-image-binary:/dockgate", folder / "dockgate")
        docker("rm", "dockgate-image-binary")
        program = Path(__file__).parent / "time_to_answer.py"
        done = run_well("unshare", "--net", "python3", program, folder / "dockgate", engine.address)
        median, worst = (float(word) for word in done.out.split())
        print(f"from exec to the first answer: median {median:.1f} ms, worst {worst:.1f} ms", flush=True)
        must(median <= ANSWER_LIMIT_MS, f"{median} ms")


def main() -> None:
    cases = Cases()
    builder = main_engine()
    docker = builder.cli(builder.address)
    with cases.case("docker build"):
        standins.build(docker)
    for engine in engines():
        if engine == builder:
            continue
        with cases.case(f"{engine.name}: docker load"):
            standins.hand_over(docker, engine.cli(engine.address), PLAIN, COMPAT)
    is_what_it_says(cases, docker)
    answers_at_once(cases, builder)
    finds_its_own_program(cases, builder)
    threads = [threading.Thread(target=on_engine, args=(cases, engine)) for engine in engines()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cases.finish()


def on_engine(cases: Cases, engine: Engine) -> None:
    runs_in_every_way(cases, engine)
    turns_healthy_soon(cases, engine)
    serves_wget_in_compat(cases, engine)
    finds_the_daemon_by_name(cases, engine)
    tells_of_a_policy_that_was_replaced_outside(cases, engine)
    keeps_to_itself(cases, engine)


main()
