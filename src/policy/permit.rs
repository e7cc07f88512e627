//! Leave to send one request, and the terms on which it is sent.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::about::About;
use super::answers::{self, Answers, Lookup, NeedsLookup};
use super::names::tags;
use super::objects::Container;
use super::reason::Denial;
use super::requirement::Requirement;
use crate::docker::{Block, Call, Deed, Parameters, Reference};
use crate::policyfile::file::Policy;

/// Leave to send one request to the daemon, now. Only [`Rules::evaluate`](super::Rules::evaluate) [`Permit::to_ask`] and
/// [`Permit::to_probe`] make one.
///
/// A verdict can be overtaken by whatever happens while something is waited for, and a client decides
/// how long its own bytes take. So a permit cannot be held across an `await`: it is not [`Send`], and
/// the future that handles a request must be. Where something is still missing, a permit is
/// [shelved](Permit::shelve) or given up, and the request is evaluated again.
///
/// ```compile_fail,E0277
/// fn held_across_an_await<T: Send>() {}
/// held_across_an_await::<dockgate::policy::Permit>();
/// ```
#[derive(Debug)]
#[must_use]
pub struct Permit {
    terms: Box<Terms>,
    /// The rules, where the verdict rests on nothing else that can change.
    rests_on: Option<Revision>,
    not_send: PhantomData<*const ()>,
}

/// What a permit allows, and what follows from it. It outlives the sending.
#[derive(Debug)]
pub struct Terms {
    /// What is sent.
    pub request: Rebuilt,
    /// Why it may be.
    pub(crate) grounds: Grounds,
    /// What to remember of it.
    pub(crate) memory: Memory,
}

/// A request, rebuilt from what was evaluated.
#[derive(Debug)]
pub struct Rebuilt {
    /// The call.
    pub call: Call,
    /// The body, if it was judged; without one what the client sends may pass.
    pub body: Option<String>,
    /// Whether engines that unpack compressed uploads with programs of the container may be sent only
    /// plain ones.
    pub must_be_plain_tar: bool,
}

/// What to remember of a request.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Once it was sent: the container whose replacement may have what it has.
    pub(crate) removed: Option<Arc<Container>>,
    /// If the daemon did it: the name that an image gets, as what will be asked about it, and the image's full id.
    pub(crate) tagged: Option<(Lookup, Arc<str>)>,
}

/// Why a request may be sent, as the record has it.
#[derive(Debug, Default)]
pub(crate) struct Grounds {
    /// The name of the policy that allows it, if one does.
    pub policy: Option<Arc<str>>,
    /// Why it would be denied, if it is sent only to be observed.
    pub would_deny: Option<Denial>,
    /// What it asks for.
    pub requirements: Vec<Requirement>,
    /// The full ids of what it is about.
    pub(crate) about: About,
}

/// What the daemon is asked about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether it answers.
    Ping,
    /// What it is.
    Version,
}

/// A permit that waits. It rests on nothing but the request and the rules, and is good for as long as
/// the rules are the same.
#[derive(Debug)]
pub struct Shelved {
    terms: Box<Terms>,
    rests_on: Revision,
}

/// Tells rules from those that a reload puts in their place.
#[derive(Clone, Debug, Default)]
pub struct Revision(Arc<()>);

impl PartialEq for Revision {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Permit {
    /// A permit on these terms. It can be shelved if it rests on the rules alone.
    pub(super) fn new(terms: Terms, rests_on: Option<Revision>) -> Self {
        Self {
            terms: Box::new(terms),
            rests_on,
            not_send: PhantomData,
        }
    }

    /// Leave to ask the daemon one of the closed set of questions; `None` where there is nothing to
    /// ask.
    #[must_use]
    pub fn to_ask(lookup: &Lookup) -> Option<Self> {
        Some(Self::own(lookup.call()?, lookup.body()))
    }

    /// Leave to ask the daemon about itself.
    #[must_use]
    pub fn to_probe(probe: Probe) -> Option<Self> {
        let path = match probe {
            Probe::Ping => "/_ping",
            Probe::Version => "/version",
        };
        Some(Self::own(Call::parse("GET", path)?, None))
    }

