#!/usr/bin/env bash
# The engines that the tests run against, as private instances:
#
#   20      Docker 20.10, from Debian 12, which is installed on this machine
#   26      Docker 26.1, from Debian 13 in a folder that tests/setup.sh makes
#   28      Docker 28.5, from Debian forky (testing) in another such folder: the main engine
#   podman  Podman 5, from the same folder as 28
#   extra   the dockerd binary that DOCKGATE_TEST_DOCKERD names, with everything else from 28's folder;
#           it exists only if that variable is set at `start`
#
#   engines.sh start        starts all, with images to run containers from, and prints their versions
#   engines.sh stop         stops all and removes what they have left behind
#   engines.sh restart 20   restarts the daemon of one engine on the same socket
#   engines.sh env          prints the variables that the tests need, for `eval "$(engines.sh env)"`
#   engines.sh enter 20 --net COMMAND...   runs a command in namespaces of one engine, given as nsenter options
#
# If an engine does not start, the others are not stopped: `start` says which one failed and why, leaves the others
# running, and exits with 1. `env` still names the failed engine, so that its tests fail.
#
# All their state is in the folder DOCKGATE_TEST_RUN. Instances in different folders do not affect each other.
#
# Each engine has its own mounts, network and process ids: it does not touch the machine's bridges, firewall and
# services, and when its first process ends, the kernel ends all others and undoes every mount. It sees the machine's
# /tmp, so files that a test creates there can be bind-mounted.
set -euo pipefail

cache=${DOCKGATE_TEST_CACHE:-/var/cache/dockgate-tests}
run=${DOCKGATE_TEST_RUN:-/tmp/dockgate-test-engines}
# Every engine that this script knows; the file `engines` in the folder lists those that `start` was to start.
known=(20 26 28 podman extra)
# Marks a folder that was created here and may be removed.
marker=.dockgate-test-engines

fail() {
    echo "engines.sh: $*" >&2
    exit 1
}

# The root folder that an engine's programs come from.
root_of() {
    case $1 in
    20) echo / ;;
    26) echo "$cache/trixie" ;;
    *) echo "$cache/forky" ;;
    esac
}

is_known() { [[ " ${known[*]} " == *" $1 "* ]]; }

# The engines that `start` was to start.
engines_of_run() { cat "$run/engines" 2>/dev/null || true; }

# The engine's first process, if it is alive: by now the number could belong to another process.
supervisor_of() {
    local pid
    pid=$(cat "$run/$1/pid" 2>/dev/null) || return 1
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "supervise $1 $run " || return 1
    echo "$pid"
}

kind_of() { if [ "$1" = podman ]; then echo podman; else echo docker; fi; }

cgroup_of() { echo "dockgate-tests-$(stat -c %i "$run")-$1"; }

# Replaces the shell that runs it, so that signals reach the daemon.
serve_docker() { exec dockerd --config-file /mnt/daemon.json; }

serve_podman() {
    # Podman warns about cgroups v1, but works with them.
    export CONTAINERS_CONF=/mnt/containers.conf PODMAN_IGNORE_CGROUPSV1_WARNING=1
    exec podman --root /mnt/data --storage-driver vfs system service --time 0 unix:///mnt/docker.sock
}

