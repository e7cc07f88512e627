//! Adding what was seen to a policy that is there: its comments stay, and nothing of it is taken away.
//!
//! The file is in force, or will be soon. What is control, what would give a part of the host, and what was
//! refused is therefore added as a comment, to be read before it grants anything.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use super::super::file::{Library, Policy, Problem};
use super::super::finding;
use super::super::lines::Lines;
use super::super::need::Block;
use super::super::replay::{key_of, lacking};
use super::keys::{Form, entry, form, load};
use super::lines::{Entry, Line, Written, lines};
use super::list::{Addition, append};
use super::text::{
    CONTROL, REFUSED, WITHOUT_ARGUMENTS, lost, not_narrowed, of_operation, of_path, times,
    too_narrow,
};
use super::{Seen, Tally};
use crate::docker::{Effect, Operation};

/// What holds without a key, where that is not nothing: an entry that is added must not take it away.
const DEFAULTS: &[(&str, &[&str])] = &[
    ("create.networks", &["@default", "@own"]),
    ("networks.containers", &["@own"]),
    ("networks.drivers", &["bridge", "overlay"]),
    ("volumes.drivers", &["local"]),
];

/// The file with what it lacks, and what is to be told of it.
pub(super) fn merge(
    seen: &Seen,
    reference: &str,
    library: &dyn Library,
) -> Result<(String, Vec<String>), Vec<Problem>> {
    let policy = Policy::load(reference, library)?;
    let (file, source) = library.read(reference).map_err(|problem| vec![problem])?;
    let mut merged = Merged {
        seen,
        policy: &policy,
        source: &source,
        document: parse(&file, &source)?,
        added: Vec::new(),
        held_back: Vec::new(),
        flags: Vec::new(),
        notes: lost(seen),
    };
    let without = too_narrow(seen);
    merged.operations();
    for block in Block::ALL.iter().copied() {
        if merged.is_new(block) {
            let begin = format!("{}.", block.name());
            let of_it = without.iter().filter(|key| key.starts_with(&begin));
            merged.notes.extend(of_it.map(|key| not_narrowed(key)));
            merged.begin(block, &lines(seen, block, &without));
        } else if merged.lacks(block) {
            if !merged.document.contains_key(block.name()) {
                // One of its own replaces that of the policies that it extends.
                let inherited = inherited(reference, library, block)?;
                let table = inherited.unwrap_or_else(|| Item::Table(Table::new()));
                merged.document.insert(block.name(), table);
            }
            merged.widen(block);
        }
    }
    Ok(merged.told())
}

fn parse(file: &str, source: &str) -> Result<DocumentMut, Vec<Problem>> {
    let parsed = source.parse();
    parsed.map_err(|error: toml_edit::TomlError| {
        vec![Problem::of_file(file, error.message().to_owned())]
    })
}

/// A file that is added to.
struct Merged<'a> {
    seen: &'a Seen,
    /// As it was.
    policy: &'a Policy,
    source: &'a str,
    document: DocumentMut,
    /// What grants something now that was not granted before.
    added: Vec<String>,
    /// What stands there as a comment.
    held_back: Vec<String>,
    /// Of that the keys that are no lists, with their blocks.
    flags: Vec<(Block, String)>,
    notes: Vec<String>,
}

