//! Counts what clients have asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::origins::Origins;
use crate::audit::reading::Line;
use crate::docker::judged::Judged;
use crate::docker::{Block, Call, Operation, Subject};
use crate::policy::finding::{self, Finding};
use crate::policy::keys::Key;
use crate::policyfile::Entry;

/// What clients have asked for.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(super) operations: HashMap<Operation, Frequency>,
    /// Entries for paths outside the table.
    pub(super) paths: BTreeMap<String, Frequency>,
    /// Paths that no entry can allow.
    pub(super) ungrantable: BTreeMap<String, Frequency>,
    /// Findings as audit records have them.
    pub(super) findings: BTreeMap<String, Frequency>,
    /// How many requests of an operation have findings, without denied ones.
    judged: HashMap<Operation, u64>,
    /// How many of those have a finding of a key.
    with_key: HashMap<(Operation, String), u64>,
    /// Whether any request asked for more than its audit record contains.
    pub(super) is_cut: bool,
    pub(super) origins: Origins,
}
#[derive(Clone, Debug, Default)]
pub(super) struct Frequency {
    pub(super) count: u64,
    refused: u64,
    last: String,
}

impl Frequency {
    pub(super) fn describe(&self) -> String {
        let count = times(self.count);
        let refused = match self.refused {
            0 => String::new(),
            refused if refused == self.count => ", denied".to_owned(),
            refused => format!(", {refused} of them denied"),
        };
        format!("{count}{refused}, last {}", to_the_second(&self.last))
    }

    /// Whether every request was denied.
    pub(super) fn is_refused(&self) -> bool {
        self.refused == self.count
    }

    fn add(&mut self, time: &str, is_refused: bool) {
        self.count += 1;
        self.refused += u64::from(is_refused);
        self.add_time(time);
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.refused += other.refused;
        self.add_time(&other.last);
    }

    fn add_time(&mut self, time: &str) {
        if *time > *self.last {
            time.clone_into(&mut self.last);
        }
    }
}

impl Seen {
    /// Adds one request, with its findings and its time from the audit record.
    pub(crate) fn see(&mut self, call: &Call, findings: &[String], time: &str, is_refused: bool) {
        match &call.subject {
            Subject::Operation { operation, .. } => {
                self.operations
                    .entry(*operation)
                    .or_default()
                    .add(time, is_refused);
                if !findings.is_empty() && !is_refused {
                    *self.judged.entry(*operation).or_default() += 1;
                }
            }
            Subject::Outside { path } => {
                let method = call.method.as_str();
                let entry = format!("{method} {}", without_ids(path));
                let paths = match Entry::parse(&entry) {
                    Ok(_) => &mut self.paths,
                    Err(_) => &mut self.ungrantable,
                };
                paths.entry(entry).or_default().add(time, is_refused);
            }
        }
        let mut keys = BTreeSet::new();
        // A request can ask for the same thing in several places.
        for finding in findings.iter().collect::<BTreeSet<_>>() {
            if finding == "..." {
                self.is_cut = true;
                continue;
            }
            keys.extend(finding.split_once('=').map(|(key, _)| key));
            // The start of an exec repeats the findings of the exec.
            let is_start = call.operation() == Some(Operation::ExecStart);
            let is_again = is_start && self.operations.contains_key(&Operation::ContainerExec);
            let tally = self.findings.entry(finding.clone()).or_default();
            if is_again && tally.count > 0 {
                tally.add_time(time);
            } else {
                tally.add(time, is_refused);
            }
        }
        let operation = call.operation();
        if let Some(operation) = operation.filter(|_| !is_refused) {
            for key in &keys {
                let count = self.with_key.entry((operation, (*key).to_owned()));
                *count.or_default() += 1;
            }
        }
    }

    /// Adds which objects a request names and creates.
    pub(crate) fn see_objects(&mut self, line: &Line, call: &Call) {
        self.origins.see(line, call);
    }

    pub(crate) fn len(&self) -> u64 {
        let operations = self.operations.values();
        let paths = self.paths.values().chain(self.ungrantable.values());
        operations.chain(paths).map(|tally| tally.count).sum()
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of one key's findings, as far as they can be read.
    pub(super) fn of_key(&self, key: Key) -> Vec<(&str, &Frequency)> {
        let begin = format!("{}=", key.name());
        let found = self.findings.iter();
        found
            .filter(|(finding, _)| finding::parse(finding).is_some())
            .filter_map(|(finding, tally)| Some((finding.strip_prefix(&begin)?, tally)))
            .collect()
    }

    /// The findings of one block, as far as they can be read.
    pub(super) fn of_block(&self, block: Block) -> Vec<Finding> {
        let findings = self.findings.keys();
        let read = findings.filter_map(|finding| finding::parse(finding));
        let is_of_block = |key: Key| key.block() == block;
        read.filter(|finding| finding.what.key().is_some_and(is_of_block))
            .collect()
    }

    /// How many requests of these operations have findings.
    pub(super) fn judged(&self, are_such: fn(Judged) -> bool) -> u64 {
        let counts = such(are_such).filter_map(|operation| self.judged.get(operation));
        counts.sum()
    }

    /// Whether every request of these operations has a finding of the key. Replacements of containers do not count.
    pub(super) fn has_always(&self, are_such: fn(Judged) -> bool, key: Key) -> bool {
        let counts = such(are_such).flat_map(|operation| {
            let with = |key: &str| self.with_key.get(&(*operation, key.to_owned()));
            [with(key.name()), with("create.replaces")]
        });
        counts.flatten().sum::<u64>() == self.judged(are_such)
    }
}

fn such(are_such: fn(Judged) -> bool) -> impl Iterator<Item = &'static Operation> {
    let all = Operation::ALL.iter();
    all.filter(move |operation| are_such(operation.spec().judged))
}

/// A path with `{}` for segments that can only be ids.
fn without_ids(path: &str) -> String {
    let is_id =
        |segment: &str| segment.len() >= 12 && segment.bytes().all(|byte| byte.is_ascii_hexdigit());
    let segments = path.split('/');
    let segments = segments.map(|segment| if is_id(segment) { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// A time of an audit record, to the second, for people.
pub(crate) fn to_the_second(time: &str) -> String {
    let second = time.split(['.', 'Z']).next().unwrap_or_default();
    format!("{second}Z")
}

/// A count in words.
pub(crate) fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}
