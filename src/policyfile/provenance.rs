//! The entries of `allow` and `deny` as they were written, and where, to explain what decided.
//!
//! Verdicts do not depend on this: they use the bits in [`Grants`](super::Grants).

use std::fmt;
use std::sync::Arc;

use super::entry::Entry;

/// An entry as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) place: Place,
    pub(crate) entry: Entry,
}

/// The place of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Variables of another proxy's image, which the text names.
    Environment,
    /// A list in a file or in the settings.
    List {
        /// The list's key, such as `allow` or `listener[0].deny`.
        key: Arc<str>,
        /// The policy's name, the settings' file, or the variable that set the list.
        file: Arc<str>,
        /// The line in the file, counted from 1.
        line: Option<usize>,
    },
}

impl Written {
    pub(crate) fn new(entry: Entry, text: impl Into<String>, place: Place) -> Self {
        Self {
            text: text.into(),
            place,
            entry,
        }
    }

    /// Whether the entry is a single operation or path and not a group.
    pub(crate) fn is_single(&self) -> bool {
        !matches!(self.entry, Entry::Group { .. })
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Environment => write!(f, "the environment's {}", self.text),
            place @ Place::List { .. } => write!(f, "\"{}\" in {place}", self.text),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("the environment"),
            Self::List {
                key,
                file,
                line: Some(line),
            } => write!(f, "{key}, line {line} of {file}"),
            Self::List { key, file, .. } => write!(f, "{key}, set by {file}"),
        }
    }
}
