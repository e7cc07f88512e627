//! From a request to its verdict.
//!
//! ```text
//! deny, and policies that grant the call ── none ──────────► Deny
//!   │
//! a body that is to be judged ───────────── not read yet ──► Inspect
//!   │
//! what it leaves out and a policy fills in
//!   │
//! requirements: what it asks for, collected once
//!   │
//! clients, own container, names ─────────── reached ───────► Deny
//!   │
//! each policy in order: all of them ─────── none ──────────► Deny, with what is lacking
//!   │
//! what is to be sent and remembered ───────────────────────► Allow
//! ```
//!
//! Each step can need an answer from the daemon. Then the verdict is `Ask`, and the request is evaluated again with the
//! answer. Nothing here does I/O.

mod grant;
mod sight;
mod spared;

use super::about::About;
use super::answers::{self, Answer, Answers, Lookup, NeedsLookup};
use super::checker::Checker;
use super::fill::fill;
use super::hint::Shortfall;
use super::keys::Key;
use super::outcome::{Outcome, outcome};
use super::reason::{Asked, Denial};
use super::refusal::{missing, reads_as_id, renamed, restricted};
use super::replaces;
use super::request::{Context, Judgement, Request};
use super::requirement::{Requirement, Touch, What};
use super::requirements::{
    Blocked, identifying, is_reserved, requirements, strip_unknown_query_keys,
};
use super::reserved::Reserved;
use super::rules::Rules;
use super::scope::Hidden;
use super::self_container::SelfContainer;
use super::value::Value;
use grant::{Decided, Withheld};
use sight::Sight;

use crate::docker::Object;
use crate::policyfile::file::Policy;

impl Rules {
    /// Evaluates a request. In the same context, the same request gets the same verdict.
    pub(crate) fn evaluate<'a>(
        &self,
        mut request: Request<'a>,
        context: Context<'_>,
    ) -> Judgement<'a> {
        let known = context.known;
        let mut granting = Granting::of(self.granting(&request.call));
        let first = granting.first().filter(|_| !self.is_observed);
        let passes = first.is_some_and(|first| first.passes_bodies);
        // No policy can allow what the daemon does not know, so this denial comes first.
        let flaw = request.flaw.as_deref().filter(|_| !passes).cloned();
        let refused = flaw.or_else(|| granting.is_empty().then(|| self.denial(&request.call)));
        match refused {
            Some(denial) if !self.is_observed => return Judgement::Deny(denial),
            Some(_) => granting = Granting::default(),
            None => {}
        }
        let reserved = self.reserved.as_deref();
        let reserved = reserved.filter(|reserved| !passes || reserved.concerns(&request.call));
        let is_judged = !passes || reserved.is_some();
        if is_judged && request.requirements.is_none() {
            if !passes && let Err(denial) = strip_unknown_query_keys(&mut request.call) {
                return Judgement::Deny(denial);
            }
            if request.lacks_body() {
                return Judgement::Inspect(request);
            }
            if !passes && let (Some(policy), Some(body)) = (granting.first(), &mut request.body) {
                request.filled = fill(&request.call, body, &policy.blocks.create.fill);
            }
            let (call, body) = (&request.call, request.body.as_ref());
            let collected = if passes {
                identifying(call, body)
            } else {
                requirements(call, body, known)
            };
            match collected {
                Ok(collected) => request.requirements = Some(collected),
                Err(blocked) => return blocked.of(request, self),
            }
        }
        let requirements = request.requirements.take().filter(|_| is_judged);
        let mut evaluation = Evaluation {
            rules: self,
            granting,
            request: &request,
            requirements: requirements.unwrap_or_default(),
            known,
            reserved,
            passes,
        };
        let decided = evaluation.decide(refused, context.own);
        let requirements = evaluation.requirements;
        match decided {
            Ok(decided) => Judgement::Allow(self.permit(decided, request, known)),
            Err(Blocked::Absent(hidden)) => Judgement::Allow(Self::absent(request, &hidden)),
            Err(blocked) => {
                // Those of a body that no policy checks are incomplete, and the rules can change.
                request.requirements = (!passes).then_some(requirements);
                blocked.of(request, self)
            }
        }
    }
}

