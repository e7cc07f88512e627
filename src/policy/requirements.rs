//! Collects what a request asks for.
//!
//! Every field meaning and every query that decides something is read here, once, however a client spells it. What is
//! ambiguous is denied here, before any policy is asked.

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

use crate::docker::body::{FieldMeaning, asked, table};
use crate::docker::{Call, Deed, Json};
use crate::policy::answers::{Answers, NeedsLookup};
use crate::policy::requirement::Requirement;

pub(crate) use build::is_by_buildkit;
pub(crate) use changes::labels_in_changes;
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

/// The part of what a request asks for that could make a client of something: the networks that it joins, and the
/// ranges of a new network. Nothing else is read, so that nothing else is denied.
pub(crate) fn identifying(call: &Call, body: Option<&Json>) -> Result<Vec<Requirement>, Blocked> {
    let Some(mut requirements) = Requirements::of(call) else {
        return Ok(Vec::new());
    };
    query::check_identifying(call)?;
    if requirements.judged().deed == Deed::Connects {
        let name = call.object().unwrap_or_default();
        network::join(&mut requirements, "the network", name)?;
    }
    if let (Some(body), Some(table)) = (body, table(requirements.operation)) {
        for asked in asked(body, table) {
            if let Some(FieldMeaning::Networks | FieldMeaning::Subnets) = asked.meaning {
                field::read(&mut requirements, &asked)?;
            }
        }
        container::networks(&mut requirements, body)?;
    }
    Ok(requirements.found)
}

/// Up to this many requirements, each is compared with all others, which needs no memory.
const FEW: usize = 16;

/// Keeps the first of equal requirements. What a body names several times is then judged, reported and looked up once.
fn once(mut found: Vec<Requirement>) -> Vec<Requirement> {
    let is_doubled = |(place, one): (usize, &Requirement)| {
        let mut others = found.iter().take(place);
        // Most have different keys, which are compared faster.
        others.any(|other| other.what.key() == one.what.key() && other.what == one.what)
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

/// The objects that a request is about by its path and its query. They are known even if the body is not read.
pub(crate) fn reached(call: &Call, known: &Answers) -> Result<Vec<Requirement>, NeedsLookup> {
    let Some(mut requirements) = Requirements::of(call) else {
        return Ok(Vec::new());
    };
    path::reach(&mut requirements, call, known)?;
    Ok(requirements.found)
}

#[cfg(test)]
pub(super) mod tests;