    /// Leave to send a request of Dockgate's own.
    fn own(call: Call, body: Option<&str>) -> Self {
        let terms = Terms {
            request: Rebuilt {
                call,
                body: body.map(str::to_owned),
                must_be_plain_tar: false,
            },
            grounds: Grounds::default(),
            memory: Memory::default(),
        };
        Self::new(terms, None)
    }

    /// Puts it aside while something is waited for; `None` if it rests on what was looked up, which may be
    /// different afterwards.
    #[must_use]
    pub fn shelve(self) -> Option<Shelved> {
        let terms = self.terms;
        self.rests_on.map(|rests_on| Shelved { terms, rests_on })
    }

    /// Uses it up. What is left says what was sent.
    #[must_use]
    pub fn spend(self) -> Box<Terms> {
        self.terms
    }
}

impl Memory {
    /// What to remember of a call that this policy allows, if one does, and whose labels are those of the other.
    pub(super) fn of(
        call: &Call,
        (policy, marking): (Option<&Policy>, &Policy),
        known: &Answers,
        is_observed: bool,
    ) -> Result<Self, NeedsLookup> {
        let mut memory = Self::default();
        let is_kept = marking.blocks.create.replaces || is_observed;
        if is_kept && call.judged().deed == Deed::TakesAway {
            let name = call.object().unwrap_or_default();
            memory.removed = Some(answers::container(known, name)?);
        }
        if let Some(policy) = policy
            && call.judged().query == Parameters::Tag
            && policy.judges(Block::Images)
        {
            let image = answers::image(known, call.object().unwrap_or_default())?;
            let name = tags(call).first().map(Reference::to_string);
            let policy = policy.mark.clone();
            let lookup = name.map(|name| Lookup::Moved { policy, name });
            memory.tagged = lookup.map(|lookup| (lookup, image.id.as_str().into()));
        }
        Ok(memory)
    }
}

impl Deref for Permit {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        &self.terms
    }
}

impl Shelved {
    /// The permit again, if these are still the rules that it rests on.
    #[must_use]
    pub fn resume(self, rules: &Revision) -> Option<Permit> {
        (self.rests_on == *rules).then_some(Permit {
            terms: self.terms,
            rests_on: Some(self.rests_on),
            not_send: PhantomData,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Answers, Context, Judgement, Request, Rules};
    use crate::policyfile::Grants;
    use crate::policyfile::file::tests::policy;

    fn permit(rules: &Rules, known: &Answers) -> Permit {
        let call = Call::parse("GET", "/containers/json").unwrap();
        let context = Context { known, own: None };
        match rules.evaluate(Request::new(call), context) {
            Judgement::Allow(permit) => permit,
            other @ (Judgement::Ask(..)
            | Judgement::Deny(_)
            | Judgement::Inspect(_)
            | Judgement::Missing(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_shelved_permit_is_good_for_the_same_rules_only() {
        let rules = || {
            Rules::new(
                vec![policy("p", "allow = ['ContainerList']")],
                Grants::default(),
            )
        };
        let (before, after) = (rules(), rules());
        let shelved = || permit(&before, &Answers::default()).shelve().unwrap();
        assert!(shelved().resume(&before.revision).is_some());
        assert!(shelved().resume(&before.clone().revision).is_some());
        assert!(shelved().resume(&after.revision).is_none(), "S15: reloaded");
        assert!(
            shelved()
                .resume(&before.clone().observed(true).revision)
                .is_none(),
            "S15: observed"
        );
        assert!(
            shelved().resume(&before.enforced().revision).is_none(),
            "S15: enforced"
        );
    }

    #[test]
    fn a_permit_that_rests_on_a_lookup_is_not_shelved() {
        let rules = Rules::new(
            vec![policy("p", "allow = ['ContainerList']")],
            Grants::default(),
        );
        let mut known = Answers::default();
        known.learn(Lookup::DefaultRuntime, crate::policy::Answer::Missing);
        assert!(permit(&rules, &known).shelve().is_none());
    }
}
