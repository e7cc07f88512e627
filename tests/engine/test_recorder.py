"""The tools of these tests: the recorder does not change anything, and the comparison finds every difference.

Needs no engine.
"""

import socket
import threading

from cases import Cases, must, must_equal
from compare import differences
from exchanges import Exchange, read_exchanges
from recorder import Recorder, connect

GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 5\r\nDate: now\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
RAW_TYPE = b"Content-Type: application/vnd.docker.raw-stream\r\n"


def main() -> None:
    cases = Cases()
    with cases.case("exchanges of every framing are read"):
        reads_every_framing()
    with cases.case("the recorder keeps half-close in both directions"):
        keeps_half_close()
    for what, reply in [
        ("the spelling of a header's name", OK.replace(b"Api-Version", b"api-version")),
        ("a header's value", OK.replace(b"1.41", b"1.42")),
        ("a header that is missing", OK.replace(b"Api-Version: 1.41\r\n", b"")),
        ("a header that is added", OK.replace(b"Date", b"Via: 1.1 x\r\nDate")),
        (
            "a length that has become chunks",
            OK.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked").replace(
                b"hello", b"5\r\nhello\r\n0\r\n\r\n"
            ),
        ),
        ("a status", OK.replace(b"200", b"201")),
        ("a byte of the body", OK.replace(b"hello", b"hullo")),
        ("a body that is cut short", OK.replace(b"hello", b"hell")),
        ("a reply that is missing", b""),
        ("a request that was not sent", None),
    ]:
        with cases.case(f"the comparison finds {what}"):
            through = [] if reply is None else read_exchanges(GET, reply)
            must(differences(read_exchanges(GET, OK), through), "found nothing")
    with cases.case("the comparison ignores Date and hop-by-hop headers"):
        other = OK.replace(b"now", b"later").replace(b"Date", b"Keep-Alive: 3\r\nConnection: close\r\nDate")
        must_equal("differences", differences(read_exchanges(GET, OK), read_exchanges(GET, other)), [])
    with cases.case("the comparison finds a pipe that differs"):
        pipe = b"HTTP/1.1 101 UPGRADED\r\n" + RAW_TYPE + b"\r\n"
        found = differences(read_exchanges(GET, pipe + b"one"), read_exchanges(GET, pipe + b"two"))
        must(found, "found nothing")
    cases.finish()


def reads_every_framing() -> None:
    post = b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n0\r\n\r\n"
    head = GET.replace(b"GET", b"HEAD")
    found = read_exchanges(
        GET + post + head + GET + GET,
        OK + b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED + OK[:-5] + b"HTTP/1.1 204 No Content\r\n\r\n"
        b"HTTP/1.1 200 OK\r\n\r\nto the end",
    )
    must_equal("bodies", [each.reply_body.content for each in found], [b"hello", b"abcde", b"", b"", b"to the end"])
    must_equal("the chunked request", (found[1].request_body.content, found[1].informational), (b"hi", [100]))
    must(all(each.complete for each in found), "one is not complete")

    def piped(exchange: Exchange) -> tuple:
        return exchange.piped_out, exchange.piped_in

    for first_line in (b"HTTP/1.1 101 UPGRADED\r\n", b"HTTP/1.1 200 OK\r\n"):
        found = read_exchanges(GET + b"out", first_line + RAW_TYPE + b"\r\nin")
        must_equal("pipes", [piped(each) for each in found], [(b"out", b"in")])
    cut = read_exchanges(GET + b"GET /b HT", OK[:-1], left_after=len(OK) - 1)
    must_equal("cut short", [(each.complete, each.abandoned) for each in cut], [(False, True), (False, True)])


def keeps_half_close() -> None:
    """A server that answers only after the client has ended its side, and the reverse."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 101 UPGRADED\r\n\r\nfirst")
                while peer.recv(100):
                    pass
                peer.sendall(b" second")

        thread = threading.Thread(target=serve)
        thread.start()
        with Recorder(f"tcp://127.0.0.1:{server.getsockname()[1]}") as recorder:
            with connect(recorder.host) as client:
                client.sendall(GET + b"typed")
                client.shutdown(socket.SHUT_WR)
                answer = b""
                while part := client.recv(100):
                    answer += part
            recorder.settle()
            thread.join()
            must(answer.endswith(b"first second"), f"{answer!r}")
            must_equal(
                "kept",
                [(each.piped_out, each.piped_in) for each in recorder.exchanges()],
                [(b"typed", b"first second")],
            )
            must_equal("requests", recorder.requests, 1)


main()
