//! Writes a learned policy as a file.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::allow::Allow;
use super::block::{has_arguments, lines, write_block};
use super::origins::Origin;
use super::proposal::{entry, load};
use super::seen::Seen;
use crate::advice::replay::shortfall;
use crate::docker::json::{printable, quoted};
use crate::docker::judged::Judged;
use crate::docker::{Block, Operation};
use crate::policy::finding;
use crate::policy::keys::Key;
use crate::policy::keys::row::{makes_containers, runs_programs};
use crate::policy::scope::operation_is_beyond;
use crate::policy::value::Shape;
use crate::policyfile::file::Policy;

impl Seen {
    /// A policy file that allows what was recorded, as narrow as its keys can express it. What must be read first, and
    /// what no key can express, becomes a comment.
    ///
    /// The policy is compared with the recorded requests to find what a key cannot express, such as an image by its id.
    /// A key that would deny some of them is left out.
    pub(crate) fn policy(&self, description: &str) -> String {
        write(self, description, &too_narrow(self))
    }
}

/// The keys that cannot be limited to what was recorded.
pub(super) fn too_narrow(seen: &Seen) -> BTreeSet<&'static str> {
    let mut without = BTreeSet::new();
    while let Ok(policy) = load(&write(seen, "", &without)) {
        let narrows = |key: &Key| key.row().without.is_some() && !without.contains(key.name());
        let Some(key) = missed(seen, &policy).into_iter().find(narrows) else {
            break;
        };
        without.insert(key.name());
    }
    without
}

/// The keys of recorded findings that the policy does not allow. Findings that were denied, or that no entry can
/// express exactly, do not count.
fn missed(seen: &Seen, policy: &Policy) -> Vec<Key> {
    let found = seen.findings.iter().filter(|(text, count)| {
        let parts = finding::parts(text);
        let is_literal = parts.is_none_or(|(key, value)| (key.row().literal)(value).is_some());
        !count.is_refused() && is_literal
    });
    let found: Vec<_> = found.filter_map(|(text, _)| finding::parse(text)).collect();
    let missed = shortfall(policy, &found).into_iter();
    missed.filter_map(|finding| finding.what.key()).collect()
}

fn write(seen: &Seen, description: &str, without: &BTreeSet<&str>) -> String {
    let blocks = Block::ALL.iter();
    let blocks = blocks.map(|block| (*block, lines(seen, *block, without)));
    let blocks: Vec<_> = blocks.filter(|(_, lines)| !lines.is_empty()).collect();
    let mut text = format!("description = {}\n", quoted(description));
    let is_narrowed = |block: Block| blocks.iter().any(|(of, _)| *of == block);
    Allow::of(seen, is_narrowed).write(&mut text);
    let (scope, unscoped) = match scope(seen) {
        Ok(scope) => (scope, None),
        Err(why) => ("", Some(format!("No [scope] is proposed, because {why}."))),
    };
    for note in notes(seen, without).into_iter().chain(unscoped) {
        _ = writeln!(text, "# {}", printable(&note));
    }
    text.push_str(scope);
    for (block, lines) in &blocks {
        _ = write!(text, "\n{}", write_block(*block, lines));
    }
    text
}

/// The scope that hides nothing that clients named, as text; or why there is none, although clients created something.
fn scope(seen: &Seen) -> Result<&'static str, String> {
    match seen.origins.of_all() {
        Origin::NothingCreated => return Ok(""),
        Origin::Other(why) => return Err(why),
        Origin::Own => {}
    }
    let all = Operation::ALL.iter();
    let beyond = all.filter(|it| seen.operations.contains_key(it) && operation_is_beyond(**it));
    let beyond: Vec<_> = beyond.map(ToString::to_string).collect();
    if !beyond.is_empty() {
        return Err(format!("it cannot limit {}", beyond.join(", ")));
    }
    if !seen.paths.is_empty() {
        return Err("it cannot limit raw paths".to_owned());
    }
    Ok(OWN_ONLY)
}

/// The scope of a client that names only what it created.
const OWN_ONLY: &str = "
[scope]
objects = [\"@own\"] # each object that a request named was created by the same client, so all others are hidden
";

/// The notes for the reader.
fn notes(seen: &Seen, without: &BTreeSet<&str>) -> Vec<String> {
    let mut notes = lost(seen);
    notes.extend(without.iter().map(|key| not_narrowed(key)));
    notes.extend(seen.findings.keys().filter_map(|text| unwritable(text)));
    let makes: fn(Judged) -> bool = makes_containers;
    for (key, operations) in [
        (Key::Image, makes),
        (Key::User, makes),
        (Key::ExecUser, runs_programs),
    ] {
        let (name, is_named) = (key.name(), !seen.of_key(key).is_empty());
        if is_named && !seen.has_always(operations, key) && !without.contains(name) {
            notes.push(format!("{}: not every request sets it.", left_out(name)));
        }
    }
    let has_commands = !seen.of_key(Key::Command).is_empty();
    if has_commands && !has_arguments(seen) {
        notes.push(format!(
            "{}, {WITHOUT_ARGUMENTS}.",
            left_out("exec.commands")
        ));
    }
    notes
}

/// The note about a finding that no entry of its key can express.
pub(super) fn unwritable(text: &str) -> Option<String> {
    let (key, value) = finding::parts(text)?;
    let row = key.row();
    let is_list = !matches!(key.shape(), Shape::Flag | Shape::Limits);
    // There is another note about programs without arguments.
    let is_told = key.shape() == Shape::Argv && !value.starts_with('[');
    if !is_list || is_told || entry(key, value).is_some() {
        return None;
    }
    if (row.literal)(value).is_none() {
        let note = "Not allowed, because an entry would allow more than this";
        return Some(format!("{note}: {text}"));
    }
    let is_narrowing = row.without.is_some();
    (!is_narrowing).then(|| format!("Not allowed, because no entry can express it: {text}"))
}

pub(super) const WITHOUT_ARGUMENTS: &str =
    "because audit records have arguments only with audit.argv = true";

pub(super) fn not_narrowed(key: &str) -> String {
    let why = "an entry cannot express what was asked for";
    format!("{}: {why}.", left_out(key))
}

fn left_out(key: &str) -> String {
    format!("{key} is left out, so it allows any value")
}

/// Notes about what cannot be in any policy.
pub(super) fn lost(seen: &Seen) -> Vec<String> {
    let mut notes = Vec::new();
    for (entry, count) in &seen.ungrantable {
        notes.push(format!("No entry can allow {entry}: {}.", count.describe()));
    }
    let findings = seen.findings.keys();
    let unreadable = findings.filter(|text| finding::parse(text).is_none());
    notes.extend(unreadable.map(|text| {
        format!("Not allowed, because the audit record cut it off or escaped it: {text}")
    }));
    if seen.is_cut {
        let note = "A request asked for more than its audit record contains, so this policy is not complete.";
        notes.push(note.to_owned());
    }
    notes
}
