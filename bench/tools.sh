# Sourced by the scripts that count instructions: checks that the tools and the binary exist.
need() { # TOOL PACKAGE
    command -v "$1" >/dev/null || { echo "bench: $1 is missing: apt-get install $2" >&2; exit 2; }
}
export PATH="$PATH:/usr/sbin:/sbin"
need python3 python3
need nginx nginx-light
need valgrind valgrind
need callgrind_annotate valgrind

export DOCKGATE_BIN="${DOCKGATE_BIN:-target/profiling/dockgate}"
[ -x "$DOCKGATE_BIN" ] || {
    echo "bench: no binary at $DOCKGATE_BIN: cargo build --profile profiling, or set DOCKGATE_BIN" >&2
    exit 2
}
