//! Reports what each variable allows, or why it has no effect.

use super::tables::{SECTIONS, default_of};
use super::values;
use super::variables::{ImageVariables, is_setting};
use super::ways::{Formula, On, Ways};
use crate::config::Dialect;
use crate::policyfile::spelling::nearest;
const NAMED: usize = 8;

/// A line for each variable that is set, between a first and a last line.
pub(super) fn lines(variables: &ImageVariables, dialect: Dialect) -> Vec<String> {
    let mut lines = vec![format!(
        "No DOCKGATE_POLICY set: using Tecnativa-style variables (dialect: {})",
        dialect.as_str()
    )];
    let effects = Effects {
        variables,
        dialect,
        formula: Formula::of(dialect),
    };
    for (variable, text) in &variables.set {
        if is_setting(variable) {
            continue;
        }
        if !effects.formula.has(variable) {
            let why = stranger(variable);
            lines.push(format!("warning: {variable} has no effect: {why}"));
            continue;
        }
        if !values::is_plain(text) {
            lines.push(misread(variable, text));
        }
        lines.extend(effects.of(variable));
    }
    lines.push(
        "To allow less, use a built-in policy instead, for example DOCKGATE_POLICY=traefik; `dockgate policies` lists them"
            .to_owned(),
    );
    lines
}

/// Why a variable is not one of the dialect's.
fn stranger(variable: &str) -> String {
    let has = |dialect: &&Dialect| Formula::of(**dialect).has(variable);
    match (variable, Dialect::ALL.iter().find(has)) {
        ("DELETE" | "PATCH" | "PUT", _) => "POST=1 allows all methods".to_owned(),
        (_, Some(dialect)) => format!("it works only with DOCKGATE_DIALECT={}", dialect.as_str()),
        (_, None) => {
            let all = Dialect::ALL.iter().map(|dialect| Formula::of(*dialect));
            let all: Vec<_> = all.collect();
            let known = all.iter().flat_map(Formula::variables);
            let near = nearest(variable, known);
            let hint = near.map(|near| format!("; did you mean {near}?"));
            format!("no dialect has this variable{}", hint.unwrap_or_default())
        }
    }
}

fn misread(variable: &str, text: &str) -> String {
    let value = u8::from(values::is_true(text));
    // An environment may hold secrets under any name; a boolean is short.
    let shown: String = text.chars().take(8).collect();
    format!(
        "warning: {variable}={} counts as {value}, as in HAProxy: write {variable}=0 or {variable}=1",
        shown.escape_default()
    )
}
struct Effects<'a> {
    variables: &'a ImageVariables,
    dialect: Dialect,
    formula: Formula,
}

impl Effects<'_> {
    /// What a variable of the dialect does, unless it only repeats a default.
    fn of(&self, variable: &str) -> Option<String> {
        let on = |name: &str| self.variables.on(name);
        let with = |value: bool| move |name: &str| if name == variable { value } else { on(name) };
        let names = self.list(&self.gain(&with(false), &with(true)));
        match (on(variable), default_of(variable)) {
            (false, false) | (true, true) => None,
            (false, true) => Some(format!("{variable}=0 denies {names}")),
            (true, false) if !names.is_empty() => Some(format!("{variable}=1 allows {names}")),
            (true, false) => {
                let and_post = |name: &str| name == "POST" || on(name);
                let without = |name: &str| name != variable && and_post(name);
                let gate = self.dialect.table().section_of_gate(variable);
                let why = match gate.filter(|section| !on(section)) {
                    Some(section) => format!(" without {section}=1"),
                    None if !self.gain(&without, &and_post).is_empty() => {
                        " without POST=1".to_owned()
                    }
                    None if self.is_redundant_with_post(variable) => {
                        " without POST=1, and with it other variables already allow the same"
                            .to_owned()
                    }
                    None if variable == "POST" && self.has_no_section() => {
                        ": no section is enabled, such as CONTAINERS=1".to_owned()
                    }
                    None => ": other variables already allow the same".to_owned(),
                };
                Some(format!("warning: {variable}=1 has no effect{why}"))
            }
        }
    }

    /// Whether no section is on, beside those that are on by default.
    fn has_no_section(&self) -> bool {
        let mut sections = SECTIONS.iter().filter(|section| !section.default);
        !sections.any(|section| self.variables.on(section.variable))
    }

    /// Whether what a variable allows needs POST, which is not set, and other variables allow it then too.
    fn is_redundant_with_post(&self, variable: &str) -> bool {
        let post = |name: &str| name == "POST";
        let and_post = |name: &str| name == variable || post(name);
        let open = self.formula.opened(&|name| self.variables.on(name));
        let alone = self.gain(&post, &and_post);
        alone.iter().any(|one| !has(&open, one))
    }

    /// What the greater allows and the lesser does not.
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

    /// The names of what is allowed. Each of Podman's own paths is there once for all methods.
    fn list(&self, opened: &[&Ways]) -> String {
        let name = |one: &&Ways| match one.text.split_once(' ') {
            Some((_, path)) if path.ends_with("/...") => path.to_owned(),
            Some(_) | None => one.text.clone(),
        };
        let mut names: Vec<_> = opened.iter().map(name).collect();
        names.dedup();
        if !self.variables.lists_all && names.len() > NAMED {
            let more = names.len() - NAMED;
            names.truncate(NAMED);
            return format!("{} and {more} more", names.join(", "));
        }
        names.join(", ")
    }
}

fn has(all: &[&Ways], ways: &Ways) -> bool {
    all.iter().any(|one| one.entry == ways.entry)
}