impl Blocked {
    /// The verdict on a request that was blocked.
    fn of<'a>(self, request: Request<'a>, rules: &Rules) -> Judgement<'a> {
        match self {
            Self::Absent(hidden) => Judgement::Allow(Rules::absent(request, &hidden)),
            Self::Refused(denial) => Judgement::Deny(denial),
            Self::NeedsLookup(NeedsLookup::Ask(lookup)) => Judgement::Ask(request, lookup),
            Self::NeedsLookup(NeedsLookup::Missing(lookup)) => {
                if rules.has_scope_for(&request, &lookup) {
                    return Judgement::Allow(Rules::absent(request, &Hidden::default()));
                }
                Judgement::Missing(missing(&request.call, &lookup))
            }
        }
    }
}

/// The policies that allow an operation, in order. Usually there is one, which needs no memory.
#[derive(Debug, Default)]
struct Granting<'p> {
    one: Option<&'p Policy>,
    /// All of them, if there are several.
    several: Vec<&'p Policy>,
}

impl<'p> Granting<'p> {
    fn of(mut policies: impl Iterator<Item = &'p Policy>) -> Self {
        let one = policies.next();
        let several = match (one, policies.next()) {
            (Some(one), Some(two)) => [one, two].into_iter().chain(policies).collect(),
            (Some(_) | None, Some(_) | None) => Vec::new(),
        };
        Self { one, several }
    }

    fn as_slice(&self) -> &[&'p Policy] {
        if self.several.is_empty() {
            self.one.as_slice()
        } else {
            &self.several
        }
    }

    fn iter(&self) -> std::slice::Iter<'_, &'p Policy> {
        self.as_slice().iter()
    }

    fn first(&self) -> Option<&'p Policy> {
        self.one
    }

    fn is_empty(&self) -> bool {
        self.one.is_none()
    }
}

/// The evaluation of one request, with what is known so far.
struct Evaluation<'p, 'r> {
    rules: &'p Rules,
    /// The policies that allow the operation, in order.
    granting: Granting<'p>,
    request: &'r Request<'r>,
    requirements: Vec<Requirement>,
    known: &'p Answers,
    /// What tells clients apart, if the request could take it.
    reserved: Option<&'p Reserved>,
    /// Whether no policy checks the body. Then it was read only for what is reserved.
    passes: bool,
}

