//! A learned policy as a file.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;

use ipnet::IpNet;

use super::super::file::{Library, Policy, Problem};
use super::super::finding;
use super::super::need::{Block, Limits, What};
use super::super::replay::{key_of, lacking};
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

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Flag,
    List,
    Commands,
    Limits,
    /// A table with a list called `allow`.
    Variables,
}

pub(super) fn form(key: &str) -> Form {
    match key {
        "create.addresses" | "create.gpus" | "create.privileged" | "create.replaces"
        | "create.rollback" | "exec.privileged" | "images.import" => Form::Flag,
        "create.limits" => Form::Limits,
        "exec.commands" => Form::Commands,
        "create.env.allow" | "exec.env.allow" => Form::Variables,
        key if key.ends_with(".into_privileged") || key.ends_with(".unrestricted") => Form::Flag,
        _ => Form::List,
    }
}

/// The operations that make containers.
const MAKING: &[Operation] = &[
    Operation::ContainerCreate,
    Operation::ServiceCreate,
    Operation::ServiceUpdate,
];
/// The operations that run programs in containers.
const RUNNING: &[Operation] = &[Operation::ContainerExec, Operation::ExecStart];
/// The operations that put containers on networks, or off them.
const JOINING: &[Operation] = &[Operation::NetworkConnect, Operation::NetworkDisconnect];

/// The keys without which everything is granted, or more than nothing, with the operations of which each
/// request is held against them. Where none of those asked for anything of theirs, they are empty lists.
const NARROWING: &[(&str, &[Operation])] = &[
    ("archive.into", &[Operation::PutContainerArchive]),
    ("archive.paths", &[Operation::PutContainerArchive]),
    ("create.images", MAKING),
    ("create.limits", MAKING),
    ("create.networks", MAKING),
    ("create.ports", MAKING),
    ("create.restart", MAKING),
    ("create.users", MAKING),
    ("create.volumes", MAKING),
    ("exec.commands", RUNNING),
    ("exec.env.allow", RUNNING),
    ("exec.into", RUNNING),
    ("exec.users", RUNNING),
    ("exec.workdirs", RUNNING),
    ("images.pull", &[Operation::ImageCreate]),
    ("images.push", &[Operation::ImagePush]),
    ("images.tags", &[]),
    ("networks.containers", JOINING),
];

pub(super) fn is_narrowing(key: &str) -> bool {
    NARROWING.iter().any(|(narrowing, _)| *narrowing == key)
}

/// A key with what is written under it, and the comments behind its lines.
pub(super) struct Line {
    pub(super) key: String,
    pub(super) value: Written,
}

pub(super) enum Written {
    /// Each entry as TOML, with its comment.
    List(Vec<(String, String)>),
    /// As TOML, with its comment.
    Whole(String, String),
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
    let mut notes = Vec::new();
    for (entry, tally) in &seen.ungrantable {
        notes.push(format!("No entry can grant {entry}: {}.", told(tally)));
    }
    for key in without {
        notes.push(format!(
            "Not narrowed: {key}, as what was asked for cannot be written there."
        ));
    }
    let unwritable = seen.findings.keys().filter(|text| {
        let parts = finding::parts(text);
        let key = parts.map(|(block, name, value)| (format!("{}.{name}", block.name()), value));
        key.is_some_and(|(key, value)| {
            let is_list = matches!(form(&key), Form::List | Form::Commands | Form::Variables);
            is_list && !is_narrowing(&key) && entry(&key, value).is_none()
        })
    });
    for text in unwritable {
        notes.push(format!("Not granted, as no rule can say it: {text}"));
    }
    let unreadable = seen
        .findings
        .keys()
        .filter(|text| finding::parse(text).is_none());
    for text in unreadable {
        notes.push(format!(
            "Not granted, as it was cut or escaped in the record: {text}"
        ));
    }
    if seen.is_cut {
        notes.push(
            "A request asked for more than its record holds: this is not all of it.".to_owned(),
        );
    }
    let has_commands = !seen.of_key(Block::Exec, "commands").is_empty();
    if has_commands && !has_arguments(seen) {
        notes.push(
            "Not narrowed: exec.commands, as the record has arguments only with audit.argv = true."
                .to_owned(),
        );
    }
    notes
}

/// Whether every command was recorded with its arguments.
fn has_arguments(seen: &Seen) -> bool {
    let commands = seen.of_key(Block::Exec, "commands");
    !commands.is_empty() && commands.iter().all(|(value, _)| value.starts_with("[\""))
}

