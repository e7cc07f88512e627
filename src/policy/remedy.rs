//! What to write, or to change, for what is denied to be allowed.
//!
//! A remedy that is followed to the letter helps: a test follows every one. Its parts are joined by ` and `, and
//! each is `add VALUE to KEY`, `set KEY = VALUE` or `take VALUE out of KEY`. What no key can allow is for the client
//! to change: `have the client …`.

use std::fmt;

use crate::docker::json::{quoted, shortened};

/// How to allow what is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Change a key.
    Change {
        /// What to do with it.
        edit: Edit,
        /// The key.
        key: String,
        /// The entry or the value, as it is written.
        entry: String,
        /// What else there is to say.
        note: String,
    },
    /// What the client must do, as no key helps.
    Client(String),
    /// What is no single entry, in words.
    Other(String),
    /// All of these.
    All(Vec<Self>),
}

/// What to do with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Write an entry under it.
    Add,
    /// Take an entry out of it.
    Remove,
    /// Set it to a value.
    Set,
}

impl Remedy {
    /// Adds an entry to the list of a key.
    pub(crate) fn entry(key: &str, entry: &str) -> Self {
        // What begins so is a word of the policy's, and no name.
        let entry = if WORDS.contains(&entry) || !entry.starts_with('@') {
            entry.to_owned()
        } else {
            entry.replacen('@', "?", 1)
        };
        if shortened(&entry).len() < entry.len() {
            return Self::change(Edit::Add, key, "it, whole,");
        }
        Self::change(Edit::Add, key, quoted(&entry))
    }

    /// Changes a key.
    pub(crate) fn change(edit: Edit, key: &str, entry: impl Into<String>) -> Self {
        let (key, entry, note) = (key.to_owned(), entry.into(), String::new());
        Self::Change {
            edit,
            key,
            entry,
            note,
        }
    }

    /// Takes patterns out of a key.
    pub(crate) fn remove(key: &str, patterns: impl Iterator<Item = String>) -> Self {
        let each = |pattern: String| Self::change(Edit::Remove, key, quoted(&pattern));
        Self::All(patterns.map(each).collect())
    }

    /// The same change, with this said of it; of an entry that is not shown whole nothing is said.
    pub(crate) fn noted(mut self, more: &str) -> Self {
        match &mut self {
            Self::Change { entry, note, .. }
                if note.is_empty() && entry.starts_with(['"', '[']) =>
            {
                more.clone_into(note);
            }
            Self::Change { .. } | Self::All(_) | Self::Client(_) | Self::Other(_) => {}
        }
        self
    }

    /// Whether it is for the client to follow.
    #[must_use]
    pub fn is_for_client(&self) -> bool {
        matches!(self, Self::Client(_))
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change {
                edit,
                key,
                entry,
                note,
            } => match edit {
                Edit::Add => write!(f, "add {entry} to {key}{note}"),
                Edit::Remove => write!(f, "take {entry} out of {key}{note}"),
                Edit::Set => write!(f, "set {key} = {entry}{note}"),
            },
            Self::Client(change) => write!(f, "have the client {change}"),
            Self::Other(text) => f.write_str(text),
            Self::All(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    let and = if at == 0 { "" } else { " and " };
                    write!(f, "{and}{part}")?;
                }
                Ok(())
            }
        }
    }
}

/// What is not a name in a list of names.
const WORDS: &[&str] = &["@default", "@new", "@own", "@project"];
