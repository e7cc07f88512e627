//! What holds on a listener: its policies, in order, under what is denied to all of them.

use std::sync::Arc;

use super::permit::Revision;
use super::reason::{Denial, Reason};
use super::refusal::{denied, not_granted};
use super::variants::Variants;
use crate::docker::{Absent, ApiVersion, Call, Effect, Operation, absent};
use crate::policyfile::file::Policy;
use crate::policyfile::grants::Grants;

/// What holds on a listener.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What is denied to all of them.
    pub(crate) deny: Grants,
    pub(super) policies: Vec<Policy>,
    /// What is named where one of them would be allowed by another.
    pub(super) variants: Arc<Variants>,
    pub(crate) revision: Revision,
    /// Whether what they refuse is sent all the same, to be learned from.
    pub(crate) is_observed: bool,
}

impl Rules {
    /// The policies of a listener, in the order in which they are asked, under what is denied to
    /// all.
    #[must_use]
    pub fn new(policies: Vec<Policy>, deny: Grants) -> Self {
        let is_observed = policies.iter().any(|policy| policy.is_observed);
        let variants = Arc::new(Variants::of(&policies));
        Self {
            deny,
            policies,
            variants,
            revision: Revision::default(),
            is_observed,
        }
    }

    /// What answers a request that cannot be understood: the engine's own answer if it is about an object that cannot
    /// exist and what is asked of it is allowed, and otherwise the denial.
    pub(crate) fn answer_absent(
        &self,
        (method, target): (&str, &str),
        api_min: ApiVersion,
        denial: Denial,
    ) -> (Denial, Option<Absent>) {
        let is_of_name = matches!(denial.reason, Reason::BadTarget | Reason::UnknownOperation);
        let absent = absent(method, target).filter(|absent| {
            let is_new = absent.version.is_none_or(|version| version >= api_min);
            is_of_name && is_new && (self.is_observed || self.grants(absent.operation))
        });
        let Some(absent) = absent else {
            return (denial, None);
        };
        let reason = if absent.is_not_found() {
            Reason::NotFound
        } else {
            Reason::BadTarget
        };
        (Denial::new(reason, absent.answer()), Some(absent))
    }

    /// The same rules, and what they refuse is sent all the same, if that is asked for here or by one of
    /// the policies.
    pub(crate) fn observed(mut self, is_observed: bool) -> Self {
        self.is_observed |= is_observed;
        self.revision = Revision::default();
        self
    }

    /// The same rules, and what they refuse is refused.
    pub(crate) fn enforced(&self) -> Self {
        Self {
            is_observed: false,
            revision: Revision::default(),
            ..self.clone()
        }
    }

    /// The policies that grant a call, whatever it asks for besides.
    pub(super) fn granting(&self, call: &Call) -> impl Iterator<Item = &Policy> {
        let is_denied = self.deny.covers(call);
        let policies = self.policies.iter();
        policies.filter(move |policy| !is_denied && policy.grants(call))
    }

    /// Whether any policy grants the call, whatever it asks for besides.
    pub(crate) fn may_allow(&self, call: &Call) -> bool {
        self.granting(call).next().is_some()
    }

    /// Whether the call may be sent, be it only to be observed.
    pub(crate) fn may_send(&self, call: &Call) -> bool {
        self.is_observed || self.may_allow(call)
    }

    /// The denial of a call that no policy grants, or that is denied to all of them.
    pub(crate) fn denial(&self, call: &Call) -> Denial {
        if self.deny.covers(call) {
            return denied(call);
        }
        not_granted(&self.policies, || self.variants.way_to(call), call)
    }

    pub(crate) fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The operations that are granted and can be root on the host, as what they ask for is not
    /// judged.
    pub(crate) fn unjudged(&self) -> Vec<Operation> {
        let is_unjudged = |policy: &Policy, operation: Operation| {
            let block = operation.spec().judged.block;
            let is_judged = block.is_some_and(|block| !policy.blocks.is_lifted(block));
            // What a block narrows can be root on the host without it, or move what is there.
            let can_be_root = block.is_some() || operation.spec().effect == Effect::Control;
            policy.has(operation) && can_be_root && (policy.passes_bodies || !is_judged)
        };
        let granted = Operation::ALL.iter().copied().filter(|operation| {
            let mut policies = self.policies.iter();
            !self.deny.has(*operation) && policies.any(|policy| is_unjudged(policy, *operation))
        });
        granted.collect()
    }

    /// Whether any policy grants an operation that nothing denies.
    #[must_use]
    pub fn grants(&self, operation: Operation) -> bool {
        !self.deny.has(operation) && self.policies.iter().any(|policy| policy.has(operation))
    }
}
