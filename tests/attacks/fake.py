"""A daemon that answers as an attack requires, and keeps the requests that it gets."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer

VERSION = {"Version": "28.5.2", "ApiVersion": "1.51", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64"}
Reply = tuple[int, object]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = re.sub(r"^/v1\.\d+", "", self.path)
        with self.server.lock:
            self.server.asked.append((self.command, path, body))
            self.server.raw.append(self.path)
        status, content = (200, VERSION) if path == "/version" else self.server.answer(self.command, path, body)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do

    def log_message(self, *_words: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


class FakeDaemon(ThreadingMixIn, UnixStreamServer):
    """Answers with a function of method, path and body, on a socket in the folder."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path, answer: Callable[[str, str, bytes], Reply]) -> None:
        self.file = folder / "docker.sock"
        self.answer = answer
        self.asked: list[tuple[str, str, bytes]] = []
        # The paths with their versions.
        self.raw: list[str] = []
        self.lock = threading.Lock()
        super().__init__(str(self.file), Handler)
        self.file.chmod(0o666)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"unix://{self.file}"

    def got(self, method: str, part: str) -> list[bytes]:
        """The bodies of the requests with this method and this text in the path."""
        with self.lock:
            return [body for had, path, body in self.asked if had == method and part in path]

    def __exit__(self, *_failure: object) -> None:
        self.shutdown()
        super().server_close()
        self.file.unlink()

    def handle_error(self, *_words: object) -> None:
        pass  # a client that left

    def get_request(self) -> tuple[socket.socket, str]:
        stream, _ = super().get_request()
        return stream, "unix"


def container(name: str, labels: dict | None = None, **config: object) -> dict:
    """An inspection of an ordinary container."""
    identity = name.encode().hex().ljust(64, "0")[:64]
    return {
        "Id": identity,
        "Name": f"/{name}",
        "Image": "sha256:" + "1" * 64,
        "State": {"Running": False, "Status": "exited"},
        "Config": {"Image": "busybox", "Labels": labels or {}, **config},
        "HostConfig": {"NetworkMode": "none"},
        "Mounts": [],
        "NetworkSettings": {"Networks": {}},
    }
