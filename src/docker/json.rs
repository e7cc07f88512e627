//! Strict JSON: a document that has one reading, whoever reads it.
//!
//! The daemon's reader folds the case of keys, lets a repeated key win or merge, replaces what is no
//! Unicode, and takes bytes behind the document. Here such a document is refused, so that what was
//! judged can be rendered anew and sent. Numbers are kept as they are written.
//!
//! Source: RFC 8259; Go's `encoding/json` for what the daemon would make of the rest.

use std::borrow::Cow;
use std::fmt::Write;

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

/// Why a document is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadJson {
    /// It begins with a byte order mark.
    #[error("the body begins with a byte order mark: send JSON without it")]
    ByteOrderMark,
    /// A control character stands in a string.
    #[error("a string has a control character in byte {0}: escape it")]
    Control(usize),
    /// It is nested too deeply.
    #[error("the body is nested deeper than {MAX_DEPTH} levels")]
    Depth,
    /// A key stands twice in an object.
    #[error("the key {:?} stands twice in one object: send it once", shortened(.0))]
    Doubled(String),
    /// It has too many values.
    #[error("the body has more than {MAX_VALUES} values")]
    Many,
    /// There is something behind it.
    #[error("there is more behind the JSON, from byte {0} on: send one document")]
    More(usize),
    /// Half of a surrogate pair is escaped.
    #[error("a string has half a surrogate pair in byte {0}")]
    Surrogate(usize),
    /// It is no JSON.
    #[error("the body is no JSON, from byte {0} on")]
    Syntax(usize),
    /// It is no UTF-8.
    #[error("the body is no UTF-8, from byte {0} on")]
    Utf8(usize),
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
        let text = str::from_utf8(bytes).map_err(|error| BadJson::Utf8(error.valid_up_to()))?;
        if text.starts_with('\u{feff}') {
            return Err(BadJson::ByteOrderMark);
        }
        let mut parser = Parser {
            text,
            at: 0,
            values: 0,
        };
        let value = parser.value(0)?;
        parser.space();
        if parser.at < text.len() {
            return Err(BadJson::More(parser.at));
        }
        Ok(value)
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

impl From<&serde_json::Value> for Json<'static> {
    /// A document that came from the daemon, which no strictness is asked of.
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(is_set) => Self::Bool(*is_set),
            Value::Number(number) => Self::Number(number.to_string().into()),
            Value::String(text) => Self::Text(text.clone().into()),
            Value::Array(values) => Self::List(values.iter().map(Self::from).collect()),
            Value::Object(members) => {
                let members = members.iter();
                Self::Object(
                    members
                        .map(|(key, value)| (key.clone().into(), value.into()))
                        .collect(),
                )
            }
        }
    }
}

/// Whether the daemon takes one key for the other: it folds ASCII's case, and the two letters
/// elsewhere that fold to ASCII's.
#[must_use]
pub fn folds_alike(key: &str, other: &str) -> bool {
    let fold = |character: char| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(other.chars().map(fold))
}

