"""Dockgate with TLS in front of an engine, and certificates from `dockgate certs`."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

from cases import eventually, must_equal
from commands import run_well
from support import EVERYTHING, REPOSITORY, Engine, scratch

BINARY = os.environ.get("DOCKGATE_BIN") or REPOSITORY / "target" / "release" / "dockgate"
PORT = 23761


class Tls:
    """Dockgate with TLS in front of an engine, and a folder of certificates."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.folder = folder / "certs"
        self.engine = engine
        self.certs("init", "--host", "localhost,127.0.0.1")
        self.records = folder / "records.jsonl"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCKGATE_")}
        environment["DOCKGATE_CERT_PATH"] = str(self.folder)
        command = [BINARY, "serve", "--upstream", engine.address, "--policy", EVERYTHING]
        command += ["--listen", f"tcp://127.0.0.1:{PORT}"]
        self.said = folder / "said"
        with open(self.said, "w") as said, open(self.records, "w") as records:
            self.process = subprocess.Popen(command, env=environment, stdout=records, stderr=said)
        eventually("dockgate", lambda: "connected to" in self.said.read_text())

    def certs(self, *words: str) -> None:
        run_well(BINARY, "certs", *words, "--dir", self.folder)

    def client(self, name: str) -> dict[str, str]:
        """The variables of a client with a new certificate."""
        self.certs("client", name)
        return {
            # Python's requests would prefer authorities of the machine to those of the client.
            "REQUESTS_CA_BUNDLE": "",
            "CURL_CA_BUNDLE": "",
            "DOCKER_HOST": f"tcp://localhost:{PORT}",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(self.folder / "clients" / name),
        }


@contextmanager
def tls(engine: Engine):
    with scratch() as folder:
        gate = Tls(engine, folder)
        try:
            yield gate
        finally:
            gate.process.send_signal(signal.SIGTERM)
            must_equal("dockgate's exit code", gate.process.wait(10), 0)
