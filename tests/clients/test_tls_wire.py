"""What TLS offers and refuses on the wire, as scanners such as testssl ask; renewal under load; and a flood of handshakes.

    DOCKGATE_TLS_SECONDS   how long certificates are renewed each second (default 10)

Runs on the main engine.
"""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent
sys.path.insert(0, str(CLIENTS.parent / "engine"))

from cases import Cases, must, must_equal
from commands import run, run_well
from support import main_engine
from tls_gate import PORT, Tls, tls

SECONDS = float(os.environ.get("DOCKGATE_TLS_SECONDS", "10"))
FLOOD = 2_000


def main() -> None:
    cases, engine = Cases(), main_engine()
    with tls(engine) as gate:
        files = Path(gate.client("wire")["DOCKER_CERT_PATH"])
        for name, check in (
            ("versions", versions),
            ("ciphers", ciphers),
            ("no renegotiation and no resumption", again),
            ("a certificate that is renewed each second", renewed),
            ("a flood of handshakes", flood),
        ):
            with cases.case(name):
                check(gate, files)
    cases.finish()


def asked(files: Path, *words: str, typed: str = "") -> str:
    """What `openssl s_client` says."""
    command = ["openssl", "s_client", "-connect", f"localhost:{PORT}", "-CAfile", files / "ca.pem"]
    command += ["-cert", files / "cert.pem", "-key", files / "key.pem", "-verify_return_error"]
    done = run(*command, *words, typed=typed)
    return done.out + done.err


def is_open(said: str) -> bool:
    return "Verify return code: 0 (ok)" in said and "Cipher is (NONE)" not in said and "Cipher    : 0000" not in said


def versions(_gate: Tls, files: Path) -> None:
    for flag, wanted in (("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
        # Old versions need an old level of security at the client, too.
        said = asked(files, flag, "-cipher", "DEFAULT@SECLEVEL=0")
        must_equal(flag, is_open(said), wanted)
    must("ALPN protocol: http/1.1" in asked(files, "-alpn", "h2,http/1.1"), "http/1.1 is chosen")


def ciphers(_gate: Tls, files: Path) -> None:
    every = run_well("openssl", "ciphers", "-tls1_2", "-s", "ALL:COMPLEMENTOFALL@SECLEVEL=0").out.strip().split(":")
    must(len(every) > 50, f"OpenSSL knows only {len(every)}")
    with ThreadPoolExecutor(4) as pool:
        asking = pool.map(lambda it: is_open(asked(files, "-tls1_2", "-cipher", f"{it}@SECLEVEL=0")), every)
        taken = {name for name, is_taken in zip(every, asking, strict=True) if is_taken}
    # The certificate has an elliptic curve. All have forward secrecy and authenticate what they encrypt.
    names = ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    must_equal("ciphers", taken, {f"ECDHE-ECDSA-{name}" for name in names})


def again(_gate: Tls, files: Path) -> None:
    said = asked(files, "-tls1_2", typed="R\n")
    must("RENEGOTIATING" in said and "no renegotiation" in said.lower(), said)
    said = asked(files, "-tls1_2", "-reconnect")
    must("Reused" not in said and said.count("New, TLSv1.2") >= 5, said)
    must("new session ticket" not in asked(files, "-tls1_3").lower(), "a ticket")


def context(files: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(files / "ca.pem"))
    made.load_cert_chain(files / "cert.pem", files / "key.pem")
    return made


def connect(made: ssl.SSLContext) -> http.client.HTTPSConnection:
    connection = http.client.HTTPSConnection("localhost", PORT, context=made, timeout=30)
    connection.connect()
    return connection


def ping(connection: http.client.HTTPSConnection) -> None:
    connection.request("GET", "/_ping")
    must_equal("ping", connection.getresponse().read(), b"OK")


def renewed(gate: Tls, files: Path) -> None:
    """Neither a kept connection nor a new one breaks, and a second later no new one gets the old certificate."""
    made, over, broken = context(files), threading.Event(), []

    def work(is_kept: bool) -> int:
        count, connection = 0, connect(made)
        while not over.is_set():
            try:
                if not is_kept:
                    connection.close()
                    connection = connect(made)
                ping(connection)
                count += 1
            except Exception as error:  # noqa: BLE001
                broken.append(repr(error))
                connection = connect(made)
        return count

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work, is_kept) for is_kept in (True, True, False, False)]
        late, end = 0, time.monotonic() + SECONDS
        while time.monotonic() < end:
            gate.certs("init")
            time.sleep(1)
            certificate = ssl.PEM_cert_to_DER_cert((gate.folder / "server-cert.pem").read_text())
            late += connect(made).sock.getpeercert(binary_form=True) != certificate
        over.set()
        counts = [each.result() for each in working]
    must(all(counts), f"requests: {counts}")
    must_equal("broken", broken, [])
    must_equal("old certificates after a second", late, 0)


def flood(_gate: Tls, files: Path) -> None:
    """The answers to a kept connection while others only shake hands."""
    made = context(files)
    connection = connect(made)

    def times(until: threading.Event | None) -> list[float]:
        found, end = [], time.monotonic() + 3
        while not (until.is_set() if until else time.monotonic() > end):
            start = time.monotonic()
            ping(connection)
            found.append(time.monotonic() - start)
            time.sleep(0.002)
        return sorted(found)

    def p99(found: list[float]) -> float:
        return found[len(found) * 99 // 100] * 1000

    before, over = p99(times(None)), threading.Event()
    program = (
        "import ssl, socket, sys\n"
        "made = ssl.create_default_context(cafile=sys.argv[1] + '/ca.pem')\n"
        "made.load_cert_chain(sys.argv[1] + '/cert.pem', sys.argv[1] + '/key.pem')\n"
        "for _ in range(int(sys.argv[2])):\n"
        f"    made.wrap_socket(socket.create_connection(('localhost', {PORT})), server_hostname='localhost').close()\n"
    )

    def shake() -> None:
        command = [sys.executable, "-c", program, files, str(FLOOD // 4)]
        each = [subprocess.Popen([str(word) for word in command]) for _ in range(4)]
        codes = [process.wait() for process in each]
        over.set()
        must_equal("codes", codes, [0] * 4)

    with ThreadPoolExecutor(1) as pool:
        shaking = pool.submit(shake)
        during = p99(times(over))
        shaking.result()
    print(f"p99 of a kept connection: {before:.1f} ms, and {during:.1f} ms during {FLOOD} handshakes", flush=True)


main()
