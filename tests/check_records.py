#!/usr/bin/env python3
"""Checks every audit line of a test run against the schema, and their number against the number of requests.

Usage: check_records.py FOLDER SCHEMA

For each dockgate that ran, FOLDER has `<name>.jsonl`, its standard output, and `<name>.sent`, the number of requests
that it was sent. Each request must have exactly one line with `"event": "request"`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker

# A field that is wrong is usually wrong in thousands of lines.
SHOWN = 20


def object_of_distinct_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Rejects repeated keys; `json` itself would use the last one."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key appears twice")
    return value


def parse(line: bytes) -> object:
    if not line.endswith(b"\n"):
        raise ValueError("the line is cut off")
    return json.loads(line.decode(), object_pairs_hook=object_of_distinct_keys)


def problems_of(records: Path, validator: Draft202012Validator) -> Iterator[str]:
    """The problems in the records of one process."""
    recorded = 0
    with records.open("rb") as lines:  # of bytes, for only line feeds end a line
        for number, line in enumerate(lines, 1):
            try:
                record = parse(line)
            except ValueError as error:
                yield f"{records.name}:{number}: {error}: {line[:400]!r}"
                continue
            recorded += isinstance(record, dict) and record.get("event") == "request"
            for error in validator.iter_errors(record):
                yield f"{records.name}:{number}: {error.json_path}: {error.message}: {line[:400]!r}"
    sent = records.with_suffix(".sent")
    if not sent.is_file():
        yield f"{records.name}: there is no {sent.name}: its test did not end normally"
    elif recorded != (expected := int(sent.read_text())):
        yield f"{records.name}: {expected} requests were sent, but {recorded} are recorded"


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, schema = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    processes = sorted(folder.glob("*.jsonl"))
    problems = [problem for records in processes for problem in problems_of(records, validator)]
    for sent in sorted(folder.glob("*.sent")):
        if not sent.with_suffix(".jsonl").is_file():
            problems.append(f"{sent.name}: there are no records for it")
    if not processes:
        problems.append(f"{folder}: no process wrote records")
    for problem in problems[:SHOWN]:
        print(problem)
    lines = sum(records.read_bytes().count(b"\n") for records in processes)
    print(f"{lines} lines of {len(processes)} processes, {len(problems)} problems")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
