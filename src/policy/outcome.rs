//! One policy's decision about a request.

use super::answers::{self, Answers, NeedsLookup};
use super::checker::Checker;
use super::hint::Shortfall;
use super::keys::Key;
use super::request::Request;
use super::requirement::Requirement;
use super::{replaces, unchanged};
use crate::docker::Operation;
use crate::policyfile::file::Policy;

/// A policy's decision about what a request asks for.
pub(super) enum Outcome<'p> {
    /// The policy allows all of it. The key, if one allows the body as a whole: a container that has no more than the
    /// one that it replaces, or a service that stays as it is.
    Allowed(Option<Key>),
    /// The policy does not allow this part.
    Refused(Shortfall<'p>),
}

/// Checks all requirements against one policy.
pub(super) fn outcome<'p>(
    policy: &'p Policy,
    request: &Request<'_>,
    requirements: &[Requirement],
    known: &Answers,
) -> Result<Outcome<'p>, NeedsLookup> {
    if policy.passes_bodies {
        return Ok(Outcome::Allowed(None));
    }
    let checker = Checker::of(policy, known);
    let mut shortfall = Shortfall::of(&policy.blocks, Vec::new());
    for requirement in requirements {
        checker.check(requirement, &mut shortfall)?;
    }
    if shortfall.requirements.is_empty() {
        return Ok(Outcome::Allowed(None));
    }
    if policy.blocks.create.replaces
        && let Some(differences) = replaces::differences(request, known)?
    {
        if differences.is_empty() {
            return Ok(Outcome::Allowed(Some(Key::Replaces)));
        }
        shortfall.differences = differences;
    }
    if policy.blocks.create.unchanged
        && request.call.operation() == Some(Operation::ServiceUpdate)
        && let Some(body) = &request.body
    {
        let service = answers::service(known, request.call.object().unwrap_or_default())?;
        shortfall.differences = unchanged::differences(&request.call, body, &service);
        if shortfall.differences.is_empty() {
            let is_other = |requirement: &Requirement| !unchanged::is_compared(&requirement.path);
            shortfall.requirements.retain(is_other);
        }
        if shortfall.requirements.is_empty() {
            return Ok(Outcome::Allowed(Some(Key::Unchanged)));
        }
    }
    Ok(Outcome::Refused(shortfall))
}
