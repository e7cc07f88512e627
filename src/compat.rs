//! Image-swap variables: the environment of the images that Dockgate takes the place of.
//!
//! They are read when no policy of ours is set, in one of three dialects, and become a policy called
//! `environment` and a few settings. Every variable that is set is accounted for: what it opens, or
//! why it does nothing.

mod dialect;
mod report;
mod rules;
mod values;

use std::collections::{BTreeMap, HashMap};

use figment::value::Value;

pub(crate) use self::dialect::Dialect;
use self::rules::{HARDENED, LINUXSERVER, Opened, Rules, SECTIONS, TECNATIVA, default_of};
use crate::config::layers::Layer;
use crate::config::settings::DEFAULT_LISTEN;
use crate::docker::Operation;
use crate::policyfile::{Entry, Grants, Place, Policy, Problem, Written};

/// The variables of these images that are set.
#[derive(Debug, Default)]
pub(crate) struct Swap(BTreeMap<String, String>);

/// What the settings make of the variables.
#[derive(Default)]
pub(crate) struct Swapped {
    /// The policy, if they are read.
    pub(crate) policy: Option<Policy>,
    /// What an operator is told.
    pub(crate) notices: Vec<String>,
    /// What is wrong.
    pub(crate) problems: Vec<Problem>,
    /// The settings that variables make.
    pub(crate) layers: Vec<Layer>,
}

/// The name of the policy in the record.
const POLICY: &str = "environment";
/// The variables that open nothing and set something.
const SETTINGS: &[&str] = &["BIND_CONFIG", "DISABLE_IPV6", "LOG_LEVEL", "SOCKET_PATH"];
/// Variables that people set, and no dialect here has. Others that begin like one are told too.
const STRANGE: &[&str] = &[
    "DELETE",
    "LOGS",
    "PATCH",
    "PORTS",
    "PROXY_READ_TIMEOUT",
    "PUT",
];

impl Dialect {
    fn rules(self) -> &'static Rules {
        match self {
            Self::Hardened => &HARDENED,
            Self::Linuxserver => &LINUXSERVER,
            Self::Tecnativa => &TECNATIVA,
        }
    }

    fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(_, dialect)| *dialect == self);
        named.map_or("", |(name, _)| *name)
    }
}

impl Swap {
    /// Keeps a variable of the environment, if it is or looks like one of these.
    pub(crate) fn take(&mut self, name: String, text: String) {
        let is_one = SETTINGS.contains(&name.as_str())
            || STRANGE.contains(&name.as_str())
            || name.starts_with("ALLOW_")
            || name.starts_with("LIBPOD_")
            || name == "POST"
            || SECTIONS.iter().any(|section| section.variable == name);
        if is_one {
            self.0.insert(name, text);
        }
    }

    /// Whether none is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the variables into a policy, and into the settings that nothing else sets; or, where a
    /// policy of ours is set, tells that none of them has an effect.
    pub(crate) fn apply(
        &self,
        dialect: Dialect,
        has_policy: bool,
        is_set: &dyn Fn(&str) -> bool,
    ) -> Swapped {
        let mut swapped = Swapped::default();
        if self.is_empty() && !is_set("dialect") {
            return swapped;
        }
        if has_policy {
            swapped.notices = self.overruled(is_set("dialect"));
            return swapped;
        }
        self.set(dialect, is_set, &mut swapped);
        swapped.policy = Some(self.policy(dialect.rules()));
        swapped.notices.extend(report::lines(self, dialect));
        swapped
    }

    /// What is told when a policy of ours is set.
    fn overruled(&self, has_dialect: bool) -> Vec<String> {
        let dialect = has_dialect.then_some("the dialect");
        let names: Vec<_> = self.0.keys().map(String::as_str).chain(dialect).collect();
        if names.is_empty() {
            return Vec::new();
        }
        vec![format!(
            "warning: without effect, as a policy of ours is set: {}",
            names.join(", ")
        )]
    }

    fn on(&self, variable: &str) -> bool {
        let set = self.0.get(variable).map(|text| values::is_true(text));
        set.unwrap_or_else(|| default_of(variable))
    }

    fn policy(&self, rules: &Rules) -> Policy {
        let on = |variable: &str| self.on(variable);
        let (open, shut) = rules.judge(&on);
        let missing = |operation: Operation| {
            let missing = rules.missing(operation, &on);
            let ones = missing.iter().map(|variable| format!("{variable}=1"));
            let ones = ones.collect::<Vec<_>>();
            (operation, format!("set {}", ones.join(" and ")))
        };
        let is_open = |operation: &Operation| open.contains(&Opened::Operation(*operation));
        let shut_operations = Operation::ALL
            .iter()
            .filter(|operation| !is_open(operation));
        let ways: HashMap<_, _> = shut_operations.copied().map(missing).collect();
        let openers = |one: &Opened| {
            let openers = rules.openers(one, &on);
            let told = openers.iter().map(|variable| self.told_on(variable));
            told.collect::<Vec<_>>().join(" and ")
        };
        let gate = |one: &Opened| format!("{}=0", rules.gate_of(one).unwrap_or_default());
        let grants = (grants(&open, &openers), grants(&shut, &gate));
        Policy::of_environment(POLICY, grants, ways, rules.way_to_paths)
    }

    /// A variable that is on, as it is or could be set.
    fn told_on(&self, variable: &str) -> String {
        if self.0.contains_key(variable) {
            format!("{variable}=1")
        } else {
            format!("{variable}=1 (the default)")
        }
    }

    /// Turns the variables that set something into settings.
    fn set(&self, dialect: Dialect, is_set: &dyn Fn(&str) -> bool, swapped: &mut Swapped) {
        for (variable, text) in &self.0 {
            let keys = match variable.as_str() {
                "BIND_CONFIG" => ["listener", "listen"],
                "DISABLE_IPV6" => ["listen", "listener"],
                "LOG_LEVEL" => ["log", "audit.allowed_reads"],
                "SOCKET_PATH" => ["upstream", "upstream"],
                _ => continue,
            };
            if let Some(key) = keys.iter().find(|key| is_set(key)) {
                let notice = format!("warning: {variable} is without effect, as `{key}` is set");
                swapped.notices.push(notice);
                continue;
            }
            let layer = |(key, value)| Layer::of(variable, key, value);
            match self.settings(dialect, variable, text) {
                Ok(settings) => swapped.layers.extend(settings.into_iter().map(layer)),
                Err(message) => swapped.problems.push(Problem::of_file(variable, message)),
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
        let bind = self.0.get("BIND_CONFIG");
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

/// A set of what is open, or shut, and the variables that make it so.
fn grants(opened: &[Opened], variables: &dyn Fn(&Opened) -> String) -> Grants {
    let mut grants = Grants::default();
    for one in opened {
        let entry = match one {
            Opened::Operation(operation) => Some(Entry::Operation(*operation)),
            Opened::Path(text) | Opened::Below(text) => match Entry::parse(text) {
                Ok(Entry::Raw(path)) if matches!(one, Opened::Below(_)) => {
                    Some(Entry::Raw(path.with_below()))
                }
                // A test reads every path that there is.
                parsed => parsed.ok(),
            },
        };
        if let Some(entry) = entry {
            grants.insert_written(Written::new(entry, variables(one), Place::Environment));
        }
    }
    grants
}

#[cfg(test)]
mod tests;
