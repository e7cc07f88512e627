//! What an operator is told of each variable: what it opens, or why it does nothing.

use super::dialect::Dialect;
use super::rules::{On, Opened, Rules, default_of};
use super::{SETTINGS, Swap, values};

/// The most names that a line has.
const NAMED: usize = 8;

/// A line for each variable that is set, under one for all.
pub(super) fn lines(swap: &Swap, dialect: Dialect) -> Vec<String> {
    let mut lines = vec![format!(
        "no policy is set: the environment is read as by the dialect {}",
        dialect.name()
    )];
    let rules = dialect.rules();
    let known = rules.variables();
    for (variable, text) in &swap.0 {
        if SETTINGS.contains(&variable.as_str()) {
            continue;
        }
        if !known.contains(variable) {
            lines.push(format!(
                "warning: {variable} does nothing: {}",
                stranger(variable)
            ));
            continue;
        }
        if !values::is_plain(text) {
            lines.push(misread(variable, text));
        }
        lines.extend(effect(swap, rules, variable));
    }
    lines.push(
        "to tighten: name a policy instead, as DOCKGATE_POLICY=traefik; `dockgate policies` lists them"
            .to_owned(),
    );
    lines
}

/// Why a variable is none of the dialect's.
fn stranger(variable: &str) -> String {
    let has = |dialect: &&(&str, Dialect)| {
        let variables = dialect.1.rules().variables();
        variables.iter().any(|known| known == variable)
    };
    match (variable, Dialect::ALL.iter().find(has)) {
        ("DELETE" | "PATCH" | "PUT", _) => "POST opens all methods".to_owned(),
        (_, Some((name, _))) => format!("it is one of DOCKGATE_DIALECT={name}"),
        (_, None) => "no dialect has it".to_owned(),
    }
}

fn misread(variable: &str, text: &str) -> String {
    let value = u8::from(values::is_true(text));
    // An environment may hold secrets under any name; a boolean is short.
    let shown: String = text.chars().take(8).collect();
    format!(
        "warning: {variable}={} is read as {value}, as HAProxy reads it: write 0 or 1",
        shown.escape_default()
    )
}

/// What a variable of the dialect does, if it does not just say what holds anyway.
fn effect(swap: &Swap, rules: &Rules, variable: &str) -> Option<String> {
    let with = |value: bool| {
        move |name: &str| {
            if name == variable {
                value
            } else {
                swap.on(name)
            }
        }
    };
    let gained = |lesser: On<'_>, greater: On<'_>| gain(rules, lesser, greater);
    let names = list(&gained(&with(false), &with(true)));
    match (swap.on(variable), default_of(variable)) {
        (false, false) | (true, true) => None,
        (false, true) => Some(format!("{variable}=0 shuts {names}")),
        (true, false) if !names.is_empty() => Some(format!("{variable}=1 opens {names}")),
        (true, false) => {
            let and_post = |name: &str| name == "POST" || swap.on(name);
            let without = |name: &str| name != variable && and_post(name);
            let gate = rules.section_of_gate(variable);
            let why = match gate.filter(|section| !swap.on(section)) {
                Some(section) => format!("nothing while {section} is 0"),
                None if !gained(&without, &and_post).is_empty() => {
                    "nothing while POST is 0".to_owned()
                }
                None if is_redundant_with_post(swap, rules, variable) => {
                    "nothing while POST is 0, and with POST=1 nothing that others do not".to_owned()
                }
                None => "nothing that others do not".to_owned(),
            };
            Some(format!("warning: {variable}=1 does {why}"))
        }
    }
}

/// Whether POST would be needed for what a variable opens, and is not set; others open it then, too.
fn is_redundant_with_post(swap: &Swap, rules: &Rules, variable: &str) -> bool {
    let post = |name: &str| name == "POST";
    let and_post = |name: &str| name == variable || post(name);
    let alone = gain(rules, &post, &and_post);
    let (open, _) = rules.judge(&|name| swap.on(name));
    alone.iter().any(|one| !open.contains(one))
}

/// What is open under the greater and not under the lesser.
fn gain(rules: &Rules, lesser: On<'_>, greater: On<'_>) -> Vec<Opened> {
    let (before, shut_before) = rules.judge(lesser);
    let (after, shut_after) = rules.judge(greater);
    let mut gained: Vec<_> = after
        .iter()
        .filter(|one| !before.contains(one))
        .cloned()
        .collect();
    let has_podman = greater("LIBPOD_CONTAINERS") || greater("LIBPOD_PODS");
    let opened = shut_before
        .into_iter()
        .filter(|one| has_podman && !shut_after.contains(one));
    gained.extend(opened);
    gained
}

/// The names of what is open; of Podman's own paths each once, whatever the methods.
fn list(opened: &[Opened]) -> String {
    let name = |one: &Opened| match one {
        Opened::Operation(operation) => operation.to_string(),
        Opened::Path(path) => path.clone(),
        Opened::Below(path) => {
            let path = path.split(' ').next_back().unwrap_or_default();
            format!("{path}/...")
        }
    };
    let mut names: Vec<_> = opened.iter().map(name).collect();
    names.dedup();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.truncate(NAMED);
    format!("{}{more}", names.join(", "))
}
