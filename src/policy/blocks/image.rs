//! Images, by pattern.

use toml::Value;
use wildmatch::WildMatch;

use super::pattern::pattern;
use super::setting::{BadSetting, Setting, entries, strings};
use crate::docker::Reference;
use crate::docker::reference::Version;

/// References to images.
///
/// Shape of an entry: a pattern of the name, with the registry or, for Docker Hub, without; behind it
/// `:tag` or `@sha256:...`, patterns too. Without either, every tag and digest is meant.
#[derive(Clone, Debug)]
pub struct References(Vec<ReferencePattern>);

#[derive(Clone, Debug)]
struct ReferencePattern {
    repository: WildMatch,
    tag: Option<WildMatch>,
    digest: Option<WildMatch>,
}

impl ReferencePattern {
    fn parse(text: &str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(pattern(digest)?)),
            None => (text, None),
        };
        let after_path = name.rfind('/').map_or(0, |at| at + 1);
        let colon = name.get(after_path..)?.find(':').map(|at| after_path + at);
        let (name, tag) = match colon {
            Some(at) => (name.get(..at)?, Some(pattern(name.get(at + 1..)?)?)),
            None => (name, None),
        };
        let repository = match name.split_once('/') {
            _ if name.is_empty() || (tag.is_some() && digest.is_some()) => return None,
            Some((first, _)) if first.contains(['.', ':', '*', '?']) || first == "localhost" => {
                name.to_owned()
            }
            Some(_) => format!("docker.io/{name}"),
            None if name == "*" => name.to_owned(),
            None => format!("docker.io/library/{name}"),
        };
        Some(Self {
            repository: WildMatch::new(&repository),
            tag,
            digest,
        })
    }

    fn covers(&self, reference: &Reference) -> bool {
        let is_version = match (&reference.version, &self.tag, &self.digest) {
            (_, None, None) => true,
            (Version::Tag(tag), Some(pattern), _) => pattern.matches(tag),
            (Version::Digest(digest), _, Some(pattern)) => pattern.matches(digest),
            (Version::Tag(_), None, _) | (Version::Digest(_), _, None) => false,
        };
        is_version && self.repository.matches(&reference.repository)
    }

    /// Whether no version of a repository is left out.
    fn covers_every_version(&self, repository: &str) -> bool {
        let is_open = match (&self.tag, &self.digest) {
            (None, None) => true,
            (Some(tag), _) => *tag == "*",
            (None, Some(_)) => false,
        };
        is_open && (self.repository == "*" || self.repository.matches(repository))
    }
}

impl References {
    /// Whether every image of a reference's repository is one of them.
    #[must_use]
    pub fn cover_every_version(&self, of: &Reference) -> bool {
        let mut patterns = self.0.iter();
        patterns.any(|pattern| pattern.covers_every_version(&of.repository))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every image is one of them.
    #[must_use]
    pub fn cover_all(&self) -> bool {
        let mut patterns = self.0.iter();
        patterns.any(|pattern| pattern.repository == "*" && pattern.covers_every_version(""))
    }

    /// Whether an image is one of them.
    #[must_use]
    pub fn covers(&self, reference: &Reference) -> bool {
        self.0.iter().any(|pattern| pattern.covers(reference))
    }
}

impl Setting for References {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let want = "must be an image's name, with :tag or @sha256:digest or without: \"registry.example/acme/*\"";
        entries(value, want, ReferencePattern::parse).map(Self)
    }
}
/// Names that images get.
///
/// Shape of an entry: as of [`References`], `@own` for a name that an image has which was made through the
/// same policy, or `@new` for one that no image has yet.
#[derive(Clone, Debug)]
pub struct TagNames {
    /// `@own`
    pub own: bool,
    /// `@new`
    pub new: bool,
    /// By name, whatever has it.
    pub names: References,
}

impl Default for TagNames {
    fn default() -> Self {
        Self {
            own: true,
            new: true,
            names: References(Vec::new()),
        }
    }
}

impl Setting for TagNames {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let texts = strings(value)?;
        let is_word = |text: &&str| matches!(*text, "@own" | "@new");
        let want = "must be registry/repository:tag, with * and ?, or @own or @new";
        let names = texts.iter().filter(|text| !is_word(text)).map(|text| {
            let name = ReferencePattern::parse(text).filter(|_| !text.starts_with('@'));
            name.ok_or_else(|| BadSetting::entry(text, want))
        });
        Ok(Self {
            own: texts.contains(&"@own"),
            new: texts.contains(&"@new"),
            names: References(names.collect::<Result<_, _>>()?),
        })
    }
}