/// The beginning of a text that a client chose, short enough for a message.
#[must_use]
pub fn shortened(text: &str) -> &str {
    const MAX: usize = 64;
    text.get(..text.floor_char_boundary(MAX)).unwrap_or(text)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// How many values have begun.
    values: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, BadJson> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(BadJson::Syntax(self.at));
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, BadJson> {
        if depth > MAX_DEPTH {
            return Err(BadJson::Depth);
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(BadJson::Many);
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) | None => Err(BadJson::Syntax(self.at)),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json<'a>, BadJson> {
        self.at += 1;
        let mut values = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Json::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            self.space();
            if self.eat(b']') {
                return Ok(Json::List(values));
            }
            if !self.eat(b',') {
                return Err(BadJson::Syntax(self.at));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, BadJson> {
        self.at += 1;
        self.space();
        if self.eat(b'}') {
            return Ok(Json::Object(Vec::new()));
        }
        let mut members = Vec::new();
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(BadJson::Syntax(self.at));
            }
            let key = self.string()?;
            self.space();
            if !self.eat(b':') {
                return Err(BadJson::Syntax(self.at));
            }
            let value = self.value(depth + 1)?;
            members.push((key, value));
            self.space();
            if self.eat(b'}') {
                return match doubled(&members) {
                    Some(key) => Err(BadJson::Doubled(key)),
                    None => Ok(Json::Object(members)),
                };
            }
            if !self.eat(b',') {
                return Err(BadJson::Syntax(self.at));
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, BadJson> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = plain(rest.as_bytes()).ok_or(BadJson::Syntax(self.text.len()))?;
            let run = rest.get(..plain).unwrap_or_default();
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    // Most strings are one run, which is not copied.
                    return Ok(if text.is_empty() {
                        run.into()
                    } else {
                        (text + run).into()
                    });
                }
                Some(b'\\') => {
                    text.push_str(run);
                    text.push(self.escape()?);
                }
                Some(_) | None => return Err(BadJson::Control(self.at)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, BadJson> {
        let start = self.at;
        self.at += 1;
        let letter = self.peek();
        self.at += 1;
        match letter {
            Some(byte @ (b'"' | b'\\' | b'/')) => Ok(char::from(byte)),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.unicode(start),
            Some(_) | None => Err(BadJson::Syntax(start)),
        }
    }

    /// The character of one `\u` escape, or of the two that make a surrogate pair.
    fn unicode(&mut self, start: usize) -> Result<char, BadJson> {
        let first = self.hex()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !(self.eat(b'\\') && self.eat(b'u')) {
                    return Err(BadJson::Surrogate(start));
                }
                let second = self.hex()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(BadJson::Surrogate(start));
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            other => other,
        };
        char::from_u32(code).ok_or(BadJson::Surrogate(start))
    }

    fn hex(&mut self) -> Result<u32, BadJson> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .ok_or(BadJson::Syntax(self.at))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| BadJson::Syntax(self.at))
    }

    fn number(&mut self) -> Result<Json<'a>, BadJson> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        let number = self.text.get(start..self.at).unwrap_or_default();
        Ok(Json::Number(number.into()))
    }

    fn digits(&mut self) -> Result<(), BadJson> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(BadJson::Syntax(start));
        }
        Ok(())
    }
}

/// Up to so many members each is compared with all others, which takes no memory.
const FEW: usize = 12;

/// A key that stands twice. Sorting finds it in a time that no choice of keys can make quadratic.
fn doubled(members: &[Member<'_>]) -> Option<String> {
    if members.len() <= FEW {
        let mut rest = members;
        while let Some(((key, _), others)) = rest.split_first() {
            if others.iter().any(|(other, _)| other == key) {
                return Some(key.to_string());
            }
            rest = others;
        }
        return None;
    }
    let mut keys: Vec<_> = members.iter().map(|(key, _)| key).collect();
    keys.sort_unstable_by_key(|key| (key.len(), &***key));
    let mut pairs = keys.iter().zip(keys.iter().skip(1));
    pairs
        .find(|(key, next)| key == next)
        .map(|(key, _)| key.to_string())
}

fn render_text(text: &str, to: &mut String) {
    to.push('"');
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
    to.push('"');
}

/// How many bytes stand before the first that a string has escaped. They are looked at eight at a time,
/// as every body and its rendering are.
///
/// Source: "Bit Twiddling Hacks" by Anderson, on a byte that is zero, or less than another, in a word. What
/// is found above the first such byte may be false, and is not used.
fn plain(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHS: u64 = ONES * 0x80;
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGHS;
        let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let special = below(word, 0x20) | is(b'"') | is(b'\\');
        if special != 0 {
            let before = usize::try_from(special.trailing_zeros() / 8).ok()?;
            return Some(number * 8 + before);
        }
    }
    let in_rest = rest.iter().copied().position(is_special);
    in_rest.map(|at| words.len() * 8 + at)
}

/// Whether a string has the byte escaped.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1f)
}

#[cfg(test)]
mod tests;
