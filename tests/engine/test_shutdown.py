"""Dockgate shuts down, or reloads its settings, while clients of an engine are busy.

Runs on every Docker engine at the same time.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from cases import Cases, Failure, eventually, must, must_equal
from commands import Background, Docker
from recorder import connect
from support import EVERYTHING, TESTS, Engine, Gate, at_once, engines, scratch

WEB = "dockgate-shutdown"
# `limits.drain`, and how much longer a shutdown may take on a busy machine.
DRAIN_SECONDS, SLACK_SECONDS = 8.0, 2.0
# For shutdowns that need not wait for anything.
AT_ONCE_SECONDS = 1.0

# A registry that accepts connections and says nothing. It runs next to the engine, which can reach no other.
IMAGE = "127.0.0.1:5000/dockgate-shutdown"
REGISTRY = """
import socket
listener, taken = socket.create_server(("127.0.0.1", 5000)), []
print("listening", flush=True)
while True:
    taken.append(listener.accept())
    print("asked", flush=True)
"""


def main() -> None:
    at_once(all_cases, engines())


def all_cases(cases: Cases, engine: Engine) -> None:
    for case in [
        what_can_be_asked_for_again_ends_at_once,
        everything_else_has_the_time_of_the_drain,
        a_second_signal_ends_at_once,
        a_reload_holds_from_then_on_if_it_is_right,
    ]:
        with cases.case(f"{engine.name}: {case.__name__.replace('_', ' ')}"):
            engine.clean_up()
            direct = engine.cli(engine.address)
            direct("run", "-d", "--name", WEB, "busybox", "sh", "-c", "echo up; exec sleep 86400")
            try:
                case(engine)
                must_be_well(direct)
            finally:
                engine.clean_up()


def must_be_well(direct: Docker) -> None:
    """The engine and the container, after their clients were cut off."""
    must_equal("in the container", direct("exec", WEB, "echo", "well").out, "well\n")


def what_can_be_asked_for_again_ends_at_once(engine: Engine) -> None:
    with Gate(engine.address, EVERYTHING) as gate, ExitStack() as clients:
        through = engine.cli(gate.host)
        # The CLI's stats continues without an engine.
        stats = Background("curl", "-sN", f"http://{gate.host.removeprefix('tcp://')}/containers/{WEB}/stats")
        docker = [through.background(*words) for words in (["events"], ["logs", "-f", WEB], ["wait", WEB])]
        following = follow(clients, gate, stats, *docker)
        started = terminate(gate)
        for client in following:
            ended_within(client.process, started + AT_ONCE_SECONDS, "a client")
        ended_within(gate.process, started + AT_ONCE_SECONDS, "dockgate")
        must_be_cut(gate, "SystemEvents", "ContainerLogs", "ContainerStats", "ContainerWait")


def everything_else_has_the_time_of_the_drain(engine: Engine) -> None:
    with Gate(engine.address, EVERYTHING) as gate, ExitStack() as clients:
        through = engine.cli(gate.host)
        following = follow(clients, gate, through.background("events"), through.background("logs", "-f", WEB))
        inside = clients.enter_context(attached_exec(through))
        pull = clients.enter_context(silent_pull(engine, through))
        started = terminate(gate)
        for client in following:
            ended_within(client.process, started + AT_ONCE_SECONDS, "a client that follows")
        must(is_refused(gate), "a client can still connect")
        must_equal("what runs inside is still heard", inside.prints_within(2), "inside\n")
        ends = [each.process.poll() for each in (gate, inside, pull)]
        must_equal("ended before its time", ends, [None] * 3)
        took = ended_within(gate.process, started + DRAIN_SECONDS + SLACK_SECONDS, "dockgate") - started
        must(took >= DRAIN_SECONDS, f"the drain took {took:.2f} s")
        for client in (inside, pull):
            ended_within(client.process, time.monotonic() + AT_ONCE_SECONDS, "a client")
            must(client.process.returncode != 0, "a client takes what was cut off for whole")
        must_be_cut(gate, "SystemEvents", "ContainerLogs", "ExecStart", "ImageCreate")


def a_second_signal_ends_at_once(engine: Engine) -> None:
    with Gate(engine.address, EVERYTHING) as gate, ExitStack() as clients:
        clients.enter_context(attached_exec(engine.cli(gate.host)))
        terminate(gate)
        gate.says("send the signal again to stop now")
        must_equal("ended by the first signal", gate.process.poll(), None)
        ended_within(gate.process, terminate(gate) + AT_ONCE_SECONDS, "dockgate")
        must_be_cut(gate, "ExecStart")


def a_reload_holds_from_then_on_if_it_is_right(engine: Engine) -> None:
    with scratch() as folder, ExitStack() as clients:
        policy = folder / "policy.toml"
        policy.write_text('extends = ["default"]\nallow = ["ContainerList"]')
        gate = clients.enter_context(Gate(engine.address, str(policy)))
        through = engine.cli(gate.host)
        must(WEB in through("ps").out, "docker ps does not show the container")
        [events] = follow(clients, gate, through.background("events"))

        policy.write_text('allow = ["SystemPing", "SystemVersion", "SystemEvents"]')
        gate.process.send_signal(signal.SIGHUP)
        gate.says("reloaded for tcp://")
        gate.says(f"{policy} allows 3 read operations")
        must_be_refused(through)
        must("Version" in through("version").out, "docker version, still allowed")
        engine.cli(engine.address)("exec", WEB, "true")
        must("exec_create" in events.prints_within(10), "events, which are still allowed, ended")

        policy.write_text('allow = ["SystemPing", "SystemVersion"]')
        gate.process.send_signal(signal.SIGHUP)
        gate.says("reloaded for tcp://", 2)
        ended_within(events.process, time.monotonic() + AT_ONCE_SECONDS, "docker events, which are not allowed any more")
        ends = [record["end"] for record in gate.records() if record.get("operation") == "SystemEvents" and "end" in record]
        must_equal("the end of the events on record", ends, ["revoked"])

        for number, broken in enumerate(['allow = ["ContainerLst"]', "allow = ["], 1):
            policy.write_text(broken)
            gate.process.send_signal(signal.SIGHUP)
            gate.says("not reloaded: the old settings stay in force", number)
            must_be_refused(through)
        gate.says('did you mean "ContainerList"?')

        policy.write_text('extends = ["default"]\nallow = ["ContainerList"]')
        gate.process.send_signal(signal.SIGHUP)
        gate.says("reloaded for tcp://", 3)
        must(WEB in through("ps").out, "docker ps, allowed again, does not show the container")


def must_be_refused(through: Docker) -> None:
    done = through.may_fail("ps")
    must(done.code == 1 and 'add "ContainerList" to allow' in done.err, f"docker ps: {done}")


def follow(clients: ExitStack, gate: Gate, *following: Background) -> list[Background]:
    """Clients that follow an endless reply; returns when all replies have begun."""
    for client in following:
        clients.enter_context(client)

    def begun() -> int:
        return sum(each.reply is not None and not each.complete for each in gate.recorder.exchanges())

    eventually("the replies to begin", lambda: begun() == len(following))
    return list(following)


@contextmanager
def attached_exec(through: Docker) -> Iterator[Background]:
    speech = "echo inside; while sleep 0.5; do echo inside; done"
    with through.background("exec", WEB, "sh", "-c", speech) as client:
        must_equal("the exec", client.prints_within(10), "inside\n")
        yield client


@contextmanager
def silent_pull(engine: Engine, through: Docker) -> Iterator[Background]:
    """A pull that waits for the registry's first byte."""
    script = TESTS / "engine" / "engines.sh"
    with Background(script, "enter", engine.name, "--net", "python3", "-c", REGISTRY) as registry:
        must_equal("the registry", registry.prints_within(10), "listening\n")
        with through.background("pull", IMAGE) as client:
            must("asked" in registry.prints_within(10), "the engine did not ask the registry")
            yield client


def terminate(gate: Gate) -> float:
    """Tells Dockgate to end; returns the time."""
    gate.process.send_signal(signal.SIGTERM)
    return time.monotonic()


def ended_within(process: subprocess.Popen, deadline: float, what: str) -> float:
    """The time when it ended."""
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise Failure(f"{what} has not ended in time: {process.args}") from None
    return time.monotonic()


def is_refused(gate: Gate) -> bool:
    try:
        connect(gate.bare_host).close()
    except ConnectionRefusedError:
        return True
    return False


def must_be_cut(gate: Gate, *operations: str) -> None:
    """Exactly these requests are recorded as ended by the shutdown."""
    requests = [record for record in gate.records() if record["event"] == "request"]
    ends = sorted((record["operation"], record["end"]) for record in requests if record["end"] != "complete")
    must_equal("requests cut", ends, sorted((operation, "drained") for operation in operations))


main()
