"""The docker CLI's daily commands under the built-in policies for them, and ways out of them.

Next to each option that is allowed is a similar one that must not be. An escape to the host is first tried directly,
where it must work: refusing something that does not work would prove nothing.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from api import Api
from cases import Cases, must, must_equal
from commands import Docker, Run
from support import Engine, Gate, main_engines, scratch

WEB = "dockgate-web"
VICTIM = "dockgate-victim"
NETWORK = "dockgate-network"
VOLUME = "dockgate-volume"
SECRET = "known only to the host"
LOOP = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")

# An option of `docker run`, with the output of the container; `{}` is the container's name.
OPTIONS = [
    ("-e WORD=value", "echo $WORD", "value"),
    ("-v dockgate-volume:/data", "touch /data/file && ls /data", "file"),
    (
        "--mount type=volume,source=dockgate-volume,target=/data,readonly",
        "touch /data/x || echo read-only",
        "read-only",
    ),
    ("-v /anonymous", "touch /anonymous/file && ls /anonymous", "file"),
    ("-p 8080:80", "echo $((1+1))", "2"),
    ("-p 127.0.0.1::80/udp", "echo $((1+1))", "2"),
    ("--network none", "ls /sys/class/net", "lo"),
    ("--label made-by=test", "echo $((1+1))", "2"),
    ("--memory 64m", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes", "67108864"),
    ("--cpus 0.5", "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000"),
    ("--pids-limit 64", "cat /sys/fs/cgroup/pids/pids.max", "64"),
    ("--health-cmd true --health-interval 1s", "echo $((1+1))", "2"),
    ("--user 1000:1000", "id -u; id -g", "1000\n1000"),
    ("--workdir /tmp", "pwd", "/tmp"),
    ("--tmpfs /memory:size=1m", "grep -c ' /memory tmpfs ' /proc/mounts", "1"),
    ("--init", "cat /proc/1/comm", "docker-init"),
    ("--read-only", "touch /file || echo read-only", "read-only"),
    ("--cap-drop ALL", "grep CapEff /proc/self/status", "0000000000000000"),
    ("--cap-drop ALL --cap-add NET_BIND_SERVICE", "grep CapEff /proc/self/status", "0000000000000400"),
    ("--security-opt no-new-privileges", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"),
    ("--log-opt max-size=1m --log-opt max-file=2", "echo $((1+1))", "2"),
    ("--log-driver json-file", "echo $((1+1))", "2"),
    ("--ulimit nofile=100:200", "ulimit -n", "100"),
    ("--hostname inside", "hostname", "inside"),
    ("--add-host other:192.0.2.1", "grep other /etc/hosts", "192.0.2.1\tother"),
    ("--dns 192.0.2.53", "cat /etc/resolv.conf", "nameserver 192.0.2.53"),
    ("--stop-signal USR1 --stop-timeout 1", "echo $((1+1))", "2"),
    ("--shm-size 16m", "df -k /dev/shm | tail -n 1", "16384"),
    ("--runtime runc", "echo $((1+1))", "2"),
    ("--ipc private", "echo $((1+1))", "2"),
    ("--oom-score-adj 100", "cat /proc/self/oom_score_adj", "100"),
]


@dataclass(frozen=True)
class Escape:
    """Options of `docker run` that lead to the host, or into another container."""

    options: str
    # The command, and what it then prints; in both, `{folder}` is a folder of the host.
    script: str
    proof: str
    # The key in the refusal.
    key: str


SECRET_FILE = "cat /host/secret"

ESCAPES = [
    Escape("-v {folder}:/host", SECRET_FILE, SECRET, "create.binds"),
    Escape("-v {folder}:/host:ro", SECRET_FILE, SECRET, "create.binds"),
    Escape("-v /:/host", "cat /host{folder}/secret", SECRET, "create.binds"),
    Escape("--mount type=bind,source={folder},target=/host", SECRET_FILE, SECRET, "create.binds"),
    Escape(
        "--mount type=volume,source=dockgate-inline,target=/host,volume-driver=local,"
        "volume-opt=type=none,volume-opt=o=bind,volume-opt=device={folder}",
        SECRET_FILE,
        SECRET,
        "volumes.options",
    ),
    Escape("-v dockgate-bound:/host", SECRET_FILE, SECRET, "create.volumes"),
    Escape("--mount type=volume,source=dockgate-bound,target=/host", SECRET_FILE, SECRET, "create.volumes"),
    Escape("--volumes-from dockgate-victim", SECRET_FILE, SECRET, "create.join"),
    Escape("--volumes-from {victim:.2}:ro", SECRET_FILE, SECRET, "create.join"),
    Escape("--cap-add SYS_ADMIN", "mount -t tmpfs none /tmp && echo mounted", "mounted", "create.capabilities"),
    Escape("--cap-add sys_admin", "mount -t tmpfs none /tmp && echo mounted", "mounted", "create.capabilities"),
    Escape(
        "--pid host --cap-add SYS_PTRACE --cap-add SYS_ADMIN --security-opt apparmor=unconfined",
        "cat /proc/1/root{folder}/secret",
        SECRET,
        "create.capabilities",
    ),
    Escape("--device /dev/random:/dev/given", "ls /dev/given", "/dev/given", "create.devices"),
    Escape(
        "--device-cgroup-rule 'c 10:* rwm'",
        "mknod /control c 10 234 && (exec 3</control) && echo opened",
        "opened",
        "create.devices",
    ),
    Escape("--pid host", "readlink /proc/self/ns/pid", "{pid}", "create.host_namespaces"),
    Escape("--ipc host", "readlink /proc/self/ns/ipc", "{ipc}", "create.host_namespaces"),
    Escape("--uts host", "readlink /proc/self/ns/uts", "{uts}", "create.host_namespaces"),
    Escape("--network host", "readlink /proc/self/ns/net", "{net}", "create.host_namespaces"),
    Escape("--cgroupns host", "readlink /proc/self/ns/cgroup", "{cgroup}", "create.host_namespaces"),
    Escape("--network container:dockgate-victim", "hostname", "victim", "create.join"),
    Escape("--pid container:dockgate-victim", "cat /proc/1/root/host/secret", SECRET, "create.join"),
    Escape("--ipc container:dockgate-victim", "ls /dev/shm", "in-memory", "create.join"),
    Escape("--security-opt seccomp=unconfined", "grep Seccomp: /proc/self/status", "0", "create.security_opt"),
    Escape("--security-opt seccomp:unconfined", "grep Seccomp: /proc/self/status", "0", "create.security_opt"),
    Escape(
        "--security-opt systempaths=unconfined",
        "grep -q /proc/sys /proc/mounts || echo open",
        "open",
        "create.unrestricted",
    ),
    Escape("--cgroup-parent /dockgate-elsewhere", "grep pids: /proc/self/cgroup", "pids:/", "create.unrestricted"),
    Escape("--sysctl net.core.somaxconn=7", "cat /proc/sys/net/core/somaxconn", "7", "create.sysctls"),
    Escape("--group-add 4242", "id -G", "4242", "create.groups"),
    Escape("--tmpfs /memory:exec,suid", "grep /memory /proc/mounts", "relatime", "create.tmpfs_options"),
    Escape("--label dockgate.policy=other", "echo made", "made", "only Dockgate sets labels"),
    Escape("--network dockgate-network", "hostname -i", ".", "create.networks"),
]


def main() -> None:
    cases = Cases()
    for engine in main_engines():
        engine.clean_up()
        with scratch() as folder:
            (folder / "secret").write_text(SECRET)
            try:
                runs(cases, engine)
                escapes(cases, engine, folder)
                execs(cases, engine, folder)
            finally:
                engine.clean_up()
            builds(cases, engine, folder)
            composes(cases, engine, folder)
    cases.finish()


def runs(cases: Cases, engine: Engine) -> None:
    with Gate(engine.address, "docker-cli-run") as gate:
        through = engine.cli(gate.host)
        for options, script, said in OPTIONS:
            with cases.case(f"{engine.name}: docker run {options}"):
                done = through("run", "--rm", "--name", WEB, *shlex.split(options), "busybox", "sh", "-c", script)
                must(said in done.out, f"{done.out!r}")
        with cases.case(f"{engine.name}: docker run -d with most of them at once"):
            runs_with_all(engine, through)
        with cases.case(f"{engine.name}: docker run -i passes on what is typed"):
            done = through("run", "-i", "--rm", "busybox", "cat", typed="typed\n" * 10_000)
            must_equal("what cat gave back", done.out, "typed\n" * 10_000)
        with cases.case(f"{engine.name}: docker run -it on a terminal"):
            terminal = through.terminal("run", "--rm", "-it", "busybox", "sh", "-c", "read -r code; exit $code")
            terminal.wait_until_raw()
            terminal.type("5\r")
            must_equal("exit code", terminal.end(), 5)
        for option, said in [
            ("--pid=container:dockgate-none", "No such container: dockgate-none"),
            ("--network=dockgate-none", "network dockgate-none not found"),
        ]:
            with cases.case(f"{engine.name}: docker run {option} does not pull the image"):
                done = through.may_fail("run", "--rm", "--name", WEB, option, "busybox", "true")
                must(said in done.err and "Unable to find image" not in done.err, f"{done.err!r}")
        with cases.case(f"{engine.name}: created objects bear the policy's name"):
            through("run", "-d", "--name", WEB, "busybox", *LOOP)
            mark = engine.cli(engine.address)("inspect", "--format", '{{index .Config.Labels "dockgate.policy"}}', WEB)
            must_equal("its label", mark.out, "docker-cli-run\n")
        engine.clean_up()


def runs_with_all(engine: Engine, through: Docker) -> None:
    words = (
        "-d --restart unless-stopped -e A=b -v dockgate-volume:/data -p 8080:80 --label a=b --memory 64m --cpus 0.5"
        " --pids-limit 64 --health-cmd true --user 1000:1000 --workdir /tmp --entrypoint sh --tmpfs /memory:size=1m"
        " --init --read-only --cap-drop ALL --security-opt no-new-privileges --log-opt max-size=1m --ulimit nofile=100"
        " --hostname inside --add-host other:192.0.2.1 --dns 192.0.2.53 --stop-signal USR1 --shm-size 16m"
    )
    through("run", "--name", WEB, *words.split(), "busybox", *LOOP[1:])
    direct = engine.cli(engine.address)
    state = direct(
        "inspect", "--format", "{{.State.Running}} {{.HostConfig.RestartPolicy.Name}} {{.Config.Entrypoint}}", WEB
    )
    must_equal("its state", state.out, "true unless-stopped [sh]\n")
    direct("rm", "-f", "-v", WEB)


def escapes(cases: Cases, engine: Engine, folder: Path) -> None:
    direct = engine.cli(engine.address)
    direct("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", f"device={folder}", "dockgate-bound")
    direct("network", "create", NETWORK)
    victim = direct(
        *("run", "-d", "--name", VICTIM, "--hostname", "victim", "--ipc", "shareable", "-v", f"{folder}:/host"),
        *("busybox", "sh", "-c", "touch /dev/shm/in-memory; trap 'exit 0' TERM; while :; do sleep 0.1; done"),
    ).out.strip()
    known = {"folder": str(folder), "victim": victim, **namespaces(engine)}
    with Gate(engine.address, "docker-cli-run") as gate:
        through = engine.cli(gate.host)
        for escape in ESCAPES:
            with cases.case(f"{engine.name}: refused, docker run {escape.options}"):
                must_be_refused(direct, through, escape, known)
    for name in ("dockgate-bound", "dockgate-inline"):
        direct.may_fail("volume", "rm", "-f", name)


def must_be_refused(direct: Docker, through: Docker, escape: Escape, known: dict[str, str]) -> None:
    options = shlex.split(escape.options.format(**known))
    words = ("run", "--rm", "--name", WEB, *options, "busybox", "sh", "-c", escape.script.format(**known))
    reached = direct(*words)
    proof = escape.proof.format(**known)
    must(proof in reached.out, f"direct it does not work, so its refusal proves nothing: {reached.out!r}, not {proof!r}")
    direct.may_fail("volume", "rm", "-f", "dockgate-inline")
    done = through.may_fail(*words)
    must_equal("exit code", done.code, 125)
    must("dockgate: ContainerCreate" in done.err and escape.key in done.err, f"no mention of {escape.key}: {done.err!r}")
    must(proof not in done.out, "it led there")
    must_equal("what was made", direct("ps", "-aq", "--filter", f"name={WEB}").out, "")
    must_equal("volumes that were made", direct("volume", "ls", "-q", "--filter", "name=dockgate-inline").out, "")


def namespaces(engine: Engine) -> dict[str, str]:
    """The namespaces of the engine's daemon, as a process in them sees them."""
    state = Path(engine.address.removeprefix("unix://")).parent.parent
    supervisor = (state / "pid").read_text().strip()
    kinds = ("cgroup", "ipc", "net", "pid", "uts")
    return {kind: os.readlink(f"/proc/{supervisor}/ns/{kind}") for kind in kinds}


