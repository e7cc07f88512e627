//! Decides which user to run as: a function of values.

use std::path::Path;

use super::access::{Found, Ids, Way};
use crate::config::RunAs;

/// The process when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) ids: Ids,
    /// Whether it may switch to others: it has `CAP_SETUID` and `CAP_SETGID`.
    pub(crate) may_change: bool,
}

/// Which user to run as. Capabilities are given up in every case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Plan {
    Become(Ids, Choice),
    Keep(Kept),
}

/// Why these ids were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Only the socket's owner can open it, and the owner is not root.
    Owner,
    /// Only root can open the socket.
    OnlyRoot,
    /// They are the ids of `run_as`, with the socket's group if that helps.
    RunAs,
}

/// Why the ids are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Root cannot switch to other ids here.
    MayNotChange,
    /// It was not started as root, and `run_as` does not ask for other ids.
    NotRoot,
    /// It was not started as root, so it cannot become what `run_as` asks for.
    NotRootButAsked,
    /// The socket does not exist yet, so its group is unknown.
    SocketUnknown,
}

/// Decides which user to run as. `found` is what is at the path of the daemon's socket; `None` if the daemon is reached
/// through TCP.
pub(crate) fn plan(start: &Start, run_as: RunAs, found: Option<&Found>) -> Plan {
    let wanted = Ids {
        uid: run_as.uid,
        gid: run_as.gid,
        groups: Vec::new(),
    };
    if start.ids.uid != 0 {
        let is_as_asked = (start.ids.uid, start.ids.gid) == (run_as.uid, run_as.gid);
        return Plan::Keep(if run_as.is_set && !is_as_asked {
            Kept::NotRootButAsked
        } else {
            Kept::NotRoot
        });
    }
    if !start.may_change {
        return Plan::Keep(Kept::MayNotChange);
    }
    match found {
        Some(Found::Socket(way)) => choose(&wanted, run_as.is_set, way),
        Some(Found::Closed(_) | Found::Missing | Found::Other { .. }) if run_as.is_set => {
            // The socket's group may be one that it was started with, for example by `group_add`.
            let groups = start.ids.groups.iter().copied();
            let groups = groups.filter(|group| *group != 0).collect();
            Plan::Become(Ids { groups, ..wanted }, Choice::RunAs)
        }
        Some(Found::Closed(_) | Found::Missing | Found::Other { .. }) => {
            Plan::Keep(Kept::SocketUnknown)
        }
        None => Plan::Become(wanted, Choice::RunAs),
    }
}

/// The least privileged ids that can open a socket.
fn choose(wanted: &Ids, is_set: bool, way: &Way) -> Plan {
    let owner = Ids {
        uid: way.socket.uid,
        ..wanted.clone()
    };
    let root = Ids {
        uid: 0,
        gid: 0,
        groups: Vec::new(),
    };
    let candidates = [
        (wanted.clone(), Choice::RunAs),
        (owner, Choice::Owner),
        (root, Choice::OnlyRoot),
    ];
    // Ids from `run_as` are not replaced with more privileged ones.
    let candidates = candidates.into_iter().filter(|(ids, choice)| match choice {
        Choice::RunAs => true,
        Choice::Owner => !is_set && ids.uid != 0,
        Choice::OnlyRoot => !is_set,
    });
    let mut candidates = candidates.flat_map(|(ids, choice)| {
        let with_group = ids.with_group_of(way);
        [(ids, choice), (with_group, choice)]
    });
    let chosen = candidates.find(|(ids, _)| way.is_open_to(ids));
    // If no candidate can open it, the least privileged one does no harm; `closed` says why.
    let (ids, choice) = chosen.unwrap_or_else(|| (wanted.clone(), Choice::RunAs));
    Plan::Become(ids, choice)
}

impl Plan {
    /// The line of the start report on the ids, if there is something to say.
    pub(crate) fn line(&self, start: &Start, path: &Path, found: Option<&Found>) -> Option<String> {
        let path = path.display();
        let started = start.ids.uid;
        match self {
            Self::Become(ids, Choice::RunAs) if ids.uid == 0 => {
                Some("runs as root without capabilities, because of `run_as`".to_owned())
            }
            Self::Become(ids, Choice::RunAs) => Some(match (ids.groups.as_slice(), found) {
                ([group], Some(Found::Socket(_))) => {
                    format!("runs as {ids}, with group {group} of {path}")
                }
                _ => format!("runs as {ids}"),
            }),
            Self::Become(ids, Choice::Owner) => Some(format!(
                "runs as {ids}, because only the owner of {path} can open it"
            )),
            Self::Become(_, Choice::OnlyRoot) => Some(format!(
                "warning: keeps running as root (no capabilities): only root can open {path}. To run unprivileged, \
                 make the socket group-writable (0660) and its parent folders accessible to that group."
            )),
            Self::Keep(Kept::MayNotChange) => Some(format!(
                "warning: keeps running as root (no capabilities): CAP_SETUID or CAP_SETGID is missing. To run \
                 unprivileged, write `cap_add: [SETUID, SETGID]`{}",
                by_user(found)
            )),
            Self::Keep(Kept::NotRoot) => None,
            Self::Keep(Kept::NotRootButAsked) => Some(format!(
                "warning: `run_as` has no effect: Dockgate was started as user {started}, and only root can become \
                 another user"
            )),
            Self::Keep(Kept::SocketUnknown) => Some(format!(
                "warning: keeps running as root (no capabilities): {path} does not exist yet, so its group is \
                 unknown. Start Dockgate after the daemon, or set `run_as`."
            )),
        }
    }
}

/// How to start with other ids, if they can open the socket.
fn by_user(found: Option<&Found>) -> String {
    let RunAs { uid, gid, .. } = RunAs::DEFAULT;
    let (gid, is_open) = match found {
        None => (gid, true),
        Some(Found::Socket(way)) => {
            let (gid, groups) = (way.socket.gid, Vec::new());
            (gid, way.is_open_to(&Ids { uid, gid, groups }))
        }
        Some(Found::Closed(_) | Found::Missing | Found::Other { .. }) => (gid, false),
    };
    if is_open {
        format!(", or write `user: \"{uid}:{gid}\"`")
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests;
