//! Decides whom to run as: a function of values.

use std::path::Path;

use super::access::{Found, Ids, Way};
use crate::config::RunAs;

/// What the process is when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) ids: Ids,
    /// Whether it may take others: it has `CAP_SETUID` and `CAP_SETGID`.
    pub(crate) may_change: bool,
}

/// Whom to run as. The capabilities go in every case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Plan {
    Become(Ids, Choice),
    Keep(Kept),
}

/// Why these ids were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Nobody but the socket's owner may open it, and that is not root.
    Owner,
    /// Nobody but root may open the socket.
    RootAlone,
    /// They are those of `run_as`, with the socket's group if that helps.
    RunAs,
}

/// Why the ids are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Root may not take other ids here.
    MayNotChange,
    /// It was not started as root, and no one asked for other ids.
    NotRoot,
    /// It was not started as root, so what was asked for cannot be done.
    NotRootButAsked,
    /// There is no socket yet, and so no group to take.
    SocketUnknown,
}

/// Decides whom to run as. `found` is what there is at the path of the daemon's socket; nothing if it
/// is reached by TCP.
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
            // The socket's may be among those that it was started with, as `group_add` does.
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

/// The least of the ids that may open a socket.
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
        (root, Choice::RootAlone),
    ];
    // Ids that were asked for are not exchanged for greater ones.
    let candidates = candidates.into_iter().filter(|(ids, choice)| match choice {
        Choice::RunAs => true,
        Choice::Owner => !is_set && ids.uid != 0,
        Choice::RootAlone => !is_set,
    });
    let mut candidates = candidates.flat_map(|(ids, choice)| {
        let with_group = ids.with_group_of(way);
        [(ids, choice), (with_group, choice)]
    });
    let chosen = candidates.find(|(ids, _)| way.is_open_to(ids));
    // Where nobody may, the least may not either; why not is told apart from this.
    let (ids, choice) = chosen.unwrap_or_else(|| (wanted.clone(), Choice::RunAs));
    Plan::Become(ids, choice)
}

impl Plan {
    pub(crate) fn told(&self, start: &Start, path: &Path, found: Option<&Found>) -> Option<String> {
        let path = path.display();
        let started = start.ids.uid;
        match self {
            Self::Become(ids, Choice::RunAs) if ids.uid == 0 => {
                Some("stays root, without capabilities, as `run_as` says".to_owned())
            }
            Self::Become(ids, Choice::RunAs) => Some(match (ids.groups.as_slice(), found) {
                ([group], Some(Found::Socket(_))) => {
                    format!("runs as {ids}, with the group {group} of {path}")
                }
                _ => format!("runs as {ids}"),
            }),
            Self::Become(ids, Choice::Owner) => Some(format!(
                "runs as {ids}, as only the owner of {path} may open it"
            )),
            Self::Become(_, Choice::RootAlone) => Some(format!(
                "stays root, without capabilities, as root alone may open {path}: give the socket a \
                 group that may write (mode 0660), and its folders one that may enter"
            )),
            Self::Keep(Kept::MayNotChange) => Some(format!(
                "stays root, without capabilities, as CAP_SETUID or CAP_SETGID is missing: add both \
                 (`cap_add: [SETUID, SETGID]`){}",
                by_user(found)
            )),
            Self::Keep(Kept::NotRoot) => None,
            Self::Keep(Kept::NotRootButAsked) => Some(format!(
                "`run_as` has no effect: Dockgate was started as user {started}, and only root may \
                 become another"
            )),
            Self::Keep(Kept::SocketUnknown) => Some(format!(
                "stays root, without capabilities, as there is no socket at {path} yet whose group it \
                 could take: start Dockgate after the daemon, or set `run_as`"
            )),
        }
    }
}

/// How to have other ids from the beginning, if those may open the socket.
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
