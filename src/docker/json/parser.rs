//! The reader of strict JSON: what is left of a text, eaten from the front.

use std::borrow::Cow;

use super::{BadJson, Json, MAX_DEPTH, MAX_VALUES, Member, plain};

/// Parses a text that is one document and nothing else.
pub(super) fn parse(text: &str) -> Result<Json<'_>, BadJson> {
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
    let mut keys: Vec<_> = members
        .iter()
        .map(|(key, _)| (ending(key), &**key))
        .collect();
    keys.sort_unstable();
    let mut pairs = keys.iter().zip(keys.iter().skip(1));
    pairs
        .find(|(key, next)| key == next)
        .map(|((_, key), _)| (*key).to_owned())
}

/// The last bytes of a key, which tell most keys apart faster than the keys as wholes.
fn ending(key: &str) -> u64 {
    let last = key.as_bytes().last_chunk().copied();
    last.map(u64::from_le_bytes).unwrap_or_default()
}
