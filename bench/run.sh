#!/usr/bin/env bash
# Dockgate and HAProxy side by side: CPU per request, memory, latency. See README.md.
#
#   ROUNDS=5            interleaved rounds; their medians are reported
#   SECONDS_PER_RUN=3   length of one load on one proxy
#   DOCKGATE_BIN=...    the binary to measure, default target/release/dockgate
#
# The exit code is 0 whether goals are met or missed, and 1 if any server answered wrongly.
set -euo pipefail
cd "$(dirname "$0")/.."

need() { # TOOL PACKAGE
    command -v "$1" >/dev/null || { echo "bench: $1 is missing: apt-get install $2" >&2; exit 2; }
}
# Debian installs the servers outside of a user's PATH.
export PATH="$PATH:/usr/sbin:/sbin"
need python3 python3
need nginx nginx-light
need haproxy haproxy
need wrk wrk

export DOCKGATE_BIN="${DOCKGATE_BIN:-target/release/dockgate}"
[ -x "$DOCKGATE_BIN" ] || {
    echo "bench: no binary at $DOCKGATE_BIN: cargo build --release, or set DOCKGATE_BIN" >&2
    exit 2
}
python3 -B bench/compare.py
python3 -B bench/identity.py
exec python3 -B bench/scope.py
