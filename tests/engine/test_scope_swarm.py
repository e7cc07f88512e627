"""Promise 10 on a swarm: a client with a scope cannot notice, change or block services, tasks, secrets and configs that
are not in its scope.

    test_scope_swarm.py            on every Docker engine, each the only manager of a swarm
    test_scope_swarm.py --direct   without Dockgate, on the main engine: exits with 1 if the search finds all that leaks
"""

from __future__ import annotations

import os
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator

from cases import Cases, eventually, must
from scope_compare import asked, bare
from scope_pairs import questions_since, said
from scope_play import Clients
from scope_swarm import NAMED, World, essence, own_things, shared_things, swarm, two_clients, wipe_swarm
from scope_wire import Client, Markers, Row, answer_to, bytes_of, seen_by_client
from support import Engine, at_once, engines, main_engine, scratch
from swarm_script import STREAMS, script
from swarm_tricks import CHECKS

SEED = int(os.environ.get("DOCKGATE_SCOPE_SEED", "1"))
BLIND = 3
SHOWN = 5
Played = list[tuple[Row, bytes, object]]


def main() -> None:
    if sys.argv[1:] == ["--direct"]:
        direct()
    at_once(on_engine, engines())


def on_engine(cases: Cases, engine: Engine) -> None:
    def case(name: str):
        return cases.case(f"{engine.name}: {name}")

    with swarm(engine) as direct, scratch() as folder:
        markers = Markers(random.Random(f"{engine.name} {SEED}"))
        world = World(direct, markers, random.Random(f"{SEED} {engine.name}"))
        shared_things(direct)
        with two_clients(engine, folder) as clients:
            with case("the script runs"):
                two_worlds(case, clients, world)
            with case("pairs run"):
                pairs(case, clients, world, engine)
        for objects in dict.fromkeys(check.objects for check in CHECKS.values()):
            with two_clients(engine, folder, "", objects) as clients:
                for name, check in CHECKS.items():
                    if check.objects == objects:
                        with case(name):
                            wipe_swarm(direct)
                            shared_things(direct)
                            check.run(direct, clients)


def play(a: Client, words: dict[str, str], rows: list[Row], stir) -> tuple[Played, list]:
    streams = [a.stream(row, words) for row in STREAMS]
    eventually("the streams to open", lambda: all(b"\r\n\r\n" in each.answer for each in streams))
    stir()
    played = [(row, *answered(a, row, words)) for row in rows]
    stir()
    a.ask("POST", "/secrets/create", {"Name": "ci-last", "Data": "aGk="})
    eventually("the last event", lambda: streams[0].has('"ci-last"'))
    a.ask("DELETE", "/secrets/ci-last")
    for stream in streams:
        stream.close()
    return played, streams


def answered(a: Client, row: Row, words: dict[str, str]) -> tuple[bytes, object]:
    """On a busy machine, the beginning of a reply without an end can come late."""
    for _ in range(5):
        request, exchange = a.send(row, words)
        if exchange.reply:
            break
    return request, exchange


def two_worlds(case, clients: Clients, world: World) -> None:
    a, direct = clients.a, world.direct
    rows = script()
    own = own_things(a, direct)
    words = {**world.words, **own}
    without, _ = play(a, words, rows, lambda: None)
    wipe_swarm(direct)
    shared_things(direct)
    own = own_things(a, direct)
    world.build(clients.b)
    before = world.state()
    words_then = {**world.words, **own}
    played, streams = play(a, words_then, rows, world.stir)
    leaks = defaultdict(list)
    for row, request, exchange in played:
        for leak in world.markers.found_in(seen_by_client(exchange), request):
            leaks[row.area].append(f"{row}: {leak}")
    for stream in streams:
        for leak in world.markers.found_in(stream.content, stream.request):
            leaks["events"].append(f"{stream.row}: {leak}")
    for area in dict.fromkeys(row.area for row in [*rows, *STREAMS]):
        with case(f"no marker in {area}"):
            must(not leaks[area], f"{len(leaks[area])} findings:\n  " + "\n  ".join(leaks[area][:SHOWN]))
    unlike = defaultdict(list)
    for (row, _, one), (_, _, other) in zip(without, played, strict=True):
        first, second = essence(one, sent(row, words)), essence(other, sent(row, words_then))
        if not row.differs and first != second:
            unlike[row.area].append(f"{row}: {first} without, {second} with foreign objects")
    for area in dict.fromkeys(row.area for row in rows):
        with case(f"two worlds are equal: {area}"):
            must(not unlike[area], f"{len(unlike[area])} findings:\n  " + "\n  ".join(each[:1500] for each in unlike[area][:SHOWN]))
    with case("foreign objects are unchanged"):
        after = world.state()
        must(before == after, f"{before} -> {after}")
    with case("the requests reached what they were for"):
        for row, _, exchange in played:
            must(
                row.area != "own" or row.method != "GET" or exchange.status == 200,
                f"{row}: {exchange.status} {exchange.reply_body.content[:300]!r}",
            )
        must(streams[0].has('"Type":"secret"'), "the event stream has no event of client A's secret")


