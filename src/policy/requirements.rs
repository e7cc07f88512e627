//! From a request to what it asks for.
//!
//! Every topic of the field tables and every operation that depends on its query is read here, once,
//! whichever way a client spells it. What cannot be read in one way is refused here, before any
//! policy is asked.

mod build;
mod changes;
mod container;
mod device;
mod field;
mod mounts;
mod network;
mod path;
mod query;

use std::collections::HashSet;

use super::reason::{Denial, Reason};
use crate::docker::body::{asked, table};
use crate::docker::target::is_name;
use crate::docker::{ApiVersion, Call, Json, Operation};
use crate::policy::answers::{Answers, NeedsLookup};
use crate::policy::requirement::{RESERVED, Requirement, What};

pub use container::opened;
pub use path::starts;
pub use query::strip_unknown_query_keys;

/// What keeps the needs of a request from being known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// The request is refused, whatever a policy says.
    Refused(Denial),
    /// Something must be looked up, or is not there.
    NeedsLookup(NeedsLookup),
}

impl From<NeedsLookup> for Blocked {
    fn from(lookup_needed: NeedsLookup) -> Self {
        Self::NeedsLookup(lookup_needed)
    }
}

impl From<Denial> for Blocked {
    fn from(denial: Denial) -> Self {
        Self::Refused(denial)
    }
}

/// What a request asks for.
///
/// # Errors
///
/// It is spelled in a way that has two readings, or something must be looked up first.
pub fn requirements(
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
    if found.len() <= FEW {
        let mut rest = &*found;
        let mut is_doubled = false;
        while let Some((requirement, others)) = rest.split_first() {
            is_doubled |= others.iter().any(|other| other.what == requirement.what);
            rest = others;
        }
        if !is_doubled {
            return found;
        }
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
///
/// # Errors
///
/// Something must be looked up first.
pub fn reached(call: &Call, known: &Answers) -> Result<Vec<Requirement>, NeedsLookup> {
    let Some(mut requirements) = Requirements::of(call) else {
        return Ok(Vec::new());
    };
    path::reach(&mut requirements, call, known)?;
    Ok(requirements.found)
}

/// The needs found so far.
struct Requirements {
    operation: Operation,
    /// The API version that the path names.
    version: Option<ApiVersion>,
    /// The object that the path names.
    object: Option<String>,
    found: Vec<Requirement>,
}

impl Requirements {
    /// None yet; a path outside of the table has none ever.
    fn of(call: &Call) -> Option<Self> {
        Some(Self {
            operation: call.operation()?,
            version: call.version,
            object: call.object().map(str::to_owned),
            found: Vec::new(),
        })
    }

    fn push(&mut self, path: impl Into<String>, what: impl Into<What>) {
        let (path, what) = (path.into(), what.into());
        self.found.push(Requirement { path, what });
    }

    /// A container that something names.
    fn named<W: Into<What>>(
        &mut self,
        path: &str,
        name: &str,
        what: impl Fn(String) -> W,
    ) -> Result<(), Denial> {
        // The daemon takes a slash before a name for the same.
        let name = name.strip_prefix('/').unwrap_or(name);
        if !is_name(name) {
            return Err(unclear(path, "names no container"));
        }
        self.push(path, what(name.to_owned()));
        Ok(())
    }

    /// A name by which others find what is made, if one is given.
    fn takes_name(&mut self, path: &str, name: &str) -> Result<(), Denial> {
        if !name.is_empty() {
            must_be_plain(path, name)?;
            self.push(path, What::Name(name.to_owned()));
        }
        Ok(())
    }

    /// Whether it is one of these that is asked for.
    fn is_for(&self, operations: &[Operation]) -> bool {
        operations.contains(&self.operation)
    }
}

/// The operations that make or change a service.
const SERVICES: &[Operation] = &[Operation::ServiceCreate, Operation::ServiceUpdate];

/// What stands in the name of a service's task for its number. No client can write it.
pub const ANY_NUMBER: char = '#';

/// Why a name is refused by which a container would be found.
const NOT_PLAIN: &str =
    "must begin with a letter, a digit or `_`, and have only letters, digits, `_`, `.` and `-`";

/// Checks a name by which others find what is made. Resolvers fold letters beyond ASCII, each in its own way,
/// so that no other name has one meaning.
fn must_be_plain(path: &str, name: &str) -> Result<(), Denial> {
    let is_good =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
    if name.starts_with(['.', '-']) || !name.chars().all(is_good) {
        return Err(unclear(path, NOT_PLAIN));
    }
    Ok(())
}

/// The refusal of what no policy can grant, as it has two readings.
fn unclear(path: &str, why: &str) -> Denial {
    Denial::new(Reason::BadBody, format!("{path} {why}"))
}

/// Whether a label is one that Dockgate alone sets.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED)
}

#[cfg(test)]
pub(super) mod tests;
