//! The rules of a listener: its policies, in order, and what is denied for all of them.

use std::sync::Arc;

use super::answers::Lookup;
use super::objects::Listed;
use super::owner::POLICY_LABEL;
use super::permit::Revision;
use super::reason::{Denial, Reason};
use super::redact::Redaction;
use super::refusal::{denied, not_granted};
use super::reserved::Reserved;
use super::scope::Standing;
use super::variants::Variants;
use crate::docker::{Absent, ApiVersion, Call, Effect, Operation, absent};
use crate::policyfile::file::Policy;
use crate::policyfile::grants::Grants;

/// The rules of a listener.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What is denied for all policies.
    pub(crate) deny: Grants,
    pub(super) policies: Vec<Policy>,
    /// The built-in policies that a denial can suggest.
    pub(super) variants: Arc<Variants>,
    pub(crate) revision: Revision,
    /// Whether this is observe mode: denied requests are forwarded too.
    pub(crate) is_observed: bool,
    /// What tells clients apart, if anything does.
    pub(super) reserved: Option<Arc<Reserved>>,
    /// The labels that scopes select objects by: those of all policies in the settings, not only of these.
    pub(super) selecting: Arc<[String]>,
}

impl Rules {
    /// The policies of a listener, in the order in which they are asked, and what is denied for all of them.
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
            reserved: None,
            selecting: Arc::new([]),
        }
    }

    /// The same rules, and nobody may take what tells clients apart.
    pub(crate) fn reserving(mut self, reserved: Arc<Reserved>) -> Self {
        self.reserved = Some(reserved).filter(|reserved| !reserved.is_empty());
        self.revision = Revision::default();
        self
    }

    /// The same rules, but an image brings no label that a scope selects objects by.
    pub(crate) fn withholding(mut self, selecting: &Arc<[String]>) -> Self {
        self.selecting = Arc::clone(selecting);
        self.revision = Revision::default();
        self
    }

    /// The same rules, and their policies also hide this.
    pub(crate) fn redacting(mut self, redaction: &Redaction) -> Self {
        for policy in &mut self.policies {
            policy.redacting(Some(redaction));
        }
        self.revision = Revision::default();
        self
    }

    /// The same rules for a client, whose objects are its own; with an empty name, for everybody else.
    pub(crate) fn of_client(mut self, name: &Arc<str>) -> Self {
        for policy in &mut self.policies {
            policy.client = Some(Arc::clone(name));
        }
        self.revision = Revision::default();
        self
    }

    /// The answer to a request that Dockgate cannot parse: the engine's own answer if it is about an object that cannot
    /// exist and the operation is allowed, otherwise the denial.
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

    /// The same rules in observe mode, if it is asked for here or by one of the policies.
    pub(crate) fn observed(mut self, is_observed: bool) -> Self {
        self.is_observed |= is_observed;
        self.revision = Revision::default();
        self
    }

    /// The same rules without observe mode.
    pub(crate) fn enforced(&self) -> Self {
        Self {
            is_observed: false,
            revision: Revision::default(),
            ..self.clone()
        }
    }

    /// The policies that allow the operation of a call, before its body and query are checked.
    pub(super) fn granting(&self, call: &Call) -> impl Iterator<Item = &Policy> {
        let is_denied = self.deny.covers(call);
        let policies = self.policies.iter();
        policies.filter(move |policy| !is_denied && policy.grants(call))
    }

    /// Whether any policy allows the operation of a call, before its body and query are checked.
    pub(crate) fn may_allow(&self, call: &Call) -> bool {
        self.granting(call).next().is_some()
    }

    /// Whether objects are hidden from the client.
    pub(crate) fn has_scope(&self) -> bool {
        let mut policies = self.policies.iter();
        !self.is_observed && policies.any(|policy| policy.scope.is_some())
    }

    /// Whether an object in a list that a scope needs exists for the client. Others are not needed.
    pub(crate) fn needs(&self, lookup: &Lookup, listed: &Listed) -> bool {
        let Lookup::Labeled(kind, label) = lookup else {
            return true;
        };
        if !label.is_empty() && !label.starts_with(POLICY_LABEL) {
            return true;
        }
        let mut scopes = self.policies.iter().filter_map(Policy::scoped);
        scopes.any(|scoped| scoped.standing_of(*kind, listed) != Standing::Hidden)
    }

    /// Whether a policy without a scope allows an operation.
    pub(crate) fn grants_unscoped(&self, operation: Operation) -> bool {
        let mut policies = self.policies.iter();
        !self.deny.has(operation) && policies.any(|it| it.scope.is_none() && it.has(operation))
    }

    /// Whether the call may be forwarded, including in observe mode.
    pub(crate) fn may_send(&self, call: &Call) -> bool {
        self.is_observed || self.may_allow(call)
    }

    /// The denial of a call that no policy allows, or that is denied for all of them.
    pub(crate) fn denial(&self, call: &Call) -> Denial {
        if self.deny.covers(call) {
            return denied(call);
        }
        not_granted(&self.policies, || self.variants.way_to(call), call)
    }

    /// Whether everything that these rules allowed of an operation `before` is still allowed; `None` is a raw path. If a
    /// block changed that judges it, that is not known.
    pub(crate) fn keeps(&self, operation: Option<Operation>, before: &Self) -> bool {
        if self.revision == before.revision || self.is_observed {
            return true;
        }
        let texts = |rules: &Self| {
            let policies = rules.policies.iter();
            let texts = policies.map(|it| (it.passes_bodies, format!("{:?}", it.blocks)));
            texts.collect::<Vec<_>>()
        };
        let scopes = |rules: &Self| {
            let policies = rules.policies.iter();
            let scopes = policies.map(|it| (it.mark.clone(), format!("{:?}", it.scope)));
            scopes.collect::<Vec<_>>()
        };
        let hidden = |rules: &Self| {
            let policies = rules.policies.iter();
            policies.map(|it| it.redact.clone()).collect::<Vec<_>>()
        };
        // An open stream of events shows what was shown when it began.
        if operation == Some(Operation::SystemEvents) && hidden(self) != hidden(before) {
            return false;
        }
        // An open stream shows what was in scope when it began.
        if scopes(self) != scopes(before) && (self.has_scope() || before.has_scope()) {
            return false;
        }
        match operation {
            Some(operation) if !before.is_observed => {
                let is_judged = operation.spec().judged.block.is_some();
                self.grants(operation) && (!is_judged || texts(self) == texts(before))
            }
            Some(_) | None => {
                let whole = |rules: &Self| format!("{:?} {:?}", rules.deny, rules.policies);
                whole(self) == whole(before)
            }
        }
    }

    pub(crate) fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The allowed operations through which a client can become root on the host, because their bodies are not checked.
    pub(crate) fn unjudged(&self) -> Vec<Operation> {
        let is_unjudged = |policy: &Policy, operation: Operation| {
            let block = operation.spec().judged.block;
            let is_judged = block.is_some_and(|block| !policy.blocks.is_lifted(block));
            // An operation that a block limits can lead to root on the host if the block is lifted, or change what
            // exists.
            let can_be_root = block.is_some() || operation.spec().effect == Effect::Control;
            policy.has(operation) && can_be_root && (policy.passes_bodies || !is_judged)
        };
        let granted = Operation::ALL.iter().copied().filter(|operation| {
            let mut policies = self.policies.iter();
            !self.deny.has(*operation) && policies.any(|policy| is_unjudged(policy, *operation))
        });
        granted.collect()
    }

    /// Whether any policy allows an operation, and `deny` does not contain it.
    #[must_use]
    pub fn grants(&self, operation: Operation) -> bool {
        !self.deny.has(operation) && self.policies.iter().any(|policy| policy.has(operation))
    }
}
