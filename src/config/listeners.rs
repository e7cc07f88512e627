//! The listeners: where each is, and which policies hold there.

use super::ListenerSettings;
use super::load::Files;
use super::raw::{Checker, DEFAULT_LISTEN, DEFAULT_POLICY, RawConfig};
use crate::policy::{Entry, Grants, Policy, Rules};

/// Checks what is said of listeners and policies.
pub(super) fn check(checker: &mut Checker<'_>, raw: &RawConfig) -> Vec<ListenerSettings> {
    let deny = grants(checker, "deny", &raw.deny);
    let general = general(checker, raw);
    let nowhere = raw.listen.is_none() && raw.listener.is_empty();
    let default = nowhere.then(|| vec![DEFAULT_LISTEN.to_owned()]);
    let addresses = raw.listen.clone().or(default).unwrap_or_default();
    if raw.listen.as_ref().is_some_and(Vec::is_empty) {
        checker.wrong("listen", "is empty: name an address, or leave it out");
    }
    let mut listeners: Vec<_> = addresses
        .iter()
        .filter_map(|text| checker.listen("listen", text))
        .map(|address| ListenerSettings {
            address,
            rules: Rules::new(general.clone(), deny.clone()),
        })
        .collect();
    for listener in &raw.listener {
        let own = policies(checker, "listener.policy", &listener.policy);
        let chosen = if listener.policy.is_empty() {
            general.clone()
        } else {
            own
        };
        let mut denied = deny.clone();
        denied.extend(grants(checker, "listener.deny", &listener.deny));
        let given = Some(&listener.address).filter(|address| !address.is_empty());
        let address = given.and_then(|address| checker.listen("listener.address", address));
        listeners.extend(address.map(|address| ListenerSettings {
            address,
            rules: Rules::new(chosen, denied),
        }));
    }
    listeners
}

/// The policies of the listeners that have none of their own.
fn general(checker: &mut Checker<'_>, raw: &RawConfig) -> Vec<Policy> {
    if raw.policy.as_ref().is_some_and(Vec::is_empty) {
        checker.wrong("policy", "is empty: name a policy, or leave it out");
    }
    let mut general = policies(checker, "policy", raw.policy.as_deref().unwrap_or_default());
    if !raw.allow.is_empty() {
        general.push(Policy::unnamed(
            "allow",
            grants(checker, "allow", &raw.allow),
        ));
    }
    if raw.policy.is_none() && raw.allow.is_empty() {
        general = policies(checker, "policy", &[DEFAULT_POLICY.to_owned()]);
    }
    general
}

fn policies(checker: &mut Checker<'_>, key: &str, references: &[String]) -> Vec<Policy> {
    let mut policies = Vec::new();
    for (at, reference) in references.iter().enumerate() {
        if references.iter().take(at).any(|before| before == reference) {
            checker.wrong(
                key,
                format!("\"{reference}\" stands there twice: name it once"),
            );
        }
        match Policy::load(reference, &Files) {
            Ok(policy) => policies.push(policy),
            Err(problems) => problems.into_iter().for_each(|problem| {
                // What cannot be found at all is a problem of the key that names it.
                if problem.file == *reference && problem.key.is_none() {
                    checker.wrong(key, format!("\"{reference}\": {}", problem.message));
                } else {
                    checker.problems.push(problem);
                }
            }),
        }
    }
    policies
}

fn grants(checker: &mut Checker<'_>, key: &str, texts: &[String]) -> Grants {
    let mut grants = Grants::default();
    for text in texts {
        match Entry::parse(text) {
            Ok(entry) => grants.insert(entry),
            Err(error) => checker.wrong(key, format!("\"{text}\": {error}")),
        }
    }
    grants
}
