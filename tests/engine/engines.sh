#!/usr/bin/env bash
# The engines that the tests run against, as private instances: Docker's 20.10 of Debian 12, and, out of the
# folder that tests/setup.sh has made, Docker's 26.1 and Podman of Debian 13.
#
#   engines.sh start        starts all, with images to run containers of
#   engines.sh stop         stops all and removes what they have left
#   engines.sh restart 20   restarts the daemon of one (20, 26 or podman) on the same socket
#   engines.sh env          prints what a test needs to know, for `eval "$(engines.sh env)"`
#   engines.sh enter 20 --net COMMAND...   runs a command in namespaces of one, told as to nsenter
#
# All their state is in the folder DOCKGATE_TEST_RUN; instances in different folders do not meet.
#
# Each engine has mounts, network and process ids of its own: it does not touch the machine's bridges,
# firewall and services, and when the first of its processes ends, the kernel ends all others and
# undoes every mount. It sees the machine's /tmp, so that what a test puts there can be bind-mounted.
set -euo pipefail

cache=${DOCKGATE_TEST_CACHE:-/var/cache/dockgate-tests}
run=${DOCKGATE_TEST_RUN:-/tmp/dockgate-test-engines}
engines=(20 26 podman)
# Tells a folder made here, which may be removed.
marker=.dockgate-test-engines

fail() {
    echo "engines.sh: $*" >&2
    exit 1
}

# The root that an engine's programs are taken from.
root_of() { if [ "$1" = 20 ]; then echo /; else echo "$cache/trixie"; fi; }

# The engine's first process, if it lives: the number alone could be another process' by now.
supervisor_of() {
    local pid
    pid=$(cat "$run/$1/pid" 2>/dev/null) || return 1
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "supervise $1 $run " || return 1
    echo "$pid"
}

kind_of() { if [ "$1" = podman ]; then echo podman; else echo docker; fi; }

cgroup_of() { echo "dockgate-tests-$(stat -c %i "$run")-$1"; }

# Takes the place of the shell that runs it, so that signals reach the daemon.
serve_docker() { exec dockerd --config-file /mnt/daemon.json; }

serve_podman() {
    # It warns of the older kind of cgroups, on which it runs as well.
    export CONTAINERS_CONF=/mnt/containers.conf PODMAN_IGNORE_CGROUPSV1_WARNING=1
    exec podman --root /mnt/data --storage-driver vfs system service --time 0 unix:///mnt/docker.sock
}

# Runs as process 1 of the engine's namespaces: lays out its root, keeps its daemon.
# TERM stops the daemon, HUP has it start again.
supervise() {
    local name=$1 root=$run/$1/root own daemon again=
    ip link set lo up
    mount --rbind "$(root_of "$name")" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys" # shows its own network
    mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run" # containerd's sockets, pid files, locks
    mount --bind /tmp "$root/tmp"
    mount --bind "$run/$name/state" "$root/mnt"
    mkdir -p "$root/etc/docker" # what the daemons and containerd write into the root
    mount -t tmpfs tmpfs "$root/etc/docker"
    mount -t tmpfs tmpfs "$root/opt"
    if [ "$name" = podman ]; then
        mkdir -p "$root/var/lib/containers"
        for own in var/lib/containers var/cache var/tmp; do mount -t tmpfs tmpfs "$root/$own"; done
    fi
    # Not chroot: what joins a container's mounts, as exec does, would come out in the machine's root.
    mkdir "$root/run/machine"
    cd "$root"
    pivot_root . run/machine
    cd /
    umount --lazy /run/machine

    trap 'again=; kill -TERM "$daemon"' TERM
    trap 'again=yes; kill -TERM "$daemon"' HUP
    while true; do
        "serve_$(kind_of "$name")" &
        daemon=$!
        echo started >>/mnt/starts
        # A signal ends `wait` too, so it is asked until the daemon is really gone.
        while kill -0 "$daemon" 2>/dev/null; do wait "$daemon" || true; done
        [ -n "$again" ] || break
        again=
    done
}

