//! The lines of a learned policy's blocks.

use std::collections::BTreeSet;

use super::proposal::{Proposal, entry, list, load};
use super::seen::{Frequency, Seen};
use super::varying;
use crate::advice::replay::shortfall;
use crate::docker::Block;
use crate::docker::json::quoted;
use crate::policy::keys::Key;
use crate::policy::keys::amount::{in_units, processors};
use crate::policy::keys::row::{makes_containers, runs_programs};
use crate::policy::value::{Limits, Shape, Value};

/// The lines of a block that allow what was recorded, as narrow as its keys can express it.
pub(super) fn lines(seen: &Seen, block: Block, without: &BTreeSet<&str>) -> Vec<String> {
    let default = load("").unwrap_or_default();
    let found = seen.of_block(block);
    let beyond = shortfall(&default, &found).into_iter();
    let beyond = beyond.filter_map(|finding| finding.what.key());
    let narrowing = Key::ALL.iter().copied().filter(|key| {
        let is_seen = |operations| seen.judged(operations) > 0 || !seen.of_key(*key).is_empty();
        key.block() == block && key.row().without.is_some_and(is_seen)
    });
    // By name, because there can be several ways to ask for the same key.
    let keys: BTreeSet<_> = beyond.chain(narrowing).map(Key::name).collect();
    let keys = keys.difference(without).copied().filter_map(Key::of);
    keys.filter_map(|key| line(seen, key)).collect()
}

fn line(seen: &Seen, key: Key) -> Option<String> {
    let (name, found) = (key.in_block(), seen.of_key(key));
    let listed = |entries: Vec<Proposal>| match &*entries {
        [] => format!("{name} = []\n"),
        entries => list(name, "", entries),
    };
    Some(match (key.name(), key.shape()) {
        ("exec.env.allow" | "exec.commands", _) if !has_arguments(seen) => return None,
        ("create.env.allow", _) => return None,
        // A container without an image is created empty and filled afterwards.
        ("create.images", _) if !seen.has_always(makes_containers, key) => return None,
        ("create.users", _) if !are_users(&found) || !seen.has_always(makes_containers, key) => {
            return None;
        }
        ("exec.users", _) if !are_users(&found) || !seen.has_always(runs_programs, key) => {
            return None;
        }
        ("create.binds", _) => listed(paths(&found)),
        (_, Shape::Flag) => Proposal::of("true".to_owned(), found.first()?.1).line(name),
        (_, Shape::Limits) => {
            format!("{name} = {} # the highest values so far\n", limits(&found)?)
        }
        (_, Shape::Variable) => {
            let names = granted(&found).filter_map(|value| entry(key, value));
            let names = names.collect::<Vec<_>>().join(", ");
            format!("env = {{ allow = [{names}] }} # by name, with any value\n")
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
        ) => listed(varying::entries(key, &found)),
    })
}

/// The values of which at least one request was not denied.
fn granted<'a>(found: &[(&'a str, &Frequency)]) -> impl Iterator<Item = &'a str> {
    let granted = found.iter().filter(|(_, count)| !count.is_refused());
    granted.map(|(value, _)| *value)
}

/// Whether every command that was not denied was recorded with its arguments.
pub(super) fn has_arguments(seen: &Seen) -> bool {
    let commands = seen.of_key(Key::Command);
    !commands.is_empty() && granted(&commands).all(|command| command.starts_with('['))
}

/// Whether `users` can contain all of these. It cannot contain names.
fn are_users(found: &[(&str, &Frequency)]) -> bool {
    let is_number = |part: &str| part.parse::<u32>().is_ok_and(|id| id.to_string() == part);
    granted(found).all(|user| user.splitn(2, ':').all(is_number))
}

/// Paths, without those that another one covers.
fn paths(found: &[(&str, &Frequency)]) -> Vec<Proposal> {
    let is_written = |path| granted(found).any(|other| other.strip_suffix(":rw") == Some(path));
    let needed = found.iter().filter(|(value, _)| {
        let read = value.strip_suffix(":ro");
        read.is_none_or(|path| !is_written(path))
    });
    let written =
        needed.filter_map(|(value, count)| Some(Proposal::of(entry(Key::Bind, value)?, count)));
    written.collect()
}

/// The lowest limits that would have been enough for all requests. A limit that one of them did not set is left out.
fn limits(found: &[(&str, &Frequency)]) -> Option<String> {
    let read = |value: &str| {
        if let Value::Limits(limits) = Shape::Limits.read(value)? {
            return Some(limits);
        }
        None
    };
    let asked: Vec<Limits> = granted(found).map(read).collect::<Option<_>>()?;
    let most = |of: fn(&Limits) -> i64| {
        let is_limited = asked.iter().map(of).all(|value| value > 0);
        asked.iter().map(of).max().filter(|_| is_limited)
    };
    let memory = most(|limits| limits.memory).filter(|most| {
        let swap = 0..=most.saturating_mul(2);
        let mut asked = asked.iter();
        asked.all(|limits| swap.contains(&limits.memory_and_swap))
    });
    let parts = [
        memory.map(|bytes| format!("memory = {}", quoted(&in_units(bytes)))),
        most(|limits| limits.nano_cpus).map(|nanos| format!("cpus = {}", processors(nanos))),
        most(|limits| limits.pids.unwrap_or_default()).map(|pids| format!("pids = {pids}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("{{ {} }}", parts.join(", ")))
}

/// A block as it is written in a file.
pub(super) fn write_block(block: Block, lines: &[String]) -> String {
    format!("[{}]\n{}", block.name(), lines.concat())
}
