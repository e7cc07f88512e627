//! Adding what was seen to a policy that is there: its comments stay, and nothing of it is taken away.
//!
//! The file is in force, or will be soon. Operations that are not control are added to `allow`, unless they were
//! refused whenever they were asked for; everything else is added as a comment, to be read before it grants
//! anything. So no block changes: what one of them says is also asked about the requests of operations that are
//! granted already.

use toml_edit::{Array, DocumentMut, Item, Table, Value};

use super::super::replay::{key_of, shortfall};
use super::keys::{DEFAULTS, Form, entry, form};
use super::lines::{Entry, lines};
use super::list::{Addition, append};
use super::source::Source;
use super::text::{
    CONTROL, REFUSED, WITHOUT_ARGUMENTS, lost, not_narrowed, of_operation, of_path, times,
    too_narrow, unwritable, write_block,
};
use super::varying::common;
use super::{Seen, Tally};
use crate::docker::json::quoted;
use crate::docker::{Effect, Operation};
use crate::policy::finding;
use crate::policy::requirement::Block;
use crate::policyfile::file::Policy;
use crate::policyfile::problem::{Library, Problem};

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
        } else if let Some((from, table)) = inherited(reference, library, block)? {
            // One of its own would take the place of that of the policy that it extends.
            merged.draft(
                block,
                table,
                &format!("# In the place of that of {from}.\n"),
            );
        } else if merged.has_any(block) {
            merged.draft(block, Table::new(), "");
        } else {
            let begin = format!("{}.", block.name());
            let of_it = without.iter().filter(|key| key.starts_with(&begin));
            merged.notes.extend(of_it.map(|key| not_narrowed(key)));
            let lines = lines(seen, block, &without);
            merged.begin(block, WHOLE, &write_block(block, &lines));
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
    source: Source<'a>,
    document: DocumentMut,
    /// What grants something now that was not granted before.
    added: Vec<String>,
    /// What stands there as a comment.
    held_back: Vec<String>,
    /// Keys that blocks do not have, to stand below their heads.
    below: Vec<(Block, String, Vec<Entry>)>,
    /// Whole blocks as comments, each with what is said of it.
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
            source: Source::of(source),
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
        let comments = self.source.comments_in(None, "allow");
        let mut additions = Vec::new();
        let heads = [None, Some(REFUSED), Some(CONTROL)];
        for (head, group) in heads.into_iter().zip(self.asked()) {
            let mut head = head.map(|head: &str| Addition::Head(head.to_owned()));
            for (entry, tally) in group {
                let name = entry.toml.trim_matches('"');
                if comments.iter().any(|comment| names(comment, name)) {
                    self.stands("allow", name, tally);
                    continue;
                }
                additions.extend(head.take());
                let name = name.to_owned();
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

    /// What `allow` lacks: what is plain, what was refused, and what is control.
    fn asked(&mut self) -> [Vec<(Entry, &'a Tally)>; 3] {
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
            if self.policy.denies_path(method, target) {
                self.not_added(path, ", which the policy denies");
            } else if !self.policy.has_path(method, target) {
                control.push((of_path(path, tally), tally));
            }
        }
        [plain, refused, control]
    }

    fn not_added(&mut self, what: &str, why: &str) {
        self.notes.push(format!("Not added: {what}{why}"));
    }

    /// An earlier merge, or the reader, has left something as a comment.
    fn stands(&mut self, key: &str, value: &str, tally: &Tally) {
        let times = times(tally.count);
        let note = format!("Stands there as a comment: {key} = {value}, asked for {times}");
        self.notes.push(note);
    }

    /// What was seen of a block and is not granted.
    fn shortfall(&self, block: Block) -> Vec<(&'_ String, &'_ Tally)> {
        let begin = format!("{}.", block.name());
        let found = self.seen.findings.iter();
        let found = found.filter(|(text, _)| text.starts_with(&begin));
        let lacks = |text: &str| {
            finding::parse(text).is_some_and(|read| {
                !shortfall(self.policy, std::slice::from_ref(&read)).is_empty()
                    && key_of(&read.what).is_some()
            })
        };
        found.filter(|(text, _)| lacks(text)).collect()
    }

    /// Whether an operation is granted that a block decides about.
    fn has_any(&self, block: Block) -> bool {
        let of_block = |operation: &&Operation| Block::of(**operation) == Some(block);
        let mut operations = Operation::ALL.iter().filter(of_block);
        operations.any(|operation| self.policy.has(*operation))
    }

    /// Whether a block is needed that is not there, or does not grant all that was seen.
    fn lacks(&self, block: Block) -> bool {
        let is_new = !self.has_any(block) && !self.policy.blocks().has(block);
        let is_asked = is_new && !self.seen.of_block(block).is_empty();
        is_asked || !self.shortfall(block).is_empty()
    }

    /// Adds a whole block as a comment.
    fn begin(&mut self, block: Block, head: &str, text: &str) {
        let name = format!("[{}]", block.name());
        if self.source.has_line(&name) {
            let note = format!("Stands there as a comment: {name}, which may lack something now");
            return self.notes.push(note);
        }
        let lines = text.lines().map(|line| format!("# {line}\n"));
        self.blocks
            .push(format!("# {head}\n{}", lines.collect::<String>()));
        self.held_back.push(name);
    }

    /// Adds a block as a comment, with what it lacks.
    fn draft(&mut self, block: Block, table: Table, note: &str) {
        let mut document = DocumentMut::new();
        document.insert(block.name(), Item::Table(table));
        let text = document.to_string();
        let mut draft = Merged {
            is_draft: true,
            ..Merged::of(self.seen, self.policy, &text, document)
        };
        draft.widen(block);
        let (text, notes) = draft.told();
        let notes = notes.into_iter();
        self.notes
            .extend(notes.filter(|note| !note.starts_with(ADDED)));
        self.begin(block, DRAFT, &format!("{note}{}", text.trim()));
    }

    /// Adds to a block's keys what they lack, as comments.
    fn widen(&mut self, block: Block) {
        let shortfall = self.shortfall(block).into_iter();
        let shortfall: Vec<_> = shortfall
            .map(|(text, tally)| (text.clone(), tally.clone()))
            .collect();
        for (text, tally) in &shortfall {
            self.add(block, text, tally);
        }
    }

    /// Adds one finding to its key as a comment.
    fn add(&mut self, block: Block, text: &str, tally: &Tally) {
        let Some((_, name, value)) = finding::parts(text) else {
            return;
        };
        let key = format!("{}.{name}", block.name());
        let toml = match written(&key, value, text) {
            Ok(toml) => toml,
            Err(note) => return self.notes.push(note),
        };
        let mut entry = Entry::of_key(&key, toml, tally);
        if let Some((pattern, old)) = self.generalised(block, name, value) {
            entry.toml = quoted(&pattern);
            entry.comment = format!("{}; instead of {}", entry.comment, quoted(&old));
            if self.held_back.contains(&format!("{key} = {}", entry.toml)) {
                return;
            }
        }
        let told = format!("{key} = {}", entry.toml);
        let item = self.document.get_mut(block.name());
        let table = item.and_then(Item::as_table_like_mut);
        let item = table.and_then(|table| table.get_mut(name));
        let has_list = item.as_ref().is_some_and(|item| item.is_array());
        let comments = if has_list {
            self.source.comments_in(Some(block), name)
        } else {
            self.source.comments_below(block)
        };
        let mut is_about = has_list;
        let stands = comments.iter().any(|comment| {
            // Of a key that is a comment as a whole the entries stand below it.
            let key = comment.split_once('=').map(|(key, _)| key.trim());
            let is_bare = |key: &&str| key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'));
            if let Some(key) = key.filter(|key| !has_list && is_bare(key)) {
                is_about = key == name;
            }
            is_about && comment.contains(&entry.toml)
        });
        if stands && !self.is_draft {
            return self.stands(&key, &entry.toml, tally);
        }
        match item {
            Some(Item::Value(Value::Array(list))) => {
                entry.is_held_back |= !self.is_draft;
                append(list, vec![Addition::Entry(entry)]);
            }
            Some(item) if self.is_draft && !entry.is_held_back => *item = Item::Value(true.into()),
            Some(_) => return self.not_added(text, &format!(": set {key} = true")),
            None if !self.source.has_head(block) => {
                return self.not_added(text, &format!(": write [{}] as a table", block.name()));
            }
            None => {
                let mut below = self.below.iter_mut();
                match below.find(|(of, known, _)| *of == block && *known == name) {
                    Some((_, _, entries)) => entries.push(entry),
                    None => self.below.push((block, name.to_owned(), vec![entry])),
                }
            }
        }
        self.held_back.push(told);
    }

    /// The pattern that a name and one of the file have in common, and that one.
    fn generalised(&self, block: Block, name: &str, value: &str) -> Option<(String, String)> {
        let key = format!("{}.{name}", block.name());
        let table = self.document.get(block.name())?.as_table_like()?;
        let mut list = table
            .get(name)?
            .as_array()?
            .iter()
            .filter_map(Value::as_str);
        list.find_map(|old| Some((common(&key, old, value)?, old.to_owned())))
    }

    /// A key with these entries, beside what holds without it.
    fn key_of(&self, block: Block, name: &str, entries: &[Entry]) -> String {
        let key = format!("{}.{name}", block.name());
        if form(&key) == Form::Flag {
            let comments: Vec<_> = entries.iter().map(|entry| &*entry.comment).collect();
            let is_held_back = self.is_draft && entries.iter().all(|entry| entry.is_held_back);
            let before = if is_held_back { "# " } else { "" };
            return format!("{before}{name} = true # {}", comments.join("; "));
        }
        let defaults = DEFAULTS.iter().find(|(of, _)| *of == key);
        let defaults = defaults.map_or(&[][..], |(_, values)| values);
        let mut list: Array = defaults.iter().copied().collect();
        let entries = entries.iter().cloned().map(Addition::Entry);
        append(&mut list, entries.collect());
        format!("{name} = {list}")
    }

    /// The file's text, and what is to be told of it.
    fn told(mut self) -> (String, Vec<String>) {
        let mut text = self.document.to_string();
        for (block, name, entries) in self.below.iter().rev() {
            let lines = self.key_of(*block, name, entries);
            let before = if self.is_draft { "" } else { "# " };
            let lines = lines.lines().map(|line| format!("{before}{line}\n"));
            text = Source::of(&text).with_below(*block, &lines.collect::<String>());
        }
        for block in &self.blocks {
            let gap = if text.ends_with('\n') { "\n" } else { "\n\n" };
            text = format!("{text}{gap}{block}");
        }
        let added = self.added.iter().map(|what| format!("{ADDED}: {what}"));
        let held_back = self.held_back.iter();
        let held_back = held_back.map(|what| format!("{ADDED} as a comment: {what}"));
        self.notes.extend(added.chain(held_back));
        (text, self.notes)
    }
}

const ADDED: &str = "Added";
/// What stands above a block that is a comment and narrows what comments in `allow` would grant.
const WHOLE: &str = "For the comments in allow: take the `# ` away from all of this block, or what they grant is not narrowed.";
/// What stands above a block that is a comment and widens what is granted already.
const DRAFT: &str =
    "Take the `# ` away from all of this block for what it grants more than what holds now.";

/// What is written for a value, or why nothing can be.
fn written(key: &str, value: &str, finding: &str) -> Result<String, String> {
    let why = match form(key) {
        Form::Flag => return Ok("true".to_owned()),
        Form::Commands if !value.starts_with('[') => WITHOUT_ARGUMENTS,
        Form::Limits => "as limits are raised by hand",
        Form::Variables => "as variables are added by hand",
        Form::Commands | Form::List => {
            let note = || unwritable(finding).unwrap_or_else(|| format!("Not added: {finding}"));
            return entry(key, value).ok_or_else(note);
        }
    };
    Err(format!("Not added: {finding}, {why}"))
}

/// Whether an operation or a path stands in a comment as an entry: in whatever quotes, or first. What is said of
/// another one may name it too.
fn names(comment: &str, name: &str) -> bool {
    let quoted = ["\"", "'"].map(|quote| [quote, name, quote].concat());
    let is_quoted = quoted.iter().any(|quoted| comment.contains(quoted));
    let rest = comment.trim_start().strip_prefix(name);
    is_quoted || rest.is_some_and(|rest| !rest.starts_with(|it: char| it.is_ascii_alphanumeric()))
}

/// The block as it stands in the first policy that is extended and has it, with that one's name.
fn inherited(
    reference: &str,
    library: &dyn Library,
    block: Block,
) -> Result<Option<(String, Table)>, Vec<Problem>> {
    let (file, source) = library.read(reference).map_err(|problem| vec![problem])?;
    let document = parse(&file, &source)?;
    if let Some(Ok(mut table)) = document.get(block.name()).cloned().map(Item::into_table) {
        // However it is written there.
        table.set_dotted(false);
        table.set_implicit(false);
        table.decor_mut().set_prefix("");
        return Ok(Some((file, table)));
    }
    let parents = document.get("extends").and_then(Item::as_array);
    for parent in parents.into_iter().flatten().filter_map(Value::as_str) {
        if let Some(found) = inherited(parent, library, block)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
