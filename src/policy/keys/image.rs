//! Images, by pattern.

use wildmatch::WildMatch;

use super::setting::{Setting, bad_entry, entries, is_plain, pattern, strings};
use crate::docker::Reference;
use crate::docker::reference::{Version, is_on_host};
use crate::policy::remedy::Remedy;
use crate::policy::value::{EVERY_VERSION, Value};

/// References to images.
///
/// Shape of an entry: a pattern of the name, with the registry or, for Docker Hub, without; behind it
/// `:tag` or `@sha256:...`, patterns too. Without either, every tag and digest is meant.
#[derive(Clone, Debug)]
pub(crate) struct References(Vec<ReferencePattern>);

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
        let is_open = match &self.tag {
            Some(tag) => *tag == "*",
            None => self.digest.is_none(),
        };
        is_open && (self.repository == "*" || self.repository.matches(repository))
    }
}

impl References {
    /// Whether every image is one of them.
    pub(crate) fn cover_all(&self) -> bool {
        let mut patterns = self.0.iter();
        patterns.any(|pattern| pattern.repository == "*" && pattern.covers_every_version(""))
    }

    /// Whether an image is one of them.
    pub(crate) fn covers(&self, reference: &Reference) -> bool {
        self.0.iter().any(|pattern| pattern.covers(reference))
    }

    /// Whether an image is one of them; what could be an id is none.
    fn have(&self, name: &str) -> bool {
        Reference::parse(name).is_ok_and(|reference| self.covers(&reference))
    }
}

impl Setting for References {
    fn read(value: &toml::Value) -> Result<Self, String> {
        let want = "must be an image's name, with :tag or @sha256:digest or without: \"registry.example/acme/*\"";
        entries(value, want, ReferencePattern::parse).map(Self)
    }

    fn literal(recorded: &str) -> Option<String> {
        // Without a version an image's name allows every one.
        let last = recorded.rsplit('/').next().unwrap_or_default();
        let version = if last.contains([':', '@']) {
            ""
        } else {
            ":latest"
        };
        is_plain(recorded).then(|| [recorded, version].concat())
    }

    fn allows(&self, value: &Value) -> bool {
        value.text().is_some_and(|name| self.have(name))
    }

    fn entry(&self, value: &Value) -> Result<String, &'static str> {
        let name = value.text().filter(|name| Reference::parse(name).is_ok());
        name.map(of_hub).ok_or(
            "name the image, such as alpine:3.20, and add that to create.images: no key allows an id",
        )
    }
}

/// An image as an entry names it: where Docker Hub is written out as the registry, with the whole name.
fn of_hub(name: &str) -> String {
    let rest = name.strip_prefix("index.").unwrap_or(name);
    let Some(rest) = rest.strip_prefix("docker.io/") else {
        return name.to_owned();
    };
    let library = if rest.contains('/') { "" } else { "library/" };
    ["docker.io/", library, rest].concat()
}

/// Images that are fetched or sent away, in one version or in every one. Without the key any but one of the host
/// itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moved(Option<References>);

impl Moved {
    /// Whether the key is there.
    pub(crate) fn is_set(&self) -> bool {
        self.0.is_some()
    }
}

impl Setting for Moved {
    fn read(value: &toml::Value) -> Result<Self, String> {
        References::read(value).map(Some).map(Self)
    }

    fn literal(recorded: &str) -> Option<String> {
        // Every version of an image is asked for as such.
        let name = recorded.strip_suffix(EVERY_VERSION).unwrap_or(recorded);
        is_plain(name).then(|| recorded.to_owned())
    }

    fn allows(&self, value: &Value) -> bool {
        let name = value.text().unwrap_or_default();
        let Some(references) = &self.0 else {
            return !is_on_host(name);
        };
        match name.strip_suffix(EVERY_VERSION) {
            Some(name) => Reference::parse(name).is_ok_and(|image| {
                let mut patterns = references.0.iter();
                patterns.any(|pattern| pattern.covers_every_version(&image.repository))
            }),
            None => references.have(name),
        }
    }

    fn entry(&self, value: &Value) -> Result<String, &'static str> {
        let name = value.text().unwrap_or_default();
        let image = name.strip_suffix(EVERY_VERSION).unwrap_or(name);
        let is_good = Reference::parse(image).is_ok().then(|| of_hub(name));
        is_good.ok_or(
            "send a reference that images.pull and images.push can have, such as alpine:3.20",
        )
    }

    fn note(&self, value: &Value) -> &'static str {
        if value.text().is_some_and(is_on_host) {
            return " (a registry on the host itself must be named, and then all others too)";
        }
        ""
    }
}

/// Names that images get.
///
/// Shape of an entry: as of [`References`], `@own` for a name that an image has which was made through the
/// same policy, or `@new` for one that no image has yet.
#[derive(Clone, Debug)]
pub(crate) struct TagNames {
    /// `@own`
    pub(crate) own: bool,
    /// `@new`
    pub(crate) new: bool,
    /// By name, whatever has it.
    pub(crate) names: References,
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
    fn read(value: &toml::Value) -> Result<Self, String> {
        let texts = strings(value)?;
        let is_word = |text: &&str| matches!(*text, "@own" | "@new");
        let want = "must be registry/repository:tag, with * and ?, or @own or @new";
        let names = texts.iter().filter(|text| !is_word(text)).map(|text| {
            let name = ReferencePattern::parse(text).filter(|_| !text.starts_with('@'));
            name.ok_or_else(|| bad_entry(text, want))
        });
        Ok(Self {
            own: texts.contains(&"@own"),
            new: texts.contains(&"@new"),
            names: References(names.collect::<Result<_, _>>()?),
        })
    }

    fn literal(recorded: &str) -> Option<String> {
        References::literal(recorded)
    }

    fn allows(&self, value: &Value) -> bool {
        self.names.allows(value)
    }

    fn remedy(&self, key: &str, value: &Value) -> Remedy {
        match value.text().unwrap_or_default() {
            "" => Remedy::Client(format!("name one of {key}")),
            "*" => Remedy::set(key, "[\"*\"]").noted(" (which names a tar holds is not read)"),
            name if Reference::of_tag(name).is_none() => {
                Remedy::client("give the image a valid name")
            }
            name => Remedy::entry(key, &of_hub(name)),
        }
    }

    fn entries(&self) -> Vec<String> {
        let words = [self.own.then_some("@own"), self.new.then_some("@new")];
        let words = words.into_iter().flatten().map(str::to_owned);
        let names = self.names.0.iter().map(|name| name.repository.to_string());
        words.chain(names).collect()
    }
}
