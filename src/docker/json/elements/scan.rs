//! Finds the end of a value that arrives in pieces, and rejects what is not strict JSON.

use super::bad::BadElements;
use super::number::Number;
use super::text::{Part, Text};

/// The deepest nesting of a document. One bit of [`Scan::objects`] is kept for each level.
pub(super) const MAX_DEPTH: u32 = u128::BITS;

/// A value of which some bytes have been read.
pub(super) struct Scan {
    state: State,
    /// The string, in [`State::Text`].
    text: Text,
    /// The missing letters, in [`State::Word`].
    letters: &'static [u8],
    /// The brackets that are open, with those around the value.
    depth: u32,
    /// The brackets around the value.
    outside: u32,
    /// One bit for each open bracket, the innermost in the lowest bit: whether it is an object's.
    objects: u128,
}

/// Two bytes. Copying larger states took half of the time.
#[derive(Clone, Copy)]
enum State {
    /// Before a value.
    Value,
    /// After `[`.
    FirstElement,
    /// After `{`.
    FirstKey,
    /// After the comma in an object.
    NextKey,
    /// After a key.
    Colon,
    /// After a value.
    After,
    /// In `true`, `false` or `null`.
    Word,
    Number(Number),
    Text(Role),
}

#[derive(Clone, Copy)]
enum Role {
    Key,
    Value,
}

impl Scan {
    /// Expects a value, inside this number of brackets.
    pub(super) fn new(outside: u32) -> Self {
        Self {
            state: State::Value,
            text: Text::START,
            letters: &[],
            depth: outside,
            outside,
            objects: 0,
        }
    }

    /// Takes bytes up to the end of the value, and returns how many. A number only ends before another byte.
    /// `start` is the number of the first byte in the document.
    pub(super) fn take(&mut self, bytes: &[u8], start: usize) -> Result<usize, BadElements> {
        let mut taken = 0;
        while let Some(rest @ [_, ..]) = bytes.get(taken..)
            && !self.is_whole()
        {
            let step = self.step(rest);
            let start = start.saturating_add(taken);
            taken += step.map_err(|(before, place)| BadElements::Syntax {
                at: start.saturating_add(before),
                found: rest.get(before).copied().unwrap_or_default(),
                place,
            })?;
            if self.depth > MAX_DEPTH {
                return Err(BadElements::Depth(start));
            }
        }
        Ok(taken)
    }

    /// Takes a part of a scalar or a byte between them, and returns the number of bytes. It is 0 only at the end of
    /// a number. The error is the number of the wrong byte, and what was being read.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, (usize, &'static str)> {
        let byte = bytes.first().copied().unwrap_or_default();
        self.state = match self.state {
            State::Text(role) => match (self.text.take(bytes), role) {
                (Part::Bad(before, place), _) => return Err((before, place)),
                (Part::All, _) => return Ok(bytes.len()),
                (Part::End(length), Role::Key) => {
                    self.state = State::Colon;
                    return Ok(length);
                }
                (Part::End(length), Role::Value) => {
                    self.state = State::After;
                    return Ok(length);
                }
            },
            State::Number(number) => match number.next(byte) {
                Some(next) => State::Number(next),
                None if number.is_whole() => {
                    self.state = State::After;
                    return Ok(0);
                }
                None => return Err((0, "in a number")),
            },
            State::Word => match self.letters.split_first() {
                Some((letter, rest)) if *letter == byte => {
                    self.letters = rest;
                    if rest.is_empty() {
                        State::After
                    } else {
                        State::Word
                    }
                }
                Some(_) | None => return Err((0, "in a literal")),
            },
            State::Value
            | State::FirstElement
            | State::FirstKey
            | State::NextKey
            | State::Colon
            | State::After => self.between(byte).map_err(|place| (0, place))?,
        };
        Ok(1)
    }

    /// Whether the value has ended.
    pub(super) fn is_whole(&self) -> bool {
        self.depth == self.outside && matches!(self.state, State::After)
    }

    /// Whether the value has ended if no byte follows.
    pub(super) fn can_end(&self) -> bool {
        let is_number = matches!(self.state, State::Number(number) if number.is_whole());
        self.is_whole() || self.depth == self.outside && is_number
    }

    /// The state after a byte between the scalars.
    fn between(&mut self, byte: u8) -> Result<State, &'static str> {
        let is_object = self.objects & 1 == 1;
        let next = match (self.state, byte) {
            (state, b' ' | b'\t' | b'\n' | b'\r') => state,
            (State::FirstElement, b']') | (State::FirstKey, b'}') => self.closed(),
            (State::Value | State::FirstElement, _) => return self.begun(byte),
            (State::FirstKey | State::NextKey, b'"') => self.quoted(Role::Key),
            (State::FirstKey | State::NextKey, _) => return Err("where a key must begin"),
            (State::Colon, b':') => State::Value,
            (State::Colon, _) => return Err("after a key"),
            (_, b',') if is_object => State::NextKey,
            (_, b',') => State::Value,
            (_, b'}') if is_object => self.closed(),
            (_, b']') if !is_object => self.closed(),
            _ if is_object => return Err("after a member of an object"),
            _ => return Err("after an element of a list"),
        };
        Ok(next)
    }

    /// The state after the first byte of a value.
    fn begun(&mut self, byte: u8) -> Result<State, &'static str> {
        match byte {
            b'{' => Ok(self.opened(true)),
            b'[' => Ok(self.opened(false)),
            b'"' => Ok(self.quoted(Role::Value)),
            b't' => Ok(self.word(b"rue")),
            b'f' => Ok(self.word(b"alse")),
            b'n' => Ok(self.word(b"ull")),
            other => match Number::start(other) {
                Some(number) => Ok(State::Number(number)),
                None => Err("where a value must begin"),
            },
        }
    }

    fn quoted(&mut self, role: Role) -> State {
        self.text = Text::START;
        State::Text(role)
    }

    fn word(&mut self, letters: &'static [u8]) -> State {
        self.letters = letters;
        State::Word
    }

    fn opened(&mut self, is_object: bool) -> State {
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(is_object);
        if is_object {
            State::FirstKey
        } else {
            State::FirstElement
        }
    }

    fn closed(&mut self) -> State {
        self.depth -= 1;
        self.objects >>= 1;
        State::After
    }
}
