//! What a policy does not allow in a request, and what to change in that policy to allow it.

use super::keys::{Blocks, Key};
use super::remedy::Remedy;
use super::requirement::{Requirement, Touch, What};
use super::value::{RESERVED, Value};
use crate::docker::Object;
use crate::docker::json::quoted;

/// What a policy does not allow.
pub(crate) struct Shortfall<'p> {
    pub(crate) blocks: &'p Blocks,
    /// What was asked for, each in the form in which the key that denies it could allow it.
    pub(crate) requirements: Vec<Requirement>,
    /// The container that the client would enter, if it has more than the policy allows.
    pub(crate) entered: Option<Entered>,
    /// How the request differs from what it would replace.
    pub(crate) differences: Vec<String>,
}

impl<'p> Shortfall<'p> {
    pub(crate) fn of(blocks: &'p Blocks, requirements: Vec<Requirement>) -> Self {
        Self {
            blocks,
            requirements,
            entered: None,
            differences: Vec::new(),
        }
    }
}

/// The policy that hints are about.
#[derive(Clone, Copy)]
pub(crate) struct Hints<'a> {
    pub(crate) blocks: &'a Blocks,
    /// The container that the client would enter, if it has more than the blocks allow.
    pub(crate) entered: Option<&'a Entered>,
}

/// A container that the client would enter and that has more than the policy allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entered {
    pub(crate) name: String,
    /// What it has that the policy does not allow; empty if that cannot be read.
    pub(crate) has: Vec<Requirement>,
}

impl Hints<'_> {
    /// How to allow what is denied; `None` if nothing can allow it.
    pub(crate) fn remedy(&self, what: &What) -> Option<Remedy> {
        let (key, value) = match what {
            What::Key(key, value) => (*key, value),
            What::Touch(Touch::NewId(Object::Volume, _)) => {
                let change = "give the volume a name that is not 64 hex digits, as volumes without a name have";
                return Some(Remedy::client(change));
            }
            What::Touch(_) => return None,
        };
        if let Value::Label { key, updated, .. } = value
            && (updated.is_some() || key.starts_with(RESERVED))
        {
            return None;
        }
        if key == Key::Start {
            let names = format!(
                "add every network that the container is on now to {}",
                key.name()
            );
            return Some(Remedy::words(names));
        }
        if matches!(key, Key::ArchiveIntoPrivileged | Key::ExecIntoPrivileged) {
            return Some(self.into(key));
        }
        let setting = self.blocks.setting(key);
        let remedy = setting.remedy(key.name(), value);
        // A list replaces the key's default, so that must be written too.
        let defaults = key.defaults();
        if defaults.is_empty() || setting.entries() != defaults {
            return Some(remedy);
        }
        let words: Vec<_> = defaults.iter().map(|word| quoted(word)).collect();
        Some(remedy.noted(&format!(", and keep the default {}", words.join(" and "))))
    }

    /// The narrowest keys that allow what the entered container has, or the key that allows everything.
    fn into(&self, key: Key) -> Remedy {
        let has = self.entered.map_or(&[][..], |entered| &entered.has);
        let remedies = has.iter().map(|requirement| {
            let key = requirement.what.key()?;
            let remedy = self.remedy(&requirement.what)?;
            // Clients cannot change what an existing container has.
            let is_narrow =
                key.in_block() != "unrestricted" && !matches!(remedy, Remedy::Client(_));
            is_narrow.then_some(remedy)
        });
        match remedies.collect::<Option<Vec<_>>>() {
            Some(mut remedies) if !remedies.is_empty() => {
                remedies.dedup();
                Remedy::all(remedies)
            }
            Some(_) | None => Remedy::set(key.name(), "true"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