def execs(cases: Cases, engine: Engine, folder: Path) -> None:
    direct = engine.cli(engine.address)
    direct("run", "-d", "--name", WEB, "-v", "dockgate-volume:/data", "busybox", *LOOP)
    with Gate(engine.address, "docker-cli-exec") as gate:
        through = engine.cli(gate.host)
        with cases.case(f"{engine.name}: docker exec with its options"):
            words = ("exec", "-i", "-e", "A=b", "-u", "1000:1000", "-w", "/tmp", WEB)
            done = through(*words, "sh", "-c", "echo $A; id -u; pwd; cat", typed="typed\n")
            must_equal("what it said", done.out, "b\n1000\n/tmp\ntyped\n")
            must_equal("exit code", through.may_fail("exec", WEB, "sh", "-c", "exit 7").code, 7)
            through("exec", "-d", WEB, "touch", "/tmp/detached")
        with cases.case(f"{engine.name}: docker exec -it on a terminal"):
            terminal = through.terminal("exec", "-it", WEB, "sh", "-c", "read -r code; exit $code")
            terminal.wait_until_raw()
            terminal.type("6\r")
            must_equal("exit code", terminal.end(), 6)
        with cases.case(f"{engine.name}: refused, docker exec --privileged"):
            seccomp = ("grep", "CapEff", "/proc/self/status")
            refused(through, "exec.privileged", "exec", "--privileged", WEB, *seccomp)
        with cases.case(f"{engine.name}: refused, docker exec -w /proc/self/fd/7"):
            refused(through, "exec.unrestricted", "exec", "-w", "/proc/self/fd/7", WEB, "true")
        with cases.case(
            f"{engine.name}: refused, docker exec into a container that sees the host, whatever it is called"
        ):
            exec_into_the_host(direct, through, ("-v", f"{folder}:/host"), "cat /host/secret", SECRET)
        for options, script, proof in [
            ("--pid host", "readlink /proc/self/ns/pid", namespaces(engine)["pid"]),
            ("--network host", "readlink /proc/self/ns/net", namespaces(engine)["net"]),
            ("--cap-add SYS_ADMIN", "mount -t tmpfs none /tmp && echo mounted", "mounted"),
            ("--device /dev/random:/dev/given", "ls /dev/given", "/dev/given"),
            ("--security-opt seccomp=unconfined", "grep Seccomp: /proc/self/status", "0"),
            ("-v dockgate-bound:/host", SECRET_FILE, SECRET),
        ]:
            with cases.case(f"{engine.name}: refused, docker exec into one made with {options}"):
                device = ("-o", "type=none", "-o", "o=bind", "-o", f"device={folder}")
                direct("volume", "create", *device, "dockgate-bound")
                exec_into_the_host(direct, through, tuple(options.split()), script, proof)
        with cases.case(f"{engine.name}: refused, docker exec into a privileged container"):
            direct.may_fail("rm", "-f", VICTIM)
            privileged = direct("create", "--privileged", "--name", VICTIM, "busybox", *LOOP).out.strip()
            if direct.may_fail("start", VICTIM).code == 0:
                must(
                    "ffffff" in direct("exec", VICTIM, "grep", "CapEff", "/proc/self/status").out,
                    "it is not privileged",
                )
            names_of_it(through, privileged, VICTIM)
            direct("rename", VICTIM, f"{VICTIM}-renamed")
            names_of_it(through, privileged, f"{VICTIM}-renamed")
            direct("rm", "-f", f"{VICTIM}-renamed")
    direct("rm", "-f", WEB)


