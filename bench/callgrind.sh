#!/usr/bin/env bash
# The ten most expensive functions of Dockgate, counted in instructions: repeatable even on a busy machine.
#
#   bench/callgrind.sh [ping|list|denied|passed|judged] [REQUESTS]      default: list 4000
#   DOCKGATE_BIN=...    a build with symbols, default target/profiling/dockgate
set -euo pipefail
cd "$(dirname "$0")/.."

source bench/tools.sh
exec python3 -B bench/callgrind.py "$@"
