"""Compares the output of the docker CLI with a direct run, or checks how it was refused."""

import re

from cases import Failure, must, must_equal
from commands import Docker
from compare import mask_text


def same_output(direct: Docker, through: Docker, words: tuple[str, ...]) -> None:
    """The answer through Dockgate is between two equal answers of the engine."""

    def answer(docker: Docker) -> tuple[int, str, str]:
        done = docker.may_fail(*words)
        return done.code, steady(words[0], done.out), done.err

    for _ in range(10):
        before, between, after = answer(direct), answer(through), answer(direct)
        if before == after:
            must(before[1] or before[2], "nothing was printed at all")
            return must_equal("printed through Dockgate", between, before)
    raise Failure("the engine itself never printed the same twice")


def steady(command: str, out: str) -> str:
    """The client's output, without parts that depend on time or chance."""
    if command == "stats":
        return re.sub(r"[\d.]+ ?([kMGKi]*B)?", "<figure>", out)
    if command in ("images", "info"):
        # Images of the same age, and runtimes, come in any order. Podman makes up a new id each time.
        return " ".join(sorted(mask_text(out).split()))
    return out


def must_tell(operation: str, text: str) -> None:
    """The message names the operation and the line that would allow it."""
    must("dockgate: " in text and f'add "{operation}" to allow' in text, f"no mention of {operation}: {text!r}")
