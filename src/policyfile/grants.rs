//! The set of operations and raw paths that the entries of `allow` or `deny` name.

use super::entry::Entry;
use super::provenance::Written;
use super::raw_path::RawPaths;
use crate::docker::{Call, Operation, Subject};

/// A set of operations and raw paths.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// One bit for each operation, in the order of the table.
    operations: u128,
    raw: RawPaths,
    /// The entries that name them, if they are known.
    written: Vec<Written>,
}

impl Grants {
    pub(crate) fn insert(&mut self, entry: Entry) {
        for operation in entry.operations() {
            self.operations |= bit(operation);
        }
        if let Entry::Raw(path) = entry {
            self.raw.insert(&path);
        }
    }

    /// Adds what an entry names, and remembers the entry.
    pub(crate) fn insert_written(&mut self, written: Written) {
        self.insert(written.entry.clone());
        self.written.push(written);
    }
    pub(crate) fn has(&self, operation: Operation) -> bool {
        self.operations & bit(operation) != 0
    }
    pub(crate) fn covers(&self, call: &Call) -> bool {
        match &call.subject {
            Subject::Operation { operation, .. } => self.has(*operation),
            Subject::Outside { path } => self.raw.covers(call.method, path.split('/').skip(1)),
        }
    }

    /// The entries that name a call, as they were written.
    pub(crate) fn written(&self, call: &Call) -> impl Iterator<Item = &Written> {
        let entries = self.written.iter();
        entries.filter(|written| names(&written.entry, call))
    }

    /// The entries, as they were written.
    pub(crate) fn entries(&self) -> &[Written] {
        &self.written
    }

    /// Whether it has raw paths, whose bodies cannot be checked.
    pub(crate) fn has_raw_paths(&self) -> bool {
        !self.raw.is_empty()
    }

    /// Its raw paths, as they are written in a policy.
    pub(crate) fn raw_paths(&self) -> Vec<String> {
        let entries = self.written.iter();
        let paths = entries.filter_map(|written| match &written.entry {
            Entry::Raw(path) => Some(path.to_string()),
            Entry::Operation(_) | Entry::Group { .. } => None,
        });
        paths.collect()
    }

    /// Whether any of its raw paths can change something.
    pub(crate) fn changes_by_raw_paths(&self) -> bool {
        self.raw.changes_state()
    }
}

impl FromIterator<Written> for Grants {
    fn from_iter<T: IntoIterator<Item = Written>>(entries: T) -> Self {
        let mut grants = Self::default();
        entries
            .into_iter()
            .for_each(|entry| grants.insert_written(entry));
        grants
    }
}

fn names(entry: &Entry, call: &Call) -> bool {
    let mut alone = Grants::default();
    alone.insert(entry.clone());
    alone.covers(call)
}
#[expect(
    clippy::as_conversions,
    reason = "the number of a fieldless variant, below 128 as a test shows"
)]
fn bit(operation: Operation) -> u128 {
    1 << (operation as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::{Target, classify};

    fn call(method: &str, target: &str) -> Call {
        classify(method, Target::parse(target).unwrap()).unwrap()
    }

    #[test]
    fn every_operation_has_a_bit_of_its_own() {
        let all = Operation::ALL
            .iter()
            .fold(0, |set, operation| set | bit(*operation));
        assert_eq!(usize::try_from(all.count_ones()), Ok(Operation::ALL.len()));
    }

    #[test]
    fn a_raw_path_matches_segment_by_segment() {
        let mut grants = Grants::default();
        grants.insert(Entry::parse("GET /libpod/containers/{}/json").unwrap());
        for (method, target, want) in [
            ("GET", "/v5.4.2/libpod/containers/web/json", true),
            ("GET", "/libpod/containers/web/json", true),
            ("POST", "/libpod/containers/web/json", false),
            ("GET", "/libpod/containers/web/json/x", false),
            ("GET", "/libpod/containers/json", false),
            ("GET", "/libpodx/containers/web/json", false),
            ("GET", "/containers/web/json", false),
        ] {
            assert_eq!(
                grants.covers(&call(method, target)),
                want,
                "F07, F08: {method} {target}"
            );
        }
    }
}
