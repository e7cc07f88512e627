//! Permission to send one request, and the terms on which it is sent.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::about::About;
use super::answers::{self, Answers, Lookup, NeedsLookup};
use super::fill::Filled;
use super::filter::ReplyRule;
use super::names::tags;
use super::objects::Container;
use super::reason::Denial;
use super::requirement::Requirement;
use crate::docker::{Block, Call, Deed, Parameters, Reference};
use crate::policyfile::file::Policy;

/// Permission to send one request to the daemon, now. Only [`Rules::evaluate`](super::Rules::evaluate),
/// [`Permit::to_ask`] and [`Permit::to_probe`] make one.
///
/// A verdict can become wrong while Dockgate waits for something, and a client decides how long its own bytes take. So
/// a permit cannot be held across an `await`: it is not [`Send`], and the future that handles a request must be. If
/// something is still missing, the permit is [shelved](Permit::shelve) or dropped, and the request is evaluated again.
///
/// ```compile_fail,E0277
/// fn held_across_an_await<T: Send>() {}
/// held_across_an_await::<dockgate::policy::Permit>();
/// ```
#[derive(Debug)]
#[must_use]
pub struct Permit {
    terms: Box<Terms>,
    /// The rules, if the verdict depends on nothing else that can change.
    rests_on: Option<Revision>,
    not_send: PhantomData<*const ()>,
}

/// What a permit allows, and what follows from it. Outlives the sending.
#[derive(Debug)]
pub struct Terms {
    /// The request to send.
    pub request: Rebuilt,
    /// Why it may be sent.
    pub(crate) grounds: Grounds,
    /// What to remember about it.
    pub(crate) memory: Memory,
    /// What happens to the reply.
    pub(crate) reply: ReplyRule,
}

/// A request, rebuilt from what was evaluated.
#[derive(Debug)]
pub struct Rebuilt {
    /// The call.
    pub call: Call,
    /// The body, if it was judged. If not, the client's body passes.
    pub body: Option<String>,
    /// Whether the upload must be uncompressed for engines that unpack it with programs of the container.
    pub must_be_plain_tar: bool,
}

/// What to remember about a request.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Once it was sent: the container that it removes. A replacement may have what this one has.
    pub(crate) removed: Option<Arc<Container>>,
    /// If the daemon accepted it: the name that an image gets, as the lookup that will ask for it, and the image's full
    /// id.
    pub(crate) tagged: Option<(Lookup, Arc<str>)>,
}

/// Why a request may be sent, for its audit record.
#[derive(Debug, Default)]
pub(crate) struct Grounds {
    /// The name of the policy that allows it, if one does.
    pub policy: Option<Arc<str>>,
    /// Whether it asks for an object that does not exist, instead of one that does not exist for the client.
    pub(crate) is_hidden: bool,
    /// Why it would be denied, if it is forwarded only because of observe mode.
    pub would_deny: Option<Denial>,
    /// What it asks for.
    pub requirements: Vec<Requirement>,
    /// The full ids of the objects that it is about.
    pub(crate) about: About,
    /// What was filled in that the client left out.
    pub(crate) filled: Filled,
}

/// What Dockgate asks the daemon about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether it answers.
    Ping,
    /// Its version.
    Version,
    /// Its networks.
    Networks,
    /// What happened between two times, since the epoch.
    Events {
        /// The first time.
        since: Duration,
        /// The last time.
        until: Duration,
    },
    /// What ends or renames containers, or takes them off networks, from now on.
    Changes,
}

/// `filters={"event":["die","disconnect","rename"]}`.
const CHANGES: &str =
    "/events?filters=%7B%22event%22%3A%5B%22die%22%2C%22disconnect%22%2C%22rename%22%5D%7D";

/// A permit that waits. It depends only on the request and the rules, and is valid as long as the rules stay the same.
#[derive(Debug)]
pub struct Shelved {
    terms: Box<Terms>,
    rests_on: Revision,
}

/// Distinguishes rules from those that replace them at a reload.
#[derive(Clone, Debug, Default)]
pub struct Revision(Arc<()>);

impl PartialEq for Revision {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Permit {
    /// A permit on these terms. It can be shelved if it depends only on the rules.
    pub(super) fn new(terms: Terms, rests_on: Option<Revision>) -> Self {
        Self {
            terms: Box::new(terms),
            rests_on,
            not_send: PhantomData,
        }
    }

    /// Permission for a lookup; `None` if the daemon is not asked.
    #[must_use]
    pub fn to_ask(lookup: &Lookup) -> Option<Self> {
        Some(Self::own(lookup.call()?, lookup.body()))
    }

    /// Permission to ask the daemon about itself.
    #[must_use]
    pub fn to_probe(probe: Probe) -> Option<Self> {
        let path = match probe {
            Probe::Ping => "/_ping".to_owned(),
            Probe::Version => "/version".to_owned(),
            Probe::Networks => "/networks".to_owned(),
            Probe::Events { since, until } => {
                let shown =
                    |time: Duration| format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
                format!("/events?since={}&until={}", shown(since), shown(until))
            }
            Probe::Changes => CHANGES.to_owned(),
        };
        Some(Self::own(Call::parse("GET", &path)?, None))
    }

    /// Permission to send one of Dockgate's own requests.
    fn own(call: Call, body: Option<&str>) -> Self {
        let terms = Terms {
            request: Rebuilt {
                call,
                body: body.map(str::to_owned),
                must_be_plain_tar: false,
            },
            grounds: Grounds::default(),
            memory: Memory::default(),
            reply: ReplyRule::Pass,
        };
        Self::new(terms, None)
    }

    /// Puts it aside while Dockgate waits; `None` if it depends on a lookup, because the answer may be different
    /// afterwards.
    #[must_use]
    pub fn shelve(self) -> Option<Shelved> {
        let terms = self.terms;
        self.rests_on.map(|rests_on| Shelved { terms, rests_on })
    }

    /// Uses up the permit. The terms remain, and say what was sent.
    #[must_use]
    pub fn spend(self) -> Box<Terms> {
        self.terms
    }
}

impl Memory {
    /// What to remember about a call. `policy` is the one that allows it, if one does; `marking` is the one whose
    /// labels new objects get.
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
            && (policy.judges(Block::Images) || policy.scope.is_some())
        {
            let image = answers::image(known, call.object().unwrap_or_default())?;
            let name = tags(call).first().map(Reference::to_string);
            let owner = policy.owner().of_image();
            let lookup = name.map(|name| Lookup::Moved { owner, name });
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
    /// The permit again, if the rules are still the same.
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
