"""Runs clients: to their end, in the background, or on a terminal."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import termios
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cases import Failure, eventually, must
from compare import mask_text

# No command of these tests takes this long, even on a busy machine.
LIMIT = 60.0
# How long a command in the background may take to end after SIGTERM.
GRACE = 1.0


@dataclass
class Run:
    """The output of a command, and how it ended."""

    code: int
    out: str
    err: str

    def masked(self) -> tuple[int, str, str]:
        return self.code, mask_text(self.out), mask_text(self.err)


def run(
    *command: object,
    host: str | None = None,
    typed: str = "",
    stdin: IO[bytes] | None = None,
    env: dict | None = None,
    cwd: Path | None = None,
    limit: float = LIMIT,
) -> Run:
    """Runs a command to its end; `typed` is its complete stdin, unless that comes from the file `stdin`."""
    words = [str(word) for word in command]
    source = {"stdin": stdin} if stdin else {"input": typed.encode()}
    environment = client_environment(host, env)
    try:
        done = subprocess.run(
            words, **source, capture_output=True, timeout=limit, env=environment, cwd=cwd, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise Failure(f"`{' '.join(words)}` has not ended: {late.stdout!r} {late.stderr!r}") from None
    return Run(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def run_well(*command: object, **options) -> Run:
    """Runs a command that must succeed."""
    done = run(*command, **options)
    must(done.code == 0, f"`{' '.join(map(str, command))}` exited with {done.code}: {done.err}{done.out}")
    return done


def client_environment(host: str | None, more: dict | None = None) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    if host:
        environment["DOCKER_HOST"] = host
    return environment | (more or {})


class Terminal:
    """A command on its own terminal, for dialogs."""

    def __init__(self, *command: object, host: str) -> None:
        self.master, slave = os.openpty()
        self.process = subprocess.Popen(
            [str(word) for word in command],
            env=client_environment(host),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        self.name = os.ttyname(slave)
        os.close(slave)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def press(self, keys: str) -> None:
        """Types keys one after the other, each after the one before it was read: detach keys must not arrive
        together."""
        slave = os.open(self.name, os.O_RDONLY | os.O_NOCTTY)
        for key in keys:
            self.type(key)
            eventually("the key to be read", lambda: fcntl.ioctl(slave, termios.FIONREAD, bytes(4)) == bytes(4))
        os.close(slave)

    def wait_until_raw(self) -> None:
        """Waits until the command has taken over the keyboard: before that, the terminal itself handles control keys."""
        eventually("the raw terminal", lambda: not termios.tcgetattr(self.master)[3] & termios.ECHO)

    def wait_for(self, text: str, limit: float = 30.0) -> None:
        """Reads on until `text` has been printed."""
        deadline = time.monotonic() + limit
        while text not in self.seen:
            if not self._read(deadline):
                raise Failure(f"the terminal ended, or showed nothing new for {limit} s: no {text!r} in {self.seen!r}")

    def end(self, limit: float = 30.0) -> int:
        """Reads to the end; returns the command's exit code."""
        deadline = time.monotonic() + limit
        while self._read(deadline):
            pass
        try:
            code = self.process.wait(max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failure(f"the command on the terminal has not ended in {limit} s: {self.seen!r}") from None
        os.close(self.master)
        return code

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))
        try:
            part = os.read(self.master, 65536) if ready else b""
        except OSError:
            part = b""  # Linux' way to say that the other end is closed
        self.seen += part.decode(errors="replace")
        return bool(part)


class Background:
    """A command that prints while it runs."""

    def __init__(self, *command: object, host: str | None = None) -> None:
        words = [str(word) for word in command]
        self.process = subprocess.Popen(
            words,
            env=client_environment(host),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *_failure) -> None:
        self.process.terminate()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            # The docker CLI 28 does not end `logs -f` and `stats` after SIGTERM if its output is not read.
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def prints_within(self, seconds: float) -> str:
        """The next lines that it prints; none if it prints nothing for this long, or has ended."""
        deadline = time.monotonic() + seconds
        printed = b""
        while not printed.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not part:
                break
            printed += part
        return printed.decode(errors="replace")


@dataclass(frozen=True)
class Docker:
    """The docker CLI of an engine's release, pointed at an address."""

    command: tuple[str, ...]
    host: str

    def __call__(self, *words: object, **options) -> Run:
        """Runs `docker WORDS...`, which must succeed."""
        return run_well(*self.command, *words, host=self.host, **options)

    def may_fail(self, *words: object, **options) -> Run:
        return run(*self.command, *words, host=self.host, **options)

    def terminal(self, *words: object) -> Terminal:
        return Terminal(*self.command, *words, host=self.host)

    def background(self, *words: object) -> Background:
        return Background(*self.command, *words, host=self.host)

    @contextmanager
    def pipe(self, *words: object, stdin: object = subprocess.DEVNULL):
        """`docker WORDS...` with its stdout as a pipe."""
        command = [str(word) for word in (*self.command, *words)]
        with subprocess.Popen(
            command, env=client_environment(self.host), stdin=stdin, stdout=subprocess.PIPE
        ) as process:
            yield process
