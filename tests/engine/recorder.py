"""A relay that keeps every byte that it passes on.

It sits between a client and a server on the loopback, passes bytes on as they arrive, keeps half-close in both
directions, and afterwards returns the bytes as HTTP exchanges. It changes nothing and waits for nothing, so a client
cannot tell it from the server.
"""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

from exchanges import Exchange, read_exchanges

CHUNK_BYTES = 256 * 1024


class Recorder:
    """Relays to `upstream` (`unix:///path` or `tcp://host:port`).

    It listens on a loopback port that the system chooses, or on the socket file `path`.
    """

    def __init__(self, upstream: str, path: Path | None = None) -> None:
        self.upstream = upstream
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            self.listener.listen(128)
            self.host = f"unix://{path}"
        else:
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
            self.host = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.lock = threading.Lock()
        self.connections: list[Connection] = []
        self.forgotten = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_failure) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return  # closed
            pass_on_at_once(client)
            connection = Connection(client, self.upstream)
            with self.lock:
                self.connections.append(connection)
            connection.start()

    def exchanges(self) -> list[Exchange]:
        """The exchanges since the last `forget`, in the order in which the requests began."""
        with self.lock:
            connections = list(self.connections)
        found = [exchange for connection in connections for exchange in connection.exchanges()]
        return sorted(found, key=lambda exchange: exchange.started)

    def forget(self) -> None:
        """Drops the bytes of connections that have ended; `requests` still counts them."""
        with self.lock:
            ended = [connection for connection in self.connections if connection.ended.is_set()]
            self.forgotten += sum(len(connection.exchanges()) for connection in ended)
            self.connections = [each for each in self.connections if each not in ended]

    def settle(self, limit: float = 10.0) -> None:
        """Waits until every connection has ended."""
        deadline = time.monotonic() + limit
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            if not connection.ended.wait(max(0.0, deadline - time.monotonic())):
                raise TimeoutError(
                    f"a connection is still open after {limit} s: {[str(each) for each in connection.exchanges()]}"
                )

    @property
    def requests(self) -> int:
        """How many requests clients have sent, including incomplete ones."""
        with self.lock:
            return self.forgotten + sum(len(each.exchanges()) for each in self.connections)

    def close(self) -> None:
        """Stops listening and cuts the connections that are still open."""
        # Closing the socket is not enough to wake a thread that waits in accept.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.cut()


class Connection:
    """One client connection, its upstream connection, and the bytes on both."""

    def __init__(self, client: socket.socket, upstream: str) -> None:
        self.client = client
        self.address = upstream
        self.server: socket.socket | None = None
        self.lock = threading.Lock()
        self.sent: list[tuple[float, bytes]] = []
        self.received: list[tuple[float, bytes]] = []
        # How much the client had received when it closed its side, if it did so before the server.
        self.left_after: int | None = None
        self.server_ended = False
        self.ended = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self.server = connect(self.address)
            back = threading.Thread(target=self._pump, args=(self.server, self.client, self.received), daemon=True)
            back.start()
            self._pump(self.client, self.server, self.sent)
            back.join()
        except OSError:
            pass  # nobody listens upstream: the client sees its connection closed
        finally:
            for end in (self.client, self.server):
                if end:
                    end.close()
            self.ended.set()

    def _pump(self, source: socket.socket, sink: socket.socket, kept: list[tuple[float, bytes]]) -> None:
        """Copies one direction until its end, then closes only that direction."""
        try:
            while data := source.recv(CHUNK_BYTES):
                with self.lock:
                    kept.append((time.monotonic(), data))
                sink.sendall(data)
            self._note_end(source)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One side is gone completely, so the other must end too.
            self.cut()

    def _note_end(self, source: socket.socket) -> None:
        with self.lock:
            if source is self.server:
                self.server_ended = True
            elif not self.server_ended:
                self.left_after = len(join(self.received))

    def cut(self) -> None:
        for end in (self.client, self.server):
            try:
                if end:
                    end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # already closed

    def exchanges(self) -> list[Exchange]:
        with self.lock:
            sent, received = list(self.sent), list(self.received)

        def when(offset: int) -> float:
            for at, data in sent:
                offset -= len(data)
                if offset < 0:
                    return at
            return 0.0

        return read_exchanges(join(sent), join(received), when, self.left_after)


def join(kept: list[tuple[float, bytes]]) -> bytes:
    return b"".join(data for _, data in kept)


def connect(address: str) -> socket.socket:
    """Connects to `unix:///path` or `tcp://host:port`."""
    kind, _, place = address.partition("://")
    if kind == "unix":
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(place)
        return stream
    host, _, port = place.rpartition(":")
    stream = socket.create_connection((host, int(port)))
    pass_on_at_once(stream)
    return stream


def pass_on_at_once(stream: socket.socket) -> None:
    if stream.family != socket.AF_UNIX:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
