//! The smallest policy that would have allowed what was seen.
//!
//! What was seen is put together here, operation by operation and finding by finding, and written as a
//! policy file: each line says how often it was used and when last. Before it is handed out it is read as a
//! policy, and what was seen is held against it.

mod keys;
mod lines;
mod list;
mod merge;
mod source;
mod text;
mod varying;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::policyfile::entry::Entry;

use crate::docker::{Call, Operation, Subject};
use crate::policy::finding;
use crate::policy::finding::Finding;
use crate::policy::requirement::Block;
use crate::policyfile::problem::{Library, Problem};

pub use text::{times, to_the_second};

/// What clients have asked for.
#[derive(Debug, Default)]
pub struct Seen {
    operations: HashMap<Operation, Tally>,
    /// Entries for paths outside of the table.
    paths: BTreeMap<String, Tally>,
    /// Paths that no entry could grant.
    ungrantable: BTreeMap<String, Tally>,
    /// Findings as they stand in the record.
    findings: BTreeMap<String, Tally>,
    /// How many requests of an operation that were not refused have findings.
    judged: HashMap<Operation, u64>,
    /// How many of them have a finding of a key.
    with_key: HashMap<(Operation, String), u64>,
    /// Whether any request asked for more than its record could hold.
    is_cut: bool,
}

/// One request as it was recorded.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// What it asked.
    pub call: &'a Call,
    /// What it asked for besides, as the record has it.
    pub findings: &'a [String],
    /// When, as the record has it.
    pub time: &'a str,
    /// Whether it was refused.
    pub is_refused: bool,
}

/// How often something was seen.
#[derive(Clone, Debug, Default)]
struct Tally {
    count: u64,
    refused: u64,
    last: String,
}

impl Tally {
    /// Whether nothing of it was let through.
    fn is_refused(&self) -> bool {
        self.refused == self.count
    }

    fn add(&mut self, sighting: &Sighting<'_>) {
        self.count += 1;
        self.refused += u64::from(sighting.is_refused);
        self.add_again(sighting);
    }

    /// Takes in what was counted of another.
    fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.refused += other.refused;
        if *other.last > *self.last {
            self.last.clone_from(&other.last);
        }
    }

    /// Takes in what is counted already.
    fn add_again(&mut self, sighting: &Sighting<'_>) {
        if *sighting.time > *self.last {
            sighting.time.clone_into(&mut self.last);
        }
    }
}

impl Seen {
    /// Takes in one request.
    pub fn see(&mut self, sighting: &Sighting<'_>) {
        match &sighting.call.subject {
            Subject::Operation { operation, .. } => {
                self.operations.entry(*operation).or_default().add(sighting);
                if !sighting.findings.is_empty() && !sighting.is_refused {
                    *self.judged.entry(*operation).or_default() += 1;
                }
            }
            Subject::Outside { path } => {
                let method = sighting.call.method.as_str();
                let entry = format!("{method} {}", without_ids(path));
                let paths = match Entry::parse(&entry) {
                    Ok(_) => &mut self.paths,
                    Err(_) => &mut self.ungrantable,
                };
                paths.entry(entry).or_default().add(sighting);
            }
        }
        let mut keys = BTreeSet::new();
        // One request may ask for a thing in several places.
        for finding in sighting.findings.iter().collect::<BTreeSet<_>>() {
            if finding == "..." {
                self.is_cut = true;
                continue;
            }
            keys.extend(finding.split_once('=').map(|(key, _)| key));
            // What an exec asked for is told again when it is started.
            let is_start = sighting.call.operation() == Some(Operation::ExecStart);
            let is_again = is_start && self.operations.contains_key(&Operation::ContainerExec);
            match self.findings.get_mut(finding).filter(|_| is_again) {
                Some(tally) => tally.add_again(sighting),
                None => self
                    .findings
                    .entry(finding.clone())
                    .or_default()
                    .add(sighting),
            }
        }
        let operation = sighting.call.operation();
        if let Some(operation) = operation.filter(|_| !sighting.is_refused) {
            for key in &keys {
                let count = self.with_key.entry((operation, (*key).to_owned()));
                *count.or_default() += 1;
            }
        }
    }

    /// How many requests were seen.
    #[must_use]
    pub fn len(&self) -> u64 {
        let operations = self.operations.values();
        let paths = self.paths.values().chain(self.ungrantable.values());
        operations.chain(paths).map(|tally| tally.count).sum()
    }

    /// Whether nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A policy file that grants this, as narrow as its keys can say it, with what is to be read first, and what
    /// could not be written as a rule, as comments.
    #[must_use]
    pub fn policy(&self, description: &str) -> String {
        text::policy(self, description)
    }

    /// A policy file with what it lacks to grant this, what of that waits to be read as comments, and what is to
    /// be told of it. No block of it changes, and nothing is taken away.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the file.
    pub fn merged(
        &self,
        reference: &str,
        library: &dyn Library,
    ) -> Result<(String, Vec<String>), Vec<Problem>> {
        merge::merge(self, reference, library)
    }

    /// What was found of one key, by value, as far as it can be read.
    fn of_key(&self, block: Block, key: &str) -> Vec<(&str, &Tally)> {
        let begin = format!("{}.{key}=", block.name());
        let found = self.findings.iter();
        found
            .filter(|(finding, _)| finding::parse(finding).is_some())
            .filter_map(|(finding, tally)| Some((finding.strip_prefix(&begin)?, tally)))
            .collect()
    }

    /// The findings that can be read, of one block.
    fn of_block(&self, block: Block) -> Vec<Finding> {
        let of_it =
            |finding: &&String| finding::parts(finding).is_some_and(|(found, ..)| found == block);
        let found = self.findings.keys().filter(of_it);
        found
            .filter_map(|finding| finding::parse(finding))
            .collect()
    }

    /// How many requests of these operations have findings.
    fn judged(&self, operations: &[Operation]) -> u64 {
        let counts = operations
            .iter()
            .filter_map(|operation| self.judged.get(operation));
        counts.sum()
    }

    /// Whether every request of these operations has a finding of a key, but for what replaces another.
    fn has_always(&self, operations: &[Operation], key: &str) -> bool {
        let counts = operations.iter().flat_map(|operation| {
            let with = |key: &str| self.with_key.get(&(*operation, key.to_owned()));
            [with(key), with("create.replaces")]
        });
        counts.flatten().sum::<u64>() == self.judged(operations)
    }
}

/// A path with `{}` for what can only be an id.
fn without_ids(path: &str) -> String {
    let is_id =
        |segment: &str| segment.len() >= 12 && segment.bytes().all(|byte| byte.is_ascii_hexdigit());
    let segments = path.split('/');
    let segments = segments.map(|segment| if is_id(segment) { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests;
