"""Measures how long a start takes, from exec to the first answer: prints median and worst in milliseconds.

Usage: time_to_answer.py BINARY DAEMON

Run it in a separate network (`unshare --net`), where port 2375 is free.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "engine"))

from support import records_folder

ROUNDS = 21
LIMIT = 5.0


def time_one(binary: str, daemon: str, books: Path) -> float:
    with open(books.with_suffix(".jsonl"), "wb") as records:
        begun = time.monotonic()
        process = subprocess.Popen(
            [binary], env={"DOCKGATE_UPSTREAM": daemon}, stdout=records, stderr=subprocess.DEVNULL
        )
        try:
            with connect(begun + LIMIT) as client:
                client.sendall(b"GET /_ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = client.recv(4096)
            took = time.monotonic() - begun
        finally:
            process.terminate()
            process.wait(LIMIT)
    books.with_suffix(".sent").write_text("1")
    if not answer.startswith(b"HTTP/1.1 200"):
        sys.exit(f"answered {answer!r}")
    return took * 1000


def connect(deadline: float) -> socket.socket:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", 2375), timeout=LIMIT)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    folder = records_folder()
    times = [time_one(*sys.argv[1:], folder / f"time_to_answer-{os.getpid()}-{number}") for number in range(ROUNDS)]
    print(f"{statistics.median(times):.2f} {max(times):.2f}")


main()