def exec_into_the_host(direct: Docker, through: Docker, options: tuple[str, ...], script: str, proof: str) -> None:
    direct.may_fail("rm", "-f", VICTIM)
    victim = direct("run", "-d", "--name", VICTIM, *options, "busybox", *LOOP).out.strip()
    reached = direct("exec", VICTIM, "sh", "-c", script)
    must(proof in reached.out, f"direct it does not work, so its refusal proves nothing: {reached.out!r}")
    names_of_it(through, victim, VICTIM)
    direct("rename", VICTIM, f"{VICTIM}-renamed")
    names_of_it(through, victim, f"{VICTIM}-renamed")
    # Now another container has its name, and the decision is about the one that has it now.
    direct("run", "-d", "--name", VICTIM, "busybox", *LOOP)
    must_equal("what the other says", through("exec", VICTIM, "echo", "ordinary").out, "ordinary\n")
    direct("rm", "-f", VICTIM, f"{VICTIM}-renamed")


def names_of_it(through: Docker, full: str, name: str) -> None:
    """By every name with which the daemon finds it."""
    for called in (name, full, full[:12], unique_prefix(through, full)):
        refused(through, "which [create] does not allow", "exec", called, "true")


def unique_prefix(through: Docker, full: str) -> str:
    """The shortest prefix of its id that the daemon accepts, usually two digits."""
    for length in range(2, 12):
        if through.may_fail("inspect", "--type", "container", full[:length]).code == 0:
            return full[:length]
    return full


