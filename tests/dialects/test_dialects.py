"""Compares the image-swap dialects with HAProxy itself, request by request, as docs/migration.md describes them.

Both gates get the same environment and the same requests, in front of the same daemon. If one of them forwards a
request and the other does not, exactly one difference on the page must explain it, and every difference on the page
must be seen.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "engine"))

import guide
import matrix
from cases import Cases, must, must_equal
from guide import FORWARDED, Difference, Environment
from servers import Dockgate, Haproxy, Request, StandIn, Verdict
from support import scratch

CONFIGS = {"tecnativa": "haproxy.cfg", "hardened": "haproxy.cfg", "linuxserver": "haproxy-linuxserver.cfg"}
# The variables that the images themselves set. Dockgate must know them without being told.
PRESET = {"EVENTS": "1", "PING": "1", "VERSION": "1", "LIBPOD_PING": "1", "LIBPOD_VERSION": "1"}
SHOWN = 20

CLASSIC = (*matrix.SECTIONS, "ALLOW_RESTARTS", "ALLOW_START", "ALLOW_STOP")
LINUXSERVER_OWN = tuple(
    f"ALLOW_{name.upper()}" for name in (*matrix.GATED, "start", "stop", "restarts", "pause", "unpause")
)
PODMAN = tuple(f"LIBPOD_{section}" for section in matrix.PODMAN_SECTIONS)
PODMAN_ACTIONS = tuple(
    f"LIBPOD_ALLOW_{pod}{action}"
    for pod in ("", "POD_")
    for action in ("START", "STOP", "RESTARTS", "PAUSE", "UNPAUSE")
)

# Requests for differences that do not fit in a line of a table, in the environment of its row or in this one.
CLEAN = {"CONTAINERS": "1", "POST": "1"}
HEAD = b" /containers/json HTTP/1.1\r\nHost: docker\r\nUser-Agent: NUMBER\r\n"
FURTHER = {
    "long-head": [
        Request("GET", "/containers/json", (f"X-Registry-Auth: {'a' * 20_000}",)),
        Request("GET", "/containers/json", tuple(f"X-Meta-{number}: a" for number in range(105))),
    ],
    "odd-body": [
        Request("GET", "/containers/json", ("Content-Type: text/plain",), b"all=1"),
        Request("POST", "/containers/create", ("Content-Type: application/json",), b'{"Image":"%s"}' % (b"a" * 2**20)),
    ],
    "odd-head": [
        Request("GET", "", raw=b"GET" + HEAD.replace(b"\r\n", b"\n") + b"\n"),
        Request("GET", "", raw=b"GET" + HEAD.replace(b"Host: docker\r\n", b"") + b"\r\n"),
        Request("GET", "", raw=b"GET" + HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ],
}

# HAProxy itself shows which of them are true.
BOOLEANS = (
    "", "0", "00", "-0", "+0", "1", "2", "01", "10", "-1", "+1", "--1", "++1", "-+1", "-", "+", "1abc", "abc1", "+abc",
    "true", "True", "TRUE", "yes", "on", "y", "t", "false", "None", " 1", "1 ", "\t1", "1\n", "0x1", "1.5", "0.5", ".5",
    "1,0", "1e0", "\u0661", "\uff11", "9" * 20, "-" + "9" * 20, "0" * 30 + "1", "0" * 300, "9" * 300,
    "9223372036854775808", "18446744073709551616",
)  # fmt: skip


@dataclass
class Bench:
    """Compares the two gates, and keeps the differences that were seen."""

    daemon: StandIn
    differences: dict[str, Difference]
    # What `hardened` denies, and the variable that allows it, which has the difference's name.
    shut: dict[Request, str]
    seen: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    # The operations that a dialect allows with an environment, as far as they were asked for already.
    known: dict[tuple[str, frozenset], set[str]] = field(default_factory=dict)
    environments: int = 0
    requests: int = 0

    @contextmanager
    def gates(self, dialect: str, environment: Environment) -> Iterator[tuple[Haproxy, Dockgate]]:
        """HAProxy and Dockgate with the same environment; at the end the daemon's own count must agree."""
        before = self.daemon.requests
        with (
            Haproxy(CONFIGS[dialect], f"unix@{self.daemon.path}", PRESET | environment) as haproxy,
            Dockgate(dialect, f"unix://{self.daemon.path}", environment) as dockgate,
        ):
            yield haproxy, dockgate
        self.environments += 1
        self.requests += haproxy.sent
        must_equal("requests at the daemon", self.daemon.requests - before, haproxy.forwarded + dockgate.forwarded)

    def compare(self, dialect: str, environment: Environment, requests: list[Request]) -> set[Request]:
        """Sends requests through both gates; returns those that Dockgate forwards. They may only differ as the page
        says."""
        forwarded, problems = set(), []
        with self.gates(dialect, environment) as (haproxy, dockgate):
            for request in requests:
                theirs, ours = haproxy.ask(request), dockgate.ask(request)
                must(theirs.forwarded or theirs.status == 403, f"{request}: HAProxy answers {theirs.status}")
                if ours.forwarded:
                    forwarded.add(request)
                differ = theirs.forwarded != ours.forwarded
                if differ and not self.explains(self.names(dialect, request), theirs, ours):
                    problems.append(f"{request}: by HAProxy {theirs}, by Dockgate {ours}")
        where = f"{shown(environment)}: {len(problems)} differences that are not on the page"
        must(not problems, f"{where}: {problems[:SHOWN]}")
        return forwarded

    def opened(self, dialect: str, environment: Environment, requests: list[Request] | None = None) -> set[str]:
        """The operations that are allowed after `requests`, or their own requests, have gone through both gates."""
        key = dialect, frozenset(environment.items())
        if key not in self.known:
            own = [request for operation in matrix.operations() for request in operation.requests]
            forwarded = self.compare(dialect, environment, requests or own)
            self.known[key] = {each.name for each in matrix.operations() if forwarded.issuperset(each.requests)}
            some = {each.name for each in matrix.operations() if forwarded.intersection(each.requests)}
            must_equal(f"{shown(environment)}: operations allowed by only some of their routes", some, self.known[key])
        return self.known[key]

    def names(self, dialect: str, request: Request) -> set[str]:
        """The differences that may apply to a row of the matrix."""
        names = {matrix.difference(request), self.shut.get(request) if dialect == "hardened" else None}
        return names - {None}

    def explains(self, names: set[str], theirs: Verdict, ours: Verdict) -> bool:
        """Whether two verdicts differ, and exactly as one of the differences says."""
        answer = FORWARDED if ours.forwarded else ours.reason
        fitting = [name for name in names if name in self.differences and answer in self.differences[name].answers]
        if theirs.forwarded == ours.forwarded or len(names) != 1 or not fitting:
            return False
        self.seen[fitting[0]][answer] += 1
        return True


