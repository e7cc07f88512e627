//! What to write, or to change, for what is denied to be allowed.
//!
//! A remedy that is followed to the letter helps: a test follows every one. Its parts are joined by ` and `, and
//! each is `add VALUE to KEY`, `set KEY = VALUE` or `take VALUE out of KEY`. What no key can allow is for the client
//! to change: `have the client …`.

use std::fmt;

use crate::docker::json::{quoted, shortened};

/// How to allow what is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Change the policy so.
    Policy {
        change: String,
        /// Whether that is a single entry, shown whole, of which more can be said.
        can_be_noted: bool,
    },
    /// What the client must do, as no key helps.
    Client(String),
}

impl Remedy {
    /// Adds an entry to the list of a key, quoted and whole if it is short enough.
    pub(crate) fn entry(key: &str, entry: &str) -> Self {
        // What begins so is a word of the policy's, and no name.
        let entry = if WORDS.contains(&entry) || !entry.starts_with('@') {
            entry.to_owned()
        } else {
            entry.replacen('@', "?", 1)
        };
        if shortened(&entry).len() < entry.len() {
            return Self::add(key, "it, whole,");
        }
        Self::add(key, &quoted(&entry))
    }

    /// Adds to the list of a key what is written so.
    pub(crate) fn add(key: &str, entry: &str) -> Self {
        Self::change(entry, format!("add {entry} to {key}"))
    }

    /// Takes a text out of a key.
    pub(crate) fn remove(key: &str, text: &str) -> Self {
        let entry = quoted(text);
        Self::change(&entry, format!("take {entry} out of {key}"))
    }

    /// Sets a key to what is written so.
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

    /// A change that is no single entry, in words.
    pub(crate) fn words(change: String) -> Self {
        Self::change("", change)
    }

    /// All of these.
    pub(crate) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<_> = parts.into_iter().map(|part| part.to_string()).collect();
        Self::words(parts.join(" and "))
    }

    pub(crate) fn client(change: &str) -> Self {
        Self::Client(change.to_owned())
    }

    /// The same change, with this said of it, if more can be said.
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

/// What is not a name in a list of names.
const WORDS: &[&str] = &["@default", "@new", "@own", "@project"];
