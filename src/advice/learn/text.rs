//! A learned policy as a file.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::super::replay::{MAKING, RUNNING, key_of, shortfall};
use super::keys::{Form, entry, form, is_literal, is_narrowing, load};
use super::lines::{Entry, Line, Written, has_arguments, lines};
use super::{Seen, Tally};
use crate::docker::json::quoted;
use crate::docker::{Effect, Operation};
use crate::policy::finding;
use crate::policy::requirement::Block;
use crate::policyfile::file::Policy;

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

/// The keys of what was seen and is not granted. What was refused is not meant to be, and what no key can say
/// without saying more cannot be.
fn missed(seen: &Seen, policy: &Policy) -> Vec<String> {
    let found = seen.findings.iter();
    let found = found.filter(|(text, tally)| {
        let parts = finding::parts(text);
        let is_literal = parts.is_none_or(|(block, name, value)| {
            is_literal(&format!("{}.{name}", block.name()), value)
        });
        !tally.is_refused() && is_literal
    });
    let found: Vec<_> = found.filter_map(|(text, _)| finding::parse(text)).collect();
    let mut keys: Vec<_> = shortfall(policy, &found)
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
    let narrowed = |block: Block| {
        let mut blocks = blocks.iter();
        blocks.any(|(of, lines)| *of == block && !lines.is_empty())
    };
    allow(seen, narrowed, &mut text);
    for note in notes(seen, without) {
        _ = writeln!(text, "# {note}");
    }
    for (block, lines) in blocks.iter().filter(|(_, lines)| !lines.is_empty()) {
        _ = write!(text, "\n{}", write_block(*block, lines));
    }
    text
}

/// A block as it stands in a file.
pub(super) fn write_block(block: Block, lines: &[Line]) -> String {
    let mut text = format!("[{}]\n", block.name());
    for line in lines {
        write_line(line, &mut text);
    }
    text
}

/// The operations, one a line; those that can be root on the host stand there as comments, and so does what was
/// refused but for what only reads.
fn allow(seen: &Seen, is_narrowed: impl Fn(Block) -> bool, text: &mut String) {
    let mut groups = [
        (None, Vec::new()),
        (Some(REFUSED), Vec::new()),
        (Some(CONTROL), Vec::new()),
    ];
    let [(_, plain), (_, refused), (_, control)] = &mut groups;
    for operation in Operation::ALL.iter().copied() {
        let Some(tally) = seen.operations.get(&operation) else {
            continue;
        };
        let entry = of_operation(operation, tally, &is_narrowed);
        let group = match (operation.spec().effect, entry.is_held_back) {
            (Effect::Control, _) => &mut *control,
            (_, true) => &mut *refused,
            (_, false) => &mut *plain,
        };
        group.push(entry);
    }
    control.extend(seen.paths.iter().map(|(path, tally)| of_path(path, tally)));
    text.push_str("allow = [\n");
    for (head, group) in groups.iter().filter(|(_, group)| !group.is_empty()) {
        if let Some(head) = head {
            _ = writeln!(text, "    # {head}");
        }
        entries(group, text);
    }
    text.push_str("]\n");
}

pub(super) const CONTROL: &str = "Effect control: can run code, or be root on the host. Take the `# ` away from what is to be granted.";
pub(super) const REFUSED: &str =
    "Refused whenever it was asked for. Take the `# ` away from what is to be granted.";

/// An operation as an entry of `allow`, with what it gives away.
pub(super) fn of_operation(
    operation: Operation,
    tally: &Tally,
    is_narrowed: impl Fn(Block) -> bool,
) -> Entry {
    let effect = operation.spec().effect;
    let block = Block::of(operation).filter(|block| is_narrowed(*block));
    let comment = match block {
        _ if effect == Effect::Read => told(tally),
        Some(block) => format!("{}; within [{}] below", told(tally), block.name()),
        None => format!("{}; {}", told(tally), operation.spec().risk),
    };
    Entry {
        toml: quoted(operation.spec().name),
        comment,
        is_held_back: effect == Effect::Control || (effect != Effect::Read && tally.is_refused()),
    }
}

/// A path as an entry of `allow`. What stands outside of the table has the effect control too.
pub(super) fn of_path(path: &str, tally: &Tally) -> Entry {
    let told = told(tally);
    Entry {
        toml: quoted(path),
        comment: format!("{told}; a path outside of the table, whose bodies nobody judges"),
        is_held_back: true,
    }
}

/// Entries of a list, a line each, their comments aligned.
fn entries(entries: &[Entry], text: &mut String) {
    let shown = |entry: &Entry| {
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

/// What is to be told besides.
fn notes(seen: &Seen, without: &BTreeSet<String>) -> Vec<String> {
    let mut notes = lost(seen);
    notes.extend(without.iter().map(|key| not_narrowed(key)));
    notes.extend(seen.findings.keys().filter_map(|text| unwritable(text)));
    for (block, name, operations) in [
        (Block::Create, "images", MAKING),
        (Block::Create, "users", MAKING),
        (Block::Exec, "users", RUNNING),
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
    let (block, name, value) = finding::parts(text)?;
    let key = format!("{}.{name}", block.name());
    let is_list = matches!(form(&key), Form::List | Form::Commands | Form::Variables);
    // A program without its arguments is told of as such.
    let is_told = form(&key) == Form::Commands && !value.starts_with('[');
    if !is_list || is_told || entry(&key, value).is_some() {
        return None;
    }
    if !is_literal(&key, value) {
        return Some(format!("Not granted, as an entry would say more: {text}"));
    }
    (!is_narrowing(&key)).then(|| format!("Not granted, as no rule can say it: {text}"))
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
            entries(list, text);
            text.push_str("]\n");
        }
        Written::Whole(entry) => {
            let before = if entry.is_held_back { "# " } else { "" };
            let (key, Entry { toml, comment, .. }) = (&line.key, entry);
            _ = writeln!(text, "{before}{key} = {toml} # {comment}");
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