def main() -> None:
    cases = Cases()
    with scratch() as folder:
        bench = Bench(StandIn(folder / "daemon.sock"), *known_differences())
        with cases.case("tecnativa: the matrix, as HAProxy"):
            classic_matrix(bench)
        with cases.case("hardened: the matrix, as HAProxy"):
            for environment in alone(CLASSIC):
                bench.opened("hardened", environment)
        with cases.case("linuxserver: the matrix, as HAProxy"):
            linuxserver_matrix(bench)
        for dialect in CONFIGS:
            with cases.case(f"{dialect}: the examples of each difference"):
                examples(bench, dialect)
        with cases.case("every difference of the page was seen, with every answer it names"):
            must_equal(
                "answers seen",
                {name: set(answers) for name, answers in bench.seen.items()},
                {name: set(each.answers) for name, each in bench.differences.items()},
            )
        with cases.case("tecnativa: each variable allows what the page says"):
            variables(bench)
        with cases.case("hardened: tecnativa without what the page says, until each variable allows it"):
            hardened(bench)
        with cases.case("linuxserver: each variable denies and allows what the page says"):
            linuxserver(bench)
        with cases.case("documented sets: another dialect changes what the page says"):
            documented_sets(bench)
        with cases.case("booleans are read as HAProxy reads them"):
            booleans(bench)
        with cases.case("SOCKET_PATH takes the forms that HAProxy takes"):
            socket_paths(bench)
        with cases.case("from notice on, LOG_LEVEL leaves allowed reads out of the record, but never denials"):
            log_levels(bench)
        with cases.case("Dockgate only asks the daemon who it is"):
            must_equal("its own requests", set(bench.daemon.strangers), {b"GET /version HTTP/1.1"})
    print(f"{bench.environments} environments, {bench.requests} requests through each gate")
    for name, answers in bench.seen.items():
        print(f"  {name}: {', '.join(f'{answer} {count} times' for answer, count in answers.items())}")
    cases.finish()


def known_differences() -> tuple[dict[str, Difference], dict[Request, str]]:
    """The page's sets from HAProxy, and what `hardened` denies of what HAProxy forwards, by variable."""
    gates = guide.hardened_gates()
    shut = {request: gate for gate, names in gates.items() for each in named(names) for request in each.requests}
    by_gate = [Difference(gate, "hardened", {}, (), frozenset(["not_granted"])) for gate in gates]
    return {each.id: each for each in (*guide.differences(), *by_gate)}, shut


def named(names: Iterable[str]) -> list[matrix.Operation]:
    found = [each for each in matrix.operations() if each.name in names]
    must_equal("operations of the table", {each.name for each in found}, set(names))
    return found


