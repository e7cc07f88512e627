"""The engines, and Dockgates in front of them whose requests and records are counted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from cases import Cases, Failure, eventually, must, must_equal
from commands import Docker
from recorder import Recorder

TESTS = Path(__file__).resolve().parent.parent
REPOSITORY = TESTS.parent
EVERYTHING = str(TESTS / "policies" / "everything.toml")
BUILT = REPOSITORY / "target" / "release" / "dockgate"
BINARY = os.environ.get("DOCKGATE_BIN") or BUILT
# `read-only` hides values, so that its replies are not those of the daemon.
READ_ONLY = str(TESTS / "policies" / "unredacted.toml")


class Gate:
    """Dockgate in front of an engine, with its records kept, behind a recorder.

    Clients use `host`, which is the recorder; it counts their requests. `bare_host` is Dockgate itself, for tests in
    which a relay would change the result; count such requests in `also`.
    """

    numbers = count()

    def __init__(
        self,
        upstream: str | None,
        policy: str | None,
        *arguments: str,
        path: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        """Clients use TCP, or the socket file `path`. `environment`, if given, is the complete environment, and may
        set what `upstream` and `policy` leave open."""
        self.path = path
        self.also = 0
        self.diagnostics: list[str] = []
        self.bare_host: str | None = None
        self.books = records_folder() / f"{Path(sys.argv[0]).stem}-{os.getpid()}-{next(self.numbers)}"
        listen = f"unix://{path}.dockgate" if path else "tcp://127.0.0.1:0"
        flags = {"--upstream": upstream, "--policy": policy, "--listen": listen}
        given = [word for flag, value in flags.items() if value for word in (flag, value)]
        # The attacks put a wrapper in its place.
        binary = os.environ.get("DOCKGATE_BIN") or BUILT
        command = [binary, "serve", *given, *arguments]
        if environment is None:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCKGATE_")}
        with open(f"{self.books}.jsonl", "ab") as records:
            self.process = subprocess.Popen(command, env=environment, stdout=records, stderr=subprocess.PIPE, text=True)
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self._read_diagnostics, daemon=True)
        self.reader.start()

    def _read_diagnostics(self) -> None:
        for line in self.process.stderr:
            self.diagnostics.append(line)
            if found := re.search(r"listening on (\S+)", line):
                self.bare_host = found[1]
                self.ready.set()
        self.ready.set()  # ended: no need to wait

    def __enter__(self) -> Gate:
        self.ready.wait(10)
        if not self.bare_host:
            self.process.kill()
            raise Failure("dockgate does not listen: " + "".join(self.diagnostics))
        self.recorder = Recorder(self.bare_host, self.path)
        return self

    @property
    def host(self) -> str:
        return self.recorder.host

    def records(self) -> list[dict]:
        """The records of requests so far, without those of the process itself."""
        lines = Path(f"{self.books}.jsonl").read_text().splitlines(keepends=True)
        records = [json.loads(line) for line in lines if line.endswith("\n")]
        return [record for record in records if "id" in record]

    def says(self, text: str, times: int = 1) -> None:
        """Waits until this many lines of its diagnostics have contained this text."""
        eventually(f"{text!r} on stderr", lambda: sum(text in line for line in self.diagnostics) >= times)

    def __exit__(self, *_failure) -> None:
        self.recorder.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failure("dockgate is still there 10 s after SIGTERM") from None
        finally:
            Path(f"{self.books}.sent").write_text(str(self.recorder.requests + self.also))
        self.reader.join()
        must_equal("dockgate's exit code", code, 0)
        panics = [line for line in self.diagnostics if "panic" in line]
        must(not panics, f"dockgate panicked: {panics}")


def records_folder() -> Path:
    folder = Path(os.environ.get("DOCKGATE_TEST_RECORDS") or REPOSITORY / "target" / "test-records")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# Tests that do not depend on the engine's release run on this engine, and on all of them in a slow run.
MAIN_ENGINE = "28"
SLOW = os.environ.get("DOCKGATE_SLOW") == "1"


@dataclass(frozen=True)
class Engine:
    """A private engine, and the docker CLI of its release. Podman has the main engine's."""

    name: str
    address: str
    docker: tuple[str, ...]

    def cli(self, host: str) -> Docker:
        return Docker(self.docker, host)

    def plugins(self, host: str) -> Docker:
        """A docker CLI that has compose and buildx: of the same release, except for engine 20, which has none and
        uses the main engine's."""
        return (main_engine() if self.name == "20" else self).cli(host)

    def clean_up(self) -> None:
        """Removes what a failed step has left behind."""
        docker = self.cli(self.address)
        for listing, removal in [("ps -aq", "rm -f"), ("network ls -q", "network rm"), ("volume ls -q", "volume rm")]:
            left = docker(*listing.split(), "--filter", "name=dockgate").out.split()
            if left:
                docker(*removal.split(), *left)


def engines() -> list[Engine]:
    """Docker's engines that have started, oldest first. `Cases.finish` reports the others as failures."""
    found = []
    for each in described("DOCKGATE_ENGINES"):
        if each["started"]:
            found.append(engine_of(each))
        else:
            Cases.missing_engines.add(each["name"])
    return found


def main_engines() -> list[Engine]:
    """The engines for tests that do not depend on the release: the main one and `extra`, or all of them with
    DOCKGATE_SLOW=1."""
    return [each for each in engines() if SLOW or each.name in (MAIN_ENGINE, "extra")]


def main_engine() -> Engine:
    """The engine for what does not depend on the version."""
    return must_have_started(next(each for each in described("DOCKGATE_ENGINES") if each["name"] == MAIN_ENGINE))


def at_once(run: Callable[[Cases, Engine], None], chosen: list[Engine]) -> None:
    """A program of cases that runs on each engine in a separate thread: engines do not affect each other."""
    cases = Cases()
    with ThreadPoolExecutor(len(chosen) or 1) as pool:
        list(pool.map(lambda engine: run(cases, engine), chosen))
    cases.finish()


def podman() -> Engine:
    """Podman, which also serves the Docker API."""
    return must_have_started(described("DOCKGATE_PODMAN"))


def must_have_started(each: dict) -> Engine:
    if not each["started"]:
        raise SystemExit(f"engine {each['name']} did not start, so this test cannot run")
    return engine_of(each)


def described(variable: str) -> list | dict:
    """The engines as `engines.sh env` describes them."""
    if variable not in os.environ:
        sys.exit('no engines: run `tests/engine/engines.sh start` and `eval "$(tests/engine/engines.sh env)"` first')
    return json.loads(os.environ[variable])


def engine_of(each: dict) -> Engine:
    return Engine(each["name"], each["address"], tuple(each["docker"]))


@contextmanager
def scratch():
    """A folder for files that engines may also bind-mount, deleted afterwards.

    Others may enter it: on a reload, Dockgate reads files as the user that it has become.
    """
    with tempfile.TemporaryDirectory(prefix="dockgate-test-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
