//! Strict JSON: a document that has one reading, whoever reads it.
//!
//! The daemon's reader folds the case of keys, lets a repeated key win or merge, replaces what is no
//! Unicode, and takes bytes behind the document. Here such a document is refused, so that what was
//! judged can be rendered anew and sent. Numbers are kept as they are written.
//!
//! Source: RFC 8259; Go's `encoding/json` for what the daemon would make of the rest.

mod parser;
mod reply;
mod word;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::ptr;

use parser::Doubled;
use word::plain;

pub use reply::parsed_size;
pub use word::is_plain;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it is written.
    Number(Cow<'a, str>),
    /// A string, its escapes resolved.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object, its keys in their order, each once.
    Object(Vec<Member<'a>>),
}

/// A key of an object, and what stands under it.
pub type Member<'a> = (Cow<'a, str>, Json<'a>);

/// Why a document is refused. The texts begin as the daemon's own do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadJson {
    /// It begins with a byte order mark.
    #[error("invalid JSON: it begins with a byte order mark: send it without")]
    ByteOrderMark,
    /// A control character stands in a string.
    #[error("invalid JSON: a string has a control character in byte {0}: escape it")]
    Control(usize),
    /// It is nested too deeply.
    #[error("invalid JSON: it is nested deeper than {MAX_DEPTH} levels")]
    Depth,
    /// A key stands twice in an object.
    #[error("invalid JSON: the key {} is there twice in one object: send it once", quoted(shortened(.0)))]
    Doubled(String),
    /// It has too many values.
    #[error("invalid JSON: it has more than {MAX_VALUES} values")]
    Many,
    /// There is something behind it.
    #[error("unexpected content after JSON, from byte {0} on: send one document")]
    More(usize),
    /// Half of a surrogate pair is escaped.
    #[error("invalid JSON: a string has half a surrogate pair in byte {0}")]
    Surrogate(usize),
    /// It is no JSON.
    #[error("invalid JSON: {}", syntax(*.at, *.found, .place))]
    Syntax {
        /// In which byte.
        at: usize,
        /// What is there; nothing at the end.
        found: Option<char>,
        /// What was being read.
        place: &'static str,
    },
    /// It is no UTF-8.
    #[error("invalid JSON: it is not UTF-8, from byte {0} on")]
    Utf8(usize),
}

fn syntax(at: usize, found: Option<char>, place: &str) -> String {
    match found {
        Some(found) => format!("invalid character {found:?} {place}, in byte {at}"),
        None => format!("unexpected EOF {place}"),
    }
}

/// The deepest nesting. The deepest body of the API has twelve levels.
pub const MAX_DEPTH: usize = 32;

/// The most values. The shortest take a hundred times the space that they take as bytes, and bytes are all
/// that the budget of bodies knows of; the body of a service with hundreds of secrets has a few thousand.
pub const MAX_VALUES: usize = 16 * 1024;

impl<'a> Json<'a> {
    /// Parses one document.
    ///
    /// # Errors
    ///
    /// The first thing that is not strict; the caller answers 400.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BadJson> {
        parser::parse(checked(bytes)?, Doubled::Refused)
    }

    /// Parses one document whose keys may stand twice in an object, until they were made [`single`].
    ///
    /// # Errors
    ///
    /// The first thing that is not strict; the caller answers 400.
    pub fn parse_with_doubles(bytes: &'a [u8]) -> Result<Self, BadJson> {
        parser::parse(checked(bytes)?, Doubled::Kept)
    }

    /// Appends the document in its canonical form: no space, the fewest escapes.
    pub fn render(&self, to: &mut String) {
        match self {
            Self::Null => to.push_str("null"),
            Self::Bool(true) => to.push_str("true"),
            Self::Bool(false) => to.push_str("false"),
            Self::Number(number) => to.push_str(number),
            Self::Text(text) => render_text(text, to),
            Self::List(values) => {
                to.push('[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        to.push(',');
                    }
                    value.render(to);
                }
                to.push(']');
            }
            Self::Object(members) => {
                to.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    if at > 0 {
                        to.push(',');
                    }
                    render_text(key, to);
                    to.push(':');
                    value.render(to);
                }
                to.push('}');
            }
        }
    }

    /// The value of a key, if this is an object that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let mut members = members.iter_mut();
        members
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The text, if this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// The whole number, if this is one that fits.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.parse().ok(),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// Whether this is `true`.
    #[must_use]
    pub fn is_true(&self) -> bool {
        *self == Self::Bool(true)
    }

    /// The elements, none if this is no array.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(values) => values,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Object(_) => &[],
        }
    }

    /// The members, none if this is no object.
    #[must_use]
    pub fn members(&self) -> &[Member<'a>] {
        match self {
            Self::Object(members) => members,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => &[],
        }
    }

    /// The elements that are texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.items().iter().filter_map(Self::text)
    }
}