# The cgroup drivers are named because systemd's, the usual one, would act outside the namespaces.
configure_docker() {
    cat >"$run/$1/state/daemon.json" <<JSON
{
  "hosts": ["unix:///mnt/docker.sock"],
  "data-root": "/mnt/data",
  "cgroup-parent": "/$(cgroup_of "$1")",
  "exec-opts": ["native.cgroupdriver=cgroupfs"],
  "shutdown-timeout": 3
}
JSON
}

configure_podman() {
    cat >"$run/$1/state/containers.conf" <<TOML
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"

[network]
firewall_driver = "iptables"
TOML
}

spawn() {
    local name=$1
    mkdir -p "$run/$name/root" "$run/$name/state"
    "configure_$(kind_of "$name")" "$name"
    setsid unshare --mount --net --pid --fork --kill-child \
        bash "$0" supervise "$name" "$run" </dev/null >"$run/$name/log" 2>&1 &
    # The supervisor is the one child of `unshare`.
    local parent=$!
    until pgrep --parent "$parent" >"$run/$name/pid"; do
        kill -0 "$parent" 2>/dev/null || fail "engine $name does not start: $(cat "$run/$name/log")"
        sleep 0.05
    done
}

starts_of() { wc -l 2>/dev/null <"$run/$1/state/starts" || echo 0; }

# Waits until the daemon's start number $2 answers.
await() {
    local name=$1 deadline=$((SECONDS + 60))
    until [ "$(starts_of "$name")" -ge "$2" ] && curl --silent --fail --output /dev/null \
        --max-time 5 --unix-socket "$run/$name/state/docker.sock" http://localhost/_ping; do
        supervisor_of "$name" >/dev/null || fail "engine $name has ended: $(tail -n 20 "$run/$name/log")"
        [ $SECONDS -lt $deadline ] || fail "engine $name does not answer in 60 s: $(tail -n 20 "$run/$name/log")"
        sleep 0.1
    done
}

# A `docker` command for each engine, of the same release, that reads no settings of the machine's user.
write_commands() {
    local name root plugin
    for name in "${engines[@]}"; do
        root=$(root_of "$name")
        mkdir -p "$run/$name/config/cli-plugins"
        for plugin in "${root%/}"/usr/libexec/docker/cli-plugins/docker-*; do
            [ ! -x "$plugin" ] || ln -s "$plugin" "$run/$name/config/cli-plugins/"
        done
        cat >"$run/docker$name" <<SH
#!/bin/sh
export DOCKER_CONFIG="\${DOCKER_CONFIG:-$run/$name/config}"
export DOCKER_HOST="\${DOCKER_HOST:-unix://$run/$name/state/docker.sock}"
exec "${root%/}/usr/bin/docker" "\$@"
SH
        chmod +x "$run/docker$name"
    done
}

