"""Parses the recorded bytes of one connection as HTTP/1.x exchanges.

It handles everything that clients and servers of the Docker API really send: kept connections, replies framed by
length, in chunks and until the end of the connection, 100-continue, early replies, and connections that become a raw
pipe (101, or 200 without any framing). It does not judge; bytes that end too soon give an exchange that says so
(`complete` is false).

Source: RFC 9112 sections 6 and 7; the Docker Engine API's attach, exec start, session and grpc.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# A request for one of these may turn the connection into a raw pipe, even if the reply has no framing at all.
PIPE_TYPES = ("application/vnd.docker.raw-stream", "application/vnd.docker.multiplexed-stream")


@dataclass
class Head:
    """First line and header lines, with the names as spelled."""

    line: str
    headers: list[tuple[str, str]]
    size: int

    def values(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known.lower() == name.lower()]

    def value(self, name: str) -> str | None:
        return next(iter(self.values(name)), None)

    @property
    def status(self) -> int:
        return int(self.line.split(" ", 2)[1])


@dataclass
class Body:
    """What followed a head: decoded, and how it was framed."""

    content: bytes = b""
    framing: str = "none"  # none, length, chunked, close
    complete: bool = True


@dataclass
class Exchange:
    """One request and its reply."""

    request: Head
    request_body: Body
    request_bytes: bytes
    started: float
    reply: Head | None = None
    reply_body: Body = field(default_factory=Body)
    informational: list[int] = field(default_factory=list)
    # The client had closed its side before the reply was complete.
    abandoned: bool = False
    # Both directions after a 101 or an unframed 200; None if the connection stayed HTTP.
    piped_out: bytes | None = None
    piped_in: bytes | None = None

    @property
    def method(self) -> str:
        return self.request.line.split(" ", 1)[0]

    @property
    def target(self) -> str:
        return self.request.line.split(" ")[1]

    @property
    def status(self) -> int | None:
        return self.reply.status if self.reply else None

    @property
    def complete(self) -> bool:
        return self.reply is not None and self.request_body.complete and self.reply_body.complete

    def __str__(self) -> str:
        return f"{self.method} {self.target} -> {self.status}"


class Cursor:
    """A position in the bytes of one direction."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def ended(self) -> bool:
        return self.at >= len(self.data)

    def rest(self) -> bytes:
        return self.take(len(self.data))

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        self.at += len(taken)
        return taken

    def head(self) -> Head | None:
        """The next head, or None (and nothing is consumed) if its end is missing."""
        end = self.data.find(b"\r\n\r\n", self.at)
        if end < 0:
            return None
        size = end + 4 - self.at
        first, *lines = self.take(size)[:-4].decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines]
        return Head(first, [(name, value.strip()) for name, _, value in pairs], size)

    def chunked(self) -> Body:
        parts = []
        while True:
            end = self.data.find(b"\r\n", self.at)
            if end < 0:
                return Body(b"".join(parts), "chunked", complete=False)
            size = int(self.data[self.at : end].split(b";")[0], 16)
            self.at = end + 2
            if size == 0:
                trailer = self.data.find(b"\r\n", self.at)
                self.at = trailer + 2 if trailer >= 0 else len(self.data)
                return Body(b"".join(parts), "chunked", complete=trailer >= 0)
            parts.append(self.take(size))
            if len(parts[-1]) < size or self.take(2) != b"\r\n":
                return Body(b"".join(parts), "chunked", complete=False)

    def framed(self, head: Head) -> Body | None:
        """The body as the head frames it, or None if there is no framing."""
        if head.value("Transfer-Encoding"):
            return self.chunked()
        length = head.value("Content-Length")
        if length is None:
            return None
        content = self.take(int(length))
        return Body(content, "length", complete=len(content) == int(length))


def read_exchanges(
    sent: bytes, received: bytes, when=lambda _offset: 0.0, left_after: int | None = None
) -> list[Exchange]:
    """All exchanges of a connection.

    `when` returns the time at which a byte of `sent` arrived; `left_after` is how much of `received` there was when
    the client closed its side, if it did so before the server.
    """
    requests, replies = Cursor(sent), Cursor(received)
    exchanges = []
    while not requests.ended():
        start = requests.at
        head = requests.head()
        if head is None:
            # Half a head: it counts as a request, and nothing can follow.
            head, body = Head("? ? ?", [], 0), Body(requests.rest(), "close", complete=False)
        else:
            body = requests.framed(head) or Body()
        exchange = Exchange(head, body, sent[start : requests.at], when(start))
        exchanges.append(exchange)
        answered = read_reply(exchange, replies)
        exchange.abandoned = left_after is not None and (not exchange.complete or replies.at > left_after)
        if exchange.piped_in is not None:
            exchange.piped_out = requests.rest()
        if not answered or exchange.piped_in is not None:
            break
    return exchanges


def read_reply(exchange: Exchange, replies: Cursor) -> bool:
    """Reads the exchange's reply; false if the connection has none."""
    head = replies.head()
    while head and 100 <= head.status < 200 and head.status != 101:
        exchange.informational.append(head.status)
        head = replies.head()
    if head is None:
        return False
    exchange.reply = head
    if head.status == 101:
        exchange.piped_in = replies.rest()
    elif exchange.method == "HEAD" or head.status in (204, 304):
        pass
    elif (body := replies.framed(head)) is not None:
        exchange.reply_body = body
    elif head.status == 200 and head.value("Content-Type") in PIPE_TYPES:
        exchange.piped_in = replies.rest()
    else:
        exchange.reply_body = Body(replies.rest(), "close")
    return True
