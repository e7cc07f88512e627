//! Adding what was seen to a policy that is there: its comments stay, and nothing of it is taken away.
//!
//! The file is in force, or will be soon. Operations that are not control are added to `allow`, unless they were
//! refused whenever they were asked for; everything else is added as a comment, to be read before it grants anything. So no block changes: what
//! one of them says is also asked about the requests of operations that are granted already.

use toml_edit::{Array, DocumentMut, Item, Value};

use super::super::file::{Library, Policy, Problem};
use super::super::finding;
use super::super::need::Block;
use super::super::replay::{key_of, lacking};
use super::keys::{DEFAULTS, Form, entry, form};
use super::lines::{Entry, lines};
use super::list::{Addition, append};
use super::source::{before_tables, below, table_of};
use super::text::{
    CONTROL, REFUSED, WITHOUT_ARGUMENTS, lost, not_narrowed, of_operation, of_path, times,
    too_narrow, unwritable, write_block,
};
use super::{Seen, Tally};
use crate::docker::{Effect, Operation};

/// The file with what it lacks, and what is to be told of it.
pub(super) fn merge(
    seen: &Seen,
    reference: &str,
    library: &dyn Library,
) -> Result<(String, Vec<String>), Vec<Problem>> {
    let policy = Policy::load(reference, library)?;
    let (file, source) = library.read(reference).map_err(|problem| vec![problem])?;
    if source.trim().is_empty() {
        let empty = "is empty: a shell empties the file that > names before anything is read, so write to another one";
        return Err(vec![Problem::of_file(&file, empty)]);
    }
    // Of the line endings there is one kind in between.
    let is_dos = source.contains("\r\n");
    let source = source.replace("\r\n", "\n");
    let mut merged = Merged::of(seen, &policy, &source, parse(&file, &source)?);
    merged.notes = lost(seen);
    merged.operations();
    let without = too_narrow(seen);
    for block in Block::ALL.iter().copied() {
        if !merged.lacks(block) {
            continue;
        }
        if merged.document.contains_key(block.name()) {
            merged.widen(block);
        } else if policy.blocks().has(block) {
            merged.replace(block, reference, library)?;
        } else {
            let begin = format!("{}.", block.name());
            let of_it = without.iter().filter(|key| key.starts_with(&begin));
            merged.notes.extend(of_it.map(|key| not_narrowed(key)));
            let lines = lines(seen, block, &without);
            merged.begin(block, &write_block(block, &lines));
        }
    }
    let (text, notes) = merged.told();
    let text = if is_dos {
        text.replace('\n', "\r\n")
    } else {
        text
    };
    Ok((text, notes))
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
    /// Keys that blocks do not have, to stand below their heads.
    below: Vec<(Block, String, Vec<Entry>)>,
    /// Whole blocks as comments.
    blocks: Vec<String>,
    notes: Vec<String>,
    /// Whether all of it becomes a comment as a whole.
    is_draft: bool,
}