def refused(through: Docker, key: str, *words: object) -> None:
    done = through.may_fail(*words)
    must(done.code != 0, f"`docker {' '.join(map(str, words))}` was allowed: {done.out!r}")
    must("dockgate: " in done.err and key in done.err, f"no mention of {key}: {done.err!r}")


def builds(cases: Cases, engine: Engine, folder: Path) -> None:
    image = "dockgate-test-image"
    context = folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(
        "FROM busybox\nARG WORD\nCOPY hello /hello\nRUN cat /hello; echo $WORD > /word\n"
    )
    (context / "hello").write_text("hello from the context\n")
    with Gate(engine.address, "docker-cli-build") as gate:
        direct, through = engine.cli(engine.address), engine.cli(gate.host)
        plugin = engine.plugins(gate.host)
        ways: list[tuple[str, Callable[..., object]]] = [
            ("classic", lambda *words: through("build", *words, env={"DOCKER_BUILDKIT": "0"})),
            ("BuildKit in the CLI", lambda *words: through("build", *words, env={"DOCKER_BUILDKIT": "1"})),
            ("buildx", lambda *words: plugin("buildx", "build", *words)),
        ]
        for name, build in ways:
            with cases.case(f"{engine.name}: docker build, {name}"):
                build("--no-cache", "--build-arg", "WORD=value", "--label", "a=b", "-t", image, str(context))
                done = direct("run", "--rm", image, "cat", "/hello", "/word")
                must_equal("what was built", done.out, "hello from the context\nvalue\n")
                direct("rmi", image)
        for options in ("--network host", "--network container:dockgate-victim", "--cgroup-parent /elsewhere"):
            with cases.case(f"{engine.name}: refused, docker build {options}"):
                done = through.may_fail("build", *options.split(), str(context), env={"DOCKER_BUILDKIT": "0"})
                must(done.code != 0 and "dockgate: ImageBuild" in done.err, f"{done.out!r} {done.err!r}")
        with cases.case(f"{engine.name}: refused, a context that the daemon is to fetch"):
            answer = Api(gate.host).ask("POST", "/build?remote=http://192.0.2.1/context.tar", b"", "application/x-tar")
            must(answer.refused("restricted"), f"{answer}")
        with cases.case(f"{engine.name}: refused, docker run under docker-cli-build"):
            must(through.may_fail("run", "--rm", "busybox", "true").code != 0, "it was allowed")


