//! The judgement: a listener's policies against one call.

use std::sync::Arc;

use super::permit::{Permit, Revision, Terms};
use super::reason::{Asked, Denial};
use super::refusal::{
    bad_body, denied, not_granted, reaches_own, reads_as_id, renamed, restricted,
};
use super::stamp;
use super::variants::Variants;
use crate::docker::body::{parse_with_flaws, rendered, table};
use crate::docker::{Call, Effect, Json, Object, Operation, Reference};
use crate::policy::answers;
use crate::policy::answers::{Answer, Answers, Lookup, NeedsLookup, NewVolume};
use crate::policy::checker::Checker;
use crate::policy::evaluate::{Found, Shortfall, found, is_replacement, reached_by};
use crate::policy::objects::POLICY_LABEL;
use crate::policy::requirement::{Block, Requirement, What};
use crate::policy::requirements::{
    Blocked, is_reserved, reached, requirements, strip_unknown_query_keys,
};
use crate::policy::rewrite;
use crate::policy::rewrite::About;
use crate::policy::self_container::SelfContainer;
use crate::policyfile::entry::Grants;
use crate::policyfile::file::Policy;

/// What holds on a listener.
#[derive(Clone, Debug)]
pub struct Rules {
    deny: Grants,
    policies: Vec<Policy>,
    /// What is named where one of them would be allowed by another.
    variants: Arc<Variants>,
    revision: Revision,
    /// Whether what they refuse is sent all the same, to be learned from.
    is_observed: bool,
}

/// A request as it is judged.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What is asked.
    pub call: Call,
    /// The body, once it was read.
    pub body: Option<Json<'a>>,
    /// The denial of what in the body the daemon itself would ignore or refuse, which is sent on only to be observed.
    pub flaw: Option<Box<Denial>>,
}

/// What a judgement rests on besides the request and the rules.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What was looked up.
    pub known: &'a Answers,
    /// Dockgate's own container, if it is known.
    pub own: Option<&'a SelfContainer>,
}