impl<'a> Merged<'a> {
    fn of(seen: &'a Seen, policy: &'a Policy, source: &'a str, document: DocumentMut) -> Self {
        Self {
            seen,
            policy,
            source,
            document,
            added: Vec::new(),
            held_back: Vec::new(),
            below: Vec::new(),
            blocks: Vec::new(),
            notes: Vec::new(),
            is_draft: false,
        }
    }

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
                self.not_added(&operation.to_string(), ", which the policy denies");
                continue;
            }
            let mut entry = of_operation(operation, tally, |_| false);
            entry.is_held_back |= tally.is_refused();
            let group = match (operation.spec().effect, entry.is_held_back) {
                (Effect::Control, _) => &mut control,
                (_, true) => &mut refused,
                (_, false) => &mut plain,
            };
            group.push((entry, tally));
        }
        for (path, tally) in &self.seen.paths {
            let (method, target) = path.split_once(' ').unwrap_or_default();
            if !self.policy.has_path(method, target) {
                control.push((of_path(path, tally), tally));
            }
        }
        let source = self.source;
        let mut additions = Vec::new();
        for (head, group) in [
            (None, plain),
            (Some(REFUSED), refused),
            (Some(CONTROL), control),
        ] {
            let mut head = head.map(|head: &str| Addition::Head(head.to_owned()));
            for (entry, tally) in group {
                if self.stands_in(before_tables(source), ("allow", &entry.toml), tally) {
                    continue;
                }
                additions.extend(head.take());
                let name = entry.toml.trim_matches('"').to_owned();
                let list = if entry.is_held_back {
                    &mut self.held_back
                } else {
                    &mut self.added
                };
                list.push(name);
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

    fn not_added(&mut self, what: &str, why: &str) {
        self.notes.push(format!("Not added: {what}{why}"));
    }

    /// Whether an earlier merge, or the reader, has left an entry in a part of the file as a comment: of a list,
    /// or of a key that is a comment as a whole.
    fn stands_in(&mut self, part: &str, (name, toml): (&str, &str), tally: &Tally) -> bool {
        let mut comments = part
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("# "));
        let stands = comments.any(|comment| {
            let value = comment
                .strip_prefix(name)
                .and_then(|it| it.trim_start().strip_prefix('='));
            comment.starts_with(toml) || value.is_some_and(|value| value.contains(toml))
        });
        if stands {
            let times = times(tally.count);
            let note = format!("Stands there as a comment: {name} = {toml}, asked for {times}");
            self.notes.push(note);
        }
        stands
    }

    /// What was seen of a block and is not granted.
    fn lacking(&self, block: Block) -> Vec<(&'_ String, &'_ Tally)> {
        let begin = format!("{}.", block.name());
        let found = self.seen.findings.iter();
        let found = found.filter(|(text, _)| text.starts_with(&begin));
        let lacks = |text: &str| {
            finding::parse(text).is_some_and(|read| {
                !lacking(self.policy, std::slice::from_ref(&read)).is_empty()
                    && key_of(&read.what).is_some()
            })
        };
        found.filter(|(text, _)| lacks(text)).collect()
    }

    /// Whether a block is needed that is not there, or does not grant all that was seen.
    fn lacks(&self, block: Block) -> bool {
        let of_block = |operation: &&Operation| Block::of(**operation) == Some(block);
        let mut operations = Operation::ALL.iter().filter(of_block);
        let has_any = operations.any(|operation| self.policy.has(*operation));
        let is_new = !has_any && !self.policy.blocks().has(block);
        let is_asked = is_new && !self.seen.of_block(block).is_empty();
        is_asked || !self.lacking(block).is_empty()
    }

    /// Adds a whole block as a comment.
    fn begin(&mut self, block: Block, text: &str) {
        let name = format!("[{}]", block.name());
        if self.source.contains(&format!("# {name}")) {
            let note = format!("Stands there as a comment: {name}, which may lack something now");
            return self.notes.push(note);
        }
        let lines = text.lines().map(|line| format!("# {line}\n"));
        self.blocks.push(lines.collect());
        self.held_back.push(name);
    }

    /// Adds a block as a comment that would take the place of the one of an extended policy.
    fn replace(
        &mut self,
        block: Block,
        reference: &str,
        library: &dyn Library,
    ) -> Result<(), Vec<Problem>> {
        let Some((from, mut item)) = inherited(reference, library, block)? else {
            return Ok(());
        };
        if let Some(table) = item.as_table_mut() {
            table.decor_mut().set_prefix("");
        }
        let mut document = DocumentMut::new();
        document.insert(block.name(), item);
        let mut draft = Merged {
            is_draft: true,
            ..Merged::of(self.seen, self.policy, "", document)
        };
        draft.widen(block);
        let (text, _) = draft.told();
        self.begin(
            block,
            &format!("# In the place of that of {from}.\n{}", text.trim()),
        );
        Ok(())
    }

    /// Adds to a block's keys what they lack, as comments.
    fn widen(&mut self, block: Block) {
        let lacking = self.lacking(block).into_iter();
        let lacking: Vec<_> = lacking
            .map(|(text, tally)| (text.clone(), tally.clone()))
            .collect();
        for (text, tally) in &lacking {
            self.add(block, text, tally);
        }
    }

    /// Adds one finding to its key as a comment.
    fn add(&mut self, block: Block, text: &str, tally: &Tally) {
        let Some((_, name, value)) = finding::parts(text) else {
            return;
        };
        let key = format!("{}.{name}", block.name());
        let toml = match form(&key) {
            Form::Commands if !value.starts_with('[') => {
                return self.not_added(text, &format!(", {WITHOUT_ARGUMENTS}"));
            }
            Form::Limits => return self.not_added(text, ", as limits are raised by hand"),
            Form::Variables => return self.not_added(text, ", as variables are added by hand"),
            Form::Flag => "true".to_owned(),
            Form::Commands | Form::List => {
                let Some(toml) = entry(&key, value) else {
                    let why = unwritable(text);
                    let why = why.unwrap_or_else(|| format!("Not added: {text}"));
                    return self.notes.push(why);
                };
                toml
            }
        };
        let mut entry = Entry::of_key(&key, toml, tally);
        entry.is_held_back |= !self.is_draft;
        let table = table_of(self.source, block);
        // Keys with points in them stand before all tables.
        let part = if table.is_empty() {
            before_tables(self.source)
        } else {
            table
        };
        if self.stands_in(part, (name, &entry.toml), tally) {
            return;
        }
        let item = self.document.get_mut(block.name());
        let list = item.and_then(|item| item.get_mut(name));
        if let Some(list) = list.and_then(Item::as_array_mut) {
            append(list, vec![Addition::Entry(entry.clone())]);
        } else if table.is_empty() && !self.source.is_empty() {
            return self.not_added(text, &format!(": write [{}] as a table", block.name()));
        } else {
            let mut below = self.below.iter_mut();
            match below.find(|(of, known, _)| *of == block && *known == name) {
                Some((_, _, entries)) => entries.push(entry.clone()),
                None => self
                    .below
                    .push((block, name.to_owned(), vec![entry.clone()])),
            }
        }
        self.held_back.push(format!("{key} = {}", entry.toml));
    }

    /// The file's text, and what is to be told of it.
    fn told(mut self) -> (String, Vec<String>) {
        let mut text = self.document.to_string();
        for (block, name, entries) in self.below.iter().rev() {
            text = below(&text, *block, &line(*block, name, entries));
        }
        for block in &self.blocks {
            let gap = if text.ends_with('\n') { "\n" } else { "\n\n" };
            text = format!("{text}{gap}# {WHOLE}\n{block}");
        }
        let added = self.added.iter().map(|what| format!("Added: {what}"));
        let held_back = self.held_back.iter();
        let held_back = held_back.map(|what| format!("Added as a comment: {what}"));
        self.notes.extend(added.chain(held_back));
        (text, self.notes)
    }
}

