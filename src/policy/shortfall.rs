//! What of a request a policy does not allow.

use super::hint::{Entered, Hints};
use super::requirement::Requirement;
use crate::policyfile::file::Policy;

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