/// The verdict on one request.
#[derive(Debug)]
#[must_use]
pub enum Judgement<'a> {
    /// It may be sent, now.
    Allow(Permit),
    /// It may not.
    Deny(Denial),
    /// Its body must be read first.
    Inspect(Request<'a>),
    /// Something must be looked up first.
    Ask(Request<'a>, Lookup),
    /// What it names does not exist.
    Missing(Lookup),
}

impl<'a> Request<'a> {
    /// A request of which no body was read.
    #[must_use]
    pub fn new(call: Call) -> Self {
        Self {
            call,
            body: None,
            flaw: None,
        }
    }

    /// The same with its body, if that is judged; an empty one says what `{}` does.
    ///
    /// # Errors
    ///
    /// The body has no single reading.
    pub fn with_body(mut self, bytes: &'a [u8]) -> Result<Self, Denial> {
        let Some(table) = self.call.operation().and_then(table) else {
            return Ok(self);
        };
        if bytes.is_empty() {
            self.body = Some(Json::Object(Vec::new()));
            return Ok(self);
        }
        let parsed = parse_with_flaws(bytes, table).map_err(|bad| bad_body(&self.call, &bad))?;
        let flaw = parsed.flaw.map(|bad| bad_body(&self.call, &bad));
        self.flaw = flaw.map(Box::new);
        self.body = Some(parsed.value);
        Ok(self)
    }
}

impl Rules {
    /// The policies of a listener, in the order in which they are asked, under what is denied to
    /// all.
    #[must_use]
    pub fn new(policies: Vec<Policy>, deny: Grants) -> Self {
        let is_observed = policies.iter().any(Policy::is_observed);
        let variants = Arc::new(Variants::of(&policies));
        Self {
            deny,
            policies,
            variants,
            revision: Revision::default(),
            is_observed,
        }
    }

    /// The same rules, and what they refuse is sent all the same, if that is asked for here or by one of
    /// the policies.
    #[must_use]
    pub fn observed(mut self, is_observed: bool) -> Self {
        self.is_observed |= is_observed;
        self.revision = Revision::default();
        self
    }

    /// The same rules, and what they refuse is refused.
    #[must_use]
    pub fn enforced(&self) -> Self {
        Self {
            is_observed: false,
            revision: Revision::default(),
            ..self.clone()
        }
    }

    /// Which rules these are.
    pub(crate) fn revision(&self) -> &Revision {
        &self.revision
    }

    /// Whether what they refuse is sent all the same.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.is_observed
    }

    /// Whether any policy grants the call, whatever it asks for besides.
    #[must_use]
    pub fn may_allow(&self, call: &Call) -> bool {
        !self.deny.covers(call) && self.policies.iter().any(|policy| policy.grants(call))
    }

    /// Judges a request. The same request gets the same verdict on the same ground.
    pub fn judge<'a>(&self, mut request: Request<'a>, context: Context<'_>) -> Judgement<'a> {
        let call = &mut request.call;
        // No policy grants what the daemon does not know: that is told rather than who grants the call.
        let flaw = request.flaw.as_deref().cloned();
        let refused = match flaw.or_else(|| self.refusal(call)) {
            Some(denial) if !self.is_observed => return Judgement::Deny(denial),
            refused => refused,
        };
        let first = self.policies.iter().find(|policy| policy.grants(call));
        let is_judged = self.is_observed || first.is_some_and(|policy| !policy.passes_bodies());
        if is_judged && let Err(denial) = strip_unknown_query_keys(call) {
            return Judgement::Deny(denial);
        }
        let has_table = |operation| table(operation).is_some();
        if is_judged && request.body.is_none() && call.operation().is_some_and(has_table) {
            return Judgement::Inspect(request);
        }
        match self.weigh(&request, (refused, is_judged), context) {
            Ok(weighed) => self.allow(weighed, request, context.known),
            Err(Blocked::Refused(denial)) => Judgement::Deny(denial),
            Err(Blocked::NeedsLookup(lookup_needed)) => lookup_needed.of(request),
        }
    }

    /// The refusal of a call, whatever it asks for besides.
    #[must_use]
    pub fn refusal(&self, call: &Call) -> Option<Denial> {
        if self.deny.covers(call) {
            return Some(denied(call));
        }
        let is_granted = self.policies.iter().any(|policy| policy.grants(call));
        (!is_granted).then(|| not_granted(&self.policies, &self.variants, call))
    }

    /// The denial of what is lacking, which names the shipped policy that has it.
    fn restricted(
        &self,
        request: &Request<'_>,
        requirements: &[Requirement],
        shortfall: &Shortfall<'_>,
        known: &Answers,
    ) -> Denial {
        let way = self
            .variants
            .way_to_all(request, requirements, &shortfall.requirements, known);
        restricted(&request.call, shortfall, way)
    }

    /// The first of the policies that grants all that a request asks for.
    fn weigh(
        &self,
        request: &Request<'_>,
        (refused, is_judged): (Option<Denial>, bool),
        context: Context<'_>,
    ) -> Result<Weighed<'_>, Blocked> {
        let (call, known) = (&request.call, context.known);
        let is_granted = refused.is_none();
        let policies = self.policies.iter();
        let policies = policies.filter(|policy| is_granted && policy.grants(call));
        let requirements = if is_judged {
            requirements(call, request.body.as_ref(), known)?
        } else {
            Vec::new()
        };
        if let Some(own) = context.own {
            spare_own(own, request, &requirements, policies.clone(), known)?;
        }
        let of_names = match taken_for_another(call, &requirements, known)? {
            None => self.renamed_into_a_key(call, &requirements, known)?,
            of_another => of_another,
        };
        if let Some(denial) = of_names {
            return Err(denial.into());
        }
        let mut least = self.unfit_to_start(&requirements, known)?;
        let is_fit = least.is_none();
        for policy in policies.clone().filter(|_| is_fit) {
            match found(policy, request, &requirements, known)? {
                Found::Granted => return Ok(Weighed::granted(policy, requirements)),
                Found::Replaces => {
                    return Ok(Weighed {
                        is_replacement: true,
                        ..Weighed::granted(policy, replaces())
                    });
                }
                Found::Unchanged => return Ok(Weighed::granted(policy, whole(What::Unchanged))),
                Found::Refused(shortfall) => _ = least.get_or_insert(shortfall),
            }
        }
        let mut denial = match (refused, &least) {
            (Some(denial), _) => denial,
            (None, Some(shortfall)) => self.restricted(request, &requirements, shortfall, known),
            (None, None) => not_granted(&self.policies, &self.variants, call),
        };
        if self.is_observed
            && let Some(weighed) = self.sent_all_the_same(request, &requirements, &denial, known)?
        {
            return Ok(weighed);
        }
        let requirements = match policies.clone().next() {
            Some(policy) => Checker::of(policy, known).resolve_names(requirements, false)?,
            None => requirements,
        };
        let (refused, entered) = match least {
            Some(shortfall) => (shortfall.requirements, shortfall.entered),
            None => (Vec::new(), None),
        };
        denial.asked = Some(Box::new(Asked {
            requirements,
            refused,
            entered,
            about: About::of(call, request.body.as_ref(), known),
        }));
        Err(denial.into())
    }

    /// What keeps a container from being started, whichever policy grants the rest: the policy that it
    /// was made through decides which networks it is on.
    fn unfit_to_start(
        &self,
        requirements: &[Requirement],
        known: &Answers,
    ) -> Result<Option<Shortfall<'_>>, NeedsLookup> {
        let starts = requirements
            .iter()
            .filter(|it| matches!(it.what, What::Start(_)));
        for requirement in starts {
            for policy in &self.policies {
                let mut shortfall = Shortfall::of(policy, Vec::new());
                Checker::of(policy, known).shortfall(requirement, &mut shortfall)?;
                if !shortfall.requirements.is_empty() {
                    return Ok(Some(shortfall));
                }
            }
        }
        Ok(None)
    }

    /// The denial of a name that a key selects containers by, for a container that it does not select: to
    /// rename is not to be given what is allowed with those.
    fn renamed_into_a_key(
        &self,
        call: &Call,
        requirements: &[Requirement],
        known: &Answers,
    ) -> Result<Option<Denial>, NeedsLookup> {
        for requirement in requirements {
            let What::Rename { container, name } = &requirement.what else {
                continue;
            };
            for policy in &self.policies {
                for (key, selectors) in policy.blocks().selectors() {
                    if selectors.select_name(name)
                        && !selectors.covers(&*answers::container(known, container)?, policy.mark())
                    {
                        return Ok(Some(renamed(call, name, key)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// What is refused, to be sent all the same; `None` for what would outlast the time of observing.
    fn sent_all_the_same(
        &self,
        request: &Request<'_>,
        requirements: &[Requirement],
        denial: &Denial,
        known: &Answers,
    ) -> Result<Option<Weighed<'_>>, NeedsLookup> {
        let is_replacement = is_replacement(request, known)?;
        if !is_replacement {
            for requirement in requirements {
                if self.is_forged(requirement, known)? {
                    return Ok(None);
                }
            }
        }
        let requirements = if is_replacement {
            replaces()
        } else {
            requirements.to_vec()
        };
        Ok(Some(Weighed {
            policy: None,
            requirements,
            is_replacement,
            would_deny: Some(denial.clone()),
        }))
    }

    /// Whether a label would pass for one of Dockgate's own, which outlasts the time of observing.
    fn is_forged(&self, requirement: &Requirement, known: &Answers) -> Result<bool, NeedsLookup> {
        let mut policies = self.policies.iter();
        if let What::Label { key, value } = &requirement.what {
            let is_ours = key == POLICY_LABEL && policies.any(|policy| policy.mark() == value);
            return Ok(is_reserved(key) && !is_ours);
        }
        if let What::Mark {
            service,
            policy: mark,
        } = &requirement.what
            && let Some(first) = policies.next()
        {
            return Ok(!Checker::of(first, known).may_mark(service, mark)?);
        }
        Ok(false)
    }

    /// The permit for what was granted, or is sent all the same.
    fn allow<'a>(
        &self,
        weighed: Weighed<'_>,
        request: Request<'a>,
        known: &Answers,
    ) -> Judgement<'a> {
        let operation = request.call.operation();
        // What is only observed is marked and told as the first policy would have it.
        let Some(policy) = weighed.policy.or(self.policies.first()) else {
            let call = &request.call;
            return Judgement::Deny(not_granted(&self.policies, &self.variants, call));
        };
        let checker = Checker::of(policy, known);
        let requirements = match checker.resolve_names(weighed.requirements, self.is_observed) {
            Ok(requirements) => requirements,
            Err(lookup_needed) => return lookup_needed.of(request),
        };
        let blocks = policy.blocks();
        let mut taken = None;
        if (blocks.create.replaces || self.is_observed) && operation.is_some_and(takes_away) {
            let name = request.call.object().unwrap_or_default();
            match answers::container(known, name) {
                Ok(container) => taken = Some(container),
                Err(lookup_needed) => return lookup_needed.of(request),
            }
        }
        if let Some(decided) = weighed.policy
            && !weighed.is_replacement
            && let Some(volume) = new_volume(decided, &request, known)
        {
            return Judgement::Ask(request, Lookup::NewVolume(Box::new(volume)));
        }
        let names = match weighed
            .policy
            .map(|decided| moved(decided, &request, known))
        {
            Some(Err(lookup_needed)) => return lookup_needed.of(request),
            Some(Ok(names)) => names,
            None => None,
        };
        let mark = Some(policy.mark()).filter(|_| !weighed.is_replacement);
        let about = About::of(&request.call, request.body.as_ref(), known);
        let Request { call, body, .. } = rewritten(request, policy, mark, known);
        let body = operation.zip(body);
        let terms = Terms {
            call,
            about,
            body: body.map(|(operation, body)| rendered(&body, operation)),
            policy: weighed.policy.map(|policy| Arc::clone(policy.name())),
            would_deny: weighed.would_deny,
            requirements,
            takes_away: taken,
            names,
            must_be_plain_tar: operation == Some(Operation::PutContainerArchive)
                && !policy.passes_bodies()
                && !blocks.archive.unrestricted,
        };
        let rests_on_rules_alone = known.is_empty().then(|| self.revision.clone());
        Judgement::Allow(Permit::new(terms, rests_on_rules_alone))
    }

    /// The policies, in order.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// What is denied to all of them.
    #[must_use]
    pub fn denied(&self) -> &Grants {
        &self.deny
    }

    /// The operations that are granted and can be root on the host, as what they ask for is not
    /// judged.
    #[must_use]
    pub fn unjudged(&self) -> Vec<Operation> {
        let is_unjudged = |policy: &Policy, operation: Operation| {
            let block = Block::of(operation);
            let is_judged = block.is_some_and(|block| !policy.blocks().is_lifted(block));
            // What a block narrows can be root on the host without it, or move what is there.
            let can_be_root = block.is_some() || operation.spec().effect == Effect::Control;
            policy.has(operation) && can_be_root && (policy.passes_bodies() || !is_judged)
        };
        let granted = Operation::ALL.iter().copied().filter(|operation| {
            let mut policies = self.policies.iter();
            !self.deny.has(*operation) && policies.any(|policy| is_unjudged(policy, *operation))
        });
        granted.collect()
    }

    /// Whether any policy grants raw paths.
    #[must_use]
    pub fn has_raw_paths(&self) -> bool {
        self.policies.iter().any(Policy::has_raw_paths)
    }

    /// Whether any policy grants an operation that nothing denies.
    #[must_use]
    pub fn grants(&self, operation: Operation) -> bool {
        !self.deny.has(operation) && self.policies.iter().any(|policy| policy.has(operation))
    }
}

impl NeedsLookup {
    /// The verdict on a request of which this is not settled.
    fn of(self, request: Request<'_>) -> Judgement<'_> {
        match self {
            Self::Ask(lookup) => Judgement::Ask(request, lookup),
            Self::Missing(lookup) => Judgement::Missing(lookup),
        }
    }
}

/// What came of weighing a request.
struct Weighed<'p> {
    /// The policy that grants it, if one does.
    policy: Option<&'p Policy>,
    /// What it asks for.
    requirements: Vec<Requirement>,
    /// Whether that is what the container before it had, whose mark it keeps.
    is_replacement: bool,
    /// Why it would be refused, if it is only observed.
    would_deny: Option<Denial>,
}

impl<'p> Weighed<'p> {
    fn granted(policy: &'p Policy, requirements: Vec<Requirement>) -> Self {
        Self {
            policy: Some(policy),
            requirements,
            is_replacement: false,
            would_deny: None,
        }
    }
}

/// What is told of a container that has what the one before it had.
fn replaces() -> Vec<Requirement> {
    whole(What::Replaces)
}

/// What is told of a body that is granted as a whole.
fn whole(what: What) -> Vec<Requirement> {
    let path = "the body".to_owned();
    vec![Requirement { path, what }]
}

/// The denial of a name by which another object is found already, as its id begins so.
fn taken_for_another(
    call: &Call,
    requirements: &[Requirement],
    known: &Answers,
) -> Result<Option<Denial>, NeedsLookup> {
    for requirement in requirements {
        if let What::NewId(kind, name) = &requirement.what {
            let name = name.clone();
            let lookup = if *kind == Object::Network {
                Lookup::Network(name)
            } else if *kind == Object::Service {
                Lookup::Service(name)
            } else {
                Lookup::Container(name)
            };
            match known.answer(&lookup) {
                Some(Answer::Missing) => {}
                Some(_) => return Ok(Some(reads_as_id(call, requirement))),
                None => return Err(NeedsLookup::Ask(lookup)),
            }
        }
    }
    Ok(None)
}

/// A request as it is sent: with what it was judged by, and the labels of what it makes.
fn rewritten<'a>(
    mut request: Request<'a>,
    policy: &Policy,
    mark: Option<&str>,
    known: &Answers,
) -> Request<'a> {
    let Request { call, body, .. } = &mut request;
    rewrite::objects(call, body.as_mut(), known);
    rewrite::explicit::query(call);
    if policy.judges(Block::Archive) && policy.blocks().archive.paths.is_some() {
        rewrite::explicit::archive_path(call);
    }
    let operation = call.operation();
    if let (Some(operation), Some(body)) = (operation, body) {
        rewrite::explicit::body(operation, body);
        stamp::labels(operation, body, mark, policy.blocks());
    }
    let block = operation.and_then(Block::of);
    if block.is_some_and(|block| policy.judges(block)) {
        stamp::image(call, policy.mark());
    }
    request
}

/// The next volume that a container mounts and that must be made before it.
fn new_volume(policy: &Policy, request: &Request<'_>, known: &Answers) -> Option<NewVolume> {
    let is_create = request.call.operation() == Some(Operation::ContainerCreate);
    let body = request.body.as_ref().filter(|_| is_create)?;
    let blocks = policy.blocks();
    let volumes = &blocks.create.volumes;
    (volumes.new).then(|| stamp::new_volume(body, policy.mark(), blocks, known))?
}

/// The name that an image gets, which the policy may give to another later.
fn moved(
    policy: &Policy,
    request: &Request<'_>,
    known: &Answers,
) -> Result<Option<(Lookup, Arc<str>)>, NeedsLookup> {
    let call = &request.call;
    if call.operation() != Some(Operation::ImageTag) || !policy.judges(Block::Images) {
        return Ok(None);
    }
    let image = answers::image(known, call.object().unwrap_or_default())?;
    let name = stamp::tags(call).first().map(Reference::to_string);
    let policy = policy.mark().to_owned();
    Ok(name.map(|name| (Lookup::Moved { policy, name }, image.id.as_str().into())))
}

/// Whether an operation ends a container's life, or takes its name from it.
fn takes_away(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::ContainerDelete
            | Operation::ContainerKill
            | Operation::ContainerRename
            | Operation::ContainerStop
    )
}

/// Denies what would reach Dockgate's own container.
fn spare_own<'p>(
    own: &SelfContainer,
    request: &Request<'_>,
    requirements: &[Requirement],
    policies: impl Iterator<Item = &'p Policy>,
    known: &Answers,
) -> Result<(), Blocked> {
    let path = reached(&request.call, known)?;
    let about = path.iter().chain(requirements);
    match reached_by(own, request, about, policies, known)? {
        Some(reached) => Err(reaches_own(&request.call, &reached).into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
