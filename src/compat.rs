//! Image-swap variables: the environment of the images that Dockgate replaces.
//!
//! They are read if no policy is set, in one of three dialects, and become a policy called `environment` and a few
//! settings. For every variable that is set, the start report says what it allows, or why it has no effect.

mod report;
mod tables;
mod values;
mod variables;
mod ways;

use std::collections::HashMap;

use figment::value::Value;

pub(crate) use self::variables::ImageVariables;
use self::variables::SETTINGS;
use self::ways::{Formula, Ways};
use crate::config::Dialect;
use crate::config::layers::Layer;
use crate::config::settings::DEFAULT_LISTEN;
use crate::policyfile::{Entry, Grants, Place, Policy, Problem, Written};

/// What the variables become.
#[derive(Default)]
pub(crate) struct Translated {
    /// The policy, if they are read.
    pub(crate) policy: Option<Policy>,
    /// Lines for the operator.
    pub(crate) notices: Vec<String>,
    /// What is wrong.
    pub(crate) problems: Vec<Problem>,
    /// The settings that variables make.
    pub(crate) layers: Vec<Layer>,
}

/// The name of the policy in the audit log.
const POLICY: &str = "environment";
impl ImageVariables {
    /// Reads the variables into a policy, and into the settings that nothing else sets. If a policy is set, reports
    /// that they are ignored.
    pub(crate) fn apply(
        &self,
        dialect: Dialect,
        has_policy: bool,
        is_set: &dyn Fn(&str) -> bool,
    ) -> Translated {
        let mut translated = Translated::default();
        if !has_policy {
            translated.notices.extend(self.near_misses());
        }
        if self.is_empty() && !is_set("dialect") {
            return translated;
        }
        if has_policy {
            translated.notices.push(self.overruled(is_set("dialect")));
            return translated;
        }
        self.set(dialect, is_set, &mut translated);
        translated.policy = Some(self.policy(dialect));
        translated.notices.extend(report::lines(self, dialect));
        translated
    }

    /// What to report if a policy is set.
    fn overruled(&self, has_dialect: bool) -> String {
        let dialect = has_dialect.then_some("the dialect");
        let names: Vec<_> = self.set.keys().map(String::as_str).chain(dialect).collect();
        let are = if names.len() == 1 { "is" } else { "are" };
        let instead = SETTINGS.iter().filter(|(name, _)| names.contains(name));
        let instead = instead.map(|(name, ours)| format!("{ours} instead of {name}"));
        let instead: Vec<_> = instead.collect();
        let set = if instead.is_empty() { "" } else { ": set " };
        let (names, instead) = (names.join(", "), instead.join(", "));
        format!("warning: {names} {are} ignored because a policy is set{set}{instead}")
    }

    fn policy(&self, dialect: Dialect) -> Policy {
        let (mut allow, mut deny) = (Grants::default(), Grants::default());
        let mut ways = HashMap::new();
        let formula = Formula::of(dialect);
        let on = |variable: &str| self.on(variable);
        for thing in &formula.open {
            if let Some(by) = thing.opened_by(&on) {
                let by = by.iter().map(|variable| self.shown(variable));
                insert(&mut allow, thing, &by.collect::<Vec<_>>());
            } else if let Entry::Operation(operation) = thing.entry {
                let missing = thing.missing(&on).into_iter();
                let missing: Vec<_> = missing.map(|variable| format!("{variable}=1")).collect();
                ways.insert(operation, format!("set {}", missing.join(" and ")));
            }
        }
        for thing in formula.shut.iter().filter(|thing| !thing.is_open(&on)) {
            let gates = thing.missing(&on).into_iter();
            let gates = gates.map(|variable| format!("{variable}=0"));
            insert(&mut deny, thing, &gates.collect::<Vec<_>>());
        }
        Policy {
            deny,
            passes_bodies: true,
            ways,
            way_to_paths: Some(dialect.table().way_to_paths),
            ..Policy::of(POLICY, allow)
        }
    }

    /// A variable that is on, as it is or could be set.
    fn shown(&self, variable: &str) -> String {
        if self.set.contains_key(variable) {
            format!("{variable}=1")
        } else {
            format!("{variable}=1 (the default)")
        }
    }

    /// Turns the variables that set something into settings.
    fn set(&self, dialect: Dialect, is_set: &dyn Fn(&str) -> bool, translated: &mut Translated) {
        for (variable, text) in &self.set {
            let keys = match variable.as_str() {
                "BIND_CONFIG" => ["listener", "listen"],
                "DISABLE_IPV6" => ["listen", "listener"],
                "LOG_LEVEL" => ["log", "audit.allowed_reads"],
                "SOCKET_PATH" => ["upstream", "upstream"],
                _ => continue,
            };
            if let Some(key) = keys.iter().find(|key| is_set(key)) {
                let notice = format!("warning: {variable} is ignored because `{key}` is set");
                translated.notices.push(notice);
                continue;
            }
            let layer = |(key, value)| Layer::of(variable, key, value);
            match self.settings(dialect, variable, text) {
                Ok(settings) => translated.layers.extend(settings.into_iter().map(layer)),
                Err(message) => translated
                    .problems
                    .push(Problem::of_file(variable, message)),
            }
        }
    }

    /// The settings that a variable makes.
    fn settings(
        &self,
        dialect: Dialect,
        variable: &str,
        text: &str,
    ) -> Result<Vec<(&'static str, Value)>, String> {
        let bind = self.set.get("BIND_CONFIG");
        let binds = bind.is_some_and(|bind| !bind.is_empty());
        Ok(match variable {
            "BIND_CONFIG" if binds => vec![("listener", values::listen(text)?)],
            "DISABLE_IPV6" if !binds && values::disables_ipv6(dialect, text) => {
                let listen = DEFAULT_LISTEN.replace("[::]", "0.0.0.0");
                vec![("listen", vec![listen].into())]
            }
            "LOG_LEVEL" if !text.is_empty() => {
                let (log, allowed_reads) = values::level(text)?;
                vec![
                    ("log", log.into()),
                    ("audit.allowed_reads", allowed_reads.into()),
                ]
            }
            "SOCKET_PATH" if !text.is_empty() => vec![("upstream", values::upstream(text)?.into())],
            _ => Vec::new(),
        })
    }
}

/// Adds what is allowed or denied, and the variables that make it so.
fn insert(grants: &mut Grants, ways: &Ways, variables: &[String]) {
    let text = variables.join(" and ");
    grants.insert_written(Written::new(ways.entry.clone(), &text, Place::Environment));
}

#[cfg(test)]
mod tests;
