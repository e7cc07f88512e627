//! The judgement: a listener's policies against one call.

use std::sync::Arc;

use super::entry::Grants;
use super::file::Policy;
use super::reason::{Denial, Reason};
use crate::docker::classify::nearest_route;
use crate::docker::{Call, Operation, Subject};

/// What holds on a listener.
#[derive(Clone, Debug)]
pub struct Rules {
    deny: Grants,
    policies: Vec<Policy>,
}

/// The verdict on one call.
#[derive(Debug)]
#[must_use]
pub enum Judgement {
    /// It may be sent.
    Allow(Permit),
    /// It may not.
    Deny(Denial),
}

/// Leave to send one call to the daemon. Only [`Rules::judge`] makes one.
#[derive(Debug)]
pub struct Permit {
    call: Call,
    policy: Arc<str>,
}

impl Rules {
    /// The policies of a listener, in the order in which they are asked, under what is denied to
    /// all.
    #[must_use]
    pub fn new(policies: Vec<Policy>, deny: Grants) -> Self {
        Self { deny, policies }
    }

    /// Judges a call. The same call gets the same verdict.
    pub fn judge(&self, call: Call) -> Judgement {
        if self.deny.covers(&call) {
            return Judgement::Deny(denied(&call));
        }
        match self.policies.iter().find(|policy| policy.grants(&call)) {
            Some(policy) => Judgement::Allow(Permit {
                call,
                policy: Arc::clone(policy.name()),
            }),
            None => Judgement::Deny(self.not_granted(&call)),
        }
    }

    fn not_granted(&self, call: &Call) -> Denial {
        let entry = entry(call);
        match &call.subject {
            Subject::Operation { operation, .. } => {
                let mut policies = self.policies.iter();
                let way = policies.find_map(|policy| policy.way_to(*operation));
                let add = || format!("add \"{entry}\" to allow");
                let way = way.map_or_else(add, str::to_owned);
                let message = format!("{entry} is not granted; to grant it {way}");
                Denial::new(Reason::NotGranted, message)
            }
            Subject::Outside { path } => {
                let near = nearest_route(call.method.as_str(), path)
                    .map(|near| format!(", the nearest is {near}"));
                let near = near.unwrap_or_default();
                let way = self.policies.iter().find_map(Policy::way_to_paths);
                let add = || format!("to grant it all the same add \"{entry}\" to allow");
                let way = way.map_or_else(add, str::to_owned);
                let message = format!("{entry} is no operation of the Docker API{near}; {way}");
                Denial::new(Reason::UnknownOperation, message)
            }
        }
    }

    /// The policies, in order.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The operations that are granted and can be root on the host, as their bodies are passed on
    /// unjudged.
    #[must_use]
    pub fn unjudged(&self) -> Vec<Operation> {
        let granted = Operation::ALL
            .iter()
            .copied()
            .filter(|operation| self.grants(*operation));
        granted
            .filter(|operation| operation.passes_unjudged())
            .collect()
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

impl Permit {
    /// The call that may be sent.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The name of the policy that grants it.
    #[must_use]
    pub fn policy(&self) -> &Arc<str> {
        &self.policy
    }
}

/// What an entry of `allow` or `deny` that names the call would be.
fn entry(call: &Call) -> String {
    match &call.subject {
        Subject::Operation { operation, .. } => operation.to_string(),
        Subject::Outside { path } => format!("{} {path}", call.method.as_str()),
    }
}

fn denied(call: &Call) -> Denial {
    let entry = entry(call);
    Denial::new(
        Reason::Denied,
        format!("{entry} is denied by the settings; to grant it remove it from their deny"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::{Target, classify};
    use crate::policy::Entry;
    use crate::policy::file::tests::policy;

    fn verdict(rules: &Rules, method: &str, target: &str) -> Result<String, (Reason, String)> {
        let call = classify(method, Target::parse(target).unwrap()).unwrap();
        match rules.judge(call) {
            Judgement::Allow(permit) => Ok(permit.policy().to_string()),
            Judgement::Deny(denial) => Err((denial.reason, denial.message)),
        }
    }

    #[test]
    fn the_first_policy_that_grants_decides_and_nothing_is_granted_by_default() {
        let first = policy("first", "allow = ['ContainerList']");
        let second = policy("second", "allow = ['ContainerList', 'ContainerInspect']");
        let rules = Rules::new(vec![first, second], Grants::default());
        assert_eq!(
            verdict(&rules, "GET", "/containers/json"),
            Ok("first".to_owned())
        );
        assert_eq!(
            verdict(&rules, "GET", "/containers/web/json"),
            Ok("second".to_owned())
        );
        let (reason, message) = verdict(&rules, "POST", "/containers/web/kill").unwrap_err();
        assert_eq!(reason, Reason::NotGranted);
        assert_eq!(
            message,
            "ContainerKill is not granted; to grant it add \"ContainerKill\" to allow"
        );
        let none = Rules::new(Vec::new(), Grants::default());
        assert_eq!(
            verdict(&none, "GET", "/_ping").unwrap_err().0,
            Reason::NotGranted
        );
    }

    #[test]
    fn the_deny_of_the_settings_holds_against_all() {
        let mut deny = Grants::default();
        deny.insert(Entry::parse("ContainerKill").unwrap());
        let all = policy("all", "allow = ['containers:write']");
        let rules = Rules::new(vec![all], deny);
        assert_eq!(
            verdict(&rules, "POST", "/containers/web/stop"),
            Ok("all".to_owned())
        );
        let (reason, message) = verdict(&rules, "POST", "/containers/web/kill").unwrap_err();
        assert_eq!(reason, Reason::Denied);
        assert_eq!(
            message,
            "ContainerKill is denied by the settings; to grant it remove it from their deny"
        );
        assert!(rules.grants(Operation::ContainerStop) && !rules.grants(Operation::ContainerKill));
    }

    #[test]
    fn a_path_outside_of_the_table_needs_a_raw_path() {
        let podman = policy("podman", "allow = ['GET /libpod/info']");
        let rules = Rules::new(vec![podman], Grants::default());
        assert_eq!(
            verdict(&rules, "GET", "/v5.4.2/libpod/info"),
            Ok("podman".to_owned())
        );
        let (reason, message) = verdict(&rules, "GET", "/container/json").unwrap_err();
        assert_eq!(reason, Reason::UnknownOperation);
        assert!(
            message.contains("the nearest is GET /containers/json"),
            "{message}"
        );
    }

    #[test]
    fn judging_twice_gives_the_same_answer() {
        let rules = Rules::new(vec![policy("all", "allow = ['*:read']")], Grants::default());
        for target in [
            "/info",
            "/containers/a/logs",
            "/images/a/json",
            "/libpod/info",
        ] {
            assert_eq!(
                verdict(&rules, "GET", target),
                verdict(&rules, "GET", target),
                "{target}"
            );
        }
    }
}
