#!/usr/bin/env bash
# A release: refused when it must be, complete, and verified as docs/verify.md tells its readers. The binary in the image
# is the same as this machine's.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export DOCKGATE_TOOLS=${DOCKGATE_TEST_CACHE:-/var/cache/dockgate-tests}/tools
out=$folder/out tree=$folder/tree
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
name=dockgate-$version-$(rustc --version --verbose | sed -n 's/^host: //p')

# A repository of the current files, committed or not.
mkdir "$tree"
git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    xargs --null cp --parents --no-dereference --target-directory "$tree"
commit() {
    git -C "$tree" -c user.name=test -c user.email=test@example.com -c commit.gpgsign=false commit --quiet --all --message "$1"
}
git init --quiet "$tree"
git -C "$tree" add --all
commit "As it is"

must_refuse() {
    local said
    if said=$("$tree/scripts/release" "$out" 2>&1); then fail "released with $1"; fi
    [[ $said == *"$2"* ]] || fail "refused $1 for another reason: $said"
}

sed -i "s/^## \[$version\].*/## An older one/" "$tree/CHANGELOG.md"
echo >>"$tree/CHANGELOG.md"
must_refuse "changes that are not committed" "the tree has changes"
commit "No section"
must_refuse "no section in the changelog" "no section for $version"
echo "## [$version] - 2026-01-01" >>"$tree/CHANGELOG.md"
commit "A section"
BUILD_ONCE=1 "$tree/scripts/release" "$out"

# Prints that it differs, or nothing.
diff <(printf "$name%s\n" "" .buildinfo .cdx.json .tar.gz && echo SHA256SUMS) <(ls "$out" | LC_ALL=C sort -f) || fail "other files"
(cd "$out" && sha256sum --check --quiet SHA256SUMS)
mkdir "$folder/unpacked"
tar --extract --directory "$folder/unpacked" --file "$out/$name.tar.gz"
cmp "$out/$name" "$folder/unpacked/$name/dockgate"
for file in LICENSE-MIT LICENSE-APACHE README.md docs/man/dockgate.1 docs/completions/dockgate.bash \
    policies/policy.schema.json licences/glibc/copyright licences/rust/COPYRIGHT-library.html; do
    [ -s "$folder/unpacked/$name/$file" ] || fail "the archive has no $file"
done
crates=$(python3 - "$out/$name.cdx.json" <<'PY'
import json, sys

for component in json.load(open(sys.argv[1]))["components"]:
    print(component["name"])
PY
)
if grep -qx proptest <<<"$crates"; then fail "what only tests need is in the list of crates"; fi
for crate in tokio hyper serde_json; do
    grep -qx "$crate" <<<"$crates" || fail "$crate is not in the list of crates"
    ls -d "$folder/unpacked/$name/licences/$crate"-* >/dev/null || fail "the archive has no license of $crate"
done
if grep -rF -e "$folder" -e "$HOME/.cargo" -e "$HOME/.rustup" "$out" "$folder/unpacked"; then fail "a folder of this machine is named"; fi

# The image is built elsewhere, by another user's Cargo: only the default address, which is the image's own, differs.
DOCKGATE_DEFAULT_LISTEN='tcp://[::]:2375' PATH=$DOCKGATE_TOOLS/bin:$PATH "$tree/scripts/build-static"
python3 tests/image/standins.py
container=$("$ENGINE28_DOCKER" create "dockgate:$version")
"$ENGINE28_DOCKER" cp --quiet "$container:/dockgate" "$folder/of-the-image"
"$ENGINE28_DOCKER" rm "$container" >/dev/null
cmp "$folder/of-the-image" "$tree"/target/*/release/dockgate || fail "the image has another binary than this machine builds"
echo "equal: the binary in the image, and the one that this machine builds"
