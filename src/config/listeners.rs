//! The listeners: where each is, and which policies hold there.

use std::sync::Arc;

use super::load::Files;
use super::raw::{Checker, DEFAULT_LISTEN, DEFAULT_POLICY, RawConfig};
use super::{Access, ListenAddress, ListenerSettings};
use crate::policy::Rules;
use crate::policyfile::mark::same_marks;
use crate::policyfile::{Entry, Grants, Place, Policy, Problem, Written};

/// Checks what is said of listeners and policies. What image-swap variables say holds where no
/// policy is set.
pub(crate) fn check(
    checker: &mut Checker<'_>,
    raw: &RawConfig,
    swapped: Option<Policy>,
) -> Vec<ListenerSettings> {
    let deny = grants(checker, "deny", &raw.deny);
    let general = general(checker, raw, swapped);
    let addresses = general_addresses(raw);
    if raw.listen.as_ref().is_some_and(Vec::is_empty) {
        checker.wrong("listen", "is empty: name an address, or leave it out");
    }
    let mut listeners: Vec<_> = addresses
        .iter()
        .filter_map(|text| checker.listen("listen", text))
        .map(|address| ListenerSettings {
            address,
            access: Access::DEFAULT,
            rules: Rules::new(general.clone(), deny.clone()).observed(raw.observe),
        })
        .collect();
    for (at, listener) in raw.listener.iter().enumerate() {
        let key = |name: &str| format!("listener[{at}].{name}");
        if listener.policy.as_ref().is_some_and(Vec::is_empty) {
            checker.wrong(&key("policy"), "is empty: name a policy, or leave it out");
        }
        let own = listener.policy.as_ref();
        let own = own.map(|references| policies(checker, &key("policy"), references));
        let mut denied = deny.clone();
        denied.extend(grants(checker, &key("deny"), &listener.deny));
        let given = listener.address.as_ref();
        let address = given.and_then(|address| checker.listen(&key("address"), address));
        listeners.extend(address.map(|address| {
            ListenerSettings {
                access: checker.access(&key, listener, &address),
                address,
                rules: Rules::new(own.unwrap_or_else(|| general.clone()), denied)
                    .observed(listener.observe.unwrap_or(raw.observe)),
            }
        }));
    }
    check_use(checker, raw, &addresses);
    check_doubles(checker, &listeners);
    let policies = listeners.iter().flat_map(|of| of.rules.policies());
    let same = same_marks(policies).into_iter();
    checker.problems.extend(same.map(Problem::from));
    listeners
}

/// Where to listen, each address with its key.
pub(crate) fn addresses(raw: &RawConfig) -> Vec<(String, String)> {
    let own = raw.listener.iter().enumerate().filter_map(|(at, own)| {
        let address = own.address.clone()?;
        Some((format!("listener[{at}].address"), address))
    });
    let general = general_addresses(raw).into_iter();
    let general = general.map(|address| ("listen".to_owned(), address));
    general.chain(own).collect()
}

/// The addresses of the listeners that have the general rules.
fn general_addresses(raw: &RawConfig) -> Vec<String> {
    let nowhere = raw.listen.is_none() && raw.listener.is_empty();
    let default = nowhere.then(|| vec![DEFAULT_LISTEN.to_owned()]);
    raw.listen.clone().or(default).unwrap_or_default()
}

/// Reports policies that hold nowhere.
fn check_use(checker: &mut Checker<'_>, raw: &RawConfig, addresses: &[String]) {
    let is_used = !addresses.is_empty() || raw.listener.iter().any(|own| own.policy.is_none());
    for (key, is_set) in [
        ("policy", raw.policy.is_some()),
        ("allow", !raw.allow.is_empty()),
    ] {
        if is_set && !is_used {
            let message = "no listener uses it: each has a policy of its own; take either out";
            checker.wrong(key, message);
        }
    }
}

/// Reports addresses that are listened on twice. Of port 0 each gets one of its own.
fn check_doubles(checker: &mut Checker<'_>, listeners: &[ListenerSettings]) {
    for (at, listener) in listeners.iter().enumerate() {
        let address = &listener.address;
        let is_doubled = listeners
            .iter()
            .take(at)
            .any(|before| before.address == *address);
        if is_doubled && !matches!(address, ListenAddress::Tcp(tcp) if tcp.port() == 0) {
            checker.wrong(
                "listen",
                format!("{address} stands there twice: name it once"),
            );
        }
    }
}

/// The policies of the listeners that have none of their own.
fn general(checker: &mut Checker<'_>, raw: &RawConfig, swapped: Option<Policy>) -> Vec<Policy> {
    if raw.policy.as_ref().is_some_and(Vec::is_empty) {
        checker.wrong("policy", "is empty: name a policy, or leave it out");
    }
    let mut general = policies(checker, "policy", raw.policy.as_deref().unwrap_or_default());
    if !raw.allow.is_empty() {
        general.push(Policy::of("allow", grants(checker, "allow", &raw.allow)));
    }
    if raw.policy.is_none() && raw.allow.is_empty() {
        let default = || policies(checker, "policy", &[DEFAULT_POLICY.to_owned()]);
        general = swapped.map_or_else(default, |policy| vec![policy]);
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
    let (list, file) = (Arc::from(key), Arc::from((checker.origin)(key)));
    for (at, text) in texts.iter().enumerate() {
        let place = Place::List {
            key: Arc::clone(&list),
            file: Arc::clone(&file),
            line: checker.lines.line(key, at),
        };
        match Entry::parse(text) {
            Ok(entry) => grants.insert_written(Written::new(entry, text, place)),
            Err(error) => checker.wrong(key, format!("\"{text}\": {error}")),
        }
    }
    grants
}
