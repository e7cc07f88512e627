//! What of a request a policy does not allow, and what to write for it to be allowed, given all that the policy says.

use super::keys::{Blocks, Key};
use super::remedy::Remedy;
use super::requirement::{Requirement, Touch, What};
use super::value::{RESERVED, Value};
use crate::docker::Object;
use crate::docker::json::quoted;

/// What a policy does not allow.
pub(crate) struct Shortfall<'p> {
    /// The policy's blocks.
    pub(crate) blocks: &'p Blocks,
    /// What was asked for, each as the key that denies it would have to allow it.
    pub(crate) requirements: Vec<Requirement>,
    /// The container that is entered, if it has more than the policy allows.
    pub(crate) entered: Option<Entered>,
    /// How the request differs from what it would replace.
    pub(crate) differences: Vec<String>,
}

impl<'p> Shortfall<'p> {
    /// These requirements.
    pub(crate) fn of(blocks: &'p Blocks, requirements: Vec<Requirement>) -> Self {
        Self {
            blocks,
            requirements,
            entered: None,
            differences: Vec::new(),
        }
    }
}

/// What a policy says of what is hinted at.
#[derive(Clone, Copy)]
pub(crate) struct Hints<'a> {
    /// Its blocks.
    pub(crate) blocks: &'a Blocks,
    /// The container that is entered, if it has more than they give one.
    pub(crate) entered: Option<&'a Entered>,
}

/// A container that is entered and has more than a policy gives one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entered {
    /// Its name.
    pub(crate) name: String,
    /// What that is; nothing where it cannot be read.
    pub(crate) has: Vec<Requirement>,
}

impl Hints<'_> {
    /// How to allow what is denied; `None` where nothing helps.
    pub(crate) fn remedy(&self, what: &What) -> Option<Remedy> {
        let (key, value) = match what {
            What::Key(key, value) => (*key, value),
            What::Touch(Touch::NewId(Object::Volume, _)) => {
                let change = "give the volume a name that does not read as an id";
                return Some(Remedy::client(change));
            }
            What::Touch(_) => return None,
        };
        if let Value::Label { key, service, .. } = value
            && (service.is_some() || key.starts_with(RESERVED))
        {
            return None;
        }
        if key == Key::Start {
            let names = format!("name every network that it is on now in {}", key.name());
            return Some(Remedy::words(names));
        }
        if matches!(key, Key::ArchiveIntoPrivileged | Key::ExecIntoPrivileged) {
            return Some(self.into(key));
        }
        let setting = self.blocks.setting(key);
        let remedy = setting.remedy(key.name(), value);
        // What holds without a key, where that holds: a list that is written takes its place.
        let defaults = key.defaults();
        if defaults.is_empty() || setting.entries() != defaults {
            return Some(remedy);
        }
        let words: Vec<_> = defaults.iter().map(|word| quoted(word)).collect();
        Some(remedy.noted(&format!(", beside {}", words.join(" and "))))
    }

    /// The narrowest keys that allow what a container has that is entered, or the one that allows all of it.
    fn into(&self, key: Key) -> Remedy {
        let has = self.entered.map_or(&[][..], |entered| &entered.has);
        let remedies = has.iter().map(|requirement| {
            let key = requirement.what.key()?;
            let remedy = self.remedy(&requirement.what)?;
            // What it has no client can change any more.
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
