#!/usr/bin/env bash
# Mutates and checks bodies for some minutes, and keeps those that get a result that no earlier one got. At the same time
# it compares the redaction of replies with a model.
#
#   fuzz.sh [MINUTES [SEED]]   default: 10 minutes, a seed from the clock
#
# Kept bodies go to tests/data/corpus/found.txt, which the ordinary tests read too. If a body breaks a promise, it is
# printed and the exit code is not 0; with the same seed and corpus it is found again.
set -euo pipefail
cd "$(dirname "$0")/.."

export FUZZ_SECONDS=$((${1:-10} * 60)) FUZZ_SEED=${2:-$(date +%s)}
# Optimized, and in a separate target folder.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/fuzz CARGO_PROFILE_TEST_OPT_LEVEL=2 CARGO_INCREMENTAL=0
exec cargo test --lib --locked -- --ignored --exact --nocapture policy::tests::fuzz::for_as_long_as_is_told \
    policy::redact::tests::model::for_as_long_as_is_told
