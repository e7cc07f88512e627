"""Pairs of requests: each one for a foreign object, and for one that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from exchanges import Exchange
from recorder import Recorder
from scope_compare import asked, bare
from scope_lists import STREAMS
from scope_script import every_row
from scope_wire import Client, Row, answer_to, bytes_of, exchange_of
from support import SLOW

KINDS = "running|stopped|paused|created|failed|joined|other|net|other_net|vol|other_vol"
TWINS = re.compile(rf"<({KINDS})(_id|_short)?(:upper)?>")


@dataclass(frozen=True)
class Pair:
    """A row that names one foreign object, and the word for a missing one of the same form."""

    row: Row
    name: str
    missing: str

    def unlike(self, a: Client, words: dict[str, str], recorder: Recorder, engine: str) -> Iterator[str]:
        """How the answers differ, or what the daemon is asked, or the engine's own answer for a missing object."""
        texts = words[self.name], words[self.missing]
        answers, questions = [], []
        for text in texts:
            start = len(recorder.connections)
            a.sent += 1
            request = bytes_of(self.row, {**words, self.name: text}, a.version)
            last = answer_to(a.address, request, endless=self.row.endless)
            answers.append(bare(last, text))
            questions.append(asked(questions_since(recorder, start), text))
        if answers[0] != answers[1]:
            yield f"{self.name}: foreign {answers[0][-400:]!r}, missing {answers[1][-400:]!r}"
        if questions[0] != questions[1]:
            yield f"{self.name}: the daemon is asked for a foreign one {questions[0]}, for a missing one {questions[1]}"
        # Dockgate itself denies what it does not read as the engine does, such as an escape in a path.
        if f"<{self.name}>" in self.row.path and b"\r\nDockgate-Reason:" not in last:
            own = answer_to(engine, request, endless=self.row.endless)
            ours, theirs = (said(request, each, texts[1]) for each in (last, own))
            if ours != theirs:
                yield f"{self.missing}: Dockgate says {ours!r}, the engine itself {theirs!r}"


def said(request: bytes, answer: bytes, text: str) -> tuple[int | None, str | None, bytes]:
    """Status, type and body of an answer, except for the name that was sent."""
    exchange = exchange_of(request, answer)
    kind = exchange.reply.value("Content-Type") if exchange.reply else None
    return exchange.status, kind, bare(exchange.reply_body.content, text)


def pairs() -> list[Pair]:
    """One pair for each request and way to write a name, or all of them in a slow run."""
    chosen = {}
    for row in every_row():
        found = set(TWINS.findall(str(row)))
        # Replies with own objects change with time and come in any order. A row with two foreign names has no single
        # twin.
        shows_own = any(text in str(row.query) for text in ("ci-web", ',""', "before", "since"))
        if row.differs or len(found) != 1 or shows_own or row in STREAMS:
            continue
        name, form, upper = found.pop()
        key = str(row) if SLOW else (TWINS.sub("<>", str(row)), form, upper)
        chosen.setdefault(key, Pair(row, name + form, "no" + (form or f"_{name}")))
    return list(chosen.values())


def questions_since(recorder: Recorder, start: int) -> list[Exchange]:
    """What the daemon was asked on the connections that were made since then."""
    with recorder.lock:
        connections = recorder.connections[start:]
    for each in connections:
        each.ended.wait(1)
    found = [exchange for each in connections for exchange in each.exchanges()]
    return sorted(found, key=lambda exchange: exchange.started)
