//! A policy: what a file and those that it extends make.
//!
//! The text comes from a [`Library`], so that this module reads no file itself.

use std::collections::HashMap;
use std::sync::Arc;

use super::example::Example;
use super::grants::Grants;
use super::lines::Lines;
use super::mark;
use super::problem::{Library, Problem};
use super::reader::Reader;
use crate::docker::Block;
use crate::docker::{Call, Operation, Target, classify};
use crate::policy::keys::Blocks;

/// A named set of grants.
#[derive(Clone, Debug)]
pub struct Policy {
    name: Arc<str>,
    /// The file that it was read from, whichever way its path was written; none for what the settings make.
    file: Option<String>,
    mark: String,
    description: String,
    parents: Vec<Policy>,
    allow: Grants,
    deny: Grants,
    blocks: Blocks,
    /// Whether bodies pass as they are, as with the variables of other images.
    passes_bodies: bool,
    /// Whether what it refuses is sent all the same, to be learned from.
    is_observed: bool,
    examples: Vec<Example>,
    /// Where its lists and blocks stand in its file.
    lines: Lines,
    /// What to do for an operation to be granted, where that is no entry of `allow`.
    ways: HashMap<Operation, String>,
    /// The same for paths outside of the table.
    way_to_paths: Option<&'static str>,
}

impl Policy {
    /// Reads a policy and those that it extends.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them.
    pub fn load(reference: &str, library: &dyn Library) -> Result<Self, Vec<Problem>> {
        load(reference, library, &mut Vec::new())
    }

    /// A policy of these grants and nothing else.
    #[must_use]
    pub fn of(name: &str, allow: Grants) -> Self {
        Self {
            name: name.into(),
            file: None,
            mark: mark::default(name).to_owned(),
            description: String::new(),
            parents: Vec::new(),
            allow,
            deny: Grants::default(),
            blocks: Blocks::default(),
            passes_bodies: false,
            is_observed: false,
            examples: Vec::new(),
            lines: Lines::default(),
            ways: HashMap::new(),
            way_to_paths: None,
        }
    }

    /// A policy that image-swap variables make: what they open, what stays shut within that, and
    /// what to set for each operation that is not open and for paths outside of the table.
    #[must_use]
    pub fn of_environment(
        name: &str,
        (allow, deny): (Grants, Grants),
        ways: HashMap<Operation, String>,
        way_to_paths: &'static str,
    ) -> Self {
        Self {
            deny,
            passes_bodies: true,
            ways,
            way_to_paths: Some(way_to_paths),
            ..Self::of(name, allow)
        }
    }

    /// The name it was asked for by.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What the label `dockgate.policy` of all that is made through it says.
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// The file that it was read from, or the name of a shipped policy; none for what the settings make.
    pub(crate) fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// What its own `allow` grants.
    #[must_use]
    pub fn allowed(&self) -> &Grants {
        &self.allow
    }

    /// What its own `deny` keeps from being granted.
    #[must_use]
    pub fn denied(&self) -> &Grants {
        &self.deny
    }

    /// Where its lists and blocks stand in its file.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The policies that it extends.
    #[must_use]
    pub fn parents(&self) -> &[Policy] {
        &self.parents
    }

    /// What it is for, in a sentence.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The tests that travel with it.
    #[must_use]
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// What to do for an operation to be granted, where that is no entry of `allow`.
    #[must_use]
    pub fn way_to(&self, operation: Operation) -> Option<&str> {
        self.ways.get(&operation).map(String::as_str)
    }

