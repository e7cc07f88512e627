//! One entry of `allow` or `deny`.

use super::raw_path::{BadPath, RawPath};
use super::spelling::did_you_mean;
use crate::docker::{Effect, Operation};

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
    #[error("a group cannot have the effect control: name each operation by itself")]
    Control,
    #[error("no effect is called {0}: write read, content or write{hint}", hint = did_you_mean(.0, ["read", "content", "write"]))]
    Effect(String),
    #[error("no operation has this name{hint}", hint = did_you_mean(.0, Operation::ALL.iter().map(|operation| operation.spec().name)))]
    Operation(String),
    #[error(transparent)]
    Path(#[from] BadPath),
    #[error("no section is called {0}{hint}", hint = did_you_mean(.0, Operation::SECTIONS.iter().copied()))]
    Section(String),
}

impl Entry {
    pub(crate) fn parse(text: &str) -> Result<Self, BadEntry> {
        if let Some((method, path)) = text.split_once(' ') {
            return Ok(Self::Raw(RawPath::parse(method, path)?));
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
                BadPath::Spelling(BadTarget::Escape),
            ),
            ("F05", "GET /v1.45/libpod/info", BadPath::Version),
            (
                "raw",
                "GET /containers/{}/json",
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