impl Merged<'_> {
    /// Adds entries to `allow`.
    fn operations(&mut self) {
        let (mut plain, mut refused, mut control) = (Vec::new(), Vec::new(), Vec::new());
        for operation in Operation::ALL.iter().copied() {
            let Some(tally) = self.seen.operations.get(&operation) else {
                continue;
            };
            if self.policy.has(operation) {
                continue;
            }
            if self.policy.denies(operation) {
                let note = format!("Not added: {operation}, which the policy denies");
                self.notes.push(note);
                continue;
            }
            let entry = of_operation(operation, tally, |_| false);
            let group = match (operation.spec().effect, entry.is_held_back) {
                (Effect::Control, _) => &mut control,
                (_, true) => &mut refused,
                (_, false) => &mut plain,
            };
            group.push((entry, tally));
        }
        let policy = self.policy;
        let has_path = |entry: &str| {
            let parts = entry.split_once(' ');
            parts.is_some_and(|(method, path)| policy.has_path(method, path))
        };
        let paths = self.seen.paths.iter();
        let paths = paths.filter(|(entry, _)| !has_path(entry));
        control.extend(paths.map(|(entry, tally)| (of_path(entry, tally), tally)));
        let mut additions = Vec::new();
        for (head, group) in [
            (None, plain),
            (Some(REFUSED), refused),
            (Some(CONTROL), control),
        ] {
            let mut head = head.map(|head: &str| Addition::Head(head.to_owned()));
            for (entry, tally) in group {
                if self.stands_there(&entry.toml, (&entry, tally)) {
                    continue;
                }
                additions.extend(head.take());
                self.note(entry.toml.trim_matches('"').to_owned(), &entry);
                additions.push(Addition::Entry(entry));
            }
        }
        if additions.is_empty() {
            return;
        }
        let allow = self.document.entry("allow");
        let allow = allow.or_insert(Item::Value(Array::new().into()));
        if let Some(allow) = allow.as_array_mut() {
            append(allow, additions);
        }
    }

    /// Whether an earlier merge, or the reader, has left something there as a comment.
    fn stands_there(&mut self, text: &str, (entry, tally): (&Entry, &Tally)) -> bool {
        let stands = entry.is_held_back && self.source.contains(&format!("# {text}"));
        if stands {
            let times = times(tally.count);
            let note = format!("Stands there as a comment: {text}, asked for {times}");
            self.notes.push(note);
        }
        stands
    }

    /// Whether nothing that a block decides about was granted.
    fn is_new(&self, block: Block) -> bool {
        let of_block = |operation: &&Operation| Block::of(**operation) == Some(block);
        let mut operations = Operation::ALL.iter().filter(of_block);
        let has_any = operations.any(|operation| self.policy.has(*operation));
        !has_any && !self.policy.blocks().has(block)
    }

    /// Adds a block that the policy does not have.
    fn begin(&mut self, block: Block, lines: &[Line]) {
        if lines.is_empty() {
            return;
        }
        let mut table = Table::new();
        for Line { key, value } in lines {
            let value = match value {
                Written::Whole(entry) if entry.is_held_back => {
                    self.flags.push((block, held_back(key, entry)));
                    continue;
                }
                Written::Whole(entry) => {
                    let value = entry.toml.parse::<Value>().ok();
                    value.map(|value| value.decorated(" ", format!(" # {}", entry.comment)))
                }
                Written::List(entries) => {
                    let mut list = Array::new();
                    if !entries.is_empty() {
                        let entries = entries.iter().cloned();
                        append(&mut list, entries.map(Addition::Entry).collect());
                    }
                    Some(list.into())
                }
            };
            if let Some(value) = value {
                table.insert(key, Item::Value(value));
            }
        }
        self.document.insert(block.name(), Item::Table(table));
        self.added.push(format!("[{}]", block.name()));
    }

    /// Whether a block does not grant all that was seen.
    fn lacks(&self, block: Block) -> bool {
        let found = self.seen.of_block(block);
        let lacking = lacking(self.policy, &found);
        lacking
            .iter()
            .any(|finding| key_of(&finding.what).is_some())
    }

    /// Adds to a block's keys what they lack.
    fn widen(&mut self, block: Block) {
        let seen = self.seen;
        let begin = format!("{}.", block.name());
        let found = seen.findings.iter();
        for (text, tally) in found.filter(|(text, _)| text.starts_with(&begin)) {
            let (Some(read), Some((_, name, value))) = (finding::parse(text), finding::parts(text))
            else {
                continue;
            };
            if lacking(self.policy, std::slice::from_ref(&read)).is_empty() {
                continue;
            }
            let key = format!("{begin}{name}");
            if !self.add(block, (&key, name), (value, tally)) {
                let why = match (form(&key), read.is_whole) {
                    (Form::Commands, false) => format!(", {WITHOUT_ARGUMENTS}"),
                    (Form::Limits, _) => ", as limits are raised by hand".to_owned(),
                    _ => String::new(),
                };
                self.notes.push(format!("Not added: {text}{why}"));
            }
        }
    }

    /// Adds one value to a key; whether it could be.
    fn add(
        &mut self,
        block: Block,
        (key, name): (&str, &str),
        (value, tally): (&str, &Tally),
    ) -> bool {
        let toml = match form(key) {
            Form::Limits => return false,
            Form::Flag => Some("true".to_owned()),
            Form::Commands | Form::List | Form::Variables => entry(key, value),
        };
        let Some(toml) = toml else {
            return false;
        };
        let mut entry = Entry::of(toml, tally);
        entry.is_held_back |= opens_the_host(block, name, &entry.toml);
        let text = match form(key) {
            Form::Flag => format!("{name} = true"),
            Form::Commands | Form::Limits | Form::List | Form::Variables => entry.toml.clone(),
        };
        if self.stands_there(&text, (&entry, tally)) {
            return true;
        }
        let Some(Item::Table(table)) = self.document.get_mut(block.name()) else {
            return false;
        };
        match form(key) {
            Form::Flag if entry.is_held_back => {
                self.flags.push((block, held_back(name, &entry)));
            }
            Form::Flag => _ = table.insert(name, Item::Value(true.into())),
            // There are no comments within such a table.
            Form::Variables if entry.is_held_back => return false,
            Form::Variables => {
                let variables = table.entry("env");
                let variables = variables.or_insert(Item::Value(InlineTable::new().into()));
                let allowed = variables.as_inline_table_mut();
                let allowed = allowed.map(|it| it.get_or_insert("allow", Array::new()));
                let Some(allowed) = allowed.and_then(Value::as_array_mut) else {
                    return false;
                };
                allowed.push(value);
            }
            Form::Commands | Form::List | Form::Limits => {
                let defaults = DEFAULTS.iter().find(|(of, _)| *of == key);
                let defaults = defaults.map(|(_, of)| of.iter().copied().collect::<Array>());
                let list = table.entry(name);
                let list = list.or_insert(Item::Value(defaults.unwrap_or_default().into()));
                let Some(list) = list.as_array_mut() else {
                    return false;
                };
                append(list, vec![Addition::Entry(entry.clone())]);
            }
        }
        self.note(format!("{key} = {}", entry.toml), &entry);
        true
    }

    fn note(&mut self, name: String, entry: &Entry) {
        let list = if entry.is_held_back {
            &mut self.held_back
        } else {
            &mut self.added
        };
        list.push(name);
    }

    /// The file's text, and what is to be told of it.
    fn told(mut self) -> (String, Vec<String>) {
        let mut text = self.document.to_string();
        for (block, line) in self.flags.into_iter().rev() {
            text = below(&text, block, &line);
        }
        let lists = [("Added", self.added), ("Added as comments", self.held_back)];
        for (head, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            self.notes.push(format!("{head}: {}", list.join(", ")));
        }
        (text, self.notes)
    }
}

/// Whether an entry gives a part of the host by itself.
fn opens_the_host(block: Block, name: &str, toml: &str) -> bool {
    let value = if toml == "true" {
        toml.to_owned()
    } else {
        format!("[{toml}]")
    };
    let policy = load(&format!("[{}]\n{name} = {value}", block.name()));
    policy.is_ok_and(|policy| !policy.blocks().reaching_the_host().is_empty())
}

/// A text with a line below the head of a block.
fn below(text: &str, block: Block, line: &str) -> String {
    let head = Lines::of(text).line(block.name(), 0).unwrap_or_default();
    let mut lines: Vec<_> = text.lines().collect();
    lines.insert(head.min(lines.len()), line);
    lines.join("\n") + "\n"
}

/// A key as a comment.
fn held_back(key: &str, entry: &Entry) -> String {
    format!("# {key} = {} # {}", entry.toml, entry.comment)
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
