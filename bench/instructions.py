"""Counts the instructions of frequent requests and compares them with bench/instructions.txt. Run by instructions.sh."""

import statistics
import sys

from callgrind import KINDS, profile
from stage import HERE, Stage, Wrong, stop_at_signals

FILE = HERE / "instructions.txt"
ROUNDS, REQUESTS = 3, 1600
# How much more than listed a request may cost.
MOST = 1.03


def count(kind):
    """The median of several rounds: how often a thread has to wait for another one varies a little."""
    counts = []
    for _ in range(ROUNDS):
        with Stage() as stage:
            counts.append(profile(stage, kind, REQUESTS).total() / REQUESTS)
    return round(statistics.median(counts))


def main():
    stop_at_signals()
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit("usage: bench/instructions.sh [--write]")
    lines = FILE.read_text().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    rows, over = [], []
    for kind, first, listed in (line.split() for line in lines if line not in comments):
        if kind not in KINDS:
            sys.exit(f"instructions: {FILE.name} has the unknown kind {kind}")
        try:
            now = count(kind)
        except (Wrong, OSError) as wrong:
            sys.exit(f"instructions: {kind}: {wrong}")
        rows.append(f"{kind} {first} {now}")
        print(f"{kind}: {now:,} instructions a request, {now / int(first) - 1:+.1%} since the first release, listed {int(listed):,}")
        if now > MOST * int(listed):
            over.append(kind)
    if sys.argv[1:]:
        FILE.write_text("\n".join(comments + rows) + "\n")
    elif over:
        sys.exit(f"instructions: more than {MOST - 1:.0%} above what is listed: {', '.join(over)}")


if __name__ == "__main__":
    main()