def alone(names: Iterable[str]) -> list[Environment]:
    """No variable, each variable changed from its default, and all of them; without and with POST."""
    turned = [{name: "0" if name in PRESET else "1"} for name in names]
    everything = dict.fromkeys(names, "1")
    return [each | {"POST": post} for each in ({}, *turned, everything) for post in "01"]


def classic_matrix(bench: Bench) -> None:
    rows = matrix.docker_rows() + matrix.stray_rows()
    for environment in alone(CLASSIC):
        bench.opened("tecnativa", environment, rows)
    # These rows have an API version; clients that have not asked for one yet send none.
    bare = [replace(row, target=row.target.removeprefix("/v1.45")) for row in rows]
    for post in "01":
        bench.compare("tecnativa", dict.fromkeys(CLASSIC, "1") | {"POST": post}, bare)


def linuxserver_matrix(bench: Bench) -> None:
    docker, podman = matrix.docker_rows() + matrix.stray_rows(), matrix.podman_rows()
    for environment in alone(matrix.SECTIONS):
        bench.opened("linuxserver", environment)
    for environment in alone(LINUXSERVER_OWN):
        bench.opened("linuxserver", environment, docker + podman)
    for environment in alone((*PODMAN, *PODMAN_ACTIONS)):
        bench.compare("linuxserver", environment, podman)
    # A denial can only be seen if something else allows the operation.
    for gate in LINUXSERVER_OWN:
        opening = {"CONTAINERS": "1", "LIBPOD_CONTAINERS": "1", "LIBPOD_PODS": "1", "POST": "1"}
        bench.opened("linuxserver", opening | {gate: "1"}, docker + podman)


def examples(bench: Bench, dialect: str) -> None:
    """The examples of an image are true in its dialect; Tecnativa's are also true in `hardened`."""
    problems = []
    gates = dict.fromkeys(bench.shut.values(), "1") if dialect == "hardened" else {}
    for name, known in bench.differences.items():
        if known.dialect != ("tecnativa" if dialect == "hardened" else dialect):
            continue
        with bench.gates(dialect, gates | (known.environment or CLEAN)) as (haproxy, dockgate):
            for request in (*known.examples, *FURTHER.get(name, ())):
                theirs, ours = haproxy.ask(request), dockgate.ask(request)
                if not bench.explains({name}, theirs, ours):
                    problems.append(f"{name}: {request}: by HAProxy {theirs}, by Dockgate {ours}")
    must(not problems, f"not as the page says: {problems}")


def variables(bench: Bench) -> None:
    known = guide.variables()
    must_equal("variables", set(known), set(CLASSIC))
    for name, (default, reads, rest) in known.items():
        must_equal(f"{name}'s default", default, name in PRESET)
        plain, with_post = (gained(bench, "tecnativa", name, {"POST": post}) for post in "01")
        must_equal(f"{name} opens", plain, set(reads))
        must_equal(f"{name} allows with POST=1", with_post, {*reads, *rest})
    post = bench.opened("tecnativa", {"POST": "1"}) - bench.opened("tecnativa", {"POST": "0"})
    must_equal("POST=1 allows by itself", post, set())


def gained(bench: Bench, dialect: str, name: str, environment: Environment) -> set[str]:
    """What else a variable allows."""
    turned = environment | {name: "0" if name in PRESET else "1"}
    lesser, greater = bench.opened(dialect, environment), bench.opened(dialect, turned)
    if name in PRESET:
        lesser, greater = greater, lesser
    must(lesser <= greater, f"{name} shuts {lesser - greater}")
    return greater - lesser


def hardened(bench: Bench) -> None:
    gates, sections = guide.hardened_gates(), guide.variables()
    shut = {operation for operations in gates.values() for operation in operations}
    for environment in alone(CLASSIC):
        classic = bench.opened("tecnativa", environment)
        must_equal(shown(environment), bench.opened("hardened", environment), classic - shut)
    for gate, operations in gates.items():
        for post in "01":
            must_equal(f"{gate} alone", gained(bench, "hardened", gate, {"POST": post}), set())
        for section, (_, reads, _) in sections.items():
            if below := {*reads}.intersection(operations):
                opened = gained(bench, "hardened", gate, {section: "1", "POST": "0"})
                must_equal(f"{gate} with {section}", opened, below)