fn checked(bytes: &[u8]) -> Result<&str, BadJson> {
    let text = str::from_utf8(bytes).map_err(|error| BadJson::Utf8(error.valid_up_to()))?;
    if text.starts_with('\u{feff}') {
        return Err(BadJson::ByteOrderMark);
    }
    Ok(text)
}

/// Leaves the first of members that have the same key and the same value. The daemon makes the same of two as of
/// one: it reads an object into what it has of it already, an array over its elements, and all else anew.
///
/// # Errors
///
/// A key that stands there with two values.
pub fn single(members: &mut Vec<Member<'_>>) -> Result<(), String> {
    if parser::doubled(members).is_none() {
        return Ok(());
    }
    let mut firsts = HashMap::with_capacity(members.len());
    let mut are_first = Vec::with_capacity(members.len());
    for (key, value) in &*members {
        let first = *firsts.entry(&**key).or_insert(value);
        let is_first = ptr::eq(first, value);
        if !is_first && !is_same(first, value) {
            return Err(key.to_string());
        }
        are_first.push(is_first);
    }
    let mut are_first = are_first.into_iter();
    members.retain(|_| are_first.next().unwrap_or_default());
    Ok(())
}

/// Whether two values say the same. The order of keys says nothing.
fn is_same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            let others: HashMap<_, _> = other.iter().map(|(key, value)| (key, value)).collect();
            let has = |(key, value): &Member<'_>| {
                others.get(key).is_some_and(|other| is_same(value, other))
            };
            one.len() == other.len() && one.iter().all(has)
        }
        (Json::List(one), Json::List(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other))
        }
        (one, other) => one == other,
    }
}

/// A key as the daemon compares it: it folds ASCII's case, and the two letters elsewhere that fold to
/// ASCII's.
#[must_use]
pub fn folded(key: &str) -> String {
    let fold = |character: char| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect()
}

/// A text with everything but printable ASCII escaped, as `\u{202e}`: a terminal would obey it, and a reader
/// not see it, or see what follows in another order. It is the one way in which what a client or the daemon
/// wrote gets into messages and records.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if is_printable(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character == ' ' || character.is_ascii_graphic() {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    Cow::Owned(shown)
}

/// Whether a text has nothing but printable ASCII. All bytes are looked at, as that is done many at a time.
#[must_use]
pub fn is_printable(text: &str) -> bool {
    text.bytes()
        .fold(true, |shown, byte| shown & matches!(byte, b' '..=b'~'))
}

/// The beginning of a text that a client chose, short enough for a message.
#[must_use]
pub fn shortened(text: &str) -> &str {
    const MAX: usize = 64;
    text.get(..text.floor_char_boundary(MAX)).unwrap_or(text)
}

/// A text in quotes, as a policy file writes it, and with nothing but printable ASCII in it: it can be pasted
/// whatever a client put into it.
///
/// Source: TOML 1.0, basic strings.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        // A String takes every write.
        _ = match character {
            '"' | '\\' => write!(quoted, "\\{character}"),
            ' '..='~' => write!(quoted, "{character}"),
            '\0'..='\u{ffff}' => write!(quoted, "\\u{:04X}", u32::from(character)),
            '\u{10000}'.. => write!(quoted, "\\U{:08X}", u32::from(character)),
        };
    }
    quoted.push('"');
    quoted
}

fn render_text(text: &str, to: &mut String) {
    to.push('"');
    escape(text, to);
    to.push('"');
}

/// Appends what stands for a text between the quotes of a JSON string.
pub fn escape(text: &str, to: &mut String) {
    let mut rest = text;
    while let Some(plain) = plain(rest.as_bytes()) {
        to.push_str(rest.get(..plain).unwrap_or_default());
        match rest.as_bytes().get(plain) {
            Some(b'\n') => to.push_str("\\n"),
            Some(b'\r') => to.push_str("\\r"),
            Some(b'\t') => to.push_str("\\t"),
            Some(&byte @ (b'"' | b'\\')) => to.extend(['\\', char::from(byte)]),
            // A String takes every write.
            other => _ = write!(to, "\\u{:04x}", other.copied().unwrap_or_default()),
        }
        rest = rest.get(plain + 1..).unwrap_or_default();
    }
    to.push_str(rest);
}

#[cfg(test)]
mod tests;
