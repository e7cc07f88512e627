//! Scans a string that arrives in pieces.

use crate::docker::json::word::plain_ascii;

/// A string, from the byte after its opening quote on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text(State);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between two characters.
    Plain,
    /// In a character.
    Within(Utf8),
    /// After a backslash.
    Escape,
    /// In the digits of a `\u` escape.
    Hex {
        missing: u8,
        code: u32,
        /// The first half of a surrogate pair came before.
        is_second: bool,
    },
    /// After the first half of a surrogate pair.
    Pair,
    /// After the backslash of the second half.
    PairEscape,
}

/// What a piece of a string contains.
pub(super) enum Part {
    /// The string continues after this piece.
    All,
    /// The string ends with this number of bytes.
    End(usize),
    /// The byte with this number is not allowed here.
    Bad(usize, &'static str),
}

const ESCAPE: &str = "in a string escape";
const SURROGATE: &str = "after half a surrogate pair";
const UTF8: &str = "in a string that is not UTF-8";

impl Text {
    pub(super) const START: Self = Self(State::Plain);

    pub(super) fn take(&mut self, bytes: &[u8]) -> Part {
        let mut at = 0;
        while let Some(rest @ [byte, ..]) = bytes.get(at..) {
            let next = match self.0 {
                State::Plain => {
                    let Some(run) = plain_ascii(rest) else {
                        break;
                    };
                    at += run;
                    match rest.get(run).copied().unwrap_or_default() {
                        b'"' => return Part::End(at + 1),
                        b'\\' => Ok(State::Escape),
                        other => State::beyond_ascii(other),
                    }
                }
                State::Within(utf8) => utf8.next(*byte),
                escape @ (State::Escape | State::Hex { .. } | State::Pair | State::PairEscape) => {
                    escape.escaped(*byte)
                }
            };
            match next {
                Ok(next) => self.0 = next,
                Err(place) => return Part::Bad(at, place),
            }
            at += 1;
        }
        Part::All
    }
}

impl State {
    /// The state after a byte of an escape.
    fn escaped(self, byte: u8) -> Result<Self, &'static str> {
        match (self, byte) {
            (Self::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                Ok(Self::Plain)
            }
            (Self::Escape, b'u') => Ok(Self::hex(false)),
            (Self::Pair, b'\\') => Ok(Self::PairEscape),
            (Self::PairEscape, b'u') => Ok(Self::hex(true)),
            (
                Self::Hex {
                    missing,
                    code,
                    is_second,
                },
                _,
            ) => {
                let digit = char::from(byte).to_digit(16).ok_or(ESCAPE)?;
                let code = code * 16 + digit;
                if missing > 1 {
                    let missing = missing - 1;
                    return Ok(Self::Hex {
                        missing,
                        code,
                        is_second,
                    });
                }
                match (code, is_second) {
                    (0xd800..=0xdbff, false) => Ok(Self::Pair),
                    (0xdc00..=0xdfff, true) => Ok(Self::Plain),
                    (0xdc00..=0xdfff, false) | (_, true) => Err(SURROGATE),
                    (_, false) => Ok(Self::Plain),
                }
            }
            (Self::Pair | Self::PairEscape, _) => Err(SURROGATE),
            (Self::Escape | Self::Plain | Self::Within(_), _) => Err(ESCAPE),
        }
    }

    fn hex(is_second: bool) -> Self {
        Self::Hex {
            missing: 4,
            code: 0,
            is_second,
        }
    }

    /// The state after the first byte of a character that is not ASCII.
    ///
    /// Source: The Unicode Standard, table 3-7.
    fn beyond_ascii(byte: u8) -> Result<Self, &'static str> {
        let (missing, from, to) = match byte {
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            0x80..=0xc1 | 0xf5..=0xff => return Err(UTF8),
            0..=0x7f => return Err("in a string, where it must be escaped"),
        };
        Ok(Self::Within(Utf8 { missing, from, to }))
    }
}

/// How many bytes of a character are missing, and between which bounds the next one must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Utf8 {
    missing: u8,
    from: u8,
    to: u8,
}

impl Utf8 {
    fn next(self, byte: u8) -> Result<State, &'static str> {
        if !(self.from..=self.to).contains(&byte) {
            return Err(UTF8);
        }
        if self.missing == 1 {
            return Ok(State::Plain);
        }
        Ok(State::Within(Self {
            missing: self.missing - 1,
            from: 0x80,
            to: 0xbf,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_string(bytes: &[u8]) -> bool {
        let quoted = [bytes, b"\""].concat();
        let part = Text(State::Plain).take(&quoted);
        matches!(part, Part::End(length) if length == quoted.len())
    }

    #[test]
    fn utf8_is_what_the_standard_library_says() {
        let edges = [
            b' ', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff,
        ];
        for first in 0x80..=u8::MAX {
            assert!(!is_string(&[first]));
            for second in 0x80..=u8::MAX {
                for third in edges {
                    for fourth in edges {
                        let bytes = [first, second, third, fourth];
                        for bytes in [&bytes[..2], &bytes[..3], &bytes] {
                            let want = str::from_utf8(bytes).is_ok();
                            assert_eq!(is_string(bytes), want, "{bytes:x?}");
                        }
                    }
                }
            }
        }
    }
}