/// The keys of a block that grant what was seen and no more.
pub(super) fn lines(seen: &Seen, block: Block, without: &BTreeSet<String>) -> Vec<Line> {
    let default = load("").unwrap_or_else(|_| Policy::of("", super::super::Grants::default()));
    let found = seen.of_block(block);
    let beyond: Vec<_> = lacking(&default, &found)
        .into_iter()
        .filter_map(|finding| key_of(&finding.what))
        .collect();
    let mut keys: BTreeSet<String> = beyond.into_iter().collect();
    let begin = format!("{}.", block.name());
    let narrowing = NARROWING.iter().filter(|(key, operations)| {
        let name = key.split_once('.').map_or(*key, |(_, name)| name);
        let is_seen = seen.judged(operations) > 0 || !seen.of_key(block, name).is_empty();
        key.starts_with(&begin) && is_seen
    });
    keys.extend(narrowing.map(|(key, _)| (*key).to_owned()));
    keys.into_iter()
        .filter(|key| !without.contains(key))
        .filter_map(|key| line(seen, block, &key))
        .collect()
}

fn line(seen: &Seen, block: Block, key: &str) -> Option<Line> {
    let name = key.split_once('.').map_or(key, |(_, name)| name);
    let found = seen.of_key(block, name);
    let entries = || {
        let found = found.iter();
        found.filter_map(|(value, tally)| Some((entry(key, value)?, told(tally))))
    };
    let whole = |value: String, comment: &str| Written::Whole(value, comment.to_owned());
    let (name, value) = match (key, form(key)) {
        ("exec.env.allow" | "exec.commands", _) if !has_arguments(seen) => return None,
        ("create.env.allow", _) => return None,
        // One without an image is made of nothing, and brought in afterwards.
        ("create.images", _) if !seen.has_always(MAKING, key) => return None,
        ("create.users", _) if !are_users(&found) || !seen.has_always(MAKING, key) => return None,
        ("exec.users", _) if !are_users(&found) || !seen.has_always(RUNNING, key) => return None,
        ("create.binds", _) => (name, Written::List(paths(&found))),
        (_, Form::Flag) => (name, whole("true".to_owned(), &told(found.first()?.1))),
        (_, Form::Limits) => (name, whole(limits(&found)?, "the most that was asked for")),
        (_, Form::Variables) => {
            let names: Vec<_> = entries().map(|(name, _)| name).collect();
            let value = format!("{{ allow = [{}] }}", names.join(", "));
            ("env", whole(value, "by name, whatever the value"))
        }
        (_, Form::Commands | Form::List) => (name, Written::List(entries().collect())),
    };
    let key = name.to_owned();
    Some(Line { key, value })
}

/// A value as it stands in a key's list, in TOML; `None` where it cannot.
pub(super) fn entry(key: &str, value: &str) -> Option<String> {
    let entry = match key {
        "archive.paths" => quoted(&format!("{value}:rw")),
        // A list of strings is written alike in JSON.
        "exec.commands" => value.to_owned(),
        "networks.subnets" => {
            let address = value.parse::<IpAddr>().map(IpNet::from);
            quoted(&address.map_or_else(|_| value.to_owned(), |net| net.to_string()))
        }
        _ => quoted(value),
    };
    let (block, name) = key.split_once('.')?;
    let list = match name {
        "env.allow" => format!("env = {{ allow = [{entry}] }}"),
        name => format!("{name} = [{entry}]"),
    };
    load(&format!("[{block}]\n{list}")).is_ok().then_some(entry)
}

/// Whether all of these can stand under `users`: names cannot.
fn are_users(found: &[(&str, &Tally)]) -> bool {
    let is_number = |part: &str| part.parse::<u32>().is_ok_and(|id| id.to_string() == part);
    found
        .iter()
        .all(|(user, _)| user.splitn(2, ':').all(is_number))
}

/// Paths, without those that another covers. A path alone is for reading.
fn paths(found: &[(&str, &Tally)]) -> Vec<(String, String)> {
    let is_written = |path: &str| {
        found
            .iter()
            .any(|(other, _)| other.strip_suffix(":rw") == Some(path))
    };
    let needed = found.iter().filter(|(value, _)| {
        value
            .strip_suffix(":ro")
            .is_none_or(|path| !is_written(path))
    });
    let written = needed.filter_map(|(value, tally)| {
        let entry = entry("create.binds", value)?;
        Some((entry, told(tally)))
    });
    written.collect()
}

/// The least limits within which all of it is; none where one had none.
fn limits(found: &[(&str, &Tally)]) -> Option<String> {
    let read = |value: &str| {
        let found = finding::parse(&format!("create.limits={value}"))?;
        if let What::Limits(limits) = found.what {
            return Some(limits);
        }
        None
    };
    let asked: Vec<Limits> = found
        .iter()
        .map(|(value, _)| read(value))
        .collect::<Option<_>>()?;
    if asked.iter().any(|limits| limits.is_spared) {
        return None;
    }
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
        memory.map(|bytes| format!("memory = {bytes}")),
        most(|limits| limits.nano_cpus).map(|nanos| {
            format!(
                "cpus = {}.{:09}",
                nanos / 1_000_000_000,
                nanos % 1_000_000_000
            )
        }),
        most(|limits| limits.pids.unwrap_or_default()).map(|pids| format!("pids = {pids}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("{{ {} }}", parts.join(", ")))
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
    // To the second, as it is for people.
    let last = tally.last.split('.').next().unwrap_or_default();
    format!("{count}{refused}, last {last}Z")
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
