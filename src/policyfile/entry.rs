//! One entry of `allow` or `deny`, and a set of them.

use super::raw_path::{RawPath, RawPaths};
use super::spelling::did_you_mean;
use crate::docker::{BadTarget, Call, Effect, Operation, Subject};
use crate::policyfile::provenance::Written;

/// What one entry names.
///
/// Shape: `ContainerList`, `containers:read`, `*:read`, or `GET /libpod/containers/{}/json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// One operation.
    Operation(Operation),
    /// Every operation of a section (of all when it is `None`) with this effect.
    Group {
        /// A section of the table.
        section: Option<&'static str>,
        /// Never `Control`.
        effect: Effect,
    },
    /// A path outside of the table.
    Raw(RawPath),
}

/// Why an entry is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// `section:control`.
    #[error("a group cannot have the effect control: name each operation by itself")]
    Control,
    /// An effect that is none.
    #[error("no effect is called {0}: write read, content or write{hint}", hint = did_you_mean(.0, ["read", "content", "write"]))]
    Effect(String),
    /// A method that the API does not use.
    #[error("no method of the API is {0}: write DELETE, GET, HEAD, POST or PUT")]
    Method(String),
    /// An operation that is none.
    #[error("no operation has this name{hint}", hint = did_you_mean(.0, Operation::ALL.iter().map(|operation| operation.spec().name)))]
    Operation(String),
    /// A raw path that no request could match.
    #[error("no request can match the path: {0}")]
    Path(BadTarget),
    /// A query in a raw path.
    #[error("a path is matched without its query: leave out `?` and what follows")]
    PathQuery,
    /// A `*` in a raw path.
    #[error("`*` stands for itself alone: write `{{}}` for any one segment")]
    PathGlob,
    /// A raw path that begins with `{}`.
    #[error("a path's first segment cannot be `{{}}`: name it")]
    PathStart,
    /// A raw path within the table's own paths.
    #[error(
        "`/{0}` has operations with names: write the operation's name; `dockgate operations` lists them"
    )]
    PathInTable(String),
    /// A version in a raw path.
    #[error("a path is matched below its version: leave out the version prefix")]
    PathVersion,
    /// A section that is none.
    #[error("no section is called {0}{hint}", hint = did_you_mean(.0, Operation::SECTIONS.iter().copied()))]
    Section(String),
}

impl Entry {
    /// Parses one entry.
    ///
    /// # Errors
    ///
    /// It names nothing; the message offers the nearest right spelling.
    pub fn parse(text: &str) -> Result<Self, BadEntry> {
        if let Some((method, path)) = text.split_once(' ') {
            return RawPath::parse(method, path).map(Self::Raw);
        }
        if let Some((section, effect)) = text.split_once(':') {
            return group(section, effect);
        }
        Operation::named(text)
            .map(Self::Operation)
            .ok_or_else(|| BadEntry::Operation(text.to_owned()))
    }

    /// The operations of the table that it names.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        Operation::ALL
            .iter()
            .copied()
            .filter(|operation| match self {
                Self::Operation(named) => named == operation,
                Self::Group { section, effect } => {
                    let spec = operation.spec();
                    spec.effect == *effect && section.is_none_or(|section| section == spec.section)
                }
                Self::Raw(_) => false,
            })
    }

    /// Whether it names a call.
    fn names(&self, call: &Call) -> bool {
        let mut alone = Grants::default();
        alone.insert(self.clone());
        alone.covers(call)
    }
}

fn group(section: &str, effect: &str) -> Result<Entry, BadEntry> {
    let section = if section == "*" {
        None
    } else {
        let mut known = Operation::SECTIONS.iter();
        let known = known.find(|known| **known == section);
        Some(*known.ok_or_else(|| BadEntry::Section(section.to_owned()))?)
    };
    let effect = match effect {
        "read" => Effect::Read,
        "content" => Effect::Content,
        "write" => Effect::Write,
        "control" => return Err(BadEntry::Control),
        _ => return Err(BadEntry::Effect(effect.to_owned())),
    };
    Ok(Entry::Group { section, effect })
}

/// A set of operations and raw paths.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// One bit for each operation, by its place in the table.
    operations: u128,
    raw: RawPaths,
    /// What put them there, where that is known.
    written: Vec<Written>,
}

impl Grants {
    /// Adds what an entry names.
    pub fn insert(&mut self, entry: Entry) {
        for operation in entry.operations() {
            self.operations |= bit(operation);
        }
        if let Entry::Raw(path) = entry {
            self.raw.insert(&path);
        }
    }