impl<'p> Evaluation<'p, '_> {
    /// Finds the first policy that allows everything that the request asks for. `refused` is the denial if no policy
    /// can.
    fn decide(
        &mut self,
        refused: Option<Denial>,
        own: Option<&SelfContainer>,
    ) -> Result<Decided<'p>, Blocked> {
        let mut sights = self.sights()?.into_iter();
        let spared = self.reserved.map(|reserved| self.spare_clients(reserved));
        let withheld = spared.transpose()?.flatten();
        if self.passes {
            self.requirements.clear();
        }
        if let Some(own) = own {
            self.spare_own(own)?;
        }
        self.check_names()?;
        let mut least = self.unfit_to_start()?;
        let mut outside = None;
        let mut hidden = None;
        if least.is_none() {
            for policy in self.granting.iter() {
                let view = match sights.next().unwrap_or(Sight::All) {
                    Sight::All => None,
                    Sight::Part(view) => Some(view),
                    Sight::Outside(out) => {
                        outside.get_or_insert(out);
                        continue;
                    }
                };
                let redact = policy.redact.as_deref();
                if let Some(denial) = redact.and_then(|redact| redact.denial(self.request)) {
                    hidden.get_or_insert(denial);
                    continue;
                }
                let known = view.as_ref().unwrap_or(self.known);
                match outcome(policy, self.request, &self.requirements, known)? {
                    Outcome::Allowed(as_whole) => {
                        return self.allow((Some(policy), withheld), as_whole, None, view);
                    }
                    Outcome::Refused(shortfall) => _ = least.get_or_insert(shortfall),
                }
            }
        }
        let denial = match (refused.or(hidden), &least, outside) {
            (Some(denial), ..) => denial,
            (None, Some(shortfall), _) => self.restricted(shortfall),
            (None, None, Some(outside)) => outside.denial(&self.request.call),
            (None, None, None) => self.rules.denial(&self.request.call),
        };
        if self.rules.is_observed {
            let is_replacement = replaces::is_replacement(self.request, self.known)?;
            if is_replacement || !self.is_forged()? {
                let as_whole = is_replacement.then_some(Key::Replaces);
                return self.allow((None, withheld), as_whole, Some(denial), None);
            }
        }
        Err(self.explained(denial, least)?.into())
    }

    /// Denies a name that already finds another object because that object's id begins with it. Also denies renaming a
    /// container to a name that a key selects, unless the key already selects the container: a rename must not make a
    /// container accessible.
    fn check_names(&self) -> Result<(), Blocked> {
        let call = &self.request.call;
        for requirement in &self.requirements {
            if let What::Touch(Touch::NewId(kind, name)) = &requirement.what {
                let name = name.clone();
                let lookup = if *kind == Object::Network {
                    Lookup::Network(name)
                } else if *kind == Object::Service {
                    Lookup::Service(name)
                } else {
                    Lookup::Container(name)
                };
                if *self.known.need(&lookup)? != Answer::Missing {
                    return Err(reads_as_id(call, requirement).into());
                }
            }
        }
        for requirement in &self.requirements {
            let What::Touch(Touch::Rename { container, name }) = &requirement.what else {
                continue;
            };
            for policy in &self.rules.policies {
                let selectors = policy.blocks.selectors();
                for (key, selectors) in selectors.filter(|(_, it)| it.select_name(name)) {
                    let container = answers::container(self.known, container)?;
                    if !selectors.covers(&container, policy.owner()) {
                        return Err(renamed(call, name, key).into());
                    }
                }
            }
        }
        Ok(())
    }

    /// What prevents starting a container, whichever policy allows the operation: the policy that the container was
    /// created through decides about its networks.
    fn unfit_to_start(&self) -> Result<Option<Shortfall<'p>>, NeedsLookup> {
        let is_start = |requirement: &&Requirement| requirement.what.key() == Some(Key::Start);
        for requirement in self.requirements.iter().filter(is_start) {
            for policy in &self.rules.policies {
                let mut shortfall = Shortfall::of(&policy.blocks, Vec::new());
                Checker::of(policy, self.known).check(requirement, &mut shortfall)?;
                if !shortfall.requirements.is_empty() {
                    return Ok(Some(shortfall));
                }
            }
        }
        Ok(None)
    }

    /// Whether a request sets a label of Dockgate's own. Such a label would still be there after observe mode ends.
    fn is_forged(&self) -> Result<bool, NeedsLookup> {
        let policies = &self.rules.policies;
        for requirement in &self.requirements {
            let What::Key(
                _,
                Value::Label {
                    key,
                    value,
                    updated,
                },
            ) = &requirement.what
            else {
                continue;
            };
            let is_forged = match (updated, policies.first()) {
                (None, _) => {
                    let mut owners = policies.iter().map(Policy::owner);
                    is_reserved(key) && !owners.any(|owner| owner.may_set(key, value))
                }
                (Some(updated), Some(first)) => {
                    !Checker::of(first, self.known).may_mark(updated, key, value)?
                }
                (Some(_), None) => false,
            };
            if is_forged {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The denial of what the policy does not allow. It names a built-in policy that does, if there is one.
    fn restricted(&self, shortfall: &Shortfall<'_>) -> Denial {
        let way = self.rules.variants.way_to_all(
            self.request,
            &self.requirements,
            &shortfall.requirements,
            self.known,
        );
        restricted(&self.request.call, shortfall, way)
    }

    /// Adds to a denial what its audit record needs.
    fn explained(
        &mut self,
        mut denial: Denial,
        least: Option<Shortfall<'_>>,
    ) -> Result<Denial, NeedsLookup> {
        let mut requirements = std::mem::take(&mut self.requirements);
        if let Some(policy) = self.granting.first().filter(|_| !self.known.is_empty()) {
            requirements = Checker::of(policy, self.known).resolve_names(&requirements, false)?;
        }
        let least = least.map(|shortfall| (shortfall.requirements, shortfall.entered));
        let (refused, entered) = least.unwrap_or_default();
        denial.asked = Some(Box::new(Asked {
            requirements,
            refused,
            entered,
            about: About::of(&self.request.call, self.request.body.as_ref(), self.known),
        }));
        Ok(denial)
    }
}

#[cfg(test)]
mod tests;
