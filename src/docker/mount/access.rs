//! What a container can do with a host path that is mounted in it.
//!
//! A read-only mount of a folder is itself read-only. Other file systems that the host has mounted below
//! that folder come along and often stay writable: always with API versions before 1.44, on kernels
//! before 5.12 and on Podman; elsewhere if the client asks for it. Dockgate does not know what the host
//! has mounted, so it assumes that a read-only mount of a folder above a usual mount point leaves that
//! writable.
//!
//! Source: `daemon/server/router/container` and `daemon/oci_linux.go` of moby/moby for the versions;
//! `pkg/api/handlers/compat/containers_create.go` of containers/podman.

use crate::docker::closed::closed;

closed! {
    /// What a container can do with a mount, from the least to the most.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    Access, by mode {
        /// It can be read, and so can everything below it.
        Read = "ro",
        /// It can be read, and other mounts below it can be written.
        ReadNonRecursive = "ro-nonrecursive",
        /// It can be written.
        Write = "rw",
    }
}

impl Access {
    /// The actual access that a read-only mount of a path gives.
    pub(crate) fn read_only(path: &str, is_non_recursive: bool) -> Self {
        if is_non_recursive || may_hold_mounts(path) {
            Self::ReadNonRecursive
        } else {
            Self::Read
        }
    }
}

/// Usual mount points of hosts; `*` is any one name.
const MOUNT_POINTS: &[&str] = &[
    "/boot/efi",
    "/dev/hugepages",
    "/dev/mqueue",
    "/dev/pts",
    "/dev/shm",
    "/home/*",
    "/media/*",
    "/media/*/*",
    "/mnt/*",
    "/proc/fs/nfsd",
    "/proc/sys/fs/binfmt_misc",
    "/run/containerd/io.containerd.runtime.v2.task/*/*/rootfs",
    "/run/credentials/*",
    "/run/docker/netns/*",
    "/run/lock",
    "/run/media/*/*",
    "/run/netns/*",
    "/run/rpc_pipefs",
    "/run/shm",
    "/run/snapd/ns/*",
    "/run/user/*",
    "/run/user/*/*",
    "/snap/*/*",
    "/sys/firmware/efi/efivars",
    "/sys/fs/*",
    "/sys/fs/cgroup/*",
    "/sys/fs/fuse/connections",
    "/sys/kernel/config",
    "/sys/kernel/debug/tracing",
    "/sys/kernel/security",
    "/sys/kernel/tracing",
    "/tmp/*",
    "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/*/fs",
    "/var/lib/containers/storage/overlay/*/merged",
    "/var/lib/docker/containers/*/mounts/shm",
    "/var/lib/docker/overlay2/*/merged",
    "/var/lib/docker/rootfs/overlayfs/*",
    "/var/lib/kubelet/pods/*/volumes/*/*",
    "/var/lib/lxcfs",
    "/var/lib/nfs/rpc_pipefs",
    "/var/tmp/*",
];

/// Volumes are mounts only if they were created with options.
const VOLUMES: &[&str] = &[
    "/var/lib/containers/storage/volumes/*/_data",
    "/var/lib/docker/volumes/*/_data",
];

/// Whether a clean path is above a usual mount point.
fn may_hold_mounts(path: &str) -> bool {
    let path = parts(path);
    let mut points = MOUNT_POINTS.iter().chain(VOLUMES);
    points.any(|point| {
        let point = parts(point);
        point.len() > path.len() && matches_each(&point, &path)
    })
}

/// Whether a clean path is on a usual mount point, or below one, that is somewhere below another
/// path.
pub(crate) fn is_on_mount_below(path: &str, above: &str) -> bool {
    let (path, above) = (parts(path), parts(above));
    MOUNT_POINTS.iter().any(|point| {
        let point = parts(point);
        (above.len() + 1..=path.len()).contains(&point.len()) && matches_each(&point, &path)
    })
}

/// The names in a path; `/var/run` is a link to `/run` on every host.
fn parts(path: &str) -> Vec<&str> {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.collect();
    match parts.as_slice() {
        ["var", "run", rest @ ..] => [&["run"], rest].concat(),
        _ => parts,
    }
}

/// Whether two paths are the same up to the end of the shorter one.
fn matches_each(point: &[&str], path: &[&str]) -> bool {
    let mut pairs = point.iter().zip(path);
    pairs.all(|(wanted, name)| *wanted == "*" || wanted == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s11_only_the_folder_above_a_usual_mount_point_is_read_only() {
        let (all, top) = (Access::Read, Access::ReadNonRecursive);
        for (path, want) in [
            ("/", top),
            ("/boot", top),
            ("/boot/efi", all),
            ("/dev", top),
            ("/dev/kmsg", all),
            ("/etc", all),
            ("/etc/localtime", all),
            ("/home", top),
            ("/home/ann/src", all),
            ("/media", top),
            ("/media/ann", top),
            ("/media/ann/disk", all),
            ("/mnt", top),
            ("/mnt/films", all),
            ("/proc", top),
            ("/proc/sys", top),
            ("/proc/stat", all),
            ("/run", top),
            ("/run/docker.sock", all),
            ("/run/docker", top),
            ("/run/udev", all),
            ("/srv/a", all),
            ("/sys", top),
            ("/sys/class/net", all),
            ("/sys/fs/cgroup", top),
            ("/tmp", top),
            ("/usr", all),
            ("/var", top),
            ("/var/lib", top),
            ("/var/lib/docker", top),
            ("/var/lib/docker/overlay2", top),
            ("/var/lib/docker/volumes", top),
            ("/var/lib/docker/volumes/a", top),
            ("/var/lib/docker/volumes/a/_data", all),
            ("/var/lib/node_exporter", all),
            ("/var/log", all),
            ("/var/run", top),
            ("/var/run/docker.sock", all),
            ("/var/run/user/1000", top),
        ] {
            assert_eq!(Access::read_only(path, false), want, "S11: {path}");
            assert_eq!(Access::read_only(path, true), top, "S11: {path}");
        }
    }

    #[test]
    fn knows_what_is_on_a_mount_below_another_path() {
        for (path, above, want) in [
            ("/mnt/a/dockgate", "/mnt", true),
            ("/mnt/a/dockgate", "/", true),
            ("/mnt/a", "/mnt", true),
            ("/mnt/a/dockgate", "/mnt/a", false),
            ("/etc/dockgate", "/", false),
            ("/run/dockgate", "/run", false),
            ("/var/lib/docker/volumes/a/_data", "/var/lib", false),
        ] {
            let is_on = is_on_mount_below(path, above);
            assert_eq!(is_on, want, "{path} below {above}");
        }
    }
}
