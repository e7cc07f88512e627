//! Adding what was seen to a policy that is there: its comments stay, and nothing of it is taken away.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use super::super::file::{Library, Policy, Problem};
use super::super::finding;
use super::super::need::Block;
use super::super::replay::{key_of, lacking};
use super::keys::{Form, entry, form};
use super::lines::{Line, Written, lines};
use super::text::{WITHOUT_ARGUMENTS, lost, not_narrowed, quoted, told, too_narrow};
use super::{Seen, Tally};
use crate::docker::{Effect, Operation};

/// What holds without a key, where that is not nothing: an entry that is added must not take it away.
const DEFAULTS: &[(&str, &[&str])] = &[
    ("create.networks", &["@default", "@own"]),
    ("networks.containers", &["@own"]),
    ("networks.drivers", &["bridge", "overlay"]),
    ("volumes.drivers", &["local"]),
];

/// The file with what it lacks, and what could not be added.
pub(super) fn merge(
    seen: &Seen,
    reference: &str,
    library: &dyn Library,
) -> Result<(String, Vec<String>), Vec<Problem>> {
    let policy = Policy::load(reference, library)?;
    let (file, source) = library.read(reference).map_err(|problem| vec![problem])?;
    let mut document = parse(&file, &source)?;
    let mut notes = lost(seen);
    notes.extend(operations(seen, &policy, &mut document));
    let without = too_narrow(seen);
    for block in Block::ALL {
        let has_any = Operation::ALL
            .iter()
            .any(|operation| Block::of(*operation) == Some(*block) && policy.has(*operation));
        let is_new = !has_any && !policy.blocks().has(*block);
        if is_new {
            let begin = format!("{}.", block.name());
            let of_it = without.iter().filter(|key| key.starts_with(&begin));
            notes.extend(of_it.map(|key| not_narrowed(key)));
            let lines = lines(seen, *block, &without);
            if !lines.is_empty() {
                document.insert(block.name(), Item::Table(whole(&lines)));
            }
            continue;
        }
        let found = seen.of_block(*block);
        let keys = lacking(&policy, &found);
        let keys: Vec<_> = keys.into_iter().filter_map(|it| key_of(&it.what)).collect();
        if keys.is_empty() {
            continue;
        }
        if !document.contains_key(block.name()) {
            // One of its own replaces that of the policies that it extends.
            let inherited = inherited(reference, library, *block)?;
            let table = inherited.unwrap_or_else(|| Item::Table(Table::new()));
            document.insert(block.name(), table);
        }
        if let Some(Item::Table(table)) = document.get_mut(block.name()) {
            notes.extend(widen(seen, &policy, (*block, table)));
        }
    }
    Ok((document.to_string(), notes))
}

fn parse(file: &str, source: &str) -> Result<DocumentMut, Vec<Problem>> {
    let parsed = source.parse();
    parsed.map_err(|error: toml_edit::TomlError| {
        vec![Problem::of_file(file, error.message().to_owned())]
    })
}

/// Adds entries to `allow`; those that can be root on the host as comments.
fn operations(seen: &Seen, policy: &Policy, document: &mut DocumentMut) -> Vec<String> {
    let mut notes = Vec::new();
    let (mut plain, mut control) = (Vec::new(), Vec::new());
    for operation in Operation::ALL.iter().copied() {
        let Some(tally) = seen
            .operations
            .get(&operation)
            .filter(|_| !policy.has(operation))
        else {
            continue;
        };
        if policy.denies(operation) {
            notes.push(format!("Not added: {operation}, which the policy denies"));
        } else if operation.spec().effect == Effect::Control {
            control.push((operation.to_string(), tally));
        } else {
            plain.push((operation.to_string(), tally));
        }
    }
    let has_path = |entry: &str| {
        let parts = entry.split_once(' ');
        parts.is_some_and(|(method, path)| policy.has_path(method, path))
    };
    let paths = seen.paths.iter().filter(|(entry, _)| !has_path(entry));
    control.extend(paths.map(|(entry, tally)| (entry.clone(), tally)));
    // Those that an earlier merge has left there.
    let source = document.to_string();
    control.retain(|(entry, _)| !source.contains(&format!("# {}", quoted(entry))));
    let allow = document
        .entry("allow")
        .or_insert(Item::Value(Array::new().into()));
    if let Some(allow) = allow.as_array_mut() {
        let commented = |(entry, tally): &(String, &Tally)| {
            format!("    # {}, # {}\n", quoted(entry), told(tally))
        };
        let comments: String = control.iter().map(commented).collect();
        for (entry, tally) in &plain {
            push(allow, Value::from(entry.as_str()), tally);
        }
        if !control.is_empty() {
            let before = allow
                .trailing()
                .as_str()
                .unwrap_or_default()
                .trim_end()
                .to_owned();
            let comma = if allow.is_empty() { "" } else { "\n" };
            allow.set_trailing_comma(!allow.is_empty());
            let comma = if before.ends_with('\n') { "" } else { comma };
            let head = "    # Effect control: can run code, or be root on the host. Take the `# ` away from what is to be granted.\n";
            allow.set_trailing(format!("{before}{comma}{head}{comments}"));
        }
    }
    notes
}