    /// Adds what an entry names, and remembers where it stands.
    pub fn insert_written(&mut self, written: Written) {
        self.insert(written.entry.clone());
        self.written.push(written);
    }

    /// Adds everything of another set.
    pub fn extend(&mut self, other: Self) {
        self.operations |= other.operations;
        self.raw.extend(other.raw);
        self.written.extend(other.written);
    }

    /// Whether an operation is in it.
    #[must_use]
    pub fn has(&self, operation: Operation) -> bool {
        self.operations & bit(operation) != 0
    }

    /// Whether a call is in it.
    #[must_use]
    pub fn covers(&self, call: &Call) -> bool {
        match &call.subject {
            Subject::Operation { operation, .. } => self.has(*operation),
            Subject::Outside { path } => self.raw.covers(call.method, path.split('/').skip(1)),
        }
    }

    /// The entries that name a call, as they were written.
    pub fn written(&self, call: &Call) -> impl Iterator<Item = &Written> {
        let entries = self.written.iter();
        entries.filter(|written| written.entry.names(call))
    }

    /// The entries, as they were written.
    #[must_use]
    pub fn entries(&self) -> &[Written] {
        &self.written
    }

    /// Whether it has raw paths, whose bodies nobody can judge.
    #[must_use]
    pub fn has_raw_paths(&self) -> bool {
        !self.raw.is_empty()
    }

    /// Whether any of its raw paths can change something.
    #[must_use]
    pub fn changes_by_raw_paths(&self) -> bool {
        self.raw.changes_state()
    }
}

/// The bit of an operation.
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
    fn refuses_an_entry_that_names_nothing_and_offers_the_nearest() {
        for (text, want) in [
            (
                "ContainersList",
                "no operation has this name: did you mean \"ContainerList\"?",
            ),
            (
                "container:read",
                "no section is called container: did you mean \"containers\"?",
            ),
            (
                "containers:reed",
                "no effect is called reed: write read, content or write: did you mean \"read\"?",
            ),
            (
                "containers:control",
                "a group cannot have the effect control: name each operation by itself",
            ),
            (
                "get /libpod/info",
                "no method of the API is get: write DELETE, GET, HEAD, POST or PUT",
            ),
            (
                "GET /{}/info",
                "a path's first segment cannot be `{}`: name it",
            ),
        ] {
            assert_eq!(Entry::parse(text).unwrap_err().to_string(), want, "{text}");
        }
    }

    #[test]
    fn refuses_a_raw_path_that_could_never_match() {
        for (id, text, want) in [
            (
                "F04",
                "GET /libpod/a%2fb",
                BadEntry::Path(BadTarget::Escape),
            ),
            ("F05", "GET /v1.45/libpod/info", BadEntry::PathVersion),
            (
                "raw",
                "GET /containers/{}/json",
                BadEntry::PathInTable("containers".to_owned()),
            ),
            (
                "raw",
                "GET /libpod/../info",
                BadEntry::Path(BadTarget::DotSegment),
            ),
            (
                "raw",
                "GET /libpod/",
                BadEntry::Path(BadTarget::TrailingSlash),
            ),
            ("raw", "GET /libpod/info?a=1", BadEntry::PathQuery),
            ("F13", "GET /libpod/**", BadEntry::PathGlob),
            (
                "raw",
                "GET libpod",
                BadEntry::Path(BadTarget::NotOriginForm),
            ),
            (
                "raw",
                "GET /libpod/{a}",
                BadEntry::Path(BadTarget::Byte(b'{')),
            ),
            (
                "raw",
                "GET /libpod/{}x/json",
                BadEntry::Path(BadTarget::Byte(b'{')),
            ),
            (
                "raw",
                "GET /libpod/x{}",
                BadEntry::Path(BadTarget::Byte(b'{')),
            ),
        ] {
            assert_eq!(Entry::parse(text), Err(want), "{id}: {text}");
        }
    }

    #[test]
    fn a_group_is_its_effect_and_no_other() {
        let entry = Entry::parse("containers:read").unwrap();
        let names: Vec<_> = entry
            .operations()
            .map(|operation| operation.spec().name)
            .collect();
        assert_eq!(
            names,
            [
                "ContainerList",
                "ContainerInspect",
                "ContainerStats",
                "ContainerWait"
            ]
        );
        let all = Entry::parse("*:write").unwrap();
        assert!(
            all.operations()
                .all(|operation| operation.spec().effect == Effect::Write)
        );
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
