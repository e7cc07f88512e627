//! Names, exact and by pattern. In a pattern `*` stands for any characters, also none, and `?` for one.

use serde_json::json;
use toml::Value;
use wildmatch::WildMatch;

use super::setting::{BadSetting, Setting, entries, list_of, strings};

/// Exact texts.
#[derive(Clone, Debug, Default)]
pub struct Texts(Vec<String>);

impl Texts {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

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

    /// Whether they are these, in this order.
    #[must_use]
    pub fn are(&self, texts: &[&str]) -> bool {
        self.0 == texts
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
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one.
    pub(super) fn push(&mut self, pattern: WildMatch) {
        self.0.push(pattern);
    }

    /// Whether one of them matches the whole text.
    #[must_use]
    pub fn covers(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
    }

    /// Those of them that match the whole text, as they are written.
    pub fn covering(&self, text: &str) -> impl Iterator<Item = String> {
        let patterns = self.0.iter();
        let covering = patterns.filter(move |pattern| pattern.matches(text));
        covering.map(ToString::to_string)
    }
}

impl Setting for Patterns {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        entries(value, "must not be empty", pattern).map(Self)
    }
}

pub(super) fn pattern(text: &str) -> Option<WildMatch> {
    (!text.is_empty()).then(|| WildMatch::new(text))
}

/// Options for a driver: `key=pattern`.
#[derive(Clone, Debug, Default)]
pub struct Options(Vec<(String, WildMatch)>);

impl Options {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an option may be given. One that leads upwards never may: a pattern of what is below a
    /// folder is not meant to match what is beside it.
    #[must_use]
    pub fn covers(&self, key: &str, value: &str) -> bool {
        let mut options = self.0.iter();
        !leads_up(value) && options.any(|(name, pattern)| name == key && pattern.matches(value))
    }
}

/// Whether a path within a text, or an address, goes up.
#[must_use]
pub fn leads_up(text: &str) -> bool {
    let decoded = text.to_ascii_lowercase().replace("%2e", ".");
    let mut parts = decoded.split(['/', '\\', ',', ':', '=', '?', '#']);
    parts.any(|part| part == "..")
}

impl Setting for Options {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let read = |text: &str| {
            let (key, value) = text.split_once('=')?;
            (!key.is_empty()).then(|| (key.to_owned(), WildMatch::new(value)))
        };
        entries(value, "must be key=value: \"type=nfs\"", read).map(Self)
    }

    fn schema() -> serde_json::Value {
        list_of("^[^=]+=")
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
    pub fn covers(&self, argv: &[String]) -> bool {
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

    fn schema() -> serde_json::Value {
        let command = json!({"type": "array", "items": {"type": "string"}, "minItems": 1});
        json!({"type": "array", "items": command})
    }
}

/// Users by number: `uid`, `uid:gid`, or `@non-root` for any but 0, user and group both given.
#[derive(Clone, Debug)]
pub struct Users(Vec<String>);

const NON_ROOT: &str = "@non-root";

impl Users {
    /// Whether a text can be an entry: a number, two of them, or the word for all but root.
    #[must_use]
    pub fn is_entry(text: &str) -> bool {
        let is_number = |part: &str| part.parse::<u32>().is_ok_and(|id| id.to_string() == part);
        text == NON_ROOT || text.splitn(2, ':').all(is_number)
    }

    /// Whether a user may be taken. A name is never: which user it is, the image says.
    #[must_use]
    pub fn covers(&self, user: &str) -> bool {
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
        let read = |text: &str| Self::is_entry(text).then(|| text.to_owned());
        entries(value, "must be uid:gid in numbers, or @non-root", read).map(Self)
    }

    fn schema() -> serde_json::Value {
        list_of(&format!("^({NON_ROOT}|[0-9]+(:[0-9]+)?)$"))
    }
}

fn is_above_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok_and(|id| id > 0)
}
