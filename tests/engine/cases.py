"""The cases of a test program, and their assertions.

A test is a plain program: it prints a line for each case, and exits with 1 if one of them failed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from contextlib import contextmanager
from typing import ClassVar


class Failure(AssertionError):
    """A case failed; the message says how."""


def must(condition: object, message: str) -> None:
    if not condition:
        raise Failure(message)


def must_equal(what: str, got: object, want: object) -> None:
    if got == want:
        return
    # For long values, shows where they differ.
    ours, theirs = repr(got), repr(want)
    place = max(0, len(os.path.commonprefix([ours, theirs])) - 200)
    raise Failure(f"{what}:\n  got  {ours[place : place + 600]}\n  want {theirs[place : place + 600]}")


class Cases:
    """The cases of one test program, each with a line of output."""

    # Engines that did not start. Their cases could not run, so the program fails.
    missing_engines: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.lock = threading.Lock()

    @contextmanager
    def case(self, name: str):
        """Runs a block as a case: if it fails, that is reported, and the next case runs."""
        started = time.monotonic()
        try:
            yield
        except Exception as error:
            with self.lock:
                self.failed.append(name)
                print(f"FAILED {name} ({time.monotonic() - started:.1f} s): {error}", flush=True)
                if not isinstance(error, Failure):
                    traceback.print_exc(file=sys.stdout)
        else:
            with self.lock:
                print(f"ok {name} ({time.monotonic() - started:.1f} s)", flush=True)

    def finish(self) -> None:
        """Ends the program, with 1 if a case failed or could not run."""
        for engine in sorted(self.missing_engines):
            self.failed.append(f"engine {engine} did not start, so no case ran on it")
        if self.failed:
            sys.exit(f"{len(self.failed)} failed: " + "; ".join(self.failed))


def eventually(what: str, check, limit: float = 30.0):
    """Calls `check` until its answer is true, within a time limit."""
    deadline = time.monotonic() + limit
    while not (answer := check()):
        must(time.monotonic() < deadline, f"{what}: not within {limit} s")
        time.sleep(0.05)
    return answer
