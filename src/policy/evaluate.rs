//! One policy's verdict on all that a request asks for.

use std::sync::Arc;

use super::hint::{Entered, Hints};
use super::replaces;
use super::rules::Request;
use super::unchanged;
use crate::docker::{Json, Operation};
use crate::policy::answers;
use crate::policy::answers::{Answer, Answers, Lookup, NeedsLookup};
use crate::policy::checker::Checker;
use crate::policy::objects::Container;
use crate::policy::requirement::{Requirement, What};
use crate::policy::self_container::{Reached, SelfContainer};
use crate::policyfile::file::Policy;

/// What a policy makes of what a request asks for.
pub(crate) enum Found<'p> {
    Granted,
    /// As it has what the container before it had, and no more.
    Replaces,
    /// As the service has it already.
    Unchanged,
    /// As it does not grant this.
    Refused(Shortfall<'p>),
}

/// What a policy does not grant.
pub(crate) struct Shortfall<'p> {
    /// The policy.
    pub(crate) policy: &'p Policy,
    /// What was asked for, each as a key of the policy would grant it.
    pub(crate) requirements: Vec<Requirement>,
    /// The container that is entered, where it has more than the policy gives one.
    pub(crate) entered: Option<Entered>,
    /// Where the request differs from what it would replace.
    pub(crate) differences: Vec<String>,
}

impl<'p> Shortfall<'p> {
    /// These needs.
    pub(crate) fn of(policy: &'p Policy, requirements: Vec<Requirement>) -> Self {
        Self {
            policy,
            requirements,
            entered: None,
            differences: Vec::new(),
        }
    }

    /// What is hinted at rests on this.
    pub(crate) fn hints(&self) -> Hints<'_> {
        Hints {
            blocks: self.policy.blocks(),
            entered: self.entered.as_ref(),
        }
    }
}

/// Asks one policy for everything that is needed.
pub(crate) fn found<'p>(
    policy: &'p Policy,
    request: &Request<'_>,
    requirements: &[Requirement],
    known: &Answers,
) -> Result<Found<'p>, NeedsLookup> {
    if policy.passes_bodies() {
        return Ok(Found::Granted);
    }
    let checker = Checker::of(policy, known);
    let mut shortfall = Shortfall::of(policy, Vec::new());
    for requirement in requirements {
        checker.shortfall(requirement, &mut shortfall)?;
    }
    if shortfall.requirements.is_empty() {
        return Ok(Found::Granted);
    }
    if policy.blocks().create.replaces
        && let Some(differences) = successor(request, known)?
    {
        if differences.is_empty() {
            return Ok(Found::Replaces);
        }
        shortfall.differences = differences;
    }
    if policy.blocks().create.unchanged
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
            return Ok(Found::Unchanged);
        }
    }
    Ok(Found::Refused(shortfall))
}

/// What of a request would reach Dockgate itself. What replaces a container may be on the networks that
/// the old one was on, of Dockgate's own too, and mount what it did: otherwise it would be gone once it was
/// taken away.
pub(crate) fn reached_by<'n, 'p>(
    own: &SelfContainer,
    request: &Request<'_>,
    requirements: impl Iterator<Item = &'n Requirement> + Clone,
    mut policies: impl Iterator<Item = &'p Policy>,
    known: &Answers,
) -> Result<Option<Reached>, NeedsLookup> {
    if let Some(reached) = own.named_by(&request.call) {
        return Ok(Some(reached));
    }
    let reached = own.reached(requirements.clone(), known)?;
    if reached.is_none() || !policies.any(|policy| policy.blocks().create.replaces) {
        return Ok(reached);
    }
    let differences = successor(request, known)?;
    if differences.is_none_or(|differences| !differences.is_empty()) {
        return Ok(reached);
    }
    let is_shared = |requirement: &&Requirement| {
        matches!(
            requirement.what,
            What::Bind { .. } | What::Network(_) | What::Volume(_)
        )
    };
    own.reached(
        requirements.filter(|requirement| !is_shared(requirement)),
        known,
    )
}

