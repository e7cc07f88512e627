//! What an operator is told of each variable: what it opens, or why it does nothing.

use super::tables::default_of;
use super::values;
use super::variables::{ImageVariables, SETTINGS};
use super::ways::{Formula, On, Ways};
use crate::config::Dialect;
const NAMED: usize = 8;

/// A line for each variable that is set, under one for all.
pub(super) fn lines(variables: &ImageVariables, dialect: Dialect) -> Vec<String> {
    let mut lines = vec![format!(
        "no policy is set: the environment is read as by the dialect {}",
        dialect.as_str()
    )];
    let effects = Effects {
        variables,
        dialect,
        formula: Formula::of(dialect),
    };
    for (variable, text) in &variables.0 {
        if SETTINGS.contains(&variable.as_str()) {
            continue;
        }
        if !effects.formula.has(variable) {
            let why = stranger(variable);
            lines.push(format!("warning: {variable} does nothing: {why}"));
            continue;
        }
        if !values::is_plain(text) {
            lines.push(misread(variable, text));
        }
        lines.extend(effects.of(variable));
    }
    lines.push(
        "to tighten: name a policy instead, as DOCKGATE_POLICY=traefik; `dockgate policies` lists them"
            .to_owned(),
    );
    lines
}

/// Why a variable is none of the dialect's.
fn stranger(variable: &str) -> String {
    let has = |dialect: &&Dialect| Formula::of(**dialect).has(variable);
    match (variable, Dialect::ALL.iter().find(has)) {
        ("DELETE" | "PATCH" | "PUT", _) => "POST opens all methods".to_owned(),
        (_, Some(dialect)) => format!("it is one of DOCKGATE_DIALECT={}", dialect.as_str()),
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
struct Effects<'a> {
    variables: &'a ImageVariables,
    dialect: Dialect,
    formula: Formula,
}

impl Effects<'_> {
    /// What a variable of the dialect does, if it does not just say what holds anyway.
    fn of(&self, variable: &str) -> Option<String> {
        let on = |name: &str| self.variables.on(name);
        let with = |value: bool| move |name: &str| if name == variable { value } else { on(name) };
        let names = list(&self.gain(&with(false), &with(true)));
        match (on(variable), default_of(variable)) {
            (false, false) | (true, true) => None,
            (false, true) => Some(format!("{variable}=0 shuts {names}")),
            (true, false) if !names.is_empty() => Some(format!("{variable}=1 opens {names}")),
            (true, false) => {
                let and_post = |name: &str| name == "POST" || on(name);
                let without = |name: &str| name != variable && and_post(name);
                let gate = self.dialect.table().section_of_gate(variable);
                let why = match gate.filter(|section| !on(section)) {
                    Some(section) => format!("nothing while {section} is 0"),
                    None if !self.gain(&without, &and_post).is_empty() => {
                        "nothing while POST is 0".to_owned()
                    }
                    None if self.is_redundant_with_post(variable) => {
                        "nothing while POST is 0, and with POST=1 nothing that others do not"
                            .to_owned()
                    }
                    None => "nothing that others do not".to_owned(),
                };
                Some(format!("warning: {variable}=1 does {why}"))
            }
        }
    }

    /// Whether POST would be needed for what a variable opens, and is not set; others open it then, too.
    fn is_redundant_with_post(&self, variable: &str) -> bool {
        let post = |name: &str| name == "POST";
        let and_post = |name: &str| name == variable || post(name);
        let open = self.formula.opened(&|name| self.variables.on(name));
        let alone = self.gain(&post, &and_post);
        alone.iter().any(|one| !has(&open, one))
    }

    /// What is open under the greater and not under the lesser.
    fn gain(&self, lesser: On<'_>, greater: On<'_>) -> Vec<&Ways> {
        let before = self.formula.opened(lesser);
        let mut gained = self.formula.opened(greater);
        gained.retain(|one| !has(&before, one));
        if greater("LIBPOD_CONTAINERS") || greater("LIBPOD_PODS") {
            let shut = self.formula.shut.iter();
            gained.extend(shut.filter(|one| one.is_open(greater) && !one.is_open(lesser)));
        }
        gained
    }
}

fn has(all: &[&Ways], ways: &Ways) -> bool {
    all.iter().any(|one| one.entry == ways.entry)
}

/// The names of what is open; of Podman's own paths each once, whatever the methods.
fn list(opened: &[&Ways]) -> String {
    let name = |one: &&Ways| match one.text.split_once(' ') {
        Some((_, path)) if path.ends_with("/...") => path.to_owned(),
        Some(_) | None => one.text.clone(),
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
