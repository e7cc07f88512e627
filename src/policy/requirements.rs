//! From a request to what it asks for.
//!
//! Every topic of the field tables and every operation that depends on its query is read here, once,
//! whichever way a client spells it. What cannot be read in one way is refused here, before any
//! policy is asked.

mod build;
mod changes;
mod collector;
mod container;
mod device;
mod field;
mod mounts;
mod network;
mod path;
mod query;

use std::collections::HashSet;

use crate::docker::body::{asked, table};
use crate::docker::{Call, Json};
use crate::policy::answers::{Answers, NeedsLookup};
use crate::policy::requirement::Requirement;

use collector::Requirements;
pub(crate) use collector::{ANY_NUMBER, Blocked, is_reserved};
pub(crate) use container::opened;
pub(crate) use query::strip_unknown_query_keys;

/// What a request asks for.
pub(crate) fn requirements(
    call: &Call,
    body: Option<&Json>,
    known: &Answers,
) -> Result<Vec<Requirement>, Blocked> {
    let Some(mut requirements) = Requirements::of(call) else {
        return Ok(Vec::new());
    };
    path::read(&mut requirements, call, known)?;
    query::read(&mut requirements, call)?;
    if let (Some(body), Some(table)) = (body, table(requirements.operation)) {
        for asked in asked(body, table) {
            field::read(&mut requirements, &asked)?;
        }
        container::whole(&mut requirements, body)?;
    }
    Ok(once(requirements.found))
}

/// Up to so many needs each is compared with all others, which takes no memory.
const FEW: usize = 16;

/// Leaves the first of needs that are the same. What a body names several times is then judged once, told once, and
/// the labels of what it names are searched once.
fn once(mut found: Vec<Requirement>) -> Vec<Requirement> {
    let is_doubled = |(place, one): (usize, &Requirement)| {
        let mut others = found.iter().take(place);
        others.any(|other| other.what == one.what)
    };
    if found.len() <= FEW && !found.iter().enumerate().any(is_doubled) {
        return found;
    }
    let mut seen = HashSet::with_capacity(found.len());
    let are_first: Vec<_> = found
        .iter()
        .map(|requirement| seen.insert(&requirement.what))
        .collect();
    let mut are_first = are_first.into_iter();
    found.retain(|_| are_first.next().unwrap_or_default());
    found
}

/// Which container or service a request is about, by its path and its query: those that it is about
/// even where its body passes unread.
pub(crate) fn reached(call: &Call, known: &Answers) -> Result<Vec<Requirement>, NeedsLookup> {
    let Some(mut requirements) = Requirements::of(call) else {
        return Ok(Vec::new());
    };
    path::reach(&mut requirements, call, known)?;
    Ok(requirements.found)
}

#[cfg(test)]
pub(super) mod tests;
