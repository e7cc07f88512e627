//! The parser of strict JSON. It consumes the text from the front.

use std::borrow::Cow;

use super::bad::{BadJson, MAX_DEPTH, MAX_VALUES};
use super::value::{Json, Member};
use super::word::plain;

/// Parses bytes that contain exactly one document. Repeated keys are kept, for a caller that knows which keys are
/// the same.
pub(super) fn parse(bytes: &[u8], may_be_doubled: bool) -> Result<Json<'_>, BadJson> {
    let text = str::from_utf8(bytes).map_err(|error| BadJson::Utf8(error.valid_up_to()))?;
    if text.starts_with('\u{feff}') {
        return Err(BadJson::ByteOrderMark);
    }
    let mut parser = Parser {
        text,
        at: 0,
        values: 0,
        may_be_doubled,
    };
    let value = parser.value(0)?;
    parser.space();
    if parser.at < text.len() {
        return Err(BadJson::More(parser.at));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// The number of values so far.
    values: usize,
    may_be_doubled: bool,
}

impl<'a> Parser<'a> {
    /// The problem at this position, in the daemon's words, because clients' tests search for them.
    fn syntax(&self, place: &'static str) -> BadJson {
        let rest = self.text.get(self.at..).unwrap_or_default();
        BadJson::Syntax {
            at: self.at,
            found: rest.chars().next(),
            place,
        }
    }

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
        for letter in word.bytes() {
            if !self.eat(letter) {
                return Err(self.syntax("in a literal"));
            }
        }
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
            Some(_) | None => Err(self.syntax("looking for beginning of value")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json<'a>, BadJson> {
        let mut values = Vec::new();
        let mut has_more = self.has_any(b']');
        while has_more {
            values.push(self.value(depth + 1)?);
            has_more = self.has_more(b']', "after array element")?;
        }
        Ok(Json::List(values))
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, BadJson> {
        let mut members = Vec::new();
        let mut has_more = self.has_any(b'}');
        while has_more {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.syntax("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.space();
            if !self.eat(b':') {
                return Err(self.syntax("after object key"));
            }
            let value = self.value(depth + 1)?;
            members.push((key, value));
            has_more = self.has_more(b'}', "after object key:value pair")?;
        }
        if !self.may_be_doubled
            && let Some(key) = doubled(&members)
        {
            return Err(BadJson::Doubled(key.to_owned()));
        }
        Ok(Json::Object(members))
    }

    /// Whether the brackets that begin here are not empty.
    fn has_any(&mut self, end: u8) -> bool {
        self.at += 1;
        self.space();
        !self.eat(end)
    }

    /// Whether a comma follows a part, or the end. As a separate function it made a create cost 1 % more
    /// instructions.
    #[inline]
    fn has_more(&mut self, end: u8, place: &'static str) -> Result<bool, BadJson> {
        self.space();
        if self.eat(end) {
            return Ok(false);
        }
        if self.eat(b',') {
            return Ok(true);
        }
        Err(self.syntax(place))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, BadJson> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(plain) = plain(rest.as_bytes()) else {
                self.at = self.text.len();
                return Err(self.syntax("in a string"));
            };
            let run = rest.get(..plain).unwrap_or_default();
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    // Most strings have no escapes and are not copied.
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
        let bad = self.syntax("in string escape code");
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
            Some(_) | None => Err(bad),
        }
    }

    /// The character of one `\u` escape, or of two for a surrogate pair.
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
        let digits = self.text.get(self.at..self.at + 4);
        let digits = digits.filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.syntax("in \\u hexadecimal character escape"))?;
        self.at += 4;
        Ok(code)
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
            return Err(self.syntax("in numeric literal"));
        }
        Ok(())
    }
}

/// Up to this number of members, each is compared with all others, which needs no memory.
const FEW: usize = 12;

/// A key that appears twice. Sorting finds it, and no choice of keys makes that take quadratic
/// time.
pub(super) fn doubled<'m>(members: &'m [Member<'_>]) -> Option<&'m str> {
    if members.len() <= FEW {
        let mut keys = members.iter().map(|(key, _)| &**key);
        while let Some(key) = keys.next() {
            if keys.clone().any(|other| other == key) {
                return Some(key);
            }
        }
        return None;
    }
    let mut keys: Vec<_> = members
        .iter()
        .map(|(key, _)| (ending(key), &**key))
        .collect();
    keys.sort_unstable();
    let mut pairs = keys.iter().zip(keys.iter().skip(1));
    pairs
        .find(|(key, next)| key == next)
        .map(|((_, key), _)| *key)
}

/// The last bytes of a key, which distinguish most keys faster than whole keys do.
fn ending(key: &str) -> u64 {
    let last = key.as_bytes().last_chunk().copied();
    last.map(u64::from_le_bytes).unwrap_or_default()
}
