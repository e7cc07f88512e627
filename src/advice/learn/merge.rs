//! Writes a policy that extends an existing one with what that one lacks.
//!
//! The new policy replaces the old one: it allows and denies the same, and has the same mark, so that what was created
//! before stays `@own`. Operations that are not control are added to `allow`, unless they were always denied or are a
//! comment in the old file. Everything else is added as a comment, to be read before it allows anything. So no block
//! changes, because a changed block would also apply to operations that are already allowed. A block that lacks
//! something is repeated whole, because it replaces the old one's.

use std::collections::BTreeMap;
use std::fmt::Write;

use toml::{Table, Value};

use super::allow::{Allow, of_operation};
use super::block::{lines, write_block};
use super::proposal::{Proposal, entry, list};
use super::seen::{Frequency, Seen};
use super::text::{WITHOUT_ARGUMENTS, lost, not_narrowed, too_narrow, unwritable};
use super::varying::common;
use crate::advice::replay::shortfall;
use crate::docker::json::{printable, quoted};
use crate::docker::{Block, Call, Operation};
use crate::policy::finding;
use crate::policy::keys::Key;
use crate::policy::value::Shape;
use crate::policyfile::{Library, Policy, Problem, mark};

impl Seen {
    /// A policy file that extends another one so that it allows what was recorded, and notes about it.
    pub(crate) fn merged(
        &self,
        reference: &str,
        library: &dyn Library,
    ) -> Result<(String, Vec<String>), Vec<Problem>> {
        let policy = Policy::load(reference, library)?;
        let (file, source) = library.read(reference).map_err(|problem| vec![problem])?;
        if source.trim().is_empty() {
            let empty = "is empty: the shell empties the target of `>` before dockgate can read it, so write to \
                         another file";
            return Err(vec![Problem::of_file(&file, empty)]);
        }
        let mut merge = Merge {
            seen: self,
            policy: &policy,
            notes: lost(self),
            added: Vec::new(),
        };
        let mut text = merge.head();
        merge.allow(&source).write(&mut text);
        let mut blocks = String::new();
        for block in Block::ALL.iter().copied() {
            if merge.lacks(block) {
                blocks.push_str(&merge.block(block, library)?);
            }
        }
        for note in &merge.notes {
            _ = writeln!(text, "# {}", printable(note));
        }
        let notes = merge.notes.into_iter().chain(merge.added);
        Ok((text + &blocks, notes.collect()))
    }
}

struct Merge<'a> {
    seen: &'a Seen,
    policy: &'a Policy,
    /// What is not added, and why.
    notes: Vec<String>,
    /// What is added.
    added: Vec<String>,
}

impl<'a> Merge<'a> {
    /// The keys before `allow`.
    fn head(&mut self) -> String {
        let (name, mark) = (&self.policy.name, &self.policy.mark);
        let shown = printable(name);
        let mut text = String::from("# Load this policy instead of the one that it extends.\n");
        if !self.policy.description.is_empty() {
            _ = writeln!(text, "description = {}", quoted(&self.policy.description));
        }
        _ = writeln!(text, "extends = [{}]", quoted(name));
        if mark::is_valid(mark) {
            _ = writeln!(
                text,
                "mark = {} # keeps what was created through {shown} as @own",
                quoted(mark)
            );
        } else {
            let note = format!(
                "{} is not a valid mark: what was created through {name} stays @own only if this file gets the same \
                 name",
                quoted(mark)
            );
            self.notes.push(note);
        }
        if self.policy.is_observed {
            text.push_str("observe = true\n");
            self.notes.push(format!(
                "observe = true is now in this file: remove it from {name}, because a policy with it \
                                     cannot be extended"
            ));
        }
        text
    }

    /// What `allow` of the old policy lacks.
    fn allow(&mut self, source: &str) -> Allow {
        let mut allow = Allow::default();
        let all = Operation::ALL.iter().copied();
        for operation in all.filter(|it| !self.policy.has(*it)) {
            let Some(count) = self.seen.operations.get(&operation) else {
                continue;
            };
            if self.policy.denies(operation) {
                self.denied(&operation.to_string());
                continue;
            }
            let mut entry = of_operation(operation, count, |_| false);
            entry.is_held_back |= count.is_refused() || is_left_out(source, &entry.toml);
            allow.add(operation, entry);
        }
        for (path, count) in &self.seen.paths {
            match sample(path) {
                Some(call) if self.policy.denied_by(&call).is_some() => self.denied(path),
                Some(call) if self.policy.grants(&call) => {}
                Some(_) | None => allow.add_path(path, count),
            }
        }
        for entry in allow.entries() {
            let what = entry.toml.trim_matches('"');
            self.added.push(added(what, entry.is_held_back));
        }
        allow
    }

