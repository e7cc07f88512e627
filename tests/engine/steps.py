"""Runs a step of a client twice, directly on the engine and through Dockgate, and compares the two runs.

The client goes through a recorder both times. The results of the step must be equal, and so must all replies that the
client got (see `compare`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cases import must, must_equal
from commands import Docker, Run
from compare import differences
from exchanges import Exchange
from recorder import Recorder
from support import EVERYTHING, Engine, Gate, scratch

# Gets the CLI to use and an empty folder.
Step = Callable[[Docker, Path], "str | list[Run]"]


@dataclass(frozen=True)
class TwoWays:
    """The two connections to an engine; a client takes each step on both."""

    engine: Engine
    direct: Recorder
    through: Recorder
    folder: Path

    def take(self, step: Step, command: tuple[str, ...] | None = None) -> list[Exchange]:
        """Compares the two runs of a step, with the engine's CLI or another; returns the exchanges of the direct run."""
        outcomes, exchanges = [], []
        for recorder in (self.direct, self.through):
            self.engine.clean_up()
            recorder.forget()
            outcome = self._run(step, Docker(command or self.engine.docker, recorder.host))
            outcomes.append(outcome if isinstance(outcome, str) else [done.masked() for done in outcome])
            recorder.settle()
            exchanges.append(recorder.exchanges())
        must_equal("printed through Dockgate", outcomes[1], outcomes[0])
        found = differences(*exchanges)
        must(not found, f"{len(found)} differences:\n  " + "\n  ".join(found))
        return exchanges[0]

    def _run(self, step: Step, docker: Docker) -> str | list[Run]:
        # The same folder both times, because its name is in some requests.
        self.folder.mkdir()
        try:
            return step(docker, self.folder)
        finally:
            shutil.rmtree(self.folder)


@contextmanager
def two_ways(engine: Engine, *, socket_file: bool = False) -> Iterator[TwoWays]:
    """With a policy that allows everything; clients use TCP or a socket file."""
    with scratch() as folder:
        direct_path, gate_path = (folder / "direct", folder / "gate") if socket_file else (None, None)
        with Recorder(engine.address, direct_path) as direct, Gate(engine.address, EVERYTHING, path=gate_path) as gate:
            yield TwoWays(engine, direct, gate.recorder, folder / "step")


def case_name(engine: Engine, step: Step) -> str:
    return f"{engine.name}: {step.__name__.replace('_', ' ')}"
