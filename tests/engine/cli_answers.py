"""What the docker CLI prints: the same as direct, or what was refused."""

import re

from cases import Failure, must, must_equal
from commands import Docker
from compare import mask_text


def same_output(direct: Docker, through: Docker, words: tuple[str, ...]) -> None:
    """Between two equal answers of the engine stands the same one through Dockgate."""

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
    """What the client prints, without what changes by the moment or by chance."""
    if command == "stats":
        return re.sub(r"[\d.]+ ?([kMGKi]*B)?", "<figure>", out)
    if command in ("images", "info"):
        # Images of one age, and runtimes, come in any order. Podman makes up an id each time.
        return " ".join(sorted(mask_text(out).split()))
    return out


def must_tell(operation: str, text: str) -> None:
    """The message names the operation and the line that would grant it."""
    must("dockgate: " in text and f'add "{operation}" to allow' in text, f"no word of {operation}: {text!r}")
