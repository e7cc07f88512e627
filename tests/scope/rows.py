"""Each check that a scope consists of is switched off in turn, and tests/engine/test_scope.py finds it.

    rows.py           all rows
    rows.py ROW...    only these
    rows.py --check   builds nothing: every row can still be made in the code

The rows are changes of the code. All are made in one copy, each behind a switch: the variable SCOPE_ROW_OFF names the
row that is off. So there is one build, and a run of the test for each row, on the main engine.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
COPY = REPOSITORY / "target" / "scope-rows"
SWITCH = """
/// Whether a row is switched off.
pub(crate) fn is_off(row: &str) -> bool {
    std::env::var("SCOPE_ROW_OFF").is_ok_and(|off| off == row)
}
"""
# No run takes this long.
LIMIT = 600

SCOPE = "src/policy/scope"
LIST, EVENTS, DOCUMENT = (f"{SCOPE}/reply/{name}.rs" for name in ("list", "events", "document"))
CHECK, LISTING, VIEW = (f"{SCOPE}/{name}.rs" for name in ("check", "listing", "view"))
GRANT, SIGHT, STAMP = "src/policy/evaluate/grant.rs", "src/policy/evaluate/sight.rs", "src/policy/stamp.rs"
ERRORS = "src/policy/filter/error_text.rs"


def off(*rows: str) -> str:
    return " || ".join(f'crate::is_off("{row}")' for row in rows)


def on(row: str) -> str:
    return f'!crate::is_off("{row}")'


# File, a text that it contains once, what replaces it, and the rows that this is for.
CHANGES = [
    # Lists.
    (
        LIST,
        "Standing::Hidden => false,",
        'Standing::Hidden => crate::is_off(&format!("{}s in lists", kind.noun())),',
        ["containers in lists", "networks in lists", "volumes in lists"],
    ),
    (
        LIST,
        'let picked = Json::pick(element, &["Containers"])?;',
        f'if {off("users in lists")} {{ return Some(Kept::As); }}\nlet picked = Json::pick(element, &["Containers"])?;',
        ["users in lists"],
    ),
    (LISTING, "if limit(call).is_some() {", f"if limit(call).is_some() && {on('limit')} {{", ["limit"]),
    (
        LISTING,
        "for key in NAMING {",
        f"for key in NAMING.into_iter().filter(|_| {on('names in filters')}) {{",
        ["names in filters"],
    ),
    (
        CHECK,
        "if listing::has_unclear_filters(",
        f"if {on('unclear filters')} && listing::has_unclear_filters(",
        ["unclear filters"],
    ),
    (LIST, "Standing::Seen => !*has_only_own,", f"Standing::Seen => !*has_only_own || {off('dangling')},", ["dangling"]),
    # Events.
    (
        EVENTS,
        "&& standing != Standing::Hidden",
        f"&& (standing != Standing::Hidden || {off('events of containers')})",
        ["events of containers"],
    ),
    (
        EVENTS,
        "let is_seen = is_known ||",
        f"let is_seen = {off('events of networks and volumes')} || is_known ||",
        ["events of networks and volumes"],
    ),
    (
        EVENTS,
        ".filter(|id| !id.is_empty())",
        f".filter(|id| !id.is_empty() && {on('containers in events of networks')})",
        ["containers in events of networks"],
    ),
    (EVENTS, "_ => Some(false),", f"_ => Some({off('other events')}),", ["other events"]),
    # Documents.
    (DOCUMENT, "Shows::Counts => self", f"Shows::Counts if {off('info')} => {{}}\nShows::Counts => self", ["info"]),
    (
        DOCUMENT,
        "Shows::Members => self",
        f"Shows::Members if {off('members of networks')} => {{}}\nShows::Members => self",
        ["members of networks"],
    ),
    (
        DOCUMENT,
        "Shows::Usage => self",
        f"Shows::Usage if {off('disk usage')} => {{}}\nShows::Usage => self",
        ["disk usage"],
    ),
    # Names in paths, and what a body names.
    (
        CHECK,
        "None | Some(Standing::Hidden) => {\n",
        'None | Some(Standing::Hidden) if !crate::is_off(&format!("{}s in paths", kind.noun())) => {\n',
        ["containers in paths", "execs in paths", "networks in paths", "volumes in paths"],
    ),
    (CHECK, "Some(Standing::Own | Standing::Seen) => {}", "_ => {}", []),
    (
        VIEW,
        "matches!(answer, Answer::Container(it) if",
        f"{off('containers in paths', 'execs in paths', 'containers in bodies')}"
        " || matches!(answer, Answer::Container(it) if",
        [],
    ),
    (
        VIEW,
        "matches!(answer, Answer::Network(it) if",
        f"{off('networks in paths', 'networks in bodies')} || matches!(answer, Answer::Network(it) if",
        ["networks in bodies"],
    ),
    (
        VIEW,
        "if self.volume(name, volume, known)? == Standing::Hidden",
        f"if !({off('volumes in paths', 'volumes in bodies')}) && self.volume(name, volume, known)? == Standing::Hidden",
        ["volumes in bodies"],
    ),
    (
        CHECK,
        "Some(Standing::Hidden) | None => {\n",
        f"Some(Standing::Hidden) | None if {off('containers in bodies')} => Ok(()),\nSome(Standing::Hidden) | None => {{\n",
        ["containers in bodies"],
    ),
    (CHECK, "Some(Standing::Seen) if changes => {", f"Some(Standing::Seen) if changes && {on('see')} => {{", ["see"]),
    (
        VIEW,
        "if !finds_by_id(kind, name) || is_full_id(name)",
        f"if {off('beginnings of ids')} || !finds_by_id(kind, name) || is_full_id(name)",
        ["beginnings of ids"],
    ),
    (
        VIEW,
        "&& is_whole_id(name);",
        f"&& is_whole_id(name) && {on('volumes without a name')};",
        ["volumes without a name"],
    ),
    # Creation.
    (
        CHECK,
        "&& volume(asked.view, name)?.is_none()",
        f"&& volume(asked.view, name)?.is_none() && {on('names of volumes')}",
        ["names of volumes"],
    ),
    (CHECK, "} else if is_like_id ||", f"}} else if is_like_id && {on('names like ids')} ||", ["names like ids"]),
    (CHECK, "} else if names.is_some_and(", f"}} else if {on('names')} && names.is_some_and(", ["names"]),
    (
        CHECK,
        "let is_own = self.covers(",
        f"let is_own = {off('labels of new objects')} || self.covers(",
        ["labels of new objects"],
    ),
    (
        GRANT,
        "if self.rules.selecting.is_empty() {",
        f"if self.rules.selecting.is_empty() || {off('labels of images')} {{",
        ["labels of images"],
    ),
    (STAMP, "owner.filter(|_| is_marked);", f"owner.filter(|_| is_marked && {on('marks')});", ["marks"]),
    (
        GRANT,
        ".filter(|_| is_create && is_new_allowed)?",
        f".filter(|_| is_create && is_new_allowed && {on('volumes that a container brings')})?",
        ["volumes that a container brings"],
    ),
    (
        "src/policy/checker/chosen.rs",
        "if !projects.own || !member.labels.are_of(self.owner) {",
        f"if {on('projects')} && (!projects.own || !member.labels.are_of(self.owner)) {{",
        ["projects"],
    ),
    # Prune, and images.
    (
        LISTING,
        ".chain(self.label_filter().unwrap_or_default())",
        f".chain(self.label_filter().filter(|_| {on('prune')}).unwrap_or_default())",
        ["prune"],
    ),
    (
        f"{SCOPE}/used.rs",
        "if !call.effect().changes_state()",
        f"if {off('images')} || !call.effect().changes_state()",
        ["images"],
    ),
    # Errors.
    (ERRORS, "hidden.push(at - length..at);", f"if {on('ids in errors')} {{ hidden.push(at - length..at); }}", ["ids in errors"]),
    (
        ERRORS,
        "if !name.is_empty() && !id.is_some_and(",
        f"if {on('names in errors')} && !name.is_empty() && !id.is_some_and(",
        ["names in errors"],
    ),
    (
        ERRORS,
        "for stand_in in &self.rule.stand_ins {",
        f"for stand_in in self.rule.stand_ins.iter().filter(|_| {on('names put back')}) {{",
        ["names put back"],
    ),
    (
        SIGHT,
        "name.clone_from(&stand_in.word);",
        f"if {on('words that nothing has')} {{ name.clone_from(&stand_in.word); }}",
        ["words that nothing has"],
    ),
]


def main() -> None:
    wanted = sys.argv[1:]
    rows = [row for *_, names in CHANGES for row in names]
    if wanted == ["--check"]:
        changed()
        print(f"{len(rows)} rows can be made")
        return
    if unknown := set(wanted) - set(rows):
        sys.exit(f"no such row: {', '.join(sorted(unknown))}; the rows are {', '.join(rows)}")
    build()
    failed = []
    # Without a row switched off, the test passes, or what it finds means nothing.
    for row in ["", *(row for row in rows if not wanted or row in wanted)]:
        found = first_failure(row)
        is_right = bool(found) == bool(row)
        print(f"{'ok' if is_right else 'FAILED'}: {row or 'nothing'} switched off: {found or 'not found'}", flush=True)
        failed += [] if is_right else [row]
        if found and not row:
            break
    sys.exit(f"{len(failed)} rows failed" if failed else 0)


def changed() -> dict[str, str]:
    """The files with all changes."""
    texts = {"src/lib.rs": (REPOSITORY / "src/lib.rs").read_text() + SWITCH}
    problems = []
    for file, old, new, _ in CHANGES:
        text = texts.setdefault(file, (REPOSITORY / file).read_text())
        if text.count(old) != 1:
            problems.append(f"{file}: contains {text.count(old)} times and not once: {old!r}")
        texts[file] = text.replace(old, new)
    if problems:
        sys.exit("\n".join(["change tests/scope/rows.py:", *problems]))
    return texts


def build() -> None:
    texts = changed()
    shutil.rmtree(COPY, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            (COPY / name).write_bytes(texts[name].encode() if name in texts else (REPOSITORY / name).read_bytes())
    command = ["cargo", "build", "--locked", "--quiet", "--target-dir", REPOSITORY / "target" / "scope-rows-build"]
    subprocess.run(command, cwd=COPY, check=True)


def first_failure(row: str) -> str:
    """The first failure of the test with a row switched off, or nothing if it passes."""
    engines = [each for each in json.loads(os.environ["DOCKGATE_ENGINES"]) if each["name"] == "28"]
    binary = REPOSITORY / "target" / "scope-rows-build" / "debug" / "dockgate"
    environment = {"DOCKGATE_ENGINES": json.dumps(engines), "DOCKGATE_BIN": str(binary), "SCOPE_ROW_OFF": row}
    command = [sys.executable, "-u", REPOSITORY / "tests" / "engine" / "test_scope.py"]
    process = subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )  # fmt: skip
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if line.startswith("FAILED"):
                return line.strip()
        return "" if process.wait(LIMIT) == 0 else f"exit code {process.returncode}: {''.join(lines[-5:])}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


main()
