"""Streams that are silent for a long time are not cut: output that comes at the end is delivered.

Takes 30 s, or 15 minutes with DOCKGATE_SLOW=1; the engines run at the same time.

Runs on every Docker engine.
"""

import os
import time

from cases import Cases, eventually, must, must_equal
from commands import Docker
from support import EVERYTHING, Engine, Gate, at_once, engines

WEB = "dockgate-idle"
IDLE_SECONDS = 15 * 60 if os.environ.get("DOCKGATE_SLOW") == "1" else 30


def main() -> None:
    at_once(idle, engines())


def idle(cases: Cases, engine: Engine) -> None:
    with cases.case(f"{engine.name}: logs -f, events and attach deliver after {IDLE_SECONDS} s of silence"):
        engine.clean_up()
        direct = engine.cli(engine.address)
        since = time.time()
        direct("run", "-d", "--init", "--name", WEB, "busybox", "sh", "-c", "echo early; sleep 86400")
        try:
            with Gate(engine.address, EVERYTHING) as gate:
                silence_then_words(direct, engine.cli(gate.host), gate, since)
        finally:
            engine.clean_up()


def silence_then_words(direct: Docker, through: Docker, gate: Gate, since: float) -> None:
    filters = ["--filter", f"container={WEB}", "--filter", "event=start", "--filter", "event=exec_create"]
    with (
        through.background("logs", "-f", WEB) as logs,
        through.background("events", "--since", str(since), *filters) as events,
        through.background("attach", "--no-stdin", WEB) as attach,
    ):
        must_contain("logs", logs.prints_within(10), "early")
        must_contain("events", events.prints_within(10), "container start")
        eventually(
            "the attach", lambda: any("/attach?" in str(each) and each.reply for each in gate.recorder.exchanges())
        )
        must_equal("logs in the silence", logs.prints_within(IDLE_SECONDS), "")
        must_equal("events in the silence", events.prints_within(0), "")
        must_equal("attach in the silence", attach.prints_within(0), "")
        direct("exec", WEB, "sh", "-c", "echo late > /proc/$(pidof sleep)/fd/1")
        must_equal("logs", logs.prints_within(10), "late\n")
        must_contain("events", events.prints_within(10), "exec_create")
        must_equal("attach", attach.prints_within(10), "late\n")


def must_contain(what: str, text: str, part: str) -> None:
    must(part in text, f"{what}: no {part!r} in {text!r}")


main()
