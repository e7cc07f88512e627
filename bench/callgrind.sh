#!/usr/bin/env bash
# The ten costliest functions of Dockgate, counted in instructions: repeatable whatever else the machine does.
#
#   bench/callgrind.sh [ping|list|denied|passed|judged] [REQUESTS]      default: list 4000
#   DOCKGATE_BIN=...    a build with symbols, default target/profiling/dockgate
set -euo pipefail
cd "$(dirname "$0")/.."

source bench/tools.sh
exec python3 -B bench/callgrind.py "$@"
