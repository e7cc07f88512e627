//! Keys whose entries are patterns of images.

use wildmatch::WildMatch;

use super::setting::{Setting, bad_entry, entries, is_plain, pattern, strings};
use crate::docker::Reference;
use crate::docker::reference::{Version, is_on_host};
use crate::policy::remedy::Remedy;
use crate::policy::value::{EVERY_VERSION, Value};

/// Patterns of image names.
///
/// Shape of an entry: a pattern of the name, with the registry or, for Docker Hub, without it; then `:tag` or
/// `@sha256:...`, which are patterns too. Without either, the entry means every tag and digest.
#[derive(Clone, Debug)]
pub(crate) struct References(Vec<ReferencePattern>);

/// A pattern of image names.
#[derive(Clone, Debug)]
pub(crate) struct ReferencePattern {
    repository: WildMatch,
    tag: Option<WildMatch>,
    digest: Option<WildMatch>,
}

impl ReferencePattern {
    pub(crate) fn parse(text: &str) -> Option<Self> {
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

    pub(crate) fn covers(&self, reference: &Reference) -> bool {
        let is_version = match (&reference.version, &self.tag, &self.digest) {
            (_, None, None) => true,
            (Version::Tag(tag), Some(pattern), _) => pattern.matches(tag),
            (Version::Digest(digest), _, Some(pattern)) => pattern.matches(digest),
            (Version::Tag(_), None, _) | (Version::Digest(_), _, None) => false,
        };
        is_version && self.repository.matches(&reference.repository)
    }

    /// Whether it covers every version of a repository.
    fn covers_every_version(&self, repository: &str) -> bool {
        let is_open = match &self.tag {
            Some(tag) => *tag == "*",
            None => self.digest.is_none(),
        };
        is_open && (self.repository == "*" || self.repository.matches(repository))
    }
}

impl References {
    pub(crate) fn cover_all(&self) -> bool {
        let mut patterns = self.0.iter();
        patterns.any(|pattern| pattern.repository == "*" && pattern.covers_every_version(""))
    }

    pub(crate) fn covers(&self, reference: &Reference) -> bool {
        self.0.iter().any(|pattern| pattern.covers(reference))
    }

    /// Whether they cover an image by its name. A name that could be an id is never covered.
    fn have(&self, name: &str) -> bool {
        Reference::parse(name).is_ok_and(|reference| self.covers(&reference))
    }
}

impl Setting for References {
    fn read(value: &toml::Value) -> Result<Self, String> {
        let want =
            "must be the name of an image, such as \"registry.example/acme/*\" or \"postgres:16\"";
        entries(value, want, ReferencePattern::parse).map(Self)
    }

    fn literal(recorded: &str) -> Option<String> {
        // An entry without a version would allow every version.
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
            "use the image's name, such as alpine:3.20, and allow that in create.images, because no key allows an id",
        )
    }
}

/// An image as an entry names it: a name that includes Docker Hub's registry is written in full.
fn of_hub(name: &str) -> String {
    let rest = name.strip_prefix("index.").unwrap_or(name);
    let Some(rest) = rest.strip_prefix("docker.io/") else {
        return name.to_owned();
    };
    let library = if rest.contains('/') { "" } else { "library/" };
    ["docker.io/", library, rest].concat()
}

/// Images that are pulled or pushed, in one version or in every version. Without the key, any image except from a
/// registry on the host itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moved(Option<References>);

impl Moved {
    /// Whether the policy has the key.
    pub(crate) fn is_set(&self) -> bool {
        self.0.is_some()
    }
}

impl Setting for Moved {
    fn read(value: &toml::Value) -> Result<Self, String> {
        References::read(value).map(Some).map(Self)
    }

    fn literal(recorded: &str) -> Option<String> {
        // A request for every version is recorded with a suffix.
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
            "use an image name that images.pull and images.push can contain, such as alpine:3.20",
        )
    }

    fn note(&self, value: &Value) -> &'static str {
        if value.text().is_some_and(is_on_host) {
            return " (a registry on the host must be listed, and then every other registry too)";
        }
        ""
    }
}

/// Names that requests give to images.
///
/// Shape of an entry: a pattern as in [`References`]; `@own` for the name of an image that was created through the same
/// policy; or `@new` for a name that no image has yet.
#[derive(Clone, Debug)]
pub(crate) struct TagNames {
    /// `@own`
    pub(crate) own: bool,
    /// `@new`
    pub(crate) new: bool,
    /// By name, whichever image has it.
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
        let want =
            "must be the name of an image, such as \"registry.example/acme/*\", or @own or @new";
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
            "" => Remedy::Client(format!("send a name that {key} allows")),
            "*" => Remedy::set(key, "[\"*\"]").noted(" (the names in a tar are not read)"),
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
