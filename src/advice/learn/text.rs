//! A learned policy as a file.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::allow::Allow;
use super::block::{has_arguments, lines, write_block};
use super::keys::{entry, is_literal, is_narrowing, load};
use super::seen::Seen;
use crate::advice::replay::shortfall;
use crate::docker::Block;
use crate::docker::json::{printable, quoted};
use crate::docker::judged::Judged;
use crate::policy::finding;
use crate::policy::keys::row::{makes_containers, runs_programs};
use crate::policy::value::Shape;
use crate::policyfile::file::Policy;

impl Seen {
    /// A policy file that grants this, as narrow as its keys can say it, with what is to be read first, and what
    /// could not be written as a rule, as comments.
    ///
    /// What a key cannot express, such as an image by its id, is found by holding what was seen against the
    /// policy; a key that narrows too much by that is left out.
    pub(crate) fn policy(&self, description: &str) -> String {
        write(self, description, &too_narrow(self))
    }
}

/// The keys that cannot be narrowed to what was seen.
pub(super) fn too_narrow(seen: &Seen) -> BTreeSet<String> {
    let mut without = BTreeSet::new();
    while let Ok(policy) = load(&write(seen, "", &without)) {
        let missed = missed(seen, &policy);
        let narrows = |key: &&String| is_narrowing(key) && !without.contains(*key);
        match missed.iter().find(narrows) {
            Some(key) => _ = without.insert(key.clone()),
            None => break,
        }
    }
    without
}

/// The keys of what was seen and is not granted. What was refused is not meant to be, and what no key can say
/// without saying more cannot be.
fn missed(seen: &Seen, policy: &Policy) -> Vec<String> {
    let found = seen.findings.iter();
    let found = found.filter(|(text, count)| {
        let parts = finding::parts(text);
        let is_literal = parts.is_none_or(|(key, value)| is_literal(key.name(), value));
        !count.is_refused() && is_literal
    });
    let found: Vec<_> = found.filter_map(|(text, _)| finding::parse(text)).collect();
    let mut keys: Vec<_> = shortfall(policy, &found)
        .into_iter()
        .filter_map(|finding| finding.what.key().map(|key| key.name().to_owned()))
        .collect();
    keys.dedup();
    keys
}

fn write(seen: &Seen, description: &str, without: &BTreeSet<String>) -> String {
    let mut text = String::new();
    let blocks: Vec<_> = Block::ALL
        .iter()
        .map(|block| (*block, lines(seen, *block, without)))
        .collect();
    _ = writeln!(text, "description = {}", quoted(description));
    let narrowed = |block: Block| {
        let mut blocks = blocks.iter();
        blocks.any(|(of, lines)| *of == block && !lines.is_empty())
    };
    Allow::of(seen, narrowed).write(&mut text);
    for note in notes(seen, without) {
        _ = writeln!(text, "# {}", printable(&note));
    }
    for (block, lines) in blocks.iter().filter(|(_, lines)| !lines.is_empty()) {
        _ = write!(text, "\n{}", write_block(*block, lines));
    }
    text
}

/// What is to be told besides.
fn notes(seen: &Seen, without: &BTreeSet<String>) -> Vec<String> {
    let mut notes = lost(seen);
    notes.extend(without.iter().map(|key| not_narrowed(key)));
    notes.extend(seen.findings.keys().filter_map(|text| unwritable(text)));
    let makes: fn(Judged) -> bool = makes_containers;
    for (block, name, operations) in [
        (Block::Create, "images", makes),
        (Block::Create, "users", makes),
        (Block::Exec, "users", runs_programs),
    ] {
        let key = format!("{}.{name}", block.name());
        let is_named = !seen.of_key(block, name).is_empty();
        if is_named && !seen.has_always(operations, &key) && !without.contains(&key) {
            notes.push(format!(
                "Not narrowed: {key}, as not every request names one."
            ));
        }
    }
    let has_commands = !seen.of_key(Block::Exec, "commands").is_empty();
    if has_commands && !has_arguments(seen) {
        notes.push(format!("Not narrowed: exec.commands, {WITHOUT_ARGUMENTS}."));
    }
    notes
}

/// What is told of a finding that no entry of its key can say.
pub(super) fn unwritable(text: &str) -> Option<String> {
    let (key, value) = finding::parts(text)?;
    let (key, shape) = (key.name(), key.shape());
    let is_list = !matches!(shape, Shape::Flag | Shape::Limits);
    // A program without its arguments is told of as such.
    let is_told = shape == Shape::Argv && !value.starts_with('[');
    if !is_list || is_told || entry(key, value).is_some() {
        return None;
    }
    if !is_literal(key, value) {
        return Some(format!("Not granted, as an entry would say more: {text}"));
    }
    (!is_narrowing(key)).then(|| format!("Not granted, as no rule can say it: {text}"))
}

pub(super) const WITHOUT_ARGUMENTS: &str =
    "as the record has arguments only with audit.argv = true";

pub(super) fn not_narrowed(key: &str) -> String {
    format!("Not narrowed: {key}, as what was asked for cannot be written there.")
}

/// What was asked for and cannot be in any policy.
pub(super) fn lost(seen: &Seen) -> Vec<String> {
    let mut notes = Vec::new();
    for (entry, count) in &seen.ungrantable {
        notes.push(format!("No entry can grant {entry}: {}.", count.describe()));
    }
    let mut unreadable = seen.findings.keys();
    notes.extend(
        unreadable
            .by_ref()
            .filter(|text| finding::parse(text).is_none())
            .map(|text| format!("Not granted, as it was cut or escaped in the record: {text}")),
    );
    if seen.is_cut {
        notes.push(
            "A request asked for more than its record holds: this is not all of it.".to_owned(),
        );
    }
    notes
}
