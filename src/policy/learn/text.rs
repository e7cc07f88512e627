//! A learned policy as a file.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::super::file::Policy;
use super::super::finding;
use super::super::need::Block;
use super::super::replay::{key_of, lacking};
use super::keys::{Form, entry, form, is_narrowing, load};
use super::lines::{Line, Written, has_arguments, lines};
use super::{Seen, Tally};
use crate::docker::{Effect, Operation};

/// A policy file that grants what was seen.
///
/// What a key cannot express, such as an image by its id, is found by holding what was seen against the
/// policy; a key that narrows too much by that is left out, and everything else is told in comments.
pub(super) fn policy(seen: &Seen, description: &str) -> String {
    write(seen, description, &too_narrow(seen))
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

/// The keys of what was seen and is not granted.
pub(super) fn missed(seen: &Seen, policy: &Policy) -> Vec<String> {
    let found = seen.findings.keys().filter_map(|text| finding::parse(text));
    let found: Vec<_> = found.collect();
    let mut keys: Vec<_> = lacking(policy, &found)
        .into_iter()
        .filter_map(|finding| key_of(&finding.what))
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
    allow(seen, &mut text);
    for note in notes(seen, without) {
        _ = writeln!(text, "# {note}");
    }
    for (block, lines) in blocks.iter().filter(|(_, lines)| !lines.is_empty()) {
        _ = writeln!(text, "\n[{}]", block.name());
        for line in lines {
            write_line(line, &mut text);
        }
    }
    text
}

/// The operations, one a line; those that can be root on the host stand there as comments.
fn allow(seen: &Seen, text: &mut String) {
    let operations = Operation::ALL.iter().copied();
    let operations: Vec<_> = operations
        .filter_map(|operation| Some((operation, seen.operations.get(&operation)?)))
        .collect();
    let (control, plain): (Vec<_>, Vec<_>) = operations
        .into_iter()
        .partition(|(operation, _)| operation.spec().effect == Effect::Control);
    let plain = plain
        .iter()
        .map(|(operation, tally)| (operation.spec().name, *tally));
    let paths = seen
        .paths
        .iter()
        .map(|(entry, tally)| (entry.as_str(), tally));
    let plain: Vec<_> = plain
        .map(|(name, tally)| (quoted(name), told(tally)))
        .collect();
    // What stands outside of the table has the effect control too.
    let paths = paths.map(|(entry, tally)| {
        (
            quoted(entry),
            format!(
                "{}; a path outside of the table, whose bodies nobody judges",
                told(tally)
            ),
        )
    });
    let control = control.iter().map(|(operation, tally)| {
        (
            quoted(operation.spec().name),
            format!("{}; {}", told(tally), operation.risk()),
        )
    });
    let control: Vec<_> = control.chain(paths).collect();
    text.push_str("allow = [\n");
    entries(&plain, "    ", text);
    if !control.is_empty() {
        text.push_str("    # Effect control: can run code, or be root on the host. Take the `# ` away from what is to be granted.\n");
        entries(&control, "    # ", text);
    }
    text.push_str("]\n");
}

/// Entries of a list, a line each, their comments aligned.
fn entries(entries: &[(String, String)], before: &str, text: &mut String) {
    let width = entries.iter().map(|(entry, _)| entry.len() + 1).max();
    let width = width.unwrap_or_default().min(60);
    for (entry, comment) in entries {
        let entry = format!("{entry},");
        _ = writeln!(text, "{before}{entry:width$} # {comment}");
    }
}

/// What is to be told besides.
fn notes(seen: &Seen, without: &BTreeSet<String>) -> Vec<String> {
    let mut notes = lost(seen);
    notes.extend(without.iter().map(|key| not_narrowed(key)));
    let unwritable = seen.findings.keys().filter(|text| {
        let parts = finding::parts(text);
        let key = parts.map(|(block, name, value)| (format!("{}.{name}", block.name()), value));
        key.is_some_and(|(key, value)| {
            let is_list = matches!(form(&key), Form::List | Form::Commands | Form::Variables);
            is_list && !is_narrowing(&key) && entry(&key, value).is_none()
        })
    });
    notes.extend(unwritable.map(|text| format!("Not granted, as no rule can say it: {text}")));
    let has_commands = !seen.of_key(Block::Exec, "commands").is_empty();
    if has_commands && !has_arguments(seen) {
        notes.push(format!("Not narrowed: exec.commands, {WITHOUT_ARGUMENTS}."));
    }
    notes
}

pub(super) const WITHOUT_ARGUMENTS: &str =
    "as the record has arguments only with audit.argv = true";

pub(super) fn not_narrowed(key: &str) -> String {
    format!("Not narrowed: {key}, as what was asked for cannot be written there.")
}

/// What was asked for and cannot be in any policy.
pub(super) fn lost(seen: &Seen) -> Vec<String> {
    let mut notes = Vec::new();
    for (entry, tally) in &seen.ungrantable {
        notes.push(format!("No entry can grant {entry}: {}.", told(tally)));
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

fn write_line(line: &Line, text: &mut String) {
    match &line.value {
        Written::List(list) if list.is_empty() => _ = writeln!(text, "{} = []", line.key),
        Written::List(list) => {
            _ = writeln!(text, "{} = [", line.key);
            entries(list, "    ", text);
            text.push_str("]\n");
        }
        Written::Whole(value, comment) => {
            _ = writeln!(text, "{} = {value} # {comment}", line.key);
        }
    }
}

/// How often something was seen, and when last.
pub(super) fn told(tally: &Tally) -> String {
    let count = times(tally.count);
    let refused = match tally.refused {
        0 => String::new(),
        refused if refused == tally.count => ", refused".to_owned(),
        refused => format!(", {refused} of them refused"),
    };
    format!("{count}{refused}, last {}", to_the_second(&tally.last))
}

/// A time of the record, as it is for people.
#[must_use]
pub fn to_the_second(time: &str) -> String {
    let second = time.split(['.', 'Z']).next().unwrap_or_default();
    format!("{second}Z")
}

/// So often, in words.
#[must_use]
pub fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

/// A string of TOML. What is recorded has no control characters, which the two languages write differently.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
