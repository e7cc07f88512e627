//! Names, exact and by pattern. In a pattern `*` stands for any characters, also none, and `?` for one.

use toml::Value;
use wildmatch::WildMatch;

use super::setting::{BadSetting, Setting, entries, only, strings};
use crate::docker::Reference;
use crate::docker::reference::Version;
use crate::policy::facts::{Container, POLICY_LABEL};
use crate::policy::need::Variable;

/// Exact texts.
#[derive(Clone, Debug, Default)]
pub struct Texts(Vec<String>);

impl Texts {
    /// These texts.
    #[must_use]
    pub fn of(texts: &[&str]) -> Self {
        Self(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    /// Whether a text is one of them.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        self.0.iter().any(|listed| listed == text)
    }

    /// The texts.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a text is one of them, whatever its case.
    #[must_use]
    pub fn has_ignoring_case(&self, text: &str) -> bool {
        self.0
            .iter()
            .any(|listed| listed.eq_ignore_ascii_case(text))
    }
}

impl Setting for Texts {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        entries(value, "must not be empty", |text| {
            (!text.is_empty()).then(|| text.to_owned())
        })
        .map(Self)
    }
}

/// Patterns.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<WildMatch>);

impl Patterns {
    /// Whether one of them matches the whole text.
    #[must_use]
    pub fn cover(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
    }
}

impl Setting for Patterns {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        entries(value, "must not be empty", pattern).map(Self)
    }
}

fn pattern(text: &str) -> Option<WildMatch> {
    (!text.is_empty()).then(|| WildMatch::new(text))
}

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
}

impl References {
    /// Whether an image is one of them.
    #[must_use]
    pub fn cover(&self, reference: &Reference) -> bool {
        self.0.iter().any(|pattern| pattern.covers(reference))
    }
}

impl Setting for References {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let want =
            "must be an image's name, with :tag or @sha256:digest or without: \"ghcr.io/acme/*\"";
        entries(value, want, ReferencePattern::parse).map(Self)
    }
}

/// Containers that are there.
///
/// Shape of an entry: a pattern of the name, `label:key`, `label:key=pattern`, `project:pattern` for a
/// compose project, or `@own` for what was made through the same policy.
#[derive(Clone, Debug, Default)]
pub struct Selectors(Vec<Selector>);

#[derive(Clone, Debug)]
enum Selector {
    Label(String, Option<WildMatch>),
    Name(WildMatch),
    Own,
}

/// Where compose writes the project's name.
const PROJECT_LABEL: &str = "com.docker.compose.project";

impl Selectors {
    /// What was made through the same policy.
    #[must_use]
    pub fn own() -> Self {
        Self(vec![Selector::Own])
    }

    /// Whether a container is one of them, asked by the policy of this name.
    #[must_use]
    pub fn cover(&self, container: &Container, policy: &str) -> bool {
        self.0.iter().any(|selector| match selector {
            Selector::Name(pattern) => pattern.matches(&container.name),
            Selector::Label(key, pattern) => container.label(key).is_some_and(|value| {
                pattern
                    .as_ref()
                    .is_none_or(|pattern| pattern.matches(value))
            }),
            Selector::Own => container.label(POLICY_LABEL) == Some(policy),
        })
    }
}

impl Setting for Selectors {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let want = "must be a container's name, label:key, label:key=value, project:name, or @own";
        let read = |text: &str| match text.split_once(':') {
            Some(("label", label)) => {
                let (key, value) = match label.split_once('=') {
                    Some((key, value)) => (key, Some(WildMatch::new(value))),
                    None => (label, None),
                };
                (!key.is_empty()).then(|| Selector::Label(key.to_owned(), value))
            }
            Some(("project", project)) => {
                let project = pattern(project)?;
                Some(Selector::Label(PROJECT_LABEL.to_owned(), Some(project)))
            }
            Some(_) => None,
            None if text == "@own" => Some(Selector::Own),
            None if text.starts_with('@') => None,
            None => pattern(text).map(Selector::Name),
        };
        entries(value, want, read).map(Self)
    }
}

/// Networks to join.
///
/// Shape of an entry: a pattern of the name, `@default` for the daemon's own, or `@own` for what was
/// made through the same policy.
#[derive(Clone, Debug)]
pub struct NetworkNames {
    /// The daemon's own.
    pub default: bool,
    /// What was made through the same policy.
    pub own: bool,
    /// By name.
    pub names: Patterns,
}

impl Default for NetworkNames {
    fn default() -> Self {
        Self {
            default: true,
            own: true,
            names: Patterns::default(),
        }
    }
}

impl Setting for NetworkNames {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let texts = strings(value)?;
        let mut read = Self {
            default: texts.contains(&"@default"),
            own: texts.contains(&"@own"),
            names: Patterns::default(),
        };
        for text in texts
            .into_iter()
            .filter(|text| !["@default", "@own"].contains(text))
        {
            let want = "must be a network's name, @default or @own";
            let name = pattern(text).filter(|_| !text.starts_with('@'));
            read.names
                .0
                .push(name.ok_or_else(|| BadSetting::entry(text, want))?);
        }
        Ok(read)
    }
}

/// Options for a driver: `key=pattern`.
#[derive(Clone, Debug, Default)]
pub struct Options(Vec<(String, WildMatch)>);

impl Options {
    /// Whether an option may be given.
    #[must_use]
    pub fn cover(&self, key: &str, value: &str) -> bool {
        let mut options = self.0.iter();
        options.any(|(name, pattern)| name == key && pattern.matches(value))
    }
}

impl Setting for Options {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let read = |text: &str| {
            let (key, value) = text.split_once('=')?;
            (!key.is_empty()).then(|| (key.to_owned(), WildMatch::new(value)))
        };
        entries(value, "must be key=value: \"type=nfs\"", read).map(Self)
    }
}

