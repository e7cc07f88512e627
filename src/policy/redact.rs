//! What replies hide: the `redact` of policies and settings.
//!
//! ```text
//! reply ──► scope's filter ──► elements ──► walk: which value is at which place? ──► client
//!           (if there is one)               (keys)        (classes: hide it or not)
//! ```
//!
//! Values are replaced where they stand, so that numbers, the order of keys, and fields that nobody here knows keep
//! their bytes. A field that programs parse gets a value that they can parse.
//!
//! Source: moby's `api/types`, tried on engines 20.10 to 28.5; `Env`, `Cmd`, `Args` and `Entrypoint` are hidden in
//! places that nobody has tried, too.

pub(crate) mod asked;
pub mod class;
mod error;
mod keys;
pub(crate) mod reply;
mod rules;
mod shapes;
pub(crate) mod shown;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod walk;

use wildmatch::WildMatch;

pub use class::Class;
pub(crate) use class::Hidden;
pub(crate) use reply::Redacted;

/// What is written instead of a hidden value.
pub(crate) const PLACEHOLDER: &str = "dockgate:redacted";
/// The same in base64, for fields that clients decode.
pub(crate) const PLACEHOLDER_IN_BASE64: &str = "ZG9ja2dhdGU6cmVkYWN0ZWQ=";

/// What a reply hides.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Redaction {
    /// One for each list that hides environment variables: the names of those that it shows.
    env: Vec<Vec<WildMatch>>,
    /// The keys of the labels whose values are hidden.
    labels: Vec<WildMatch>,
    /// The other classes that are hidden.
    others: Vec<Class>,
}

impl Redaction {
    /// What a list hides. It hides nothing if it is empty.
    pub(crate) fn of<'a>(list: impl IntoIterator<Item = &'a Hidden>) -> Self {
        let mut redaction = Self::default();
        let mut env = None;
        for hidden in list {
            match hidden {
                Hidden::Env(kept) => env
                    .get_or_insert_with(Vec::new)
                    .extend(kept.iter().map(|kept| WildMatch::new(kept))),
                Hidden::Labels(pattern) => redaction.labels.push(WildMatch::new(pattern)),
                Hidden::Other(class) => redaction.others.push(*class),
            }
        }
        redaction.env.extend(env);
        redaction
    }

    /// Also hides what another list hides. A variable is shown only if both show it.
    pub(crate) fn add(&mut self, other: &Self) {
        self.env.extend(other.env.iter().cloned());
        self.labels.extend(other.labels.iter().cloned());
        self.others.extend(&other.others);
    }

    pub(crate) fn hides(&self, class: Class) -> bool {
        match class {
            Class::Env => !self.env.is_empty(),
            Class::Labels => !self.labels.is_empty(),
            Class::Commands
            | Class::ConfigData
            | Class::Host
            | Class::Mounts
            | Class::SwarmTokens
            | Class::VolumeOptions => self.others.contains(&class),
        }
    }

    /// The hidden classes, in the order of their names.
    pub(crate) fn classes(&self) -> impl Iterator<Item = Class> {
        let all = Class::ALL.iter().copied();
        all.filter(|class| self.hides(*class))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.classes().next().is_none()
    }

    /// Whether the value of an environment variable is shown.
    fn shows_variable(&self, name: &str) -> bool {
        let mut lists = self.env.iter();
        lists.all(|kept| kept.iter().any(|kept| kept.matches(name)))
    }

    /// Whether the value of a label is hidden.
    fn hides_label(&self, key: &str) -> bool {
        self.labels.iter().any(|pattern| pattern.matches(key))
    }

    /// Whether the text of an error is hidden, because it can quote commands, variables and paths.
    fn hides_errors(&self) -> bool {
        [
            Class::Commands,
            Class::Env,
            Class::Mounts,
            Class::VolumeOptions,
        ]
        .iter()
        .any(|class| self.hides(*class))
    }
}
