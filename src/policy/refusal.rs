//! The words of refusals: what was refused, and what to write to grant it.

use std::fmt::Write;

use super::file::Policy;
use super::need::Need;
use super::own::Reached;
use super::reason::{Denial, Reason};
use super::weigh::Lacking;
use crate::docker::classify::nearest_route;
use crate::docker::json::shortened;
use crate::docker::{Call, Subject};

/// The refusal of what the settings deny to every policy.
pub(super) fn denied(call: &Call) -> Denial {
    let entry = entry(call);
    Denial::new(
        Reason::Denied,
        format!("{entry} is denied by the settings; to grant it remove it from their deny"),
    )
}

/// The refusal of what none of the policies grants.
pub(super) fn not_granted(policies: &[Policy], call: &Call) -> Denial {
    let entry = entry(call);
    match &call.subject {
        Subject::Operation { operation, .. } => {
            let way = policies.iter().find_map(|policy| policy.way_to(*operation));
            let add = || format!("add \"{entry}\" to allow");
            let way = way.map_or_else(add, str::to_owned);
            let message = format!("{entry} is not granted; to grant it {way}");
            Denial::new(Reason::NotGranted, message)
        }
        Subject::Outside { path } => {
            let near = nearest_route(call.method.as_str(), path)
                .map(|near| format!(", the nearest is {near}"));
            let near = near.unwrap_or_default();
            let way = policies.iter().find_map(Policy::way_to_paths);
            let add = || format!("to grant it all the same add \"{entry}\" to allow");
            let way = way.map_or_else(add, str::to_owned);
            let message = format!("{entry} is no operation of the Docker API{near}; {way}");
            Denial::new(Reason::UnknownOperation, message)
        }
    }
}

/// The refusal of what would reach Dockgate's own container.
pub(super) fn reaches_own(call: &Call, reached: &Reached) -> Denial {
    let Reached { path, what } = reached;
    let message = format!("{}: {path} {what}", entry(call));
    Denial::new(Reason::OwnContainer, message)
}

/// The refusal of what a policy does not grant within an operation that it does.
pub(super) fn restricted(call: &Call, lacking: &Lacking) -> Denial {
    let Lacking { needs, differences } = lacking;
    let mut message = entry(call);
    if let Some(need) = needs.first() {
        message = format!("{message}: {}", refusal(need));
    }
    if needs.len() > 1 {
        // A String takes every write.
        _ = write!(message, "; and {} more", needs.len() - 1);
    }
    if let Some(difference) = differences.first() {
        _ = write!(
            message,
            "; it differs from the container that it replaces in {difference}"
        );
    }
    Denial::new(Reason::Restricted, message)
}

/// What is told of one need that is not granted.
#[must_use]
pub fn refusal(need: &Need) -> String {
    let what = need.what.value();
    let what = what.map(|what| format!(" \"{}\"", shortened(&what)));
    let what = what.unwrap_or_default();
    let path = &need.path;
    match need.what.way() {
        Some(way) => format!("{path}{what} is not granted; to grant it {way}"),
        None => format!(
            "{path}{what} is not granted: labels that begin with dockgate. are set by dockgate alone"
        ),
    }
}

/// What an entry of `allow` or `deny` that names the call would be.
#[must_use]
pub fn entry(call: &Call) -> String {
    match &call.subject {
        Subject::Operation { operation, .. } => operation.to_string(),
        Subject::Outside { path } => format!("{} {path}", call.method.as_str()),
    }
}
