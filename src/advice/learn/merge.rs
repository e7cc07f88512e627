//! A policy that extends one that is there, with what that one lacks.
//!
//! The old one is in force, or was, and the new one takes its place: it grants what the old one grants, denies what
//! that denies, and has its mark, so that what was made before stays `@own`. Operations that are not control are
//! added to `allow`, unless they were refused whenever they were asked for or are a comment in the old file;
//! everything else is added as a comment, to be read before it grants anything. So no block changes: what one of
//! them says is also asked about the requests of operations that are granted already. A block that lacks something
//! is repeated whole, as it takes the place of the old one's.

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
    /// A policy file that extends another one with what it lacks to grant this, and what is to be told of it.
    pub(crate) fn merged(
        &self,
        reference: &str,
        library: &dyn Library,
    ) -> Result<(String, Vec<String>), Vec<Problem>> {
        let policy = Policy::load(reference, library)?;
        let (file, source) = library.read(reference).map_err(|problem| vec![problem])?;
        if source.trim().is_empty() {
            let empty = "is empty: a shell empties the file that > names before anything is read, so write to another one";
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
    /// The one that is extended.
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
        let mut text = String::from("# Extends the policy that it is to be loaded instead of.\n");
        if !self.policy.description.is_empty() {
            _ = writeln!(text, "description = {}", quoted(&self.policy.description));
        }
        _ = writeln!(text, "extends = [{}]", quoted(name));
        if mark::is_valid(mark) {
            _ = writeln!(
                text,
                "mark = {} # what was made through {shown} stays @own",
                quoted(mark)
            );
        } else {
            let note = format!(
                "No mark can be {}: what was made through {name} is @own only to a file of its name",
                quoted(mark)
            );
            self.notes.push(note);
        }
        if self.policy.is_observed {
            text.push_str("observe = true\n");
            self.notes.push(format!("observe = true stands here now: take it out of {name}, which cannot be extended with it"));
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

    /// Extending a policy, an entry of `allow` would win over its `deny`.
    fn denied(&mut self, what: &str) {
        let note = format!("Not added: {what}, which {} denies", self.policy.name);
        self.notes.push(note);
    }

    /// What was seen of a block and is not granted.
    fn shortfall(&self, block: Block) -> Vec<(&'a String, &'a Frequency)> {
        let lacks = |text: &str| {
            let of_block = finding::parts(text).filter(|(key, _)| key.block() == block);
            let read = of_block.and_then(|_| finding::parse(text));
            read.is_some_and(|read| !shortfall(self.policy, &[read]).is_empty())
        };
        let found = self.seen.findings.iter();
        found.filter(|(text, _)| lacks(text)).collect()
    }

    /// Whether an operation is granted that a block decides about.
    fn has_any(&self, block: Block) -> bool {
        let of_block = |operation: &&Operation| operation.spec().judged.block == Some(block);
        let mut operations = Operation::ALL.iter().filter(of_block);
        operations.any(|operation| self.policy.has(*operation))
    }

    /// Whether a block is needed that is not there, or does not grant all that was seen.
    fn lacks(&self, block: Block) -> bool {
        let is_new = !self.has_any(block) && !self.policy.blocks.has(block);
        let is_asked = is_new && !self.seen.of_block(block).is_empty();
        is_asked || !self.shortfall(block).is_empty()
    }

    /// A block that lacks something: repeated with that as comments, or a new one as a comment; nothing where what it
    /// lacks cannot be written.
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
                format!("\n# The whole block, as it takes the place of that of {name}.\n{text}")
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

    /// A block with what it lacks, as comments where it is in force; none where nothing of that can be written.
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

/// What stands above a block that is a comment and narrows what comments in `allow` would grant.
const WHOLE: &str = "For the comments in allow: take the `# ` away from all of this block, or what they grant is not narrowed.";
/// What stands above a block that is a comment and widens what is granted already.
const DRAFT: &str =
    "Take the `# ` away from all of this block for what it grants more than what holds now.";

/// A request that an entry for a path stands for.
fn sample(path: &str) -> Option<Call> {
    let (method, target) = path.split_once(' ')?;
    Call::parse(method, &target.replace("{}", "x"))
}

fn added(what: &str, is_held_back: bool) -> String {
    let how = if is_held_back { " as a comment" } else { "" };
    format!("Added{how}: {what}")
}

/// Whether an entry is a comment in a file: whoever wrote that does not want it granted.
fn is_left_out(source: &str, entry: &str) -> bool {
    let lines = source.lines().map(str::trim_start);
    let mut comments = lines.filter_map(|line| line.strip_prefix('#'));
    comments.any(|comment| comment.trim_start().replace('\'', "\"").starts_with(entry))
}

fn as_comment(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("# {line}")).collect();
    lines.join("\n") + "\n"
}

/// A key that a block does not have, beside what holds without it.
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

/// What is written for a value, or why nothing can be.
fn written(key: Key, value: &str, finding: &str) -> Result<String, String> {
    let why = match key.shape() {
        Shape::Flag => return Ok("true".to_owned()),
        Shape::Argv if !value.starts_with('[') => WITHOUT_ARGUMENTS,
        Shape::Limits => "as limits are raised by hand",
        Shape::Variable => "as variables are added by hand",
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
