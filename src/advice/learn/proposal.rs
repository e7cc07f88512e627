//! Proposed lines of a policy file, with the comments that say why.

use std::fmt::Write;

use super::seen::Frequency;
use crate::docker::json::quoted;
use crate::policy::keys::Key;
use crate::policy::value::Shape;
use crate::policyfile::{Library, Policy, Problem};

/// What to write, followed by a comment.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    /// As TOML.
    pub(super) toml: String,
    pub(super) comment: String,
    /// Whether it is itself a comment, to be read before it allows anything.
    pub(super) is_held_back: bool,
}

impl Proposal {
    /// A proposal with its count. What was always denied can come from a client that should not get it.
    pub(super) fn of(toml: String, count: &Frequency) -> Self {
        Self {
            toml,
            comment: count.describe(),
            is_held_back: count.is_refused(),
        }
    }

    /// A proposal for a key's list. The value of a volume's option is not recorded, and with any value it could mean
    /// root on the host.
    pub(super) fn of_key(key: Key, toml: String, count: &Frequency) -> Self {
        let mut entry = Self::of(toml, count);
        if key == Key::VolumeOption {
            let hint = "; write its value instead of the *";
            entry.comment.push_str(hint);
            entry.is_held_back = true;
        }
        entry
    }

    /// The proposal as the whole value of a key.
    pub(super) fn line(&self, name: &str) -> String {
        let before = if self.is_held_back { "# " } else { "" };
        format!("{before}{name} = {} # {}\n", self.toml, self.comment)
    }
}

/// A key with a list. `first` has the entries that exist already.
pub(super) fn list(name: &str, first: &str, entries: &[Proposal]) -> String {
    let mut text = format!("{name} = [\n{first}");
    write_list(entries, &mut text);
    text + "]\n"
}

/// Writes the entries of a list, each on a line, with aligned comments.
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

/// A value as an entry of a key's list, in TOML; `None` if the list cannot contain it, or if the entry would allow more
/// than was asked for.
pub(super) fn entry(key: Key, value: &str) -> Option<String> {
    let literal = (key.row().literal)(value)?;
    // JSON writes a list of strings like TOML.
    let is_list = key.shape() == Shape::Argv;
    let entry = if is_list { literal } else { quoted(&literal) };
    let name = key.in_block();
    let list = match name.split_once('.') {
        Some((table, list)) => format!("{table} = {{ {list} = [{entry}] }}"),
        None => format!("{name} = [{entry}]"),
    };
    let read = load(&format!("[{}]\n{list}", key.block().name()));
    read.is_ok().then_some(entry)
}

/// Reads a learned policy, which extends nothing.
pub(super) fn load(text: &str) -> Result<Policy, Vec<Problem>> {
    struct Learned<'a>(&'a str);
    impl Library for Learned<'_> {
        fn read(&self, reference: &str) -> Result<(String, String), Problem> {
            Ok((reference.to_owned(), self.0.to_owned()))
        }
    }
    Policy::load("learned", &Learned(text))
}
