//! One entry of `allow` or `deny`.

use super::raw_path::{BadPath, RawPath};
use super::spelling::{did_you_mean, nearest};
use crate::docker::{Call, Effect, Method, Operation};

/// What an entry names.
///
/// Shape: `ContainerList`, `containers:read`, `*:read`, or `GET /libpod/containers/{}/json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Operation(Operation),
    /// Every operation of a section with this effect; of all sections if `None`.
    Group {
        section: Option<&'static str>,
        /// Never `Control`.
        effect: Effect,
    },
    /// A path outside the table of operations.
    Raw(RawPath),
}

/// Why an entry is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadEntry {
    #[error("a group cannot have the effect control: list each operation by its name")]
    Control,
    #[error("unknown effect \"{0}\": write read, content or write{hint}", hint = did_you_mean(.0, ["read", "content", "write"]))]
    Effect(String),
    #[error("this is the operation {0}: write \"{0}\"")]
    Named(Operation),
    #[error("unknown operation{hint}", hint = hint(.0))]
    Operation(String),
    #[error(transparent)]
    Path(#[from] BadPath),
    #[error("unknown section \"{0}\"{hint}", hint = did_you_mean(.0, Operation::SECTIONS.iter().copied()))]
    Section(String),
}

impl Entry {
    pub(crate) fn parse(text: &str) -> Result<Self, BadEntry> {
        if let Some((method, path)) = text.split_once(' ') {
            let named = operation_at(method, path).map(BadEntry::Named);
            return named.map_or_else(|| Ok(Self::Raw(RawPath::parse(method, path)?)), Err);
        }
        let mut methods = [Method::GET].iter().chain(Method::ALL);
        let named = methods.find_map(|method| operation_at(method.as_str(), text));
        if let Some(operation) = named {
            return Err(BadEntry::Named(operation));
        }
        if let Some((section, effect)) = text.split_once(':') {
            return group(section, effect);
        }
        Operation::named(text)
            .map(Self::Operation)
            .ok_or_else(|| BadEntry::Operation(text.to_owned()))
    }

    /// The operations of the table that it names.
    pub(crate) fn operations(&self) -> impl Iterator<Item = Operation> {
        let all = Operation::ALL.iter().copied();
        all.filter(|operation| match self {
            Self::Operation(named) => named == operation,
            Self::Group { section, effect } => {
                let spec = operation.spec();
                spec.effect == *effect && section.is_none_or(|section| section == spec.section)
            }
            Self::Raw(_) => false,
        })
    }
}

/// The operation that a path has with this method. Names may be `{}`, and a version and a query may be there.
fn operation_at(method: &str, path: &str) -> Option<Operation> {
    let path = path.split('?').next().unwrap_or_default();
    let plain = |segment: &str| segment.contains(['{', '*']);
    let segments = path.split('/').map(|it| if plain(it) { "x" } else { it });
    let path = segments.collect::<Vec<_>>().join("/");
    Call::parse(&method.to_ascii_uppercase(), &path)?.operation()
}

/// What may be meant by a name that no operation has. An operation that changes something is offered only to
/// somebody who has one letter of it wrong, and never if one that reads is about as near.
fn hint(text: &str) -> String {
    if Operation::SECTIONS.contains(&text) {
        return format!(": did you mean \"{text}:read\"?");
    }
    let names = |is_read: bool| {
        let all = Operation::ALL.iter().map(|operation| operation.spec());
        let of_kind = all.filter(move |spec| (spec.effect == Effect::Read) == is_read);
        of_kind.map(|spec| spec.name)
    };
    let wrong = text.to_ascii_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&wrong, &name.to_ascii_lowercase());
    let (read, other) = (nearest(text, names(true)), nearest(text, names(false)));
    let other = other.filter(|other| distance(other) <= 1);
    let other = other.filter(|_| read.is_none_or(|read| distance(read) > 2));
    let near = other.or(read);
    near.map_or_else(String::new, |near| format!(": did you mean \"{near}\"?"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::BadTarget;

    #[test]
    fn refuses_an_entry_that_names_nothing_and_offers_the_nearest() {
        for (text, want) in [
            (
                "ContainersList",
                "unknown operation: did you mean \"ContainerList\"?",
            ),
            (
                "container:read",
                "unknown section \"container\": did you mean \"containers\"?",
            ),
            (
                "containers:reed",
                "unknown effect \"reed\": write read, content or write: did you mean \"read\"?",
            ),
            (
                "containers:control",
                "a group cannot have the effect control: list each operation by its name",
            ),
            (
                "get /libpod/info",
                "unknown method `get`: write DELETE, GET, HEAD, POST or PUT",
            ),
            (
                "GET /{}/info",
                "the first segment of a path cannot be `{}`: write it out",
            ),
        ] {
            assert_eq!(Entry::parse(text).unwrap_err().to_string(), want, "{text}");
        }
    }

    #[test]
    fn an_operation_is_recognized_by_its_path_and_a_write_is_never_offered_for_a_read() {
        for (text, want) in [
            (
                "GET /containers/json",
                "this is the operation ContainerList: write \"ContainerList\"",
            ),
            (
                "get /v1.45/containers/json?all=1",
                "this is the operation ContainerList: write \"ContainerList\"",
            ),
            (
                "/containers/json",
                "this is the operation ContainerList: write \"ContainerList\"",
            ),
            (
                "GET /containers/*/json",
                "this is the operation ContainerInspect: write \"ContainerInspect\"",
            ),
            (
                "containers",
                "unknown operation: did you mean \"containers:read\"?",
            ),
            (
                "ContainerStat",
                "unknown operation: did you mean \"ContainerStats\"?",
            ),
            (
                "ContainerShow",
                "unknown operation: did you mean \"ContainerStats\"?",
            ),
            (
                "ContainerKil",
                "unknown operation: did you mean \"ContainerKill\"?",
            ),
            ("xyz", "unknown operation"),
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
                BadPath::Spelling(BadTarget::Escape),
            ),
            ("F05", "GET /v1.45/libpod/info", BadPath::Version),
            (
                "raw",
                "GET /containers/{}/jsn",
                BadPath::InTable("containers".to_owned()),
            ),
            (
                "raw",
                "GET /libpod/../info",
                BadPath::Spelling(BadTarget::DotSegment),
            ),
            (
                "raw",
                "GET /libpod/",
                BadPath::Spelling(BadTarget::TrailingSlash),
            ),
            ("raw", "GET /libpod/info?a=1", BadPath::Query),
            ("F13", "GET /libpod/**", BadPath::Glob),
            (
                "raw",
                "GET libpod",
                BadPath::Spelling(BadTarget::NotOriginForm),
            ),
            (
                "raw",
                "GET /libpod/{a}",
                BadPath::Spelling(BadTarget::Byte(b'{')),
            ),
            (
                "raw",
                "GET /libpod/{}x/json",
                BadPath::Spelling(BadTarget::Byte(b'{')),
            ),
            (
                "raw",
                "GET /libpod/x{}",
                BadPath::Spelling(BadTarget::Byte(b'{')),
            ),
        ] {
            assert_eq!(Entry::parse(text), Err(want.into()), "{id}: {text}");
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
}