/// Whether a request asks for nothing but what the container before it had.
pub(crate) fn is_replacement(request: &Request<'_>, known: &Answers) -> Result<bool, NeedsLookup> {
    let differences = successor(request, known)?;
    Ok(differences.is_some_and(|differences| differences.is_empty()))
}

/// Why a container that has nothing else than the one before it does not take its place all the same: that
/// one runs, or what was left out is not what its image says.
fn unlike_now(body: &Json, old: &Container, known: &Answers) -> Result<Vec<String>, NeedsLookup> {
    let lookup = Lookup::Container(old.id.clone());
    match known.answer(&lookup) {
        Some(Answer::Container(now)) if now.is_running => {
            return Ok(vec!["its time: the old one still runs".to_owned()]);
        }
        Some(_) => {}
        None => return Err(NeedsLookup::Ask(lookup)),
    }
    let left_out = replaces::left_out(body, old, &Json::Null);
    if left_out.is_empty() || old.image.is_empty() {
        return Ok(left_out);
    }
    let lookup = Lookup::Image(old.image.clone());
    Ok(match known.answer(&lookup) {
        Some(Answer::Image(image)) => replaces::left_out(body, old, &image.config),
        Some(_) => left_out,
        None => return Err(NeedsLookup::Ask(lookup)),
    })
}

/// What is told of a request that was not compared with every container that it could replace.
const TOO_LARGE: &str = "its size: it was compared with the containers that were removed last, and older ones were \
    skipped; give it the name of the one that it replaces, or recreate that one first";

/// Where a container, or its place on a network, is not that of the one before it; `None` where there
/// was none.
fn successor(request: &Request<'_>, known: &Answers) -> Result<Option<Vec<String>>, NeedsLookup> {
    let Some(body) = &request.body else {
        return Ok(None);
    };
    let name = match request.call.operation() {
        Some(Operation::ContainerCreate) => {
            let name = request.call.query.first("name").unwrap_or_default();
            name.trim_start_matches('/').to_owned()
        }
        Some(Operation::NetworkConnect | Operation::NetworkDisconnect) => {
            let name = body
                .get("Container")
                .and_then(Json::text)
                .unwrap_or_default();
            answers::container(known, name.trim_start_matches('/'))?
                .name
                .clone()
        }
        _ => return Ok(None),
    };
    let lookup = Lookup::Predecessor(name);
    let olds = match known.answer(&lookup) {
        Some(Answer::Containers(olds)) => olds,
        Some(_) => return Ok(None),
        None => return Err(NeedsLookup::Ask(lookup)),
    };
    let differences = |old: &Arc<Container>| {
        if request.call.operation() == Some(Operation::ContainerCreate) {
            return replaces::differences(body, old);
        }
        let nothing = Json::Null;
        let endpoint = body.get("EndpointConfig").unwrap_or(&nothing);
        let network = request.call.object().unwrap_or_default();
        if replaces::joins(network, endpoint, old) {
            Vec::new()
        } else {
            vec!["EndpointConfig".to_owned()]
        }
    };
    // A new container without a name may be that of any of them: it gets its name afterwards.
    let mut least: Option<Vec<String>> = None;
    let newest = replaces::newest(body, olds);
    for old in newest.iter().rev() {
        let mut found = differences(old);
        if found.is_empty() && request.call.operation() == Some(Operation::ContainerCreate) {
            found = unlike_now(body, old, known)?;
        }
        if found.is_empty() {
            return Ok(Some(found));
        }
        if least.as_ref().is_none_or(|least| found.len() < least.len()) {
            least = Some(found);
        }
    }
    if newest.len() < olds.len() {
        least
            .get_or_insert_default()
            .insert(0, TOO_LARGE.to_owned());
    }
    Ok(least)
}