# Runs as process 1 of the engine's namespaces: prepares its root folder and keeps its daemon running. TERM stops the
# daemon, USR1 restarts it. HUP cannot be used, because nohup makes all processes ignore it.
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
    [ "$name" != extra ] || mount --bind "$DOCKGATE_TEST_DOCKERD" "$root/usr/sbin/dockerd"
    mkdir -p "$root/etc/docker" # the daemons and containerd write to it
    mount -t tmpfs tmpfs "$root/etc/docker"
    mount -t tmpfs tmpfs "$root/opt"
    if [ "$name" = podman ]; then
        mkdir -p "$root/var/lib/containers"
        for own in var/lib/containers var/cache var/tmp; do mount -t tmpfs tmpfs "$root/$own"; done
    fi
    # Not chroot: a process that joins a container's mounts, as exec does, would end up in the machine's root folder.
    mkdir "$root/run/machine"
    cd "$root"
    pivot_root . run/machine
    cd /
    umount --lazy /run/machine

    trap 'again=; kill -TERM "$daemon"' TERM
    trap 'again=yes; kill -TERM "$daemon"' USR1
    while true; do
        "serve_$(kind_of "$name")" &
        daemon=$!
        echo started >>/mnt/starts
        # A signal also ends `wait`, so it is repeated until the daemon has really exited.
        while kill -0 "$daemon" 2>/dev/null; do wait "$daemon" || true; done
        [ -n "$again" ] || break
        again=
    done
}

# The cgroup driver is set because the default, systemd's, would act outside of the namespaces.
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
# crun, the default, refuses machines that have both versions of cgroups.
runtime = "runc"
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
    # The supervisor is the only child of `unshare`.
    local parent=$!
    until pgrep --parent "$parent" >"$run/$name/pid"; do
        kill -0 "$parent" 2>/dev/null || engine_failed "$name" "could not be started"
        sleep 0.05
    done
}

starts_of() { wc -l 2>/dev/null <"$run/$1/state/starts" || echo 0; }

# Exits with what happened to engine $1 and the end of its log.
engine_failed() {
    fail "engine $1 $2. The end of its log, $run/$1/log:"$'\n'"$(tail -n 20 "$run/$1/log" | sed 's/^/    /')"
}

# Waits until the daemon answers after its start number $2.
await() {
    local name=$1 deadline=$((SECONDS + 60))
    until [ "$(starts_of "$name")" -ge "$2" ] && curl --silent --fail --output /dev/null \
        --max-time 5 --unix-socket "$run/$name/state/docker.sock" http://localhost/_ping; do
        supervisor_of "$name" >/dev/null || engine_failed "$name" "has ended"
        [ $SECONDS -lt $deadline ] || engine_failed "$name" "did not answer within 60 s"
        sleep 0.1
    done
}

# A `docker` command for the engine, of the same release, that does not read the settings of the machine's user.
write_command() {
    local name=$1 root plugin
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
}

# No image can be pulled, so these are busybox under the names that people write.
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
    "$docker" run --rm busybox:latest true || engine_failed "$1" "cannot run a container"
}

start_one() {
    local name=$1
    trap - EXIT
    [ -d "$(root_of "$name")" ] || fail "engine $name needs the folder $(root_of "$name"): run tests/setup.sh"
    spawn "$name"
    write_command "$name"
    await "$name" 1
    import_images "$name"
    touch "$run/$name/started"
}

# Prints the versions of the engine and of its programs.
describe() {
    local name=$1 docker=$run/docker$1 kind=Docker with=
    [ "$name" != podman ] || kind=Podman
    with=$("$docker" version --format "$kind {{.Server.Version}}, API {{.Server.APIVersion}}, docker CLI {{.Client.Version}}")
    [ ! -e "$run/$name/config/cli-plugins/docker-compose" ] || with+=", compose $("$docker" compose version --short)"
    [ ! -e "$run/$name/config/cli-plugins/docker-buildx" ] || with+=", buildx $("$docker" buildx version | cut -d ' ' -f 2)"
    echo "engine $name: $with"
}