def sent(row: Row, words: dict[str, str]) -> dict[str, str]:
    """What the client wrote, which errors repeat."""
    return {name: text for name, text in words.items() if f"<{name}>" in str(row) or f"<{name}:upper>" in str(row)}


# Foreign or missing.


def twins() -> Iterator[tuple[Row, str, str]]:
    """Requests with the word for one foreign object, and that for a missing one of the same form."""
    for row in script():
        if row.differs:
            continue
        for name in (*NAMED, "task"):
            for form, missing in ((f"{name}_id", "no_id"), (f"{name}_short", "no_short"), (name, f"no_{name}")):
                found = {word for word in words_in(row) if not word.startswith("no_")}
                if found - {"version"} == {form}:
                    yield row, form, missing


def words_in(row: Row) -> Iterator[str]:
    text = str(row)
    for part in text.split("<")[1:]:
        yield part.split(">")[0].removesuffix(":upper")


def pairs(case, clients: Clients, world: World, engine: Engine) -> None:
    a, words = clients.a, world.words
    must("is gone" not in world.state().values(), "there is nothing foreign to ask for")
    found, rows = defaultdict(list), list(twins())
    for row, name, missing in rows:
        text = f"{row} ({name})"
        answers, questions = [], []
        for word in (words[name], words[missing]):
            start = len(clients.relay.connections)
            a.sent += 1
            request = bytes_of(row, {**words, name: word})
            answer = answer_to(a.address, request, endless=row.endless)
            answers.append(bare(answer, word))
            questions.append([plain(each) for each in asked(questions_since(clients.relay, start), word)])
        if answers[0] != answers[1]:
            found[row.area].append(f"{text}: foreign {answers[0][-400:]!r}, missing {answers[1][-400:]!r}")
        if questions[0] != questions[1]:
            found[row.area].append(f"{text}: asked for a foreign one {questions[0]}, for a missing one {questions[1]}")
        if f"<{name}>" in row.path and b"\r\nDockgate-Reason:" not in answer and "networks" not in str(row.body).lower():
            own = answer_to(engine.address, request, endless=row.endless)
            ours, theirs = (said(request, each, word) for each in (answer, own))
            if ours != theirs:
                found[row.area].append(f"{text}: Dockgate says {ours!r}, the engine itself {theirs!r}")
    for area in dict.fromkeys(row.area for row, _, _ in rows):
        with case(f"foreign and missing are the same ({len(rows)} pairs): {area}"):
            must(not found[area], f"{len(found[area])} findings:\n  " + "\n  ".join(found[area][:SHOWN]))


def plain(question: str) -> str:
    """A question without the id of a task's service."""
    return re.sub(r"/services/[0-9a-z]{25}\b", "/services/<id>", question)


# Without Dockgate.


def direct() -> None:
    """Shows that the search finds what a client sees without a scope."""
    engine = main_engine()
    client = Client(engine.address)
    with swarm(engine) as api:
        markers = Markers(random.Random(SEED))
        world = World(api, markers, random.Random(SEED))
        shared_things(api)
        own = own_things(client, api)
        world.build(client)
        rows = [row for row in script() if row.leaks]
        words = {**world.words, **own}
        streams = [client.stream(row, words) for row in STREAMS]
        eventually("the streams to open", lambda: all(b"\r\n\r\n" in each.answer for each in streams))
        world.stir()
        eventually("the events", lambda: all(each.content for each in streams))
        silent = []
        for row in rows:
            request, exchange = client.send(row, words)
            found = markers.found_in(seen_by_client(exchange), request)
            silent += [] if found else [str(row)]
        for stream in streams:
            stream.close()
            silent += [] if markers.found_in(stream.content, stream.request) else [str(stream.row)]
    for row in silent:
        print(f"BLIND: no marker found in the reply to {row}")
    if silent:
        sys.exit(BLIND)
    sys.exit(f"without Dockgate, foreign objects show in {len(rows) + len(streams)} replies")


main()