/// Adds an entry on a line of its own, below a line that says how often it was seen.
fn push(list: &mut Array, value: Value, tally: &Tally) {
    let before = format!("\n    # {}\n    ", told(tally));
    list.push_formatted(value.decorated(before, ""));
    list.set_trailing_comma(true);
    let after = list.trailing().as_str().unwrap_or_default().to_owned();
    if !after.contains('\n') {
        list.set_trailing(format!("{after}\n"));
    }
}

/// A block that the policy does not have.
fn whole(lines: &[Line]) -> Table {
    let mut table = Table::new();
    for line in lines {
        let value = match &line.value {
            Written::Whole(value, comment) => value
                .parse::<Value>()
                .map(|value| value.decorated(" ", format!(" # {comment}"))),
            Written::List(entries) => {
                let values: Vec<_> = entries.iter().map(|(entry, _)| entry.as_str()).collect();
                format!("[{}]", values.join(", ")).parse()
            }
        };
        if let Ok(value) = value {
            table.insert(&line.key, Item::Value(value));
        }
    }
    table
}

/// The block as it stands in the first policy that is extended and has it.
fn inherited(
    reference: &str,
    library: &dyn Library,
    block: Block,
) -> Result<Option<Item>, Vec<Problem>> {
    let (file, source) = library.read(reference).map_err(|problem| vec![problem])?;
    let document = parse(&file, &source)?;
    if let Some(item) = document.get(block.name()) {
        return Ok(Some(item.clone()));
    }
    let parents = document.get("extends").and_then(Item::as_array);
    for parent in parents.into_iter().flatten().filter_map(Value::as_str) {
        if let Some(item) = inherited(parent, library, block)? {
            return Ok(Some(item));
        }
    }
    Ok(None)
}

/// Adds to a block's keys what they lack.
fn widen(seen: &Seen, policy: &Policy, (block, table): (Block, &mut Table)) -> Vec<String> {
    let mut notes = Vec::new();
    let begin = format!("{}.", block.name());
    let found = seen
        .findings
        .iter()
        .filter(|(finding, _)| finding.starts_with(&begin));
    for (finding, tally) in found {
        let Some(read) = finding::parse(finding) else {
            continue;
        };
        if lacking(policy, std::slice::from_ref(&read)).is_empty() {
            continue;
        }
        let Some((_, name, value)) = finding::parts(finding) else {
            continue;
        };
        let key = format!("{begin}{name}");
        if !add(table, (&key, name), value, tally) {
            let why = match (form(&key), read.is_whole) {
                (Form::Commands, false) => format!(", {WITHOUT_ARGUMENTS}"),
                (Form::Limits, _) => ", as limits are raised by hand".to_owned(),
                _ => String::new(),
            };
            notes.push(format!("Not added: {finding}{why}"));
        }
    }
    notes
}

/// Adds one value to a key; whether it could be.
fn add(table: &mut Table, (key, name): (&str, &str), value: &str, tally: &Tally) -> bool {
    match form(key) {
        Form::Limits => false,
        Form::Flag => {
            table.insert(name, Item::Value(true.into()));
            true
        }
        Form::Variables => {
            let variables = table
                .entry("env")
                .or_insert(Item::Value(InlineTable::new().into()));
            let allowed = variables.as_inline_table_mut();
            let allowed = allowed.map(|it| it.get_or_insert("allow", Array::new()));
            let Some(allowed) = allowed.and_then(Value::as_array_mut) else {
                return false;
            };
            allowed.push(value);
            true
        }
        Form::Commands | Form::List => {
            let Some(Ok(value)) = entry(key, value).map(|entry| entry.parse::<Value>()) else {
                return false;
            };
            let defaults = DEFAULTS.iter().find(|(of, _)| *of == key);
            let defaults = defaults.map(|(_, values)| values.iter().copied().collect::<Array>());
            let list = table.entry(name);
            let list = list.or_insert(Item::Value(defaults.unwrap_or_default().into()));
            let Some(list) = list.as_array_mut() else {
                return false;
            };
            push(list, value, tally);
            true
        }
    }
}
