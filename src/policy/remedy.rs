//! What to write or change so that a denied request is allowed.
//!
//! A remedy works if it is followed to the letter: a test follows every one. Its parts are joined with ` and `, and
//! each is `add VALUE to KEY`, `set KEY = VALUE` or `remove VALUE from KEY`. If no key can allow something, the client
//! must change: `have the client …`.

use std::fmt;

use crate::docker::json::{quoted, shortened};

/// How to allow what is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Make this change to the policy.
    Policy {
        change: String,
        /// Whether the change ends in a single entry, shown whole, to which a note can be added.
        can_be_noted: bool,
    },
    /// What the client must do, because no key can allow it.
    Client(String),
}

impl Remedy {
    /// Adds an entry to the list of a key, quoted and whole if it is short enough.
    pub(crate) fn entry(key: &str, entry: &str) -> Self {
        // In a policy, what begins with `@` is a keyword and not a name.
        let entry = if WORDS.contains(&entry) || !entry.starts_with('@') {
            entry.to_owned()
        } else {
            entry.replacen('@', "?", 1)
        };
        if shortened(&entry).len() < entry.len() {
            return Self::add(key, "the whole value");
        }
        Self::add(key, &quoted(&entry))
    }

    /// Adds an entry, as it is written in TOML, to the list of a key.
    pub(crate) fn add(key: &str, entry: &str) -> Self {
        Self::change(entry, format!("add {entry} to {key}"))
    }

    /// Removes a text from a key.
    pub(crate) fn remove(key: &str, text: &str) -> Self {
        let entry = quoted(text);
        Self::change(&entry, format!("remove {entry} from {key}"))
    }

    /// Sets a key to a value, as it is written in TOML.
    pub(crate) fn set(key: &str, value: &str) -> Self {
        Self::change(value, format!("set {key} = {value}"))
    }

    fn change(entry: &str, change: String) -> Self {
        let can_be_noted = entry.starts_with(['"', '[']);
        Self::Policy {
            change,
            can_be_noted,
        }
    }

    /// A change that is not a single entry, in words.
    pub(crate) fn words(change: String) -> Self {
        Self::change("", change)
    }

    pub(crate) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<_> = parts.into_iter().map(|part| part.to_string()).collect();
        Self::words(parts.join(" and "))
    }

    pub(crate) fn client(change: &str) -> Self {
        Self::Client(change.to_owned())
    }

    /// The same change with a note, if one can be added.
    pub(crate) fn noted(mut self, note: &str) -> Self {
        if let Self::Policy {
            change,
            can_be_noted: can_be_noted @ true,
        } = &mut self
        {
            change.push_str(note);
            *can_be_noted = note.is_empty();
        }
        self
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy { change, .. } => f.write_str(change),
            Self::Client(change) => write!(f, "have the client {change}"),
        }
    }
}

/// The keywords in lists of names.
const WORDS: &[&str] = &["@default", "@new", "@own", "@project"];