/// What stands above a block that is a comment.
const WHOLE: &str = "For the comments in allow: take the `# ` away from all of this block, or what they grant is not narrowed.";

/// A key with these entries, beside what holds without it; a comment where one of them is.
fn line(block: Block, name: &str, entries: &[Entry]) -> String {
    let key = format!("{}.{name}", block.name());
    let is_held_back = entries.iter().any(|entry| entry.is_held_back);
    let before = if is_held_back { "# " } else { "" };
    let comments: Vec<_> = entries.iter().map(|entry| &*entry.comment).collect();
    let comment = comments.join("; ");
    if form(&key) == Form::Flag {
        return format!("{before}{name} = true # {comment}");
    }
    let defaults = DEFAULTS.iter().find(|(of, _)| *of == key);
    let defaults = defaults.map_or(&[][..], |(_, values)| values);
    let values = defaults.iter().map(|value| format!("\"{value}\""));
    let values = values.chain(entries.iter().map(|entry| entry.toml.clone()));
    let values: Vec<_> = values.collect();
    format!("{before}{name} = [{}] # {comment}", values.join(", "))
}

/// The block as it stands in the first policy that is extended and has it, with that one's name.
fn inherited(
    reference: &str,
    library: &dyn Library,
    block: Block,
) -> Result<Option<(String, Item)>, Vec<Problem>> {
    let (file, source) = library.read(reference).map_err(|problem| vec![problem])?;
    let document = parse(&file, &source)?;
    if let Some(item) = document.get(block.name()) {
        return Ok(Some((file, item.clone())));
    }
    let parents = document.get("extends").and_then(Item::as_array);
    for parent in parents.into_iter().flatten().filter_map(Value::as_str) {
        if let Some(found) = inherited(parent, library, block)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
