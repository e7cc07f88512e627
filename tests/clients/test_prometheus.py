"""Prometheus finds its targets through Dockgate under the policy `prometheus-docker-sd`, and needs nothing more."""

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "engine"))

from cases import Cases, Failure, eventually, must_equal
from support import Engine, Gate, engines, scratch

WEB = "dockgate-prometheus"
CONFIGURATION = """
scrape_configs:
  - job_name: containers
    docker_sd_configs:
      - host: {host}
        refresh_interval: 1s
"""


def main() -> None:
    cases = Cases()
    for engine in engines():
        with cases.case(f"{engine.name}: Prometheus finds a container"):
            engine.clean_up()
            docker = engine.cli(engine.address)
            docker("run", "-d", "--init", "--name", WEB, "--expose", "9100", "busybox", "sleep", "86400")
            finds_a_container(engine)
            engine.clean_up()
    cases.finish()


def finds_a_container(engine: Engine) -> None:
    with scratch() as folder, Gate(engine.address, "prometheus-docker-sd") as gate:
        (folder / "prometheus.yml").write_text(CONFIGURATION.format(host=gate.host))
        address = f"127.0.0.1:{free_port()}"
        command = [
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={address}",
        ]
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            names = eventually("a target", lambda: target_names(address))
        except Failure as late:
            raise Failure(f"{late}; Prometheus says {(folder / 'log').read_text()[-2000:]}") from None
        finally:
            process.terminate()
            process.wait()
        must_equal("targets", names, ["/" + WEB])
        must_equal("statuses", {exchange.status for exchange in gate.recorder.exchanges()}, {200})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def target_names(address: str) -> list[str]:
    """The containers that Prometheus has as targets; none while it starts."""
    try:
        with urllib.request.urlopen(f"http://{address}/api/v1/targets", timeout=5) as reply:
            targets = json.load(reply)["data"]["activeTargets"]
    except OSError:
        return []
    return sorted(target["discoveredLabels"]["__meta_docker_container_name"] for target in targets)


main()
