//! A policy, read from a file and the policies that it extends.
//!
//! The text comes from a [`Library`], so that this module reads no file itself.

use std::collections::HashMap;
use std::iter;
use std::sync::Arc;

use super::example::Example;
use super::grants::Grants;
use super::lines::Lines;
use super::mark;
use super::problem::{Library, Problem};
use super::reader::Reader;
use super::scope::lifts_scope;
use crate::digest::sha256;
use crate::docker::{Block, Call, Operation};
use crate::policy::keys::Blocks;
use crate::policy::owner::Owner;
use crate::policy::redact::Redaction;
use crate::policy::scope::{Scope, Scoped};

/// A policy.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The name or path that it was loaded with.
    pub name: Arc<str>,
    /// The file that it was read from, however its path was written, or the name of a built-in policy. `None` if the
    /// settings themselves are the policy.
    pub(crate) file: Option<String>,
    /// The value of the label `dockgate.policy` on everything that is created through it.
    pub(crate) mark: String,
    /// The client that uses it; empty for everybody else, `None` if there are no clients.
    pub(crate) client: Option<Arc<str>>,
    /// What it is for, in one sentence.
    pub description: String,
    /// The policies that it extends.
    pub(crate) parents: Vec<Policy>,
    pub(crate) allow: Grants,
    pub(crate) deny: Grants,
    pub(crate) blocks: Blocks,
    /// Which objects exist for its clients; all of them without.
    pub(crate) scope: Option<Arc<Scope>>,
    /// What replies hide, if anything. It is never empty.
    pub(crate) redact: Option<Arc<Redaction>>,
    /// Whether bodies pass unchecked, as with the variables of other images.
    pub(crate) passes_bodies: bool,
    /// Whether it asks for observe mode: denied requests are forwarded too.
    pub(crate) is_observed: bool,
    /// The tests in its file.
    pub(crate) examples: Vec<Example>,
    /// The lines of its lists and blocks.
    pub(crate) lines: Lines,
    /// The text of its file; empty if the settings themselves are the policy.
    pub(crate) text: Arc<str>,
    /// How to allow an operation, if that is not an entry of `allow`.
    pub(crate) ways: HashMap<Operation, String>,
    /// The same for paths outside the table.
    pub(crate) way_to_paths: Option<&'static str>,
}

impl Policy {
    /// Reads a policy and those that it extends.
    ///
    /// # Errors
    ///
    /// All problems in any of them.
    pub fn load(reference: &str, library: &dyn Library) -> Result<Self, Vec<Problem>> {
        load(reference, library, &mut Vec::new())
    }

    /// A policy that only has this `allow`.
    pub(crate) fn of(name: &str, allow: Grants) -> Self {
        Self {
            name: name.into(),
            mark: mark::default(name).to_owned(),
            allow,
            ..Self::default()
        }
    }

    /// The SHA-256 of its file, followed by the files that it extends, in their order. A policy of the settings has that
    /// of what it allows.
    pub(crate) fn sha256(&self) -> String {
        if self.file.is_none() {
            let operations = Operation::ALL
                .iter()
                .filter(|operation| self.has(**operation));
            let operations = operations.map(ToString::to_string);
            let (allowed, denied) = self.raw_paths();
            let names: Vec<_> = operations.chain(allowed).chain(denied).collect();
            return sha256([&*names.join("\n")]);
        }
        sha256(self.texts())
    }

    fn texts(&self) -> Vec<&str> {
        let parents = self.parents.iter().flat_map(Self::texts);
        iter::once(&*self.text).chain(parents).collect()
    }

