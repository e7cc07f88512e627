#!/usr/bin/env python3
"""Checks which attacks succeed on an older binary: those that are listed, and no others.

    old.py LIST PROGRAM...           the binary is DOCKGATE_BIN; compares with the list
    old.py --write LIST PROGRAM...   writes the list

A line of the list is the name of an attack, then the engines that it succeeds on, if it needs one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from arena import SUCCEEDED

LINE = re.compile(r"^FAILED (?:(\w+): )?(\S+) \([\d.]+ s\): (.*)")


def main() -> None:
    words = sys.argv[1:]
    writes = words[:1] == ["--write"]
    words = words[writes:]
    if len(words) < 2:
        sys.exit(__doc__)
    listing, programs = Path(words[0]), words[1:]
    found, broken = results_of(programs)
    if writes:
        listing.write_text("".join(f"{line}\n" for line in lines_of(found)))
    listed = set(listing.read_text().splitlines())
    differing = sorted(listed ^ set(lines_of(found)))
    for line in differing:
        print(f"{'listed' if line in listed else 'found'}: {line}")
    for line in broken:
        print(f"broken: {line}")
    print(f"{len(found)} attacks succeed, {len(differing)} lines differ from {listing.name}, {len(broken)} are broken")
    sys.exit(bool(differing or broken))


def results_of(programs: list[str]) -> tuple[dict[str, set[str]], list[str]]:
    """The engines that each attack succeeded on, and the cases that failed for another reason."""
    environment = os.environ | {"DOCKGATE_ATTACK_FIRST": "1"}
    found: dict[str, set[str]] = defaultdict(set)
    broken: list[str] = []
    for program in programs:
        command = [sys.executable, program]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
            for line in running.stdout:
                print(line, end="", flush=True)
                if not (parts := LINE.match(line)):
                    continue
                engine, name, why = parts.groups()
                if SUCCEEDED in why:
                    found[name] |= {engine} if engine else set()
                else:
                    broken.append(line.rstrip())
    return found, broken


def lines_of(found: dict[str, set[str]]) -> list[str]:
    return [" ".join([name, *sorted(engines)]) for name, engines in sorted(found.items())]


if __name__ == "__main__":
    main()