/// Programs with their arguments, each argument a pattern; `...` at the end is any more of them.
#[derive(Clone, Debug)]
pub struct Commands(Vec<Command>);

#[derive(Clone, Debug)]
struct Command {
    arguments: Vec<WildMatch>,
    has_more: bool,
}

impl Commands {
    /// Whether a program may be run with these arguments.
    #[must_use]
    pub fn cover(&self, argv: &[String]) -> bool {
        self.0.iter().any(|command| {
            let (wanted, given) = (command.arguments.len(), argv.len());
            let fits = given == wanted || (command.has_more && given > wanted);
            let mut pairs = command.arguments.iter().zip(argv);
            fits && pairs.all(|(pattern, argument)| pattern.matches(argument))
        })
    }
}

impl Setting for Commands {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let want = "a list of lists, a list for each command: [[\"npm\", \"test\", \"...\"]]";
        let lists = value.as_array().ok_or(BadSetting::Kind(want))?;
        let command = |list: &Value| {
            let mut texts = strings(list).map_err(|_| BadSetting::Kind(want))?;
            let has_more = texts.last() == Some(&"...");
            if has_more {
                texts.pop();
            }
            if texts.is_empty() {
                return Err(BadSetting::Kind(want));
            }
            let arguments = texts.into_iter().map(WildMatch::new).collect();
            Ok(Command {
                arguments,
                has_more,
            })
        };
        lists
            .iter()
            .map(command)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Users by number: `uid`, `uid:gid`, or `@non-root` for any but 0, user and group both given.
#[derive(Clone, Debug)]
pub struct Users(Vec<String>);

const NON_ROOT: &str = "@non-root";

impl Users {
    /// Whether a user may be taken. A name is never: which user it is, the image says.
    #[must_use]
    pub fn cover(&self, user: &str) -> bool {
        self.0.iter().any(|listed| {
            if listed == NON_ROOT {
                user.split_once(':')
                    .is_some_and(|(uid, gid)| is_above_zero(uid) && is_above_zero(gid))
            } else {
                listed == user
            }
        })
    }
}

impl Setting for Users {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let read = |text: &str| {
            let is_number = |part: &str| part.parse::<u32>().is_ok_and(|id| id.to_string() == part);
            let is_good = text == NON_ROOT || text.splitn(2, ':').all(is_number);
            is_good.then(|| text.to_owned())
        };
        entries(value, "must be uid:gid in numbers, or @non-root", read).map(Self)
    }
}

fn is_above_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok_and(|id| id > 0)
}

/// Variables of the environment.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// `NAME` or `NAME=value`, patterns both; any without it.
    allow: Option<Vec<(WildMatch, Option<WildMatch>)>>,
    forbid: Patterns,
}

impl Variables {
    /// Whether a variable may be set; where the key is not there, `otherwise`.
    #[must_use]
    pub fn cover(&self, variable: &Variable, otherwise: bool) -> bool {
        let is_allowed = self.allow.as_ref().map_or(otherwise, |allowed| {
            allowed.iter().any(|(name, value)| {
                let is_value = value
                    .as_ref()
                    .is_none_or(|value| value.matches(&variable.value));
                is_value && name.matches(&variable.name)
            })
        });
        is_allowed && !self.forbid.cover(&variable.name)
    }
}

impl Setting for Variables {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let table = value.as_table().ok_or(BadSetting::Kind(
            "a table: { allow = [\"CI\"], forbid = [\"LD_*\"] }",
        ))?;
        only(table, &["allow", "forbid"])?;
        let allowed = |text: &str| match text.split_once('=') {
            Some((name, value)) => Some((pattern(name)?, Some(WildMatch::new(value)))),
            None => Some((pattern(text)?, None)),
        };
        let allow = |value: &Value| entries(value, "must be NAME or NAME=value", allowed);
        Ok(Self {
            allow: table.get("allow").map(allow).transpose()?,
            forbid: table
                .get("forbid")
                .map(Patterns::read)
                .transpose()?
                .unwrap_or_default(),
        })
    }
}

/// Labels that may not be set, and labels that are set on all that is made.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    forbid: Patterns,
    stamp: Vec<(String, String)>,
}

impl Labels {
    /// Whether a label may be set. One that is stamped may be set to what it will be.
    #[must_use]
    pub fn cover(&self, key: &str, value: &str) -> bool {
        match self.stamp.iter().find(|(stamped, _)| stamped == key) {
            Some((_, stamped)) => stamped == value,
            None => !self.forbid.cover(key),
        }
    }

    /// What is set on all that is made.
    pub fn stamps(&self) -> impl Iterator<Item = (&str, &str)> {
        self.stamp
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl Setting for Labels {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let want =
            BadSetting::Kind("a table: { forbid = [\"traefik.*\"], stamp = { owner = \"ci\" } }");
        let table = value.as_table().ok_or(want.clone())?;
        only(table, &["forbid", "stamp"])?;
        let stamp = |value: &Value| {
            let stamps = value.as_table().ok_or(want.clone())?.iter();
            let pair = |(key, value): (&String, &Value)| {
                let value = value.as_str().ok_or(want.clone())?;
                if key.starts_with(super::super::need::RESERVED) {
                    return Err(BadSetting::entry(
                        key,
                        "labels that begin with dockgate. are set by dockgate alone",
                    ));
                }
                Ok((key.clone(), value.to_owned()))
            };
            stamps.map(pair).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            forbid: table
                .get("forbid")
                .map(Patterns::read)
                .transpose()?
                .unwrap_or_default(),
            stamp: table
                .get("stamp")
                .map(stamp)
                .transpose()?
                .unwrap_or_default(),
        })
    }
}