# No image can be pulled: these are busybox under the names that people write.
make_rootfs() {
    local rootfs=$1 applet
    mkdir -p "$rootfs"/{bin,etc,root,tmp,var}
    chmod 1777 "$rootfs/tmp"
    cp "$(command -v busybox)" "$rootfs/bin/busybox"
    for applet in $(busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "$rootfs/bin/$applet"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$rootfs/etc/passwd"
    echo 'root:x:0:' >"$rootfs/etc/group"
}

import_images() {
    local docker=$run/docker$1 rootfs=$run/rootfs.tar
    "$docker" import --change 'CMD ["sh"]' "$rootfs" busybox:latest >/dev/null
    "$docker" import --change 'CMD ["/bin/sh"]' "$rootfs" alpine:3 >/dev/null
    "$docker" tag alpine:3 alpine:latest
    "$docker" run --rm busybox:latest true || fail "engine $1 cannot run a container: $(tail -n 20 "$run/$1/log")"
}

start() {
    [ "$(id -u)" = 0 ] || fail "must run as root"
    [ -d "$cache/trixie" ] || fail "there is no $cache/trixie: run tests/setup.sh first"
    local name imports=() failed=
    for name in "${engines[@]}"; do
        if supervisor_of "$name" >/dev/null; then
            fail "engines run in $run already: stop them, or set DOCKGATE_TEST_RUN to another folder"
        fi
    done
    stop
    mkdir "$run"
    touch "$run/$marker"
    trap stop EXIT # half a start is none
    for name in "${engines[@]}"; do spawn "$name"; done
    write_commands
    make_rootfs "$run/rootfs"
    tar -C "$run/rootfs" -cf "$run/rootfs.tar" .
    for name in "${engines[@]}"; do
        (
            trap - EXIT
            await "$name" 1
            import_images "$name"
        ) &
        imports+=($!)
    done
    for name in "${imports[@]}"; do wait "$name" || failed=yes; done
    [ -z "$failed" ] || exit 1
    trap - EXIT
}

restart() {
    local pid starts
    pid=$(supervisor_of "$1") || fail "engine $1 does not run"
    starts=$(starts_of "$1")
    kill -HUP "$pid"
    await "$1" $((starts + 1))
}

enter() {
    local pid
    pid=$(supervisor_of "$1") || fail "engine $1 does not run"
    exec nsenter --target "$pid" "${@:2}"
}

ended() {
    local deadline=$((SECONDS + $2))
    while [ -d "/proc/$1" ]; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}

stop() {
    local name pid pids=()
    [ -e "$run" ] || return 0
    [ -e "$run/$marker" ] || fail "$run was not made by this script: remove it, or set DOCKGATE_TEST_RUN to another folder"
    for name in "${engines[@]}"; do
        pid=$(supervisor_of "$name") || continue
        kill -TERM "$pid"
        pids+=("$pid")
    done
    for pid in "${pids[@]}"; do
        ended "$pid" 20 && continue
        kill -KILL "$pid"
        ended "$pid" 10 || fail "process $pid of an engine does not end"
    done
    for name in "${engines[@]}"; do
        find /sys/fs/cgroup -depth -type d -path "*/$(cgroup_of "$name")*" -exec rmdir {} +
    done
    remove_podmans_cgroups
    rm -rf --one-file-system "$run"
}

# Podman has no setting for the group that its containers' groups are in, so every Podman of the machine shares it.
# Of another instance the groups are in use, or named after containers that are not here.
remove_podmans_cgroups() {
    local container groups=()
    for container in "$run"/podman/state/data/vfs-containers/*/; do
        [ -d "$container" ] || continue
        groups+=(-o -path "*/libpod_parent/libpod-$(basename "$container")*")
    done
    find /sys/fs/cgroup -depth -type d \( -path '*/libpod_parent' -o -path '*/libpod_parent/conmon' "${groups[@]}" \) \
        -exec rmdir --ignore-fail-on-non-empty {} \; 2>/dev/null || true
}

print_environment() {
    local name told list=
    for name in "${engines[@]}"; do
        echo "export ENGINE${name@U}_SOCKET=$run/$name/state/docker.sock"
        echo "export ENGINE${name@U}_DOCKER=$run/docker$name"
        told="{\"name\": \"$name\", \"address\": \"unix://$run/$name/state/docker.sock\", \"docker\": [\"$run/docker$name\"]}"
        case $(kind_of "$name") in
        docker) list+=", $told" ;;
        podman) echo "export DOCKGATE_PODMAN='$told'" ;;
        esac
    done
    echo "export DOCKGATE_ENGINES='[${list#, }]'"
    echo "export PATH=$cache/python/bin:\$PATH NODE_PATH=$cache/node/node_modules"
    echo "export TMPDIR=/tmp" # the one folder that the engines see too
}

case "${1:-} ${2:-}" in
"start " | "stop ") "$1" ;;
"env ") print_environment ;;
"restart 20" | "restart 26" | "restart podman") restart "$2" ;;
"enter 20" | "enter 26" | "enter podman") enter "${@:2}" ;;
"supervise 20" | "supervise 26" | "supervise podman") supervise "$2" ;;
*) fail "usage: engines.sh start | stop | restart 20|26|podman | enter 20|26|podman OPTION... COMMAND... | env" ;;
esac
