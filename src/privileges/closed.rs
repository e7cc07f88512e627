//! Why the daemon's socket cannot be opened, and what to write to change that.

use std::io;
use std::path::Path;

use rustix::fs::Access;

use super::access::{ENTER, Found, Ids, Owned, WRITE};
use super::assume;
use crate::config::UpstreamAddress;

/// The kernel shows this as the owner and group of a file if they have no id in the user namespace of the process.
const UNMAPPED: u32 = 65_534;

/// Why the daemon's socket cannot be opened right now, as far as that shows without connecting. `None` for a daemon
/// that is reached through TCP.
pub(crate) fn why_closed(daemon: &UpstreamAddress) -> Option<String> {
    reason(daemon, |path| {
        rustix::fs::access(path, Access::WRITE_OK).is_err()
    })
}

/// Why connecting to the daemon's socket failed, and what to do. `None` if its file is not the reason.
pub(crate) fn explain(daemon: &UpstreamAddress, error: &io::Error) -> Option<String> {
    let is_of_file = [
        io::ErrorKind::NotADirectory,
        io::ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied,
    ];
    reason(daemon, |_| is_of_file.contains(&error.kind()))
}

fn reason(daemon: &UpstreamAddress, is_refused: impl FnOnce(&Path) -> bool) -> Option<String> {
    let UpstreamAddress::Unix(path) = daemon else {
        return None;
    };
    let found = Found::at(path);
    // Other files refuse connections like a socket that nobody listens on.
    let is_other = matches!(found, Found::Other { .. });
    (is_refused(path) || is_other).then(|| describe(path, &found, &assume::current_ids()))
}

fn describe(path: &Path, found: &Found, ids: &Ids) -> String {
    let path = path.display();
    match found {
        Found::Missing => format!(
            "there is no {path}: start the daemon, and mount its socket into this container (`volumes: \
             [\"/var/run/docker.sock:{path}\"]`)"
        ),
        Found::Other { is_folder: true } => format!(
            "{path} is a folder: Docker creates one if the source of a mount is missing. Remove it on the host, \
             start the daemon, and create this container again"
        ),
        Found::Other { is_folder: false } => {
            format!("{path} is not a socket: set `upstream` to the daemon's socket")
        }
        Found::Closed(folder) => refused(folder, ENTER, ids),
        Found::Socket(way) => way.first_closed_to(ids).map_or_else(
            || {
                let socket = &way.socket;
                format!(
                    "{socket} is open to {ids}, but a security module such as SELinux denies access: write \
                     `security_opt: [label=disable]`"
                )
            },
            |closed| refused(closed, if *closed == way.socket { WRITE } else { ENTER }, ids),
        ),
    }
}

/// The message for a socket or folder whose mode does not give this bit to these ids.
fn refused(closed: &Owned, bit: u32, ids: &Ids) -> String {
    let groups: Vec<_> = ids.groups.iter().map(u32::to_string).collect();
    let groups = match groups.as_slice() {
        [] => "no other groups".to_owned(),
        groups => format!("groups {}", groups.join(", ")),
    };
    let remedy = remedy(closed, bit, ids);
    format!("Dockgate (running as {ids}, {groups}) cannot open {closed}: {remedy}")
}

