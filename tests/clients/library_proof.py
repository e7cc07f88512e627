"""What a client's shipped policy is held against: the record of its job, what that teaches, and one request more."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from api import Api
from cases import eventually, must, must_equal
from commands import Docker, run, run_well
from support import REPOSITORY, TESTS, Engine, Gate

BINARY = os.environ.get("DOCKGATE_BIN") or REPOSITORY / "target" / "release" / "dockgate"

WEB = "dockgate-web"
# A container of somebody else, which is there when the one request more is sent.
OTHER = "dockgate-other"
LOOP = ("sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done")


@dataclass(frozen=True)
class Place:
    """Where a client does its job."""

    engine: Engine
    gate: Gate
    # Empty at first, and gone afterwards.
    folder: Path

    @property
    def host(self) -> str:
        return self.gate.host

    @property
    def docker(self) -> Docker:
        """The engine's CLI behind the policy."""
        return self.engine.cli(self.host)

    @property
    def direct(self) -> Docker:
        """The engine's CLI past the policy, for what others do."""
        return self.engine.cli(self.engine.address)


@dataclass(frozen=True)
class Client:
    """A client under its shipped policy."""

    name: str
    policy: str
    # Does the job, and says what was seen of it.
    job: Callable[[Place], str]
    # The nearest request that would give it more, and why that is refused.
    beyond: tuple[str, str, object]
    refusal: str = "not_granted"
    # What the job makes no use of, though the policy grants it for this client; each with the reason.
    unused: dict[str, str] = field(default_factory=dict)
    # What it asks for besides, and goes without.
    denied: frozenset[str] = frozenset()
    # Its name in clients.tsv, where its policy is a variant of another.
    slug: str | None = None
    # Client libraries and policies do not depend on the engine's version, so the oldest and the main engine do.
    engines: tuple[str, ...] = ("20", "28", "extra")
    # Whether it goes to a socket file.
    by_socket: bool = False


def required_of(slug: str) -> set[str]:
    """What a client cannot do without, as its source says."""
    with open(TESTS / "data" / "clients.tsv") as file:
        rows = csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t")
        # A HEAD of /_ping is granted with the GET.
        return {
            row["operation"].removesuffix("Head") for row in rows if (row["client"], row["need"]) == (slug, "required")
        }


def file_of(policy: str) -> Path:
    return REPOSITORY / "policies" / f"{policy}.toml"


def own_operations(policy: str) -> set[str]:
    """What a policy grants itself, without those that it extends."""
    return set(tomllib.loads(file_of(policy).read_text())["allow"])


def granted_by(file: Path) -> set[str]:
    """All that a policy file grants."""
    told = run_well(BINARY, "check", file).out
    listed = re.findall(r"^  (?:read|content|write|control): (.*)$", told, re.MULTILINE)
    return {operation for line in listed for operation in line.split(", ")}


def prove_by_record(client: Client, place: Place) -> set[str]:
    """Holds the record of the job against the policy; the operations that it was allowed."""
    place.gate.recorder.settle()
    eventually("the record of all requests", lambda: len(finished(place)) == place.gate.recorder.requests)
    lines = finished(place)
    allowed = {line.get("operation") for line in lines if line["verdict"] == "allow"}
    denials = [line for line in lines if line["verdict"] == "deny"]
    denied = {line.get("operation", line.get("path")) for line in denials}
    required = required_of(client.slug or client.policy)
    must(required, "the table has no such client")
    must(not denied & required, f"refused, though required: {denials}")
    must_equal(f"what was refused besides, by {denials}", denied, set(client.denied))
    shipped = file_of(client.policy)
    record = place.folder / "record.jsonl"
    shutil.copy(f"{place.gate.books}.jsonl", record)
    teach(record, granted_by(shipped) | denied, place.folder / "learned.toml")
    named = place.folder / "named.toml"
    named.write_text(by_name(shipped, lines))
    must_equal("what the replay refuses", breaks(replay(named, record)), [])
    return allowed


def teach(record: Path, known: set[str], learned: Path) -> None:
    """The policy that is learned from the record grants nothing but what is known, and all that was allowed."""
    # As someone grants it who grants all of it: what can be root on the host stands there as a comment.
    text = run_well(BINARY, "learn", record).out
    learned.write_text(re.sub(r'^    # "', '    "', text, flags=re.MULTILINE))
    must_equal("operations learned, and not in the shipped policy", granted_by(learned) - known, set())
    must_equal("what the learned policy refuses of the record", breaks(replay(learned, record)), [])


def finished(place: Place) -> list[dict]:
    return [line for line in place.gate.records() if line["event"] == "request"]


def replay(policy: Path, record: Path) -> str:
    told = run(BINARY, "check", policy, "--against", record)
    must("requests" in told.out, f"no replay: {told.out}{told.err}")
    return told.out


def by_name(shipped: Path, lines: list[dict]) -> str:
    """A policy as a replay can be held against it: with names where it picks containers by label or project.

    Of an exec, an attach or an upload the record has the container's name and not its labels, so a replay refuses what
    was picked by these. In their place stand the containers that were entered. Its examples have others and are cut.
    """
    entered = {
        finding.partition("=")[2]
        for line in lines
        for finding in line.get("findings", [])
        if finding.startswith(("exec.into=", "archive.into="))
    }
    text = shipped.read_text().partition("[[example]]")[0]
    return re.sub(
        r'^into = \["(?:label|project):.*$', f"into = {json.dumps(sorted(entered))}", text, flags=re.MULTILINE
    )


def breaks(told: str) -> list[str]:
    """The lines on requests that would be refused, or that might be."""
    return [line.strip() for line in told.splitlines() if "would be refused" in line or "cannot be told" in line]


def prove_by_denial(client: Client, place: Place) -> None:
    """The nearest request that would give the client more is refused, for the reason that is expected."""
    method, path, body = client.beyond
    if OTHER in path:
        place.direct("run", "-d", "--name", OTHER, "busybox", *LOOP)
    answer = Api(place.host).ask(method, path, body)
    must(answer.refused(client.refusal), f"{method} {path}: {answer}")