COMPOSE = """
name: dockgate-compose
services:
  web:
    image: busybox
    command: sh -c 'trap "exit 0" TERM; touch /data/served; while :; do sleep 0.1; done'
    volumes: [data:/data, {type: tmpfs, target: /memory}]
    networks: {front: {aliases: [www]}, back: {}}
    ports: ["8080:80", "127.0.0.1:8081:81/udp"]
    environment: {WORD: value}
    healthcheck: {test: [CMD, test, -e, /data/served], interval: 1s, retries: 30}
    restart: unless-stopped
    mem_limit: 64m
    cap_drop: [ALL]
    security_opt: [no-new-privileges]
    init: true
  second:
    image: busybox
    command: sh -c 'ls /data; ping -c 1 www'
    volumes: [data:/data:ro]
    networks: [front]
    depends_on: {web: {condition: service_healthy}}
networks:
  front: {}
  back: {internal: true}
volumes:
  data: {}
"""


def composes(cases: Cases, engine: Engine, folder: Path) -> None:
    file = folder / "compose.yaml"
    direct = engine.cli(engine.address)
    with Gate(engine.address, "ci-runner") as gate:
        through = engine.plugins(gate.host)

        def compose(*words: str) -> Run:
            return through.may_fail("compose", "--ansi", "never", "--progress", "plain", "-f", file, *words)

        with cases.case(f"{engine.name}: docker compose up and down under ci-runner"):
            file.write_text(COMPOSE)
            up = compose("up", "-d")
            must_equal("exit code", (up.code, up.err if up.code else ""), (0, ""))
            must_equal("the second's exit code", direct("wait", "dockgate-compose-second-1").out, "0\n")
            must("served" in direct("logs", "dockgate-compose-second-1").out, "the volume is not shared")
            done = compose("exec", "-T", "web", "sh", "-c", "echo $WORD")
            must_equal("exec", (done.out, done.err), ("value\n", ""))
            must("served" in compose("logs").out, "no logs")
            file.write_text(COMPOSE.replace("WORD: value", "WORD: other"))
            again = compose("up", "-d")
            must_equal("exit code of another up", (again.code, again.err if again.code else ""), (0, ""))
            must_equal("exec after it", compose("exec", "-T", "web", "sh", "-c", "echo $WORD").out, "other\n")
            down = compose("down", "--volumes")
            must_equal("exit code of down", (down.code, down.err if down.code else ""), (0, ""))
            for listing in ("ps -aq", "network ls -q", "volume ls -q"):
                left = direct(*listing.split(), "--filter", "label=com.docker.compose.project=dockgate-compose")
                must_equal(f"left behind in {listing}", left.out, "")
        for old, new, key in [
            ("init: true", f"volumes: ['{folder}:/host']", "create.binds"),
            ("init: true", "privileged: true", "create.privileged"),
            ("init: true", "network_mode: host", "create.host_namespaces"),
            ("data: {}", f"data: {{driver_opts: {{type: none, o: bind, device: '{folder}'}}}}", "volumes.options"),
            ("back: {internal: true}", "back: {driver: macvlan, driver_opts: {parent: eth0}}", "networks.drivers"),
            ("init: true", "labels: {traefik.enable: 'true'}", "create.labels"),
        ]:
            with cases.case(f"{engine.name}: refused, docker compose up with {new.replace(str(folder), 'FOLDER')}"):
                text = COMPOSE.replace(old, new)
                # A key appears once.
                if "volumes" in new or "network_mode" in new:
                    text = without(text, "volumes: [data" if "volumes" in new else "networks: {front")
                file.write_text(text)
                up = compose("up", "-d")
                must(up.code != 0 and "dockgate: " in up.err and key in up.err, f"{up.code}: {up.err}")
                compose("down", "--volumes")


def without(text: str, begin: str) -> str:
    """The line of the first service that begins with this."""
    lines = text.split("\n")
    place = next(place for place, line in enumerate(lines) if line.strip().startswith(begin))
    return "\n".join(lines[:place] + lines[place + 1 :])


main()