fn remedy(closed: &Owned, bit: u32, ids: &Ids) -> String {
    let Owned { uid, gid, mode, .. } = closed;
    let is_for = |class: u32| (mode >> class) & bit != 0;
    let has_group = ids.gid == *gid || ids.groups.contains(gid);
    if (*uid, *gid) == (UNMAPPED, UNMAPPED) {
        "its owner is outside this container's user namespace: write `userns_mode: host`".to_owned()
    } else if is_for(3) && !has_group {
        format!("write `group_add: [\"{gid}\"]`")
    } else if is_for(6) && ids.uid != *uid {
        format!(
            "write `user: \"{uid}\"`, or let a group in (mode 0660 for a socket, 0750 for a folder)"
        )
    } else {
        "its mode lets nobody in: set 0660 for a socket, 0750 for a folder".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privileges::access::Way;

    const SOCKET: &str = "/var/run/docker.sock";

    fn socket(uid: u32, gid: u32, mode: u32) -> Found {
        let owned = |path: &str, uid, gid, mode| Owned {
            path: path.into(),
            uid,
            gid,
            mode,
        };
        Found::Socket(Way {
            folders: vec![owned("/var/run", 0, 0, 0o755), owned("/", 0, 0, 0o755)],
            socket: owned(SOCKET, uid, gid, mode),
        })
    }

    fn closed_folder() -> Found {
        Found::Closed(Owned {
            path: "/run/user/1000".into(),
            uid: 1000,
            gid: 1000,
            mode: 0o700,
        })
    }

    fn nobody() -> Ids {
        Ids {
            uid: 65_532,
            gid: 65_532,
            groups: Vec::new(),
        }
    }

    #[test]
    fn a_closed_socket_is_reported_with_owner_mode_and_the_line_to_write() {
        let let_in = "or let a group in (mode 0660 for a socket, 0750 for a folder)";
        for ((uid, gid, mode), shown, remedy) in [
            (
                (0, 998, 0o660),
                "owner 0, group 998, mode 0660",
                "write `group_add: [\"998\"]`".to_owned(),
            ),
            (
                (0, 0, 0o660),
                "owner 0, group 0, mode 0660",
                "write `group_add: [\"0\"]`".to_owned(),
            ),
            (
                (0, 0, 0o755),
                "owner 0, group 0, mode 0755",
                format!("write `user: \"0\"`, {let_in}"),
            ),
            (
                (1000, 998, 0o600),
                "owner 1000, group 998, mode 0600",
                format!("write `user: \"1000\"`, {let_in}"),
            ),
            (
                (0, 998, 0o000),
                "owner 0, group 998, mode 0000",
                "its mode lets nobody in: set 0660 for a socket, 0750 for a folder".to_owned(),
            ),
            (
                (65_534, 65_534, 0o660),
                "owner 65534, group 65534, mode 0660",
                "its owner is outside this container's user namespace: write `userns_mode: host`"
                    .to_owned(),
            ),
        ] {
            let told = describe(Path::new(SOCKET), &socket(uid, gid, mode), &nobody());
            let want = format!(
                "Dockgate (running as user 65532, group 65532, no other groups) cannot open {SOCKET} ({shown}): \
                 {remedy}"
            );
            assert_eq!(told, want);
        }
    }

    #[test]
    fn other_obstacles_are_reported_with_what_to_do() {
        for (found, want) in [
            (
                closed_folder(),
                "Dockgate (running as user 65532, group 65532, no other groups) cannot open /run/user/1000 \
                 (owner 1000, group 1000, mode 0700): write `user: \"1000\"`, or let a group in (mode 0660 for a \
                 socket, 0750 for a folder)",
            ),
            (
                socket(0, 998, 0o666),
                "/var/run/docker.sock (owner 0, group 998, mode 0666) is open to user 65532, group 65532, but a \
                 security module such as SELinux denies access: write `security_opt: [label=disable]`",
            ),
            (
                Found::Missing,
                "there is no /var/run/docker.sock: start the daemon, and mount its socket into this \
                 container (`volumes: [\"/var/run/docker.sock:/var/run/docker.sock\"]`)",
            ),
            (
                Found::Other { is_folder: true },
                "/var/run/docker.sock is a folder: Docker creates one if the source of a mount is missing. Remove \
                 it on the host, start the daemon, and create this container again",
            ),
            (
                Found::Other { is_folder: false },
                "/var/run/docker.sock is not a socket: set `upstream` to the daemon's socket",
            ),
        ] {
            assert_eq!(describe(Path::new(SOCKET), &found, &nobody()), want);
        }
    }

    #[test]
    fn a_group_that_does_not_help_is_not_suggested() {
        let ids = Ids {
            uid: 1000,
            gid: 1000,
            groups: vec![27, 998],
        };
        let told = describe(Path::new(SOCKET), &socket(0, 998, 0o640), &ids);
        assert!(told.contains(", groups 27, 998) cannot open "), "{told}");
        assert!(!told.contains("group_add"), "{told}");
    }

    #[test]
    fn only_errors_because_of_the_file_are_explained() {
        use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied, TimedOut};
        let unix = UpstreamAddress::Unix("/nonexistent/docker.sock".into());
        let tcp = UpstreamAddress::Tcp("127.0.0.1:1".into());
        for (kind, is_told) in [
            (NotFound, true),
            (PermissionDenied, true),
            (ConnectionRefused, false),
            (TimedOut, false),
        ] {
            assert_eq!(explain(&unix, &kind.into()).is_some(), is_told, "{kind}");
            assert_eq!(explain(&tcp, &kind.into()), None, "{kind}");
        }
        let folder = UpstreamAddress::Unix(std::env::temp_dir());
        let told = explain(&folder, &ConnectionRefused.into()).unwrap();
        assert!(told.contains("is a folder"), "{told}");
        assert!(why_closed(&folder).is_some(), "that may be written to");
    }
}
