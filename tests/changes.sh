#!/usr/bin/env bash
# Tests the recipes of CONTRIBUTING.md: makes each change of tests/changes/, and shows that no one can forget a part
# of it.
#
#   changes.sh [NAME...]      all changes, or those of tests/changes/NAME.patch
#   changes.sh --check        only checks that each patch still applies, as tests/run.sh does
#   changes.sh --edit NAME    makes that change in the tree, so that you can edit it; `git diff` is then the new patch
#
# A patch has only files that are written by hand, at most five. With it, the generated files are written again, and
# all Rust tests and clippy must pass. Then the change is made without each of its files in turn: the compiler or a
# test must fail, with one of the words in the patch's line `names:` in its output. This takes minutes for each file.
set -euo pipefail
cd "$(dirname "$0")/.."

patches=$PWD/tests/changes
tree=$PWD/target/changes/tree
export CARGO_TARGET_DIR=$PWD/target/changes/target
output=$(mktemp)
trap 'rm -f "$output"' EXIT

fail() {
    echo "FAILED: $*"
    failed=1
}

# The current tree, committed or not.
fresh_tree() {
    local base
    base=$(git stash create)
    base=${base:-$(git rev-parse HEAD)}
    [ -d "$tree" ] || git worktree add --quiet --detach "$tree"
    git -C "$tree" reset --quiet --hard "$base"
    git -C "$tree" clean --quiet -fd
}

# Writes the generated files. If the change does not compile, `checks` reports it.
generate() (
    cd "$tree"
    export DOCKGATE_WRITE=1
    { cargo test --quiet --locked --lib compat:: && cargo test --quiet --locked --test integration generated::; } >/dev/null 2>&1 || true
)

tests() {
    cd "$tree"
    cargo test --quiet --locked
}

checks() {
    tests && cargo clippy --quiet --all-targets --locked -- -D warnings
}

# Makes a change without one of its files.
make_change() {
    fresh_tree
    git -C "$tree" apply --exclude="$2" "$patches/$1.patch"
    generate
}

try() {
    local name=$1 patch=$patches/$1.patch files names missing
    files=$(git apply --numstat "$patch" | cut -f3)
    names=$(sed -n 's/^names: //p' "$patch")
    [ "$(wc -l <<<"$files")" -le 5 ] || fail "$name: it has more than five files that are written by hand"
    make_change "$name" ""
    (checks) >"$output" 2>&1 || { fail "$name: the complete change does not pass" && tail -40 "$output" && return; }
    echo "ok: $name, in $(wc -l <<<"$files") files by hand"
    for missing in $files; do
        make_change "$name" "$missing"
        if (tests) >"$output" 2>&1; then
            fail "$name: nothing fails when $missing is missing"
        elif ! grep -qE "${names// /|}" <(grep -vE '^ *(Running|Compiling|test .* ok$)' "$output"); then
            fail "$name: without $missing no failure mentions any of $names" && tail -40 "$output"
        else
            echo "ok: $name without $missing: $(grep -m1 -E "${names// /|}" "$output")"
        fi
    done
}

failed=0
if [ "${1:-}" = --check ]; then
    for patch in "$patches"/*.patch; do
        git apply --check "$patch" || fail "$patch no longer applies: make the change with --edit, or fix the patch by hand"
    done
    exit "$failed"
fi
if [ "${1:-}" = --edit ]; then
    make_change "$2" ""
    echo "$tree"
    exit
fi
[ $# -gt 0 ] || set -- $(cd "$patches" && printf '%s\n' *.patch | sed 's/\.patch$//')
for name in "$@"; do try "$name"; done
git worktree remove --force "$tree"
exit "$failed"