    /// Who owns what is created through it.
    pub(crate) fn owner(&self) -> Owner<'_> {
        Owner {
            mark: &self.mark,
            client: self.client.as_deref(),
        }
    }

    /// Its scope, with the owner of the objects in it.
    pub(crate) fn scoped(&self) -> Option<Scoped<'_>> {
        let owner = self.owner();
        let scope = self.scope.as_ref()?;
        Some(Scoped { scope, owner })
    }

    /// Also hides this.
    pub(crate) fn redacting(&mut self, more: Option<&Redaction>) {
        let Some(more) = more.filter(|more| !more.is_empty()) else {
            return;
        };
        let mut redaction = self.redact.as_deref().cloned().unwrap_or_default();
        redaction.add(more);
        self.redact = Some(Arc::new(redaction));
    }

    /// Whether it allows the operation or path of a call. Its `deny` wins over its own `allow` and its parents'.
    pub(crate) fn grants(&self, call: &Call) -> bool {
        let granted =
            || self.allow.covers(call) || self.parents.iter().any(|parent| parent.grants(call));
        !self.deny.covers(call) && granted()
    }

    /// Whether it allows an operation.
    #[must_use]
    pub fn has(&self, operation: Operation) -> bool {
        let granted =
            || self.allow.has(operation) || self.parents.iter().any(|parent| parent.has(operation));
        !self.deny.has(operation) && granted()
    }

    /// Whether its `deny`, or that of a policy that it extends, contains an operation.
    pub(crate) fn denies(&self, operation: Operation) -> bool {
        self.deny.has(operation) || self.parents.iter().any(|parent| parent.denies(operation))
    }

    /// Whether the policy checks what operations of this block ask for.
    pub(crate) fn judges(&self, block: Block) -> bool {
        !self.passes_bodies && !self.blocks.is_lifted(block)
    }

    /// Whether it allows raw paths, whose bodies cannot be checked.
    pub(crate) fn has_raw_paths(&self) -> bool {
        self.allow.has_raw_paths() || self.parents.iter().any(Self::has_raw_paths)
    }

    /// The raw paths that it allows, and those that it denies.
    pub(crate) fn raw_paths(&self) -> (Vec<String>, Vec<String>) {
        let (mut allowed, mut denied) = (self.allow.raw_paths(), self.deny.raw_paths());
        for (more, less) in self.parents.iter().map(Self::raw_paths) {
            allowed.extend(more);
            denied.extend(less);
        }
        (allowed, denied)
    }

    /// Whether it allows a raw path that can change something.
    pub(crate) fn changes_by_raw_paths(&self) -> bool {
        self.allow.changes_by_raw_paths() || self.parents.iter().any(Self::changes_by_raw_paths)
    }
}

/// The keys of a policy file, except its blocks.
pub(crate) const KEYS: &[&str] = &[
    "allow",
    "deny",
    "description",
    "example",
    "extends",
    "mark",
    "observe",
    "redact",
    "scope",
];

/// Adds a parent to a policy.
fn extend(
    policy: &mut Policy,
    name: &str,
    parent: Result<Policy, Vec<Problem>>,
    reader: &mut Reader<'_>,
) {
    match parent {
        Ok(parent) if parent.is_observed => {
            let message = format!(
                "\"{name}\" has observe = true, and a policy with it cannot be extended: remove it there"
            );
            reader.wrong("extends", message);
        }
        Ok(parent) => {
            policy.blocks.inherit(&parent.blocks);
            policy.scope = policy.scope.take().or_else(|| parent.scope.clone());
            policy.parents.push(parent);
        }
        Err(problems) => problems.into_iter().for_each(|problem| {
            // If the policy cannot be found, that is a problem of the file that names it.
            if problem.file == name && problem.is_of_whole_file() {
                reader.wrong("extends", format!("\"{name}\": {}", problem.message));
            } else {
                reader.problems.push(problem);
            }
        }),
    }
}

fn load(
    reference: &str,
    library: &dyn Library,
    path: &mut Vec<String>,
) -> Result<Policy, Vec<Problem>> {
    let (file, text) = library.read(reference).map_err(|problem| vec![problem])?;
    if path.contains(&file) {
        let message = format!(
            "{} extends {file} again: remove one of these `extends`",
            path.join(" extends ")
        );
        return Err(vec![Problem::of_key(&file, "extends", message)]);
    }
    path.push(file.clone());
    let mut reader = Reader::of(&file);
    let table = reader.table(&text);
    let known = [KEYS, Blocks::KEYS].concat();
    reader.known_keys(&table, &known, "");
    let mut policy = Policy::of(reference, reader.grants(&table, "allow"));
    policy.deny = reader.grants(&table, "deny");
    policy.file = Some(library.file(reference));
    policy.description = reader.text(&table, "description").unwrap_or_default();
    if let Some(mark) = reader.mark(&table) {
        policy.mark = mark;
    }
    policy.blocks = Blocks::read(&table, &mut |key, message| reader.wrong(key, message));
    policy.scope = reader.scope(&table).map(Arc::new);
    policy.redacting(Some(&reader.redaction(&table)));
    policy.is_observed = reader.flag(&table, "observe");
    policy.examples = reader.examples(&table);
    policy.lines = reader.lines.clone();
    policy.text = text.into();
    for parent in reader.strings(&table, "extends") {
        let loaded = load(&parent, library, path);
        extend(&mut policy, &parent, loaded, &mut reader);
    }
    if lifts_scope(&table) {
        policy.scope = None;
    }
    if !table.contains_key("redact") {
        let inherited: Vec<_> = policy.parents.iter().map(|it| it.redact.clone()).collect();
        for redact in inherited {
            policy.redacting(redact.as_deref());
        }
    }
    path.pop();
    reader.beyond_scope(&policy);
    reader.beyond_redaction(&policy);
    if reader.problems.is_empty() {
        Ok(policy)
    } else {
        Err(reader.problems)
    }
}

#[cfg(test)]
pub(crate) mod tests;
