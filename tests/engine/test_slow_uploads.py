"""S21: an upload that keeps the daemon waiting does not block a container for everyone else.

The daemon holds the container's lock during an upload. Takes 30 s; the engines run at the same time.

Runs on every Docker engine.
"""

import threading
import time

from api import Api
from cases import Cases, eventually, must, must_equal
from recorder import connect
from support import EVERYTHING, Engine, Gate, at_once, engines

WEB = "dockgate-slow-uploads"
WITHIN = 35
HEAD = (
    f"PUT /containers/{WEB}/archive?path=/ HTTP/1.1\r\nHost: docker\r\nContent-Type: application/x-tar\r\n"
    "Content-Length: 1000000\r\n\r\netc/passwd"
)


def main() -> None:
    at_once(slow, engines())


def slow(cases: Cases, engine: Engine) -> None:
    pause = 29 if engine.name == "26" else 4
    with cases.case(f"{engine.name}: an inspect is answered during an upload of a byte each {pause} s"):
        direct = engine.cli(engine.address)
        direct.may_fail("rm", "-f", WEB)
        direct("create", "--name", WEB, "busybox", "true")
        try:
            with Gate(engine.address, EVERYTHING) as gate:
                beside_an_upload(gate, pause)
        finally:
            direct("rm", "-f", WEB)


def beside_an_upload(gate: Gate, pause: int) -> None:
    upload = connect(gate.bare_host)
    upload.sendall(HEAD.encode())
    gate.also += 1
    dripping = threading.Thread(target=drip, args=(upload, pause), daemon=True)
    dripping.start()
    # The daemon has begun to read it by then.
    time.sleep(2)
    started = time.monotonic()
    Api(gate.host).inspect(WEB)
    waited = time.monotonic() - started
    must(5 < waited < WITHIN, f"the inspect took {waited:.1f} s")
    upload.settimeout(10)
    reply = upload.recv(4096).decode()
    upload.close()
    must("408 Request Timeout" in reply and "body_timeout" in reply, f"{reply!r}")
    record = eventually("the record of the upload", lambda: record_of_upload(gate))
    must_equal("its reason", record["reason"], "body_timeout")


def record_of_upload(gate: Gate) -> dict | None:
    found = (each for each in gate.records() if each["event"] == "request" and each["operation"] == "PutContainerArchive")
    return next(found, None)


def drip(upload, pause: int) -> None:
    try:
        while True:
            time.sleep(pause)
            upload.sendall(b"a")
    except OSError:
        pass  # it was ended


main()
