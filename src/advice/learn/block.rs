//! The lines of a learned policy's blocks.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::keys::{entry, load};
use super::proposal::{Proposal, write_list};
use super::seen::{Frequency, Seen};
use super::varying;
use crate::advice::replay::shortfall;
use crate::docker::Block;
use crate::docker::json::quoted;
use crate::policy::keys::Key;
use crate::policy::keys::amount::{in_units, processors};
use crate::policy::keys::row::{makes_containers, runs_programs};
use crate::policy::value::{Limits, Shape, Value};
use crate::policyfile::file::Policy;

/// A key with what is written under it, and the comments behind its lines.
pub(super) struct LearnedKey {
    pub(super) key: String,
    pub(super) value: LearnedValue,
}

pub(super) enum LearnedValue {
    List(Vec<Proposal>),
    Whole(Proposal),
}

/// The keys of a block that grant what was seen, as narrow as they can say it.
pub(super) fn lines(seen: &Seen, block: Block, without: &BTreeSet<String>) -> Vec<LearnedKey> {
    let default = load("").unwrap_or_else(|_| Policy::of("", crate::policyfile::Grants::default()));
    let found = seen.of_block(block);
    let beyond: Vec<_> = shortfall(&default, &found)
        .into_iter()
        .filter_map(|finding| finding.what.key().map(|key| key.name().to_owned()))
        .collect();
    let mut keys: BTreeSet<String> = beyond.into_iter().collect();
    let narrowing = Key::ALL.iter().filter(|key| {
        let is_seen = |operations| {
            seen.judged(operations) > 0 || !seen.of_key(block, key.in_block()).is_empty()
        };
        key.block() == block && key.row().without.is_some_and(is_seen)
    });
    keys.extend(narrowing.map(|key| key.name().to_owned()));
    keys.into_iter()
        .filter(|key| !without.contains(key))
        .filter_map(|key| line(seen, block, &key))
        .collect()
}

fn line(seen: &Seen, block: Block, key: &str) -> Option<LearnedKey> {
    let name = key.split_once('.').map_or(key, |(_, name)| name);
    let found = seen.of_key(block, name);
    let entries = || {
        let found = found.iter();
        found.filter_map(|(value, count)| Some(Proposal::of_key(key, entry(key, value)?, count)))
    };
    let whole = |toml: String, comment: &str| {
        LearnedValue::Whole(Proposal {
            toml,
            comment: comment.to_owned(),
            is_held_back: false,
        })
    };
    let (name, value) = match (key, Key::of(key)?.shape()) {
        ("exec.env.allow" | "exec.commands", _) if !has_arguments(seen) => return None,
        ("create.env.allow", _) => return None,
        // One without an image is made of nothing, and brought in afterwards.
        ("create.images", _) if !seen.has_always(makes_containers, key) => return None,
        ("create.users", _) if !are_users(&found) || !seen.has_always(makes_containers, key) => {
            return None;
        }
        ("exec.users", _) if !are_users(&found) || !seen.has_always(runs_programs, key) => {
            return None;
        }
        ("create.binds", _) => (name, LearnedValue::List(paths(&found))),
        (_, Shape::Flag) => {
            let flag = Proposal::of("true".to_owned(), found.first()?.1);
            (name, LearnedValue::Whole(flag))
        }
        (_, Shape::Limits) => (name, whole(limits(&found)?, "the most that was asked for")),
        (_, Shape::Variable) => {
            let names = entries().filter(|entry| !entry.is_held_back);
            let names: Vec<_> = names.map(|entry| entry.toml).collect();
            let value = format!("{{ allow = [{}] }}", names.join(", "));
            ("env", whole(value, "by name, whatever the value"))
        }
        (
            _,
            Shape::Argv
            | Shape::Bind
            | Shape::Label
            | Shape::Pair
            | Shape::Port
            | Shape::Project
            | Shape::Text,
        ) => (name, LearnedValue::List(varying::entries(key, &found))),
    };
    let key = name.to_owned();
    Some(LearnedKey { key, value })
}

/// Whether every command that was not refused was recorded with its arguments.
pub(super) fn has_arguments(seen: &Seen) -> bool {
    let commands = seen.of_key(Block::Exec, "commands");
    let mut granted = commands.iter().filter(|(_, count)| !count.is_refused());
    !commands.is_empty() && granted.all(|(value, _)| value.starts_with('['))
}

/// Whether all of these can stand under `users`: names cannot.
fn are_users(found: &[(&str, &Frequency)]) -> bool {
    let is_number = |part: &str| part.parse::<u32>().is_ok_and(|id| id.to_string() == part);
    let mut granted = found.iter().filter(|(_, count)| !count.is_refused());
    granted.all(|(user, _)| user.splitn(2, ':').all(is_number))
}

/// Paths, without those that another covers. A path alone is for reading.
fn paths(found: &[(&str, &Frequency)]) -> Vec<Proposal> {
    let is_written = |path: &str| {
        let mut written = found.iter().filter(|(_, count)| !count.is_refused());
        written.any(|(other, _)| other.strip_suffix(":rw") == Some(path))
    };
    let needed = found.iter().filter(|(value, _)| {
        value
            .strip_suffix(":ro")
            .is_none_or(|path| !is_written(path))
    });
    let written = needed
        .filter_map(|(value, count)| Some(Proposal::of(entry("create.binds", value)?, count)));
    written.collect()
}

/// The least limits within which all of it is; none where one had none.
fn limits(found: &[(&str, &Frequency)]) -> Option<String> {
    let read = |value: &str| {
        if let Value::Limits(limits) = Shape::Limits.read(value)? {
            return Some(limits);
        }
        None
    };
    let granted = found.iter().filter(|(_, count)| !count.is_refused());
    let asked: Vec<Limits> = granted
        .map(|(value, _)| read(value))
        .collect::<Option<_>>()?;
    let most = |of: fn(&Limits) -> i64| {
        let values = || asked.iter().map(of);
        values()
            .all(|value| value > 0)
            .then(|| values().max())
            .flatten()
    };
    let memory = most(|limits| limits.memory).filter(|most| {
        asked
            .iter()
            .all(|limits| (0..=most.saturating_mul(2)).contains(&limits.memory_and_swap))
    });
    let parts = [
        memory.map(|bytes| format!("memory = {}", quoted(&in_units(bytes)))),
        most(|limits| limits.nano_cpus).map(|nanos| format!("cpus = {}", processors(nanos))),
        most(|limits| limits.pids.unwrap_or_default()).map(|pids| format!("pids = {pids}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("{{ {} }}", parts.join(", ")))
}

/// A block as it stands in a file.
pub(super) fn write_block(block: Block, lines: &[LearnedKey]) -> String {
    let mut text = format!("[{}]\n", block.name());
    for line in lines {
        write_line(line, &mut text);
    }
    text
}

fn write_line(line: &LearnedKey, text: &mut String) {
    match &line.value {
        LearnedValue::List(list) if list.is_empty() => _ = writeln!(text, "{} = []", line.key),
        LearnedValue::List(list) => {
            _ = writeln!(text, "{} = [", line.key);
            write_list(list, text);
            text.push_str("]\n");
        }
        LearnedValue::Whole(entry) => {
            let before = if entry.is_held_back { "# " } else { "" };
            let (key, Proposal { toml, comment, .. }) = (&line.key, entry);
            _ = writeln!(text, "{before}{key} = {toml} # {comment}");
        }
    }
}
