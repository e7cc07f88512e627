"""Parses docs/migration.md for the tests: its tables say what both gates must do."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from cases import must
from servers import Request
from support import REPOSITORY

PAGE = REPOSITORY / "docs" / "migration.md"
FORWARDED = "forwarded"

Environment = dict[str, str]


@dataclass(frozen=True)
class Difference:
    """A row of the table of differences."""

    id: str
    dialect: str
    environment: Environment
    examples: tuple[Request, ...]
    # Codes of refusals; FORWARDED if it is HAProxy that refuses.
    answers: frozenset[str]


@dataclass(frozen=True)
class Set:
    """A row of the table of documented sets: the variables that represent what a dialect denies or allows."""

    environment: Environment
    hardened_shuts: tuple[str, ...]
    linuxserver_shuts: tuple[str, ...]
    linuxserver_opens: tuple[str, ...]


def variables() -> dict[str, tuple[bool, list[str], list[str]]]:
    """Each variable's default, what it allows, and what else it allows with `POST=1`."""
    rows = table("variable", "default", "allows", "with `POST=1`, also")
    return {spans(name)[0]: (default == "1", spans(reads), spans(rest)) for name, default, reads, rest in rows}


def hardened_gates() -> dict[str, list[str]]:
    return {spans(row[0])[0]: spans(row[1]) for row in table("variable", "denies", "what it would show", "needed by")}


def linuxserver_gates() -> dict[str, list[str]]:
    return {spans(name)[0]: spans(operations) for name, operations in table("variable", "denies")}


def linuxserver_actions() -> dict[str, list[str]]:
    return {spans(name)[0]: spans(operations) for name, operations in table("variable", "allows")}


def podman_sections() -> dict[str, tuple[bool, str]]:
    rows = table("variable", "default", "allows")
    return {spans(name)[0]: (default == "1", spans(path)[0]) for name, default, path in rows}


def differences() -> list[Difference]:
    rows = table("id", "for example", "Dockgate", "and the daemon")
    return [difference(spans(row[0])[0], spans(row[1]), spans(row[2])) for row in rows]


def difference(name: str, example: list[str], answers: list[str]) -> Difference:
    """Format of an example: variables, then requests, each followed by its headers and body."""
    environment, requests = {}, []
    for span in example:
        if re.fullmatch(r"[A-Z_]+=\S*( [A-Z_]+=\S*)*", span):
            environment = assignments(span)
        elif found := re.fullmatch(r"([A-Z]+) ((?:/|http:)\S*)", span):
            requests.append(Request(found[1], found[2]))
        elif re.match(r"[\w-]+: ", span):
            requests[-1] = replace(requests[-1], headers=(*requests[-1].headers, span))
        else:
            requests[-1] = replace(requests[-1], body=span.encode())
    dialect = environment.pop("DOCKGATE_DIALECT", "tecnativa")
    return Difference(name, dialect, environment, tuple(requests), frozenset(answers))


def sets() -> list[Set]:
    rows = table("for", "set", "`hardened` denies", "`linuxserver` denies", "`linuxserver` allows")
    return [Set(assignments(" ".join(spans(row[1]))), *(tuple(spans(cell)) for cell in row[2:])) for row in rows]


def assignments(text: str) -> Environment:
    return dict(pair.split("=", 1) for pair in text.split())


def table(*header: str) -> list[list[str]]:
    """The rows of the only table with this header."""
    found = [rows for first, rows in tables() if tuple(first) == header]
    must(len(found) == 1, f"{PAGE.name} has {len(found)} tables with the header {header}")
    must(found[0], f"{PAGE.name}: the table {header} is empty")
    for row in found[0]:
        must(len(row) == len(header), f"{PAGE.name}: {len(row)} cells instead of {len(header)} in {row}")
    return found[0]


def tables() -> list[tuple[list[str], list[list[str]]]]:
    blocks = re.findall(r"^(?:\|.*\n)+", PAGE.read_text(), re.MULTILINE)
    cut = [[[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()] for block in blocks]
    return [(first, rows) for first, _rule, *rows in cut]


def spans(cell: str) -> list[str]:
    """The code spans of a cell."""
    return re.findall(r"`([^`]+)`", cell)
