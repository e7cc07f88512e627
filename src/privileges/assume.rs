//! Switches to other ids, gives up capabilities, and verifies both.
//!
//! For the kernel, ids and capabilities belong to threads, not to processes. So this runs before any other thread is
//! started, and later threads inherit the result.

use std::fs;
use std::io;
use std::path::Path;

use rustix::process::{getegid, geteuid, getgid, getgroups, getuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, Gid, Uid, capabilities, capability_is_in_bounding_set,
    no_new_privs, remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
    set_thread_gid, set_thread_groups, set_thread_res_gid, set_thread_res_uid, set_thread_uid,
};

use super::access::{Found, Ids};
use super::plan::{Plan, Start, plan};
use crate::config::{RunAs, UpstreamAddress};

/// Why the process must not continue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivilegesError {
    #[error("{0}: do not run Dockgate on this system")]
    NotHeld(&'static str),
    /// The system denies what every process may do.
    #[error(
        "cannot give up capabilities: allow capset and prctl in the container's seccomp profile"
    )]
    Refused(#[source] io::Error),
    /// Other threads would keep what this one gives up.
    #[error("{0} threads were started before root was given up: this is a bug in Dockgate")]
    Threads(usize),
}

const NONE: CapabilitySets = CapabilitySets {
    effective: CapabilitySet::empty(),
    permitted: CapabilitySet::empty(),
    inheritable: CapabilitySet::empty(),
};

/// Switches to the least privileged ids that can open the daemon's socket, and gives up every capability for good.
/// Returns lines for the start report.
///
/// Call it once, after everything that needs root and before there is a second thread. If it fails, the process must
/// not continue.
pub(crate) fn assume(
    daemon: &UpstreamAddress,
    run_as: RunAs,
) -> Result<Vec<String>, PrivilegesError> {
    // A system may not show its threads.
    let threads = fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(PrivilegesError::Threads(threads));
    }
    let (path, found) = match daemon {
        UpstreamAddress::Unix(path) => (path.as_path(), Some(Found::at(path))),
        UpstreamAddress::Tcp(_) => (Path::new(""), None),
    };
    let effective = capabilities(None).map_err(refused)?.effective;
    let start = Start {
        ids: current_ids(),
        may_change: effective.contains(CapabilitySet::SETUID | CapabilitySet::SETGID),
    };
    let plan = plan(&start, run_as, found.as_ref());
    let mut lines = Vec::from_iter(plan.line(&start, path, found.as_ref()));
    // This needs a capability itself, so it comes first.
    let is_bounded = effective.contains(CapabilitySet::SETPCAP) && empty_bounding_set().is_ok();
    let mut becomes = None;
    if let Plan::Become(ids, _) = &plan {
        match take(ids) {
            Ok(()) => becomes = Some(ids),
            Err(error) => lines = vec![not_taken(ids, error)],
        }
    }
    let kept = start.ids.clone();
    if becomes.is_none() && kept.uid != 0 && has_other_real_ids() {
        let line = other_given_up(&kept);
        let stays = "the real user and group cannot be given up";
        settle(&kept).map_err(|_| PrivilegesError::NotHeld(stays))?;
        becomes = Some(&kept);
        lines.push(line);
    }
    // This also empties the ambient set, which is a subset of the inheritable one.
    set_capabilities(None, NONE).map_err(refused)?;
    set_no_new_privs(true).map_err(refused)?;
    verify(becomes, is_bounded)?;
    Ok(lines)
}

/// The effective ids of this thread.
pub(super) fn current_ids() -> Ids {
    let groups = getgroups().unwrap_or_default();
    let mut groups: Vec<_> = groups.into_iter().map(Gid::as_raw).collect();
    groups.sort_unstable();
    Ids {
        uid: geteuid().as_raw(),
        gid: getegid().as_raw(),
        groups,
    }
}

/// Switches to ids for good. The saved ids change too, or the process could switch back.
fn take(ids: &Ids) -> rustix::io::Result<()> {
    let groups: Vec<_> = ids.groups.iter().copied().map(Gid::from_raw).collect();
    set_thread_groups(&groups)?;
    settle(ids)
}

/// Makes these the only ids.
fn settle(ids: &Ids) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(ids.uid), Gid::from_raw(ids.gid));
    // The user last, because without root the group cannot be changed any more.
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

/// Whether the process could switch to ids that are not in force. After an exec the saved ids equal the effective ones.
fn has_other_real_ids() -> bool {
    (getuid(), getgid()) != (geteuid(), getegid())
}

/// The line about such ids.
fn other_given_up(kept: &Ids) -> String {
    let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
    format!(
        "runs as {kept} only: it was also started with the real user {uid} and group {gid}, which are given up"
    )
}

/// The line if the system does not allow the ids, for example because a user namespace lacks them.
fn not_taken(ids: &Ids, error: rustix::io::Errno) -> String {
    let now = current_ids();
    format!(
        "warning: keeps running as {now} (no capabilities): the system does not allow {ids} ({error}). Set `run_as` to \
         ids that exist here, or start Dockgate as another user."
    )
}

/// Empties the set from which programs could regain capabilities.
fn empty_bounding_set() -> rustix::io::Result<()> {
    for capability in bounding_set() {
        remove_capability_from_bounding_set(capability)?;
    }
    Ok(())
}

/// The capabilities in the bounding set. The kernel knows all below the first that it returns an error for.
fn bounding_set() -> impl Iterator<Item = CapabilitySet> {
    let all = (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit));
    let known = all.map_while(|capability| {
        let is_in = capability_is_in_bounding_set(capability).ok()?;
        Some((capability, is_in))
    });
    known.filter_map(|(capability, is_in)| is_in.then_some(capability))
}

fn verify(becomes: Option<&Ids>, is_bounded: bool) -> Result<(), PrivilegesError> {
    let check = |holds: bool, otherwise| {
        let held = holds.then_some(());
        held.ok_or(PrivilegesError::NotHeld(otherwise))
    };
    if let Some(ids) = becomes {
        let is_taken = current_ids() == *ids && !has_other_real_ids();
        check(is_taken, "switching to another user had no effect")?;
        let comes_back = ids.uid != 0 && set_thread_uid(Uid::ROOT).is_ok()
            || ids.gid != 0 && set_thread_gid(Gid::ROOT).is_ok();
        check(
            !comes_back,
            "Dockgate gave up root and could become root again",
        )?;
    }
    let in_force = capabilities(None).map_err(refused)?;
    check(
        in_force == NONE,
        "capabilities that were given up are still in force",
    )?;
    check(
        !is_bounded || bounding_set().next().is_none(),
        "capabilities that were given up can be regained",
    )?;
    check(
        no_new_privs().map_err(refused)?,
        "no_new_privs was set and is not in force",
    )
}

fn refused(error: rustix::io::Errno) -> PrivilegesError {
    PrivilegesError::Refused(error.into())
}
