"""The tests that are known to pass only one way, and why.

A line of the file: `SUITE ENGINE -TEST # REASON`, or `+TEST` for a test that only passes through Dockgate. `*` in
ENGINE and TEST matches anything.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

LINE = re.compile(r"(?P<suite>\S+) (?P<engine>\S+) (?P<sign>[-+])(?P<test>.*?)(?: # (?P<reason>.+))?")


@dataclass(frozen=True)
class Entry:
    suite: str
    engine: str
    sign: str
    test: str
    reason: str | None

    def matches(self, sign: str, test: str) -> bool:
        return self.sign == sign and fnmatchcase(test.translate(BRACKETS), self.test.translate(BRACKETS))


# They are part of names of tests.
BRACKETS = str.maketrans("[]", "()")


def read(file: Path) -> list[Entry]:
    entries = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        found = LINE.fullmatch(line)
        if not found or not found["reason"]:
            sys.exit(f"{file}:{number}: not of the form `SUITE ENGINE -TEST # REASON`: {line!r}")
        entries.append(Entry(**found.groupdict()))
    return entries


def faults(entries: list[Entry], suite: str, engine: str, lost: set[str], won: set[str]) -> list[str]:
    """Differences that are not listed, and entries without a difference."""
    # What differs with every policy also differs with a scope.
    names = (suite, suite.removeprefix("scoped/"))
    concerned = [entry for entry in entries if entry.suite in names and fnmatchcase(engine, entry.engine)]
    found = [("-", test) for test in sorted(lost)] + [("+", test) for test in sorted(won)]
    unlisted = [
        f"not listed: {sign}{test}" for sign, test in found if not any(entry.matches(sign, test) for entry in concerned)
    ]
    in_vain = [
        f"listed, but this difference does not exist: {entry.sign}{entry.test}"
        for entry in concerned
        if not any(entry.matches(sign, test) for sign, test in found)
    ]
    return unlisted + in_vain