    /// What to do for a path outside of the table to be granted, where that is no entry of `allow`.
    #[must_use]
    pub fn way_to_paths(&self) -> Option<&'static str> {
        self.way_to_paths
    }

    /// Whether it grants a call. Its `deny` wins over its own grants and its parents'.
    #[must_use]
    pub fn grants(&self, call: &Call) -> bool {
        let granted =
            || self.allow.covers(call) || self.parents.iter().any(|parent| parent.grants(call));
        !self.deny.covers(call) && granted()
    }

    /// Whether it grants an operation.
    #[must_use]
    pub fn has(&self, operation: Operation) -> bool {
        let granted =
            || self.allow.has(operation) || self.parents.iter().any(|parent| parent.has(operation));
        !self.deny.has(operation) && granted()
    }

    /// Whether its own `deny`, or that of a policy that it extends, names an operation.
    #[must_use]
    pub fn denies(&self, operation: Operation) -> bool {
        self.deny.has(operation) || self.parents.iter().any(|parent| parent.denies(operation))
    }

    /// Whether it, or a policy that it extends, has a raw path as an entry covers it.
    #[must_use]
    pub fn has_path(&self, method: &str, path: &str) -> bool {
        sample(method, path).is_some_and(|call| self.grants(&call))
    }

    /// Whether its own `deny`, or that of a policy that it extends, covers a raw path.
    #[must_use]
    pub fn denies_path(&self, method: &str, path: &str) -> bool {
        sample(method, path).is_some_and(|call| self.denied_by(&call).is_some())
    }

    /// What of its operations it grants.
    #[must_use]
    pub(crate) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Whether what it refuses is sent all the same, to be learned from.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.is_observed
    }

    /// Whether what an operation of this block asks for is judged.
    #[must_use]
    pub fn judges(&self, block: Block) -> bool {
        !self.passes_bodies && !self.blocks.is_lifted(block)
    }

    /// Whether bodies pass as they are.
    #[must_use]
    pub fn passes_bodies(&self) -> bool {
        self.passes_bodies
    }

    /// Whether it grants raw paths, whose bodies nobody can judge.
    #[must_use]
    pub fn has_raw_paths(&self) -> bool {
        self.allow.has_raw_paths() || self.parents.iter().any(Self::has_raw_paths)
    }

    /// Whether any raw path that it grants can change something.
    #[must_use]
    pub fn changes_by_raw_paths(&self) -> bool {
        self.allow.changes_by_raw_paths() || self.parents.iter().any(Self::changes_by_raw_paths)
    }
}

/// A request that a raw path stands for, whatever its placeholders.
fn sample(method: &str, path: &str) -> Option<Call> {
    let path = path.replace("{}", "x");
    let target = Target::parse(&path).ok()?;
    classify(method, target).ok()
}

/// The keys of a policy file, but for those of its blocks.
pub(crate) const KEYS: &[&str] = &[
    "allow",
    "deny",
    "description",
    "example",
    "extends",
    "mark",
    "observe",
];

impl Policy {
    /// Takes over a policy that this one, of this file, extends.
    fn extend(
        &mut self,
        name: &str,
        file: &str,
        parent: Result<Self, Vec<Problem>>,
    ) -> Result<(), Vec<Problem>> {
        let parent = parent.map_err(|problems| {
            let of_child = |problem: Problem| {
                // What cannot be found at all is a problem of the file that names it.
                let is_missing = problem.file == name && problem.key.is_none();
                let message = || format!("\"{name}\": {}", problem.message);
                if is_missing {
                    Problem::of_key(file, "extends", message())
                } else {
                    problem
                }
            };
            problems.into_iter().map(of_child).collect::<Vec<_>>()
        })?;
        if parent.is_observed {
            let message = format!(
                "\"{name}\" has observe = true, which is for one listener's own policy: take it out there"
            );
            return Err(vec![Problem::of_key(file, "extends", message)]);
        }
        self.blocks.inherit(&parent.blocks);
        self.parents.push(parent);
        Ok(())
    }
}

fn load(
    reference: &str,
    library: &dyn Library,
    path: &mut Vec<String>,
) -> Result<Policy, Vec<Problem>> {
    let (file, text) = library.read(reference).map_err(|problem| vec![problem])?;
    if path.contains(&file) {
        let way = path.join(" extends ");
        return Err(vec![Problem::of_key(
            &file,
            "extends",
            format!("{way} extends {file}: break the circle"),
        )]);
    }
    path.push(file.clone());
    let mut reader = Reader::of(&file);
    let table = reader.table(&text);
    let known = [KEYS, Blocks::KEYS].concat();
    reader.known_keys(&table, &known, "");
    let lines = Lines::of(&text);
    let mut policy = Policy::of(reference, reader.grants(&table, "allow", &lines));
    policy.deny = reader.grants(&table, "deny", &lines);
    policy.file = Some(library.file(reference));
    policy.description = reader.text(&table, "description").unwrap_or_default();
    if let Some(mark) = reader.mark(&table) {
        policy.mark = mark;
    }
    policy.blocks = Blocks::read(&table, &mut |key, message| reader.wrong(key, message));
    policy.is_observed = reader.flag(&table, "observe");
    policy.examples = reader.examples(&table);
    policy.lines = lines;
    let parents = reader.strings(&table, "extends");
    let mut problems = reader.problems;
    for parent in parents {
        if let Err(more) = policy.extend(&parent, &file, load(&parent, library, path)) {
            problems.extend(more);
        }
    }
    path.pop();
    if problems.is_empty() {
        Ok(policy)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
pub(crate) mod tests;