    /// An entry of `allow` in the new policy would win over `deny` in the old one, so it is not added.
    fn denied(&mut self, what: &str) {
        let note = format!("Not added: {what}, which {} denies", self.policy.name);
        self.notes.push(note);
    }

    /// The recorded findings of a block that the policy does not allow.
    fn shortfall(&self, block: Block) -> Vec<(&'a String, &'a Frequency)> {
        let lacks = |text: &str| {
            let of_block = finding::parts(text).filter(|(key, _)| key.block() == block);
            let read = of_block.and_then(|_| finding::parse(text));
            read.is_some_and(|read| !shortfall(self.policy, &[read]).is_empty())
        };
        let found = self.seen.findings.iter();
        found.filter(|(text, _)| lacks(text)).collect()
    }

    /// Whether the policy allows an operation that a block decides about.
    fn has_any(&self, block: Block) -> bool {
        let of_block = |operation: &&Operation| operation.spec().judged.block == Some(block);
        let mut operations = Operation::ALL.iter().filter(of_block);
        operations.any(|operation| self.policy.has(*operation))
    }

    /// Whether a block is needed: it does not exist, or does not allow everything that was recorded.
    fn lacks(&self, block: Block) -> bool {
        let is_new = !self.has_any(block) && !self.policy.blocks.has(block);
        let is_asked = is_new && !self.seen.of_block(block).is_empty();
        is_asked || !self.shortfall(block).is_empty()
    }

    /// A block that lacks something, repeated with that as comments; or a new block as a comment. Empty if what is
    /// lacking cannot be written.
    fn block(&mut self, block: Block, library: &dyn Library) -> Result<String, Vec<Problem>> {
        if let Some(holder) = self.policy.holder(block) {
            let read = library.read(&holder.name);
            let (_, source) = read.map_err(|problem| vec![problem])?;
            let file: Table = source.parse().unwrap_or_default();
            let table = file.get(block.name()).and_then(Value::as_table);
            let table = table.cloned().unwrap_or_default();
            let text = self.widened(block, &table, true);
            let name = printable(&holder.name);
            return Ok(text.map_or_else(String::new, |text| {
                format!("\n# The whole block, because it replaces that of {name}.\n{text}")
            }));
        }
        let (head, text) = if self.has_any(block) {
            let text = self.widened(block, &Table::new(), false);
            (DRAFT, text.unwrap_or_default())
        } else {
            let without = too_narrow(self.seen);
            let begin = format!("{}.", block.name());
            let of_it = without.iter().filter(|key| key.starts_with(&begin));
            self.notes.extend(of_it.map(|key| not_narrowed(key)));
            let lines = lines(self.seen, block, &without);
            (WHOLE, write_block(block, &lines))
        };
        if text.is_empty() {
            return Ok(text);
        }
        self.added.push(added(&format!("[{}]", block.name()), true));
        Ok(format!("\n# {head}\n{}", as_comment(&text)))
    }

    /// A block with what it lacks, as comments if the block is in force; `None` if nothing of that can be written.
    fn widened(&mut self, block: Block, table: &Table, is_in_force: bool) -> Option<String> {
        let mut proposed = self.proposed(block, table, is_in_force);
        if proposed.is_empty() {
            return None;
        }
        let mut text = format!("[{}]\n", block.name());
        for (name, value) in table {
            let Some((values, proposals)) = value.as_array().zip(proposed.remove(name)) else {
                _ = writeln!(text, "{name} = {value}");
                continue;
            };
            let values = values.iter().map(|value| format!("    {value},\n"));
            text.push_str(&list(name, &values.collect::<String>(), &proposals));
        }
        for (name, proposals) in &proposed {
            let key = Key::of(&format!("{}.{name}", block.name()));
            let key = new_key(key, name, proposals);
            let is_draft = !is_in_force || key.starts_with('#');
            text.push_str(&if is_draft { key } else { as_comment(&key) });
        }
        Some(text)
    }

