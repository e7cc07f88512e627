//! Taking on ids and giving up capabilities, and seeing that both hold.
//!
//! To the kernel ids and capabilities belong to threads, not to processes. So this comes before any
//! other thread, and those that are made later inherit what it leaves.

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

/// Why the process must not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivilegesError {
    #[error("{0}: this system must not run what holds the daemon's socket")]
    NotHeld(&'static str),
    /// The system refuses what every process may do.
    #[error(
        "capabilities cannot be given up: allow capset and prctl in the container's seccomp profile"
    )]
    Refused(#[source] io::Error),
    /// Threads that would keep what this one gives up.
    #[error("{0} threads run before the ids are settled; this is a defect")]
    Threads(usize),
}

const NONE: CapabilitySets = CapabilitySets {
    effective: CapabilitySet::empty(),
    permitted: CapabilitySet::empty(),
    inheritable: CapabilitySet::empty(),
};

/// Takes on the least ids that may open the daemon's socket, and gives up every capability for good.
/// Returns what the operator should know.
///
/// To be called once, when all that needs root is done and before there is a second thread.
/// If it fails, the process has not become what it should be, and must not go on.
pub(crate) fn assume(
    daemon: &UpstreamAddress,
    run_as: RunAs,
) -> Result<Option<String>, PrivilegesError> {
    // A system that does not show its threads is not asked again.
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
    let mut told = plan.told(&start, path, found.as_ref());
    // Needs a capability itself, so it comes first.
    let is_bounded = effective.contains(CapabilitySet::SETPCAP) && empty_bounding_set().is_ok();
    let mut becomes = None;
    if let Plan::Become(ids, _) = &plan {
        match take(ids) {
            Ok(()) => becomes = Some(ids),
            Err(error) => told = Some(not_taken(ids, error)),
        }
    }
    let kept = start.ids.clone();
    if becomes.is_none() && kept.uid != 0 && has_other_real_ids() {
        let line = other_given_up(&kept);
        let stays = "ids beside the effective ones cannot be given up";
        settle(&kept).map_err(|_| PrivilegesError::NotHeld(stays))?;
        becomes = Some(&kept);
        told = Some(told.map_or(line.clone(), |told| format!("{told}\n{line}")));
    }
    // This empties the ambient set too, which is never more than the inheritable one.
    set_capabilities(None, NONE).map_err(refused)?;
    set_no_new_privs(true).map_err(refused)?;
    verify(becomes, is_bounded)?;
    Ok(told)
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

/// Takes ids for good: the saved ones too, by which a process could come back.
fn take(ids: &Ids) -> rustix::io::Result<()> {
    let groups: Vec<_> = ids.groups.iter().copied().map(Gid::from_raw).collect();
    set_thread_groups(&groups)?;
    settle(ids)
}

/// Makes ids the only ones.
fn settle(ids: &Ids) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(ids.uid), Gid::from_raw(ids.gid));
    // The user last, as with it goes the right to change the group.
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

/// Whether the process could go back to ids that are not in force. The saved ones are the effective ones
/// behind an exec.
fn has_other_real_ids() -> bool {
    (getuid(), getgid()) != (geteuid(), getegid())
}

/// What the operator is told where there are such ids.
fn other_given_up(kept: &Ids) -> String {
    let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
    format!(
        "runs as {kept} for good: it was started with the real user {uid} and group {gid} as well"
    )
}

/// What the operator is told where the system refuses the ids, as user namespaces do that have no
/// such number.
fn not_taken(ids: &Ids, error: rustix::io::Errno) -> String {
    let now = current_ids();
    format!(
        "runs as {now}, without capabilities, as the system refuses {ids} ({error}): set `run_as` to ids \
         that exist here, or start it as another user"
    )
}

/// Takes every capability out of the set that programs could regain them from.
fn empty_bounding_set() -> rustix::io::Result<()> {
    for capability in bounding_set() {
        remove_capability_from_bounding_set(capability)?;
    }
    Ok(())
}

/// The capabilities in the bounding set. The kernel knows all below the first that it refuses to tell of.
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
        check(is_taken, "the ids that were taken do not hold")?;
        let comes_back = ids.uid != 0 && set_thread_uid(Uid::ROOT).is_ok()
            || ids.gid != 0 && set_thread_gid(Gid::ROOT).is_ok();
        check(
            !comes_back,
            "root's ids that were given up can be taken again",
        )?;
    }
    let in_force = capabilities(None).map_err(refused)?;
    check(
        in_force == NONE,
        "capabilities that were given up are in force",
    )?;
    check(
        !is_bounded || bounding_set().next().is_none(),
        "capabilities that were given up can be regained",
    )?;
    check(
        no_new_privs().map_err(refused)?,
        "no_new_privs was set and does not hold",
    )
}

fn refused(error: rustix::io::Errno) -> PrivilegesError {
    PrivilegesError::Refused(error.into())
}
