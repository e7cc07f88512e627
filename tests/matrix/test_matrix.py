"""docs/matrix.md says what clients can do to objects that they did not create; a run on a real engine gets the same
result.

Runs on the main engine.
"""

from __future__ import annotations

from matrix import PAGE, page

from cases import Cases, must


def main() -> None:
    cases = Cases()
    with cases.case("docs/matrix.md is what a run on a real engine finds"):
        found, written = page().splitlines(), PAGE.read_text().splitlines()
        differing = [f"found {new}\n  written {old}" for new, old in zip(found, written, strict=False) if new != old]
        must(found == written, "write it again with tests/matrix/matrix.py --write:\n" + "\n".join(differing))
    cases.finish()


main()