def linuxserver(bench: Bench) -> None:
    gates, actions = guide.linuxserver_gates(), guide.linuxserver_actions()
    must_equal("variables", {*gates, *actions}, set(LINUXSERVER_OWN))
    for gate, operations in gates.items():
        must_equal(gate, gained(bench, "linuxserver", gate, CLEAN), set(operations))
    for action, operations in actions.items():
        must_equal(action, gained(bench, "linuxserver", action, {"POST": "0"}), set(operations))
    classic = guide.variables()
    for section in matrix.SECTIONS:
        _, reads, rest = classic[section]
        for post, want in [("0", {*reads}), ("1", {*reads, *rest})]:
            denied = {operation for operations in gates.values() for operation in operations}
            must_equal(section, gained(bench, "linuxserver", section, {"POST": post}), want - denied)
    podman(bench, guide.podman_sections())


def podman(bench: Bench, sections: dict[str, tuple[bool, str]]) -> None:
    must_equal("Podman's variables", set(sections), set(PODMAN))
    for name, (default, path) in sections.items():
        must_equal(f"{name}'s default", default, name in PRESET)
        requests = [Request(method, f"{path}{tail}") for method in ("GET", "DELETE") for tail in ("", "/web/json")]
        for value, post, want in [("0", "1", set()), ("1", "0", {*requests[:2]}), ("1", "1", {*requests})]:
            forwarded = bench.compare("linuxserver", {name: value, "POST": post}, requests)
            must_equal(f"{name}={value} POST={post}", forwarded, want)


def documented_sets(bench: Bench) -> None:
    gates = {"hardened": guide.hardened_gates(), "linuxserver": guide.linuxserver_gates()}
    for each in guide.sets():
        classic = bench.opened("tecnativa", each.environment)
        opens = union(guide.linuxserver_actions(), each.linuxserver_opens)
        for dialect, names, more in [
            ("hardened", each.hardened_shuts, set()),
            ("linuxserver", each.linuxserver_shuts, opens),
        ]:
            what = f"{shown(each.environment)} in {dialect}"
            for name in names:
                must(classic.intersection(gates[dialect][name]), f"{what}: {name} denies nothing")
            must(not more & classic, f"{what}: {more & classic} is also allowed in tecnativa")
            must_equal(what, bench.opened(dialect, each.environment), classic - union(gates[dialect], names) | more)


def union(known: dict[str, list[str]], names: Iterable[str]) -> set[str]:
    return {operation for name in names for operation in known[name]}


def booleans(bench: Bench) -> None:
    """Each value of a section's variable and of POST, which different rules read."""
    requests = [Request("GET", "/containers/json"), Request("POST", "/networks/prune")]
    differing, true = [], []
    for value in BOOLEANS:
        environment = {"CONTAINERS": value, "NETWORKS": "1", "POST": value}
        with bench.gates("tecnativa", environment) as (haproxy, dockgate):
            theirs, ours = ([gate.ask(request).forwarded for request in requests] for gate in (haproxy, dockgate))
        must(len(set(theirs)) == 1, f"HAProxy reads {value!r} in two different ways")
        true += [value] if theirs[0] else []
        differing += [f"{value[:30]!r}: HAProxy {theirs}, Dockgate {ours}"] if theirs != ours else []
    must(0 < len(true) < len(BOOLEANS), f"HAProxy reads {true} as true")
    must(not differing, f"read differently: {differing}")


def socket_paths(bench: Bench) -> None:
    path, (host, _, port) = bench.daemon.path, bench.daemon.address.partition(":")
    ping = Request("GET", "/_ping")
    for text in (f"{path}", f"unix@{path}", f"{host}:{port}", f"ipv4@{host}:{port}", f"localhost:{port}"):
        environment = {"SOCKET_PATH": text}
        with Haproxy("haproxy.cfg", text, PRESET) as haproxy, Dockgate("tecnativa", None, environment) as dockgate:
            must(haproxy.ask(ping).forwarded, f"{text}: HAProxy does not reach the daemon")
            must(dockgate.ask(ping).forwarded, f"{text}: Dockgate does not reach the daemon")


def log_levels(bench: Bench) -> None:
    for level in ("debug", "info", "notice", "warning", "err", "crit", "alert", "emerg"):
        daemon, environment = f"unix://{bench.daemon.path}", {"LOG_LEVEL": level}
        with Dockgate("tecnativa", daemon, environment) as dockgate:
            must(dockgate.ask(Request("GET", "/version")).forwarded, f"{level}: version is denied")
            must(not dockgate.ask(Request("GET", "/info")).forwarded, f"{level}: info is allowed")
            want = ["allow", "deny"] if level in ("debug", "info") else ["deny"]
            # What must be recorded, out of what was sent.
            dockgate.sent = len(want)
        must_equal(f"{level}: on record", [line["verdict"] for line in dockgate.gate.records()], want)


def shown(environment: Environment) -> str:
    if len(environment) > 8:
        return f"{len(environment)} variables"
    return " ".join(f"{name}={value}" for name, value in environment.items()) or "no variable"


if __name__ == "__main__":
    main()
