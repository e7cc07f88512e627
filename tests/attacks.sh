#!/usr/bin/env bash
# Attacks Dockgate on every engine, with a hundred tries of each race. tests/run.sh tries each five times, and runs
# attacks that do not depend on the engine only on the main one. This takes hours and is not part of .ci/run.
#
#   attacks.sh [TEST...]              attacks DOCKGATE_BIN, or target/release/dockgate
#   attacks.sh --old FILE [TEST...]   attacks a build of 0.1.0 (commit de5a59b), where exactly the attacks that
#                                     tests/attacks/old.txt lists must succeed
#
# Run tests/setup.sh first.
set -euo pipefail
cd "$(dirname "$0")/.."

export DOCKGATE_TEST_RUN=${DOCKGATE_TEST_RUN:-/tmp/dockgate-attack-engines.$$}
export DOCKGATE_TEST_RECORDS=${DOCKGATE_TEST_RECORDS:-$PWD/target/attack-records}
export DOCKGATE_ATTACK_TRIES=${DOCKGATE_ATTACK_TRIES:-100}
export DOCKGATE_SLOW=1
export DOCKGATE_BIN=${DOCKGATE_BIN:-$PWD/target/release/dockgate}

old=
if [ "${1:-}" = --old ]; then
    [ $# -ge 2 ] || { echo "usage: attacks.sh [--old FILE] [TEST...]" >&2 && exit 2; }
    old=yes
    DOCKGATE_BIN=$(realpath "$2")
    shift 2
fi
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(tests/attacks/test_*.py)

trap 'tests/engine/engines.sh stop' EXIT
tests/engine/engines.sh start
eval "$(tests/engine/engines.sh env)"

if [ -n "$old" ]; then
    python3 tests/attacks/old.py tests/attacks/old.txt "${tests[@]}"
    exit
fi
failed=()
for test in "${tests[@]}"; do
    echo "--- $test"
    python3 "$test" || failed+=("$test")
done
for test in "${failed[@]}"; do echo "FAILED: $test"; done
[ ${#failed[@]} -eq 0 ]
