//! A line that is proposed for a policy file, with the comment that says why.

use std::fmt::Write;

use super::seen::Frequency;

/// What is written, with the comment behind it.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    /// As TOML.
    pub(super) toml: String,
    pub(super) comment: String,
    /// Whether it is a comment itself, to be read before it grants anything.
    pub(super) is_held_back: bool,
}

impl Proposal {
    /// What was seen so often. What was refused whenever it was asked for may have been asked by somebody
    /// who has no business there.
    pub(super) fn of(toml: String, count: &Frequency) -> Self {
        Self {
            toml,
            comment: count.describe(),
            is_held_back: count.is_refused(),
        }
    }

    /// The same of a key's list. Which value an option had is not recorded: with any, it is the host.
    pub(super) fn of_key(key: &str, toml: String, count: &Frequency) -> Self {
        let mut entry = Self::of(toml, count);
        if key == "volumes.options" {
            entry
                .comment
                .push_str("; write its value in the place of the *");
            entry.is_held_back = true;
        }
        entry
    }
}

/// Entries of a list, a line each, their comments aligned.
pub(super) fn write_list(entries: &[Proposal], text: &mut String) {
    let shown = |entry: &Proposal| {
        let before = if entry.is_held_back { "# " } else { "" };
        format!("{before}{},", entry.toml)
    };
    let width = entries.iter().map(|entry| shown(entry).len()).max();
    let width = width.unwrap_or_default().min(62);
    for entry in entries {
        let (shown, comment) = (shown(entry), &entry.comment);
        _ = writeln!(text, "    {shown:width$} # {comment}");
    }
}
