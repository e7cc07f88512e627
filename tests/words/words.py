#!/usr/bin/env python3
"""Checks the words of everything that people read: docs, policies, comments, and the program's messages.

    words.py check [FILE...]   finds what banned.txt lists, in all files or in these, and exits with 1 if it finds any
    words.py count             prints the number of findings of each file
    words.py sample SEED [START]
                               prints 40 sentences with file and line, from the files whose path starts with START;
                               the same seed gives the same sentences
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
# Data, generated pages, and this folder, which has to quote what it bans.
LEFT_OUT = ("tests/data/", "tests/words/", "tests/changes/", "docs/man/", "docs/completions/", "Cargo.lock", "LICENSE")
SAMPLE = 40
# Not the `n` of `\n`, and not a name in braces.
PLAIN_WORD = r"(?<![\\\w{.])[A-Za-z]{2,}"


class Text(NamedTuple):
    """A paragraph, a comment or a message, and the line where it begins."""

    file: str
    line: int
    words: str


def tracked() -> list[str]:
    files = subprocess.check_output(["git", "ls-files"], cwd=REPOSITORY, text=True).splitlines()
    return [file for file in files if not file.startswith(LEFT_OUT) and (REPOSITORY / file).is_file()]


def texts(files: list[str]) -> Iterator[Text]:
    for file in files:
        yield from texts_of(file)


def texts_of(file: str) -> Iterator[Text]:
    path = REPOSITORY / file
    kind = path.suffix or path.name
    if kind == ".md":
        found = paragraphs(path.read_text())
    elif kind in (".rs", ".go", ".js", ".java"):
        source = path.read_text()
        found = [*comments(source, r"//[/!]?"), *messages(source)]
    elif kind in (".toml", ".yaml", ".yml", ".sh", ".py", "Dockerfile"):
        source = path.read_text()
        found = [*comments(source, "#"), *descriptions(source), *docstrings(source)]
        if kind in (".sh", ".py"):
            found += messages(source)
    else:
        return
    for line, words in sorted(found):
        if words := " ".join(words.split()):
            yield Text(file, line, words)


def paragraphs(source: str) -> Iterator[tuple[int, str]]:
    """Paragraphs, headings, list items and table cells of Markdown, without code blocks."""
    begun, lines, code = 0, [], False
    for number, line in enumerate([*source.splitlines(), ""], 1):
        if line.lstrip().startswith("```"):
            code = not code
            line = ""
        elif code:
            continue
        is_new = not line.strip() or re.match(r"\s*([-*#|]|\d+\.)", line)
        if is_new and lines:
            yield begun, " ".join(lines)
            lines = []
        if line.lstrip().startswith("|"):
            yield from ((number, cell) for cell in line.strip().strip("|").split("|") if not re.fullmatch(r"[\s:-]*", cell))
        elif line.strip():
            begun = begun if lines else number
            lines.append(re.sub(r"^\s*([-*#]+|\d+\.)\s", "", line))


def comments(source: str, mark: str) -> Iterator[tuple[int, str]]:
    """Comments on lines of their own, joined, and comments that follow code."""
    begun, lines = 0, []
    for number, line in enumerate([*source.splitlines(), ""], 1):
        alone = re.match(rf"\s*{mark} ?(?!!)(.*)", line)
        if alone and alone[1].strip():
            begun = begun if lines else number
            lines.append(alone[1])
            continue
        if lines:
            yield begun, " ".join(lines)
            lines = []
        if behind := re.search(r"[,;\]})\"] +(?://|#) (.*)$", line):
            yield number, behind[1]


def messages(source: str) -> Iterator[tuple[int, str]]:
    """Strings of at least three words that are not in comments or docstrings."""
    code = re.sub(r"(?m)^[ \t]*(//|#).*$", "", re.sub(DOCSTRING, lambda found: "\n" * found[0].count("\n"), source))
    for found in re.finditer(r'"((?:[^"\\\n]|\\.)*)"', code, re.DOTALL):
        words = re.sub(r"\\\n\s*", "", found[1])
        if len(re.findall(r"[a-z]{2,}", words)) >= 3 and " " in words.strip():
            yield code.count("\n", 0, found.start()) + 1, words


DOCSTRING = re.compile(r'"""(.*?)"""', re.DOTALL)


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    for found in DOCSTRING.finditer(source):
        yield source.count("\n", 0, found.start()) + 1, found[1]


def descriptions(source: str) -> Iterator[tuple[int, str]]:
    for found in re.finditer(r'(?m)^description = "(.*)"', source):
        yield source.count("\n", 0, found.start()) + 1, found[1]


def banned() -> list[tuple[re.Pattern[str], str]]:
    rows = [line.split("\t") for line in (HERE / "banned.txt").read_text().splitlines()]
    return [(re.compile(row[0], re.IGNORECASE), row[1]) for row in rows if len(row) == 2]


def findings(files: list[str]) -> Iterator[tuple[Text, str, str]]:
    """Every banned phrase that is not in quoted code."""
    rules = banned()
    for text in texts(files):
        words = re.sub(r"`[^`]*`", "`…`", text.words)
        for rule, advice in rules:
            if found := rule.search(words):
                yield text, found[0], advice


def check(*files: str) -> int:
    count = 0
    for text, found, advice in findings(list(files) or tracked()):
        count += 1
        print(f'{text.file}:{text.line}: "{found}": {advice}: {text.words[:160]}')
    print(f"{count} banned words or phrases")
    return count > 0


def count() -> int:
    by = Counter(text.file for text, _, _ in findings(tracked()))
    for file, number in by.most_common():
        print(f"{number:4} {file}")
    print(f"{by.total():4} in all")
    return 0


def sample(seed: str, *starts: str) -> int:
    """Takes turns between the kinds of files, because most sentences are comments of policies and of code."""
    kinds: dict[str, list[Text]] = {}
    for text in texts([file for file in tracked() if not starts or file.startswith(starts)]):
        for words in re.split(r"(?<=[.!?:;])\s+(?=[A-Z`\"])", text.words):
            if len(re.findall(PLAIN_WORD, words)) >= 5 and "HTTP/1" not in words:
                kind = "prose" if text.file.endswith(".md") else text.file.split("/")[0]
                kinds.setdefault(kind, []).append(text._replace(words=words))
    chance = random.Random(seed)
    chosen = []
    for kind in sorted(kinds):
        chance.shuffle(kinds[kind])
    while len(chosen) < SAMPLE and any(kinds.values()):
        for kind in sorted(kinds):
            if kinds[kind] and len(chosen) < SAMPLE:
                chosen.append(kinds[kind].pop())
    for text in chosen:
        print(f"{text.file}:{text.line}: {text.words}")
    return 0


if __name__ == "__main__":
    command, *rest = sys.argv[1:] or ["check"]
    run = {"check": check, "count": count, "sample": sample}.get(command)
    sys.exit(run(*rest) if run else __doc__)
