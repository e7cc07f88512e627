#!/usr/bin/env python3
"""Runs the rules and the dashboard of examples/observability with a real Prometheus, in front of a real Dockgate.

Usage: observability.py [DOCKGATE]

Each alert fires for its cause, and each query of the dashboard returns data. The daemon is a small stand-in on a unix
socket, so that it can go away. Durations in the rules are shortened.
"""

from __future__ import annotations

import http.client
import http.server
import signal
import socket
import json
import os
import re
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLE = REPOSITORY / "examples" / "observability"
LIMIT = 90


class Daemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"{}" if "info" in self.path else b"OK"
        if "/events" in self.path:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            time.sleep(LIMIT * 3)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "-"

    def log_message(self, *_arguments: object) -> None:
        pass


def eventually(what: str, is_so: Callable[[], object]) -> None:
    end = time.monotonic() + LIMIT
    while not is_so():
        if time.monotonic() > end:
            sys.exit(f"FAILED: {what}: not in {LIMIT} s")
        time.sleep(0.3)
    print(f"ok: {what}")


class Place:
    """Dockgate, its daemon and its Prometheus, in a folder."""

    def __init__(self, folder: Path, binary: str) -> None:
        self.folder = folder
        self.socket = folder / "docker.sock"
        self.daemon: Daemon | None = None
        self.start_daemon()
        self.policy = folder / "policy.toml"
        self.policy.write_text("allow = ['SystemInfo', 'SystemEvents', 'SystemPing']\n")
        # A pipe that a thread reads, so that it can be stopped.
        os.mkfifo(folder / "audit")
        settings = f"""
            policy = "{self.policy}"
            listen = "tcp://127.0.0.1:0"
            upstream = "unix://{self.socket}"
            run_as = "{os.getuid()}:{os.getgid()}"
            limits.connections_per_client = 4
            limits.reply_head = "1s"
            [audit]
            output = "{folder}/audit"
            [metrics]
            listen = "tcp://127.0.0.1:0"
        """
        (folder / "dockgate.toml").write_text(settings)
        self.audit = os.open(folder / "audit", os.O_RDWR | os.O_NONBLOCK)
        self.reads = threading.Event()
        self.reads.set()
        threading.Thread(target=self.read_audit, daemon=True).start()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DOCKGATE_")}
        log = open(folder / "dockgate.log", "w")
        self.dockgate = subprocess.Popen(
            [binary, "serve", "--config", folder / "dockgate.toml"], env=kept, stdout=log, stderr=log
        )
        eventually("dockgate listens", lambda: "listening on" in self.said())
        self.listener = re.search(r"listening on tcp://(\S+)", self.said())[1]
        self.metrics = re.search(r"metrics on tcp://(\S+)", self.said())[1]
        self.prometheus = self.start_prometheus()

    def read_audit(self) -> None:
        while True:
            self.reads.wait()
            try:
                os.read(self.audit, 1 << 16)
            except BlockingIOError:
                time.sleep(0.05)

    def said(self) -> str:
        return (self.folder / "dockgate.log").read_text()

    def start_daemon(self) -> None:
        self.daemon = Daemon(str(self.socket), Answers)
        threading.Thread(target=self.daemon.serve_forever, daemon=True).start()

    def stop_daemon(self) -> None:
        self.daemon.shutdown()
        self.daemon.server_close()
        self.socket.unlink()

    def start_prometheus(self) -> subprocess.Popen:
        rules = (EXAMPLE / "rules.yml").read_text()
        rules = re.sub(r"for: \d+m", "for: 1s", rules).replace("[5m]", "[10s]").replace("[10m]", "[10s]")
        rules = rules.replace("> 0.25", "> 0.00000001")
        (self.folder / "rules.yml").write_text(rules)
        settings = (EXAMPLE / "prometheus.yml").read_text()
        settings = settings.replace("15s", "1s").replace("dockgate:9477", self.metrics)
        (self.folder / "prometheus.yml").write_text(settings)
        self.port = 19477
        log = open(self.folder / "prometheus.log", "w")
        return subprocess.Popen(
            ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data"]
            + [f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=log,
            stderr=log,
        )

    def ask(self, path: str) -> int:
        request = urllib.request.Request(f"http://{self.listener}{path}")
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            return error.code

    def api(self, path: str, **arguments: str) -> dict:
        query = urllib.parse.urlencode(arguments)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}") as reply:
                return json.load(reply)["data"]
        except OSError:
            return {}

    def alerts(self) -> dict[str, str]:
        return {each["labels"]["alertname"]: each["state"] for each in self.api("alerts").get("alerts", [])}

    def fires(self, name: str) -> None:
        eventually(f"{name} fires", lambda: self.alerts().get(name) == "firing")

    def end(self) -> None:
        for process in (self.prometheus, self.dockgate):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def is_quiet(place: Place) -> None:
    eventually("Prometheus scrapes", lambda: place.api("query", query='up{job="dockgate"} == 1').get("result"))
    time.sleep(3)
    alerts = place.alerts()
    if alerts:
        sys.exit(f"FAILED: nothing has happened yet, but {alerts}")


def fire_all(place: Place) -> None:
    place.ask("/version")
    place.fires("DockgateDenied")
    held = [socket_of(place) for _ in range(4)]
    place.ask("/info")
    place.fires("DockgateOverload")
    for each in held:
        each.close()
    place.policy.write_text("allow = ['SystemInf']\n")
    place.dockgate.send_signal(signal.SIGHUP)
    place.fires("DockgateReloadRejected")
    place.stop_daemon()
    place.ask("/info")
    place.fires("DockgateDaemonDown")
    place.start_daemon()
    place.reads.clear()
    stop = threading.Event()

    def flood() -> None:
        while not stop.is_set():
            try:
                connection = http.client.HTTPConnection(place.listener, timeout=20)
                while not stop.is_set():
                    connection.request("GET", "/info")
                    connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)

    threads = [threading.Thread(target=flood, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    place.fires("DockgateSlow")
    place.fires("DockgateAuditFailing")
    place.fires("DockgateAuditLinesLost")
    place.reads.set()
    stop.set()


def socket_of(place: Place) -> socket.socket:
    host, port = place.listener.split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection


def all_queries(place: Place) -> None:
    dashboard = json.loads((EXAMPLE / "dashboard.json").read_text())
    place.ask("/info")
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            query = target["expr"].replace("$__rate_interval", "30s")
            result = place.api("query", query=query).get("result")
            if not result or all(each["value"][1] == "NaN" for each in result):
                sys.exit(f"FAILED: {panel['title']}: {query} returns nothing")
            print(f"ok: {panel['title']}")


def main() -> None:
    default = os.environ.get("DOCKGATE_BIN", REPOSITORY / "target" / "release" / "dockgate")
    binary = sys.argv[1] if len(sys.argv) > 1 else default
    for command in (["check", "rules", "rules.yml"], ["check", "config", "prometheus.yml"], ["test", "rules", "rules.test.yml"]):
        subprocess.run(["promtool", *command], cwd=EXAMPLE, check=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Place(Path(folder), str(binary))
        try:
            is_quiet(place)
            fire_all(place)
            all_queries(place)
            place.dockgate.terminate()
            place.dockgate.wait(20)
            place.fires("DockgateDown")
        finally:
            place.end()


main()
