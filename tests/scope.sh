#!/usr/bin/env bash
# Tests scopes on every engine for an hour, each round with other names, ids and addresses, and every second one with
# an old API version. First it shows that the search for markers finds what an engine without Dockgate returns. This
# is not part of .ci/run, where tests/run.sh runs one round of tests/engine/test_scope.py.
#
#   scope.sh [SEED]            tests DOCKGATE_BIN, or target/release/dockgate, beginning with this seed (default 1000).
#                              DOCKGATE_SCOPE_MINUTES is the time after which no new round starts (default 60)
#   scope.sh --rows [ROW...]   switches each check that a scope consists of off in turn, which the test must find:
#                              see tests/scope/rows.py
#
# Run tests/setup.sh first.
set -euo pipefail
cd "$(dirname "$0")/.."

export DOCKGATE_TEST_RUN=${DOCKGATE_TEST_RUN:-/tmp/dockgate-scope-engines.$$}
export DOCKGATE_TEST_RECORDS=${DOCKGATE_TEST_RECORDS:-$PWD/target/scope-records}
export DOCKGATE_SLOW=1
export DOCKGATE_BIN=${DOCKGATE_BIN:-$PWD/target/release/dockgate}
export DOCKGATE_SCOPE_ROUNDS=2

if [ "${1:-}" = --rows ]; then
    trap 'tests/engine/engines.sh stop' EXIT
    tests/engine/engines.sh start
    eval "$(tests/engine/engines.sh env)"
    DOCKGATE_SLOW=0 DOCKGATE_SCOPE_ROUNDS=1 python3 tests/scope/rows.py "${@:2}"
    exit
fi

seed=${1:-1000}
end=$((SECONDS + 60 * ${DOCKGATE_SCOPE_MINUTES:-60}))

trap 'tests/engine/engines.sh stop' EXIT
tests/engine/engines.sh start
eval "$(tests/engine/engines.sh env)"

echo "--- without Dockgate"
found=0
python3 tests/engine/test_scope.py --direct || found=$?
# 1: everything that is known to leak was found.
[ "$found" -eq 1 ] || { echo "FAILED: --direct exited with $found instead of 1" >&2 && exit 1; }

failed=()
while [ $SECONDS -lt $end ]; do
    echo "--- seed $seed"
    DOCKGATE_SCOPE_SEED=$seed python3 tests/engine/test_scope.py || failed+=("$seed")
    seed=$((seed + DOCKGATE_SCOPE_ROUNDS))
done
for each in "${failed[@]}"; do echo "FAILED: seed $each"; done
[ ${#failed[@]} -eq 0 ]
