//! What of a request a policy does not allow.

use super::hint::{Entered, Hints};
use super::requirement::Requirement;
use crate::policyfile::file::Policy;

/// What a policy does not allow.
pub(crate) struct Shortfall<'p> {
    /// The policy.
    pub(crate) policy: &'p Policy,
    /// What was asked for, each as a key of the policy would grant it.
    pub(crate) requirements: Vec<Requirement>,
    /// The container that is entered, if it has more than the policy allows.
    pub(crate) entered: Option<Entered>,
    /// How the request differs from what it would replace.
    pub(crate) differences: Vec<String>,
}

impl<'p> Shortfall<'p> {
    /// These requirements.
    pub(crate) fn of(policy: &'p Policy, requirements: Vec<Requirement>) -> Self {
        Self {
            policy,
            requirements,
            entered: None,
            differences: Vec::new(),
        }
    }

    /// What hints need to know.
    pub(crate) fn hints(&self) -> Hints<'_> {
        Hints {
            blocks: self.policy.blocks(),
            entered: self.entered.as_ref(),
        }
    }
}
