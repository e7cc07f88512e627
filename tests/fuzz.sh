#!/usr/bin/env bash
# Has bodies changed and judged for so many minutes, and keeps those that are answered as none before.
#
#   fuzz.sh [MINUTES [SEED]]   10 minutes and a seed of the clock, if nothing is said
#
# What is kept goes to tests/data/corpus/found.txt, which the ordinary tests read too. A body that breaks a promise is
# printed, and the exit code is not 0; with the same seed and corpus it is found again.
set -euo pipefail
cd "$(dirname "$0")/.."

export FUZZ_SECONDS=$((${1:-10} * 60)) FUZZ_SEED=${2:-$(date +%s)}
# Optimised, and beside what other tests build.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/fuzz CARGO_PROFILE_TEST_OPT_LEVEL=2 CARGO_INCREMENTAL=0
exec cargo test --lib --locked -- --ignored --exact --nocapture policy::tests::fuzz::for_as_long_as_is_told
