//! What is proposed for a policy file, with the comment that says why.

use std::fmt::Write;

use super::seen::Frequency;
use crate::docker::json::quoted;
use crate::policy::keys::Key;
use crate::policy::value::Shape;
use crate::policyfile::{Library, Policy, Problem};

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
    pub(super) fn of_key(key: Key, toml: String, count: &Frequency) -> Self {
        let mut entry = Self::of(toml, count);
        if key == Key::VolumeOption {
            let hint = "; write its value in the place of the *";
            entry.comment.push_str(hint);
            entry.is_held_back = true;
        }
        entry
    }

    /// It as all that a key has.
    pub(super) fn line(&self, name: &str) -> String {
        let before = if self.is_held_back { "# " } else { "" };
        format!("{before}{name} = {} # {}\n", self.toml, self.comment)
    }
}

/// A key with a list, of which `first` has the entries that are there already.
pub(super) fn list(name: &str, first: &str, entries: &[Proposal]) -> String {
    let mut text = format!("{name} = [\n{first}");
    write_list(entries, &mut text);
    text + "]\n"
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

/// A value as it stands in a key's list, in TOML; `None` where it cannot, or where it would mean more there than
/// what was asked for.
pub(super) fn entry(key: Key, value: &str) -> Option<String> {
    let literal = (key.row().literal)(value)?;
    // A list of strings is written alike in JSON.
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
