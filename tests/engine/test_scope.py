"""Promise 10: a client with a scope cannot notice, change or block what is not in its scope.

Two clients of one Dockgate may do almost everything, each with its own objects; other objects belong to neither.

    non-interference    no marker of a foreign object comes back, neither in replies nor in open event streams
    two worlds          the replies are equal with and without the foreign objects
    foreign or missing  a foreign object is answered like one that does not exist, and the daemon is asked the same

    test_scope.py            on every Docker engine, because their replies and error texts differ
    test_scope.py --direct   without Dockgate, on the main engine: exits with 1 if the search finds all that leaks there

    DOCKGATE_SCOPE_SEED      another choice of names, ids and addresses
    DOCKGATE_SCOPE_ROUNDS    how often everything is repeated, each time with another seed (default 1)
"""

from __future__ import annotations

import os
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import scope_events  # noqa: F401, adds its checks to CHECKS
import scope_images  # noqa: F401
import scope_tricks  # noqa: F401
from api import Api
from cases import Cases, must
from scope_own import CHECKS
from scope_pairs import pairs
from scope_play import NOT_SENT, POLICY, Clients, Played, differences, play_all, shared_things, two_clients
from scope_script import every_row, script
from scope_wire import Client, Markers, Row
from scope_world import Stir, World, own_things, wipe
from support import MAIN_ENGINE, SLOW, TESTS, Engine, at_once, engines, main_engine, scratch

SEED = int(os.environ.get("DOCKGATE_SCOPE_SEED", "1"))
ROUNDS = int(os.environ.get("DOCKGATE_SCOPE_ROUNDS", "1"))
# Round by round: the engine's own version, and one that every engine knows.
VERSIONS = ("", "/v1.41")
# The exit code of `--direct` if the search has missed something that is known to leak.
BLIND = 3
# How many findings of one area are printed.
SHOWN = 5


def main() -> None:
    if sys.argv[1:] == ["--direct"]:
        direct()
    cases = Cases()
    with cases.case("the script has every operation of the policy"):
        has_every_operation()
    if cases.failed:
        cases.finish()
    at_once(on_engine, engines())


def on_engine(cases: Cases, engine: Engine) -> None:
    for each in range(ROUNDS):
        with scratch() as folder:
            Round(cases, engine, SEED + each, VERSIONS[each % len(VERSIONS)], folder).run()


@dataclass
class Round:
    """All checks on one engine, with the names, ids and addresses of one seed."""

    cases: Cases
    engine: Engine
    seed: int
    version: str
    folder: Path
    used: list[Clients] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.direct = Api(self.engine.address)
        self.markers = Markers(random.Random(f"{self.engine.name} {self.seed}"))
        self.world = World(self.direct, self.markers, random.Random(f"{self.seed} {self.engine.name}"), self.folder)

    def run(self) -> None:
        began = time.monotonic()
        try:
            self.fresh()
            with self.case("the script runs"), self.clients() as clients:
                self.two_worlds(clients)
            with self.case("pairs run"), self.clients() as clients:
                self.foreign_or_missing(clients)
            for scope in dict.fromkeys((check.objects, check.images) for check in CHECKS.values()):
                with self.case(f"checks with the scope {scope} run"), self.clients(*scope) as clients:
                    self.checks(clients, scope)
        finally:
            wipe(self.direct)
        sent = sum(each.a.sent + each.b.sent for each in self.used)
        took = f"{time.monotonic() - began:.1f} s (seed {self.seed}{self.version})"
        print(f"{self.engine.name}: {sent} requests, {len(self.markers.planted)} markers, {took}", flush=True)

    def checks(self, clients: Clients, scope: tuple[tuple[str, ...], str]) -> None:
        for name, check in CHECKS.items():
            is_wanted = check.on_all or SLOW or self.engine.name in (MAIN_ENGINE, "extra")
            if is_wanted and (check.objects, check.images) == scope:
                self.fresh()
                with self.case(name):
                    check.run(self.direct, clients)

    def fresh(self) -> None:
        wipe(self.direct)
        shared_things(self.direct)

    def case(self, name: str):
        return self.cases.case(f"{self.engine.name}: {name}")

    @contextmanager
    def clients(self, objects: tuple[str, ...] = ("@own",), images: str = "shared"):
        with two_clients(self.engine, self.folder, self.version, objects, images) as clients:
            self.used.append(clients)
            yield clients

    def by_area(self, what: str, rows: Iterable[Row], found: list[tuple[Row, str]]) -> None:
        """A case for each area of the script."""
        grouped = defaultdict(list)
        for row, text in found:
            grouped[row.area].append(f"{row}: {text}")
        for area in dict.fromkeys(row.area for row in rows):
            with self.case(f"{what} {area}"):
                lines = grouped[area]
                must(not lines, f"{len(lines)} findings:\n  " + "\n  ".join(lines[:SHOWN]))

    def two_worlds(self, clients: Clients) -> None:
        a, world = clients.a, self.world
        without = play_all(a, world, own_things(a), script())
        self.fresh()
        own = own_things(a)
        world.build(clients.b)
        before, stir = world.state(), Stir(world)
        with_foreign = play_all(a, world, own, script())
        stir.stop()
        after = world.state()
        leaks = [leak for played in with_foreign for leak in played.leaks(self.markers)]
        self.by_area("no marker in", every_row(), leaks)
        unequal = [found for pair in zip(without, with_foreign, strict=True) for found in differences(*pair)]
        self.by_area("two worlds are equal:", every_row(), unequal)
        with self.case("foreign objects are unchanged"):
            changed = [f"{name}: {before[name]} -> {after[name]}" for name in before if before[name] != after[name]]
            must(not changed, "; ".join(changed))
        with self.case("foreign things happened"):
            stir.must_have_happened()
        with self.case("the requests reached what they were for"):
            reached(with_foreign[0])

    def foreign_or_missing(self, clients: Clients) -> None:
        now = time.time()
        words = {**self.world.words, "now": f"{now:.9f}", "after": f"{now - 5:.9f}"}
        state = self.world.state()
        must("is gone" not in state.values(), f"there is nothing foreign to ask for: {state}")
        rows = pairs()
        found = [
            (pair.row, text)
            for pair in rows
            for text in pair.unlike(clients.a, words, clients.relay, self.engine.address)
        ]
        what = f"foreign and missing are the same ({len(rows)} pairs):"
        self.by_area(what, [pair.row for pair in rows], found)