start() {
    [ "$(id -u)" = 0 ] || fail "must run as root"
    local name place wanted=(20 26 28 podman) starting=() failed=()
    if [ -n "${DOCKGATE_TEST_DOCKERD:-}" ]; then
        [ -f "$DOCKGATE_TEST_DOCKERD" ] && [ -x "$DOCKGATE_TEST_DOCKERD" ] ||
            fail "DOCKGATE_TEST_DOCKERD must be an executable file, but is \"$DOCKGATE_TEST_DOCKERD\""
        DOCKGATE_TEST_DOCKERD=$(realpath "$DOCKGATE_TEST_DOCKERD")
        wanted+=(extra)
    fi
    for name in "${known[@]}"; do
        if supervisor_of "$name" >/dev/null; then
            fail "engines are already running in $run: stop them, or set DOCKGATE_TEST_RUN to another folder"
        fi
    done
    stop
    mkdir "$run"
    touch "$run/$marker"
    trap stop EXIT # if this is interrupted, no engine is left running
    echo "${wanted[@]}" >"$run/engines"
    make_rootfs "$run/rootfs"
    tar -C "$run/rootfs" -cf "$run/rootfs.tar" .
    for name in "${wanted[@]}"; do
        start_one "$name" &
        starting+=($!)
    done
    for place in "${!wanted[@]}"; do
        wait "${starting[place]}" || failed+=("${wanted[place]}")
    done
    for name in "${wanted[@]}"; do
        [ ! -e "$run/$name/started" ] || describe "$name"
    done
    halt "${failed[@]}"
    trap - EXIT
    [ ${#failed[@]} -eq 0 ] || fail "these engines did not start: ${failed[*]}; the others are running"
}

restart() {
    local pid starts
    pid=$(supervisor_of "$1") || fail "engine $1 does not run"
    starts=$(starts_of "$1")
    kill -USR1 "$pid"
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

# Stops the daemons of these engines, and with them all their processes.
halt() {
    local name pid pids=()
    for name in "$@"; do
        pid=$(supervisor_of "$name") || continue
        kill -TERM "$pid"
        pids+=("$pid")
    done
    for pid in "${pids[@]}"; do
        ended "$pid" 20 && continue
        kill -KILL "$pid"
        ended "$pid" 10 || fail "process $pid of an engine does not end"
    done
}

stop() {
    local name
    [ -e "$run" ] || return 0
    [ -e "$run/$marker" ] || fail "$run was not made by this script: remove it, or set DOCKGATE_TEST_RUN to another folder"
    halt "${known[@]}"
    for name in "${known[@]}"; do
        find /sys/fs/cgroup -depth -type d -path "*/$(cgroup_of "$name")*" -exec rmdir {} +
    done
    remove_podmans_cgroups
    rm -rf --one-file-system "$run"
}

# Podman has no setting for the parent group of its containers' groups, so all Podmans on the machine share it.
# Another instance's groups are in use, or are named after containers that do not exist here.
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
    local name described started list=
    for name in $(engines_of_run); do
        echo "export ENGINE${name@U}_SOCKET=$run/$name/state/docker.sock"
        echo "export ENGINE${name@U}_DOCKER=$run/docker$name"
        started=$([ -e "$run/$name/started" ] && echo true || echo false)
        described="{\"name\": \"$name\", \"started\": $started, \"address\": \"unix://$run/$name/state/docker.sock\","
        described+=" \"docker\": [\"$run/docker$name\"]}"
        case $(kind_of "$name") in
        docker) list+=", $described" ;;
        podman) echo "export DOCKGATE_PODMAN='$described'" ;;
        esac
    done
    [ -n "$list" ] || fail "there are no engines in $run: run \`engines.sh start\` first"
    echo "export DOCKGATE_ENGINES='[${list#, }]'"
    echo "export PATH=$cache/python/bin:\$PATH NODE_PATH=$cache/node/node_modules"
    echo "export TMPDIR=/tmp" # the only folder that the engines can see too
}

usage() { fail "usage: engines.sh start | stop | env | restart ENGINE | enter ENGINE OPTION... COMMAND..."; }

case "${1:-}" in
start | stop | env) [ $# -eq 1 ] || usage ;;
restart | enter | supervise) [ $# -ge 2 ] && is_known "$2" || usage ;;
*) usage ;;
esac
[ "$1" != env ] || set -- print_environment
"$@"