    /// What a block lacks, by key.
    fn proposed(
        &mut self,
        block: Block,
        table: &Table,
        is_in_force: bool,
    ) -> BTreeMap<String, Vec<Proposal>> {
        let mut proposed: BTreeMap<String, Vec<Proposal>> = BTreeMap::new();
        for (text, count) in self.shortfall(block) {
            let Some((key, value)) = finding::parts(text) else {
                continue;
            };
            let name = key.in_block();
            let mut proposal = match written(key, value, text) {
                Ok(toml) => Proposal::of_key(key, toml, count),
                Err(note) => {
                    self.notes.push(note);
                    continue;
                }
            };
            let there = table.get(name);
            let list = there.and_then(Value::as_array);
            if there.is_some() && list.is_none() {
                let note = format!("Not added: {text}: set {} = true", key.name());
                self.notes.push(note);
                continue;
            }
            let mut names = list.into_iter().flatten().filter_map(Value::as_str);
            let common = names.find_map(|old| Some((common(key, old, value)?, old)));
            if let Some((pattern, old)) = common {
                proposal.toml = quoted(&pattern);
                proposal.comment = format!("{}; instead of {}", proposal.comment, quoted(old));
            }
            proposal.is_held_back |= is_in_force && list.is_some();
            let proposals = proposed.entry(name.to_owned()).or_default();
            if proposals.iter().all(|known| known.toml != proposal.toml) {
                if is_in_force {
                    let line = format!("{} = {}", key.name(), proposal.toml);
                    self.added.push(added(&line, true));
                }
                proposals.push(proposal);
            }
        }
        proposed
    }
}

/// The head of a commented block that limits what comments in `allow` would allow.
const WHOLE: &str = "If you allow operations above, delete the `# ` before all lines of this block, or they are \
                     allowed without these limits.";
/// The head of a commented block that allows more for operations that are already allowed.
const DRAFT: &str =
    "To allow more than the defaults, delete the `# ` before all lines of this block.";

/// A request that an entry for a path matches.
fn sample(path: &str) -> Option<Call> {
    let (method, target) = path.split_once(' ')?;
    Call::parse(method, &target.replace("{}", "x"))
}

fn added(what: &str, is_held_back: bool) -> String {
    let how = if is_held_back { " as a comment" } else { "" };
    format!("Added{how}: {what}")
}

/// Whether an entry is a comment in a file. Then the author did not want to allow it.
fn is_left_out(source: &str, entry: &str) -> bool {
    let lines = source.lines().map(str::trim_start);
    let mut comments = lines.filter_map(|line| line.strip_prefix('#'));
    comments.any(|comment| comment.trim_start().replace('\'', "\"").starts_with(entry))
}

fn as_comment(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("# {line}")).collect();
    lines.join("\n") + "\n"
}

/// A key that a block does not have, with its default.
fn new_key(key: Option<Key>, name: &str, proposals: &[Proposal]) -> String {
    if key.is_some_and(|key| key.shape() == Shape::Flag) {
        let comments: Vec<_> = proposals.iter().map(|it| &*it.comment).collect();
        let flag = Proposal {
            toml: "true".to_owned(),
            comment: comments.join("; "),
            is_held_back: proposals.iter().all(|it| it.is_held_back),
        };
        return flag.line(name);
    }
    let defaults = key.map(Key::defaults).into_iter().flatten();
    let defaults = defaults.map(|value| format!("    {},\n", quoted(&value)));
    list(name, &defaults.collect::<String>(), proposals)
}

/// What to write for a value, or why that is not possible.
fn written(key: Key, value: &str, finding: &str) -> Result<String, String> {
    let why = match key.shape() {
        Shape::Flag => return Ok("true".to_owned()),
        Shape::Argv if !value.starts_with('[') => WITHOUT_ARGUMENTS,
        Shape::Limits => "because you must raise limits yourself",
        Shape::Variable => "because you must add variables yourself",
        Shape::Argv
        | Shape::Bind
        | Shape::Label
        | Shape::Pair
        | Shape::Port
        | Shape::Project
        | Shape::Text => {
            let note = || unwritable(finding).unwrap_or_else(|| format!("Not added: {finding}"));
            return entry(key, value).ok_or_else(note);
        }
    };
    Err(format!("Not added: {finding}, {why}"))
}
