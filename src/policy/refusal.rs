//! The words of refusals: what was refused, and what to write to grant it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

use super::blocks::amount::Beyond;
use super::file::Policy;
use super::names::READS_AS_ID;
use super::need::{Block, Need, What, Within};
use super::own::Reached;
use super::reason::{Denial, Reason};
use super::weigh::Lacking;
use crate::docker::body::BadBody;
use crate::docker::classify::nearest_route;
use crate::docker::json::{quoted, shortened};
use crate::docker::{Call, Operation, Subject};

/// The denial of a body that has no single reading, or something that no version of the API has.
pub(super) fn bad_body(call: &Call, bad: &BadBody) -> Denial {
    let message = match bad {
        // It begins as the daemon's own message.
        BadBody::Json(bad) => bad.to_string(),
        BadBody::Doubled(_)
        | BadBody::Kind { .. }
        | BadBody::Misplaced { .. }
        | BadBody::Unknown(_) => format!("{}: {bad}", entry(call)),
    };
    Denial::new(Reason::BadBody, message)
}

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
            let has = |block: &Block| policies.iter().any(|policy| policy.blocks().has(*block));
            let block = Block::of(*operation).filter(|block| !has(block));
            let narrow = block.map(|block| format!(", and narrow it in [{}]", block.name()));
            let add = || {
                let narrow = narrow.unwrap_or_default();
                format!("add \"{entry}\" to allow{narrow}")
            };
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

/// The denial of a name by which another object is found already.
pub(super) fn reads_as_id(call: &Call, need: &Need) -> Denial {
    let value = need.what.value().unwrap_or_default();
    let message = format!(
        "{}: {} {} {READS_AS_ID}",
        entry(call),
        need.path,
        quoted(shortened(&value))
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of a name by which a key would select a container that it does not select now.
pub(super) fn renamed(call: &Call, name: &str, key: &str) -> Denial {
    let name = quoted(shortened(name));
    let message = format!(
        "{}: {key} selects containers by the name {name}, and this container is not one of them yet: choose \
         another name, or add the name that it has now to {key}",
        entry(call)
    );
    Denial::new(Reason::Restricted, message)
}

/// The refusal of what a policy does not grant within an operation that it does.
pub(super) fn restricted(call: &Call, lacking: &Lacking) -> Denial {
    let Lacking {
        needs, differences, ..
    } = lacking;
    let mut seen = HashSet::new();
    let mut distinct = needs.iter().filter(|need| seen.insert(&need.what));
    let shown = distinct.by_ref().take(SHOWN);
    let shown: Vec<_> = shown.map(|need| told(need, lacking)).collect();
    let mut message = format!("{}: {}", entry(call), shown.join("; "));
    let more = distinct.count();
    if more > 0 {
        // A String takes every write.
        _ = write!(message, "; and {more} more");
    }
    if let Some(difference) = differences.first() {
        let other = if call.operation() == Some(Operation::ServiceUpdate) {
            "service as it is"
        } else {
            "container that it replaces"
        };
        _ = write!(message, "; it differs from the {other} in {difference}");
    }
    Denial::new(Reason::Restricted, message)
}

/// What is told of labels that no policy can grant.
pub const BY_NOBODY: &str = "labels that begin with dockgate. are set by dockgate alone";

/// How many needs a refusal names.
pub const SHOWN: usize = 3;

/// What is told of one need that is not granted.
#[must_use]
pub fn refusal(need: &Need) -> String {
    let path = &need.path;
    let Some(way) = need.what.way() else {
        let what = need.what.value().unwrap_or_default();
        let what = shortened(&what);
        return format!("{path} \"{what}\" is not granted: {BY_NOBODY}");
    };
    if let What::Within(Within::IntoPrivileged(_)) = need.what {
        return format!("{path} has more than [create] grants; to grant it {way}");
    }
    let what = match asked(&need.what) {
        Some(what) => format!(" {}", quoted(shortened(&what))),
        None => String::new(),
    };
    format!("{path}{what} is not granted; to grant it {way}")
}

/// What was asked for, in the client's own word, which is not always what would stand under the key.
fn asked(what: &What) -> Option<Cow<'_, str>> {
    if let What::HostNamespace(_) = what {
        return Some("host".into());
    }
    what.value()
}

/// The same, where it is known which limits were to be kept to.
fn told(need: &Need, lacking: &Lacking) -> String {
    let What::Limits(asked) = &need.what else {
        return refusal(need);
    };
    let beyond = lacking.limits.beyond(asked);
    let parts = beyond.iter().map(|beyond| {
        let Beyond { key, asked, most } = beyond;
        format!("{key} {asked}, at the most {most}")
    });
    let mut keys: Vec<_> = beyond.iter().map(|beyond| beyond.key).collect();
    keys.dedup();
    format!(
        "{} is beyond create.limits ({}); to grant it have the client set less, or raise {} there or leave it out",
        need.path,
        parts.collect::<Vec<_>>().join("; "),
        keys.join(" and ")
    )
}

/// What an entry of `allow` or `deny` that names the call would be.
#[must_use]
pub fn entry(call: &Call) -> String {
    match &call.subject {
        Subject::Operation { operation, .. } => operation.to_string(),
        Subject::Outside { path } => format!("{} {path}", call.method.as_str()),
    }
}