def reached(played: Played) -> None:
    """A script whose own objects do not work proves nothing."""
    for row, _, exchange in played.answers:
        if "<" in str(row) or not row.area.startswith(("GET /containers/...", "lists", "own")):
            continue
        # Checkpoints need an experimental daemon, and Dockgate knows HEAD only where Docker documents it.
        works = exchange.status < 400 or row.path.endswith("checkpoints") or row.method == "HEAD"
        must(works, f"{row}: {exchange.status} {exchange.reply_body.content[:200]!r}")
    seen = b"".join(exchange.reply_body.content for _, _, exchange in played.answers)
    for text in (b'"/ci-web"', b'"ci-vol"', b'"ci-net"'):
        must(text in seen, f"no reply has {text}")
    for stream in played.streams[:4]:
        must(stream.events(), f"{stream.row}: no event of client A's own objects")


# The script itself.


def has_every_operation() -> None:
    """Each operation that the policy allows has a row."""
    table = []
    for line in (TESTS / "data" / "docker-api.tsv").read_text().splitlines():
        if line[:1].isupper():
            name, _, method, path, section, effect, *_ = line.split("\t")
            table.append((name, method, re.sub(r"\{[^}]*\}", "[^/]+", path), section, effect))
    entries = re.findall(r'"(\w+(?::\w+)?)"', POLICY.partition("allow = [")[2].partition("]")[0])
    wanted = {name for name, _, _, section, effect in table if name in entries or f"{section}:{effect}" in entries}
    sent = set()
    for row in every_row():
        sent |= {name for name, method, path, *_ in table if method == row.method and re.fullmatch(path, row.path)}
    unsent = wanted - sent - set(NOT_SENT)
    must(not unsent, f"no request for {sorted(unsent)}")


# Without Dockgate.


def direct() -> None:
    """Shows that the search finds what a client sees without a scope."""
    engine = main_engine()
    api, client = Api(engine.address), Client(engine.address)
    wipe(api)
    markers = Markers(random.Random(SEED))
    try:
        with scratch() as folder:
            shared_things(api)
            world = World(api, markers, random.Random(SEED), folder)
            own = own_things(client)
            world.build(client)
            stir = Stir(world)
            world.words["after"] = str(int(time.time()) - 30)
            played = play_all(client, world, own, script())
            stir.stop()
    finally:
        wipe(api)
    found = defaultdict(list)
    for each in played:
        for row, leak in each.leaks(markers):
            found[row.area, str(row)].append(leak)
    areas = Counter(area for area, _ in found)
    for (_, row), leaks in found.items():
        print(f"FAILED {row}: {len(leaks)} markers, such as {leaks[0]}")
    expected = [row for row in every_row() if row.leaks]
    silent = [str(row) for row in expected if not found[row.area, str(row)]]
    for area, count in areas.items():
        print(f"{area}: {count} requests leak")
    seen = f"{len(expected) - len(silent)} of {len(expected)} expected leaks found"
    print(f"direct: {client.sent} requests, {len(markers.planted)} markers; {seen}")
    for row in silent:
        print(f"BLIND: no marker found in the reply to {row}")
    if silent:
        sys.exit(BLIND)
    sys.exit("without Dockgate, foreign objects show")


main()
