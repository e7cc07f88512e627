"""What proves that a client's built-in policy is right: the record of its job, the policy learned from it, and one
more request."""

from __future__ import annotations

import csv
import json
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from api import Api
from cases import eventually, must, must_equal
from commands import Docker, run, run_well
from support import BINARY, REPOSITORY, TESTS, Engine, Gate

WEB = "dockgate-web"
# A container of someone else, which exists when the one more request is sent.
OTHER = "dockgate-other"
# The reason for an object that a policy's scope does not have.
OUT = "out_of_scope"
LOOP = ("sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done")


@dataclass(frozen=True)
class Place:
    """The place where a client does its job."""

    engine: Engine
    gate: Gate
    # Empty at first, and deleted afterwards.
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
        """The engine's CLI without the policy, for what others do."""
        return self.engine.cli(self.engine.address)


@dataclass(frozen=True)
class Client:
    """A client under its built-in policy."""

    name: str
    policy: str
    # Does the job, and returns what was seen of it.
    job: Callable[[Place], str]
    # The most similar request that would give it more, and the reason why that is refused.
    beyond: tuple[str, str, object]
    refusal: str = "not_granted"
    # Operations that the policy allows for this client but that the job does not use; each with the reason.
    unused: dict[str, str] = field(default_factory=dict)
    # Operations that it also asks for, but does not need.
    denied: frozenset[str] = frozenset()
    # Its name in clients.tsv, if its policy is a variant of another.
    slug: str | None = None
    # Client libraries and policies do not depend on the engine's version, so the oldest and the main engine are
    # enough.
    engines: tuple[str, ...] = ("20", "28", "extra")
    # Whether it goes to a socket file.
    by_socket: bool = False


def required_of(slug: str) -> set[str]:
    """The operations that a client cannot work without, according to its source."""
    with open(TESTS / "data" / "clients.tsv") as file:
        rows = csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t")
        # The entry for GET also allows a HEAD of /_ping.
        return {
            row["operation"].removesuffix("Head") for row in rows if (row["client"], row["need"]) == (slug, "required")
        }


def file_of(policy: str) -> Path:
    return REPOSITORY / "policies" / f"{policy}.toml"


def own_operations(policy: str) -> set[str]:
    """The operations that a policy itself allows, without those that it extends."""
    return set(tomllib.loads(file_of(policy).read_text())["allow"])


def granted_by(file: Path) -> set[str]:
    """All operations that a policy file allows."""
    told = run_well(BINARY, "check", file).out
    listed = re.findall(r"^  (?:read|content|write|control): (.*)$", told, re.MULTILINE)
    return {operation for line in listed for operation in line.split(", ")}


def prove_by_record(client: Client, place: Place) -> set[str]:
    """Compares the record of the job with the policy; returns the operations that were allowed."""
    place.gate.recorder.settle()
    eventually("the record of all requests", lambda: len(finished(place)) == place.gate.recorder.requests)
    lines = finished(place)
    allowed = {line.get("operation") for line in lines if line["verdict"] == "allow"}
    # An object out of scope is answered like a missing one, and some clients ask before they create something.
    denials = [line for line in lines if line["verdict"] == "deny" and line["reason"] != OUT]
    denied = {line.get("operation", line.get("path")) for line in denials}
    required = required_of(client.slug or client.policy)
    must(required, "the table does not have this client")
    must(not denied & required, f"refused although required: {denials}")
    must_equal(f"what else was refused, by {denials}", denied, set(client.denied))
    shipped = file_of(client.policy)
    record = place.folder / "record.jsonl"
    shutil.copy(f"{place.gate.books}.jsonl", record)
    teach(record, granted_by(shipped) | denied, place.folder / "learned.toml")
    named = place.folder / "named.toml"
    named.write_text(by_name(shipped, lines))
    must_equal("requests that the replay refuses", breaks(replay(named, record)), [])
    return allowed


def teach(record: Path, known: set[str], learned: Path) -> None:
    """The policy learned from the record allows only known operations, and all those that were allowed."""
    # As if someone allows everything that was learned: operations that can be root on the host are in comments.
    text = run_well(BINARY, "learn", record).out
    learned.write_text(re.sub(r'^    # "', '    "', text, flags=re.MULTILINE))
    must_equal("operations that were learned, but are not in the built-in policy", granted_by(learned) - known, set())
    must_equal("requests of the record that the learned policy refuses", breaks(replay(learned, record)), [])


def finished(place: Place) -> list[dict]:
    return [line for line in place.gate.records() if line["event"] == "request"]


def replay(policy: Path, record: Path) -> str:
    told = run(BINARY, "check", policy, "--against", record)
    must("requests" in told.out, f"no replay: {told.out}{told.err}")
    return told.out


def by_name(shipped: Path, lines: list[dict]) -> str:
    """A policy that a replay can use: with names where the original selects containers by label or project. The
    record of an exec, an attach or an upload has the container's name and not its labels, so a replay refuses
    containers that were selected by labels. They are replaced by the containers that were entered. The examples have
    other containers and are removed."""
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
    """The lines about requests that would be denied, or might be."""
    return [line.strip() for line in told.splitlines() if "would be denied" in line or "unknown: the log" in line]


def prove_by_denial(client: Client, place: Place) -> None:
    """The most similar request that would give the client more is refused, for the expected reason."""
    method, path, body = client.beyond
    if OTHER in path:
        place.direct("run", "-d", "--name", OTHER, "busybox", *LOOP)
    answer = Api(place.host).ask(method, path, body)
    if client.refusal == OUT:
        # The answer is the engine's own; only the record has the reason.
        must(answer.status == 404, f"{method} {path}: {answer}")
        eventually("the record of the denial", lambda: finished(place)[-1]["reason"] == OUT)
    else:
        must(answer.refused(client.refusal), f"{method} {path}: {answer}")
