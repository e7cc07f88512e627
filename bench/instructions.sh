#!/usr/bin/env bash
# Compares the instructions of frequent requests with bench/instructions.txt. This takes about three minutes.
#
#   bench/instructions.sh            fails if one is more than 3 % above what is listed
#   bench/instructions.sh --write    writes the new counts
#   DOCKGATE_BIN=...                 a build with symbols, default target/profiling/dockgate
set -euo pipefail
cd "$(dirname "$0")/.."
source bench/tools.sh
exec python3 -B bench/instructions.py "$@"
