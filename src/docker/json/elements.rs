//! Splits a document that arrives in pieces into its elements, so that each can be kept, changed or dropped.
//!
//! Replies to list requests and event streams are filtered with it. It holds one element at a time, and writes
//! everything that is kept with its original bytes. Whatever it accepts is strict JSON, with the same structure for
//! every parser. It does not know what an element means.
//!
//! Source: RFC 8259; Go's `encoding/json` for how clients read keys.

mod bad;
mod between;
mod keys;
mod number;
mod scan;
mod text;

use std::fmt;

use bytes::{Buf, BytesMut};

pub(crate) use bad::BadElements;
use bad::MAX_KEY;
use keys::Keys;
use scan::Scan;

/// Where the elements are in a document.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The document is a list of elements, or `null`.
    List,
    /// The document is an object, and each of these members is a list of elements or `null`.
    Members(&'static [&'static str]),
    /// The body is a sequence of documents, as in event streams, and each is an element. White space between them
    /// is only needed after a number or a literal.
    Values,
    /// The document is the only element. `finish` gives it to the callback, when the whole body is known to be valid.
    Whole,
}

/// What to do with an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Write it unchanged.
    As,
    /// Leave it out, with one comma and the white space that follows.
    Dropped,
    /// Write this value instead. In [`Place::Values`] it must not be a number or a literal, which could join the next.
    Instead(Vec<u8>),
    /// Not known yet: hold it, and everything after it.
    Later,
}

/// Whether everything was read.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    /// An element waits, and the next call gives it to the callback again. The bytes after it are held.
    Waits,
}

/// A document of which some bytes have been read.
pub(crate) struct Elements {
    place: Place,
    /// The longest element, in bytes.
    most: usize,
    state: State,
    /// The value that is being read.
    scan: Scan,
    keys: Keys,
    /// The number of the list among [`Place::Members`].
    list: usize,
    /// Whether an element of this list was kept, so that a comma is needed before the next one.
    has_kept: bool,
    space: Space,
    /// What is not written yet: a key, or an element with the comma and the white space before it.
    held: Vec<u8>,
    /// Where the element in `held` begins.
    element: usize,
    /// Where it ends. 0 while it has not ended.
    element_end: usize,
    /// The callback has answered [`Kept::Later`] for the element in `held`.
    waits: bool,
    /// The bytes after an element that waits.
    rest: BytesMut,
    /// The number of bytes that were read.
    at: usize,
    failed: Option<BadElements>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the document.
    Document,
    /// After the `[` of a list of elements.
    ListStart,
    /// After a comma between elements.
    ListComma,
    /// After an element.
    ListElement,
    /// After the `{` of the document.
    ObjectStart,
    /// After a comma between its members.
    ObjectComma,
    /// After a key; of a list, with the list's number.
    Colon(Option<usize>),
    /// Before a member's value.
    Member(Option<usize>),
    /// After a member.
    MemberEnd,
    /// In [`Place::Values`], after a number or a literal.
    Bare,
    /// In [`Place::Whole`], after the document.
    WholeEnd,
    /// After the document.
    End,
    Within(Value),
}

/// What is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Element,
    Key,
    /// A value without elements.
    Other,
}

/// What to do with white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    Pass,
    /// It follows a comma that is only written with the next element, or it is around the only element.
    Hold,
    /// It follows a dropped element, or its comma.
    Drop,
}

impl fmt::Debug for Elements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Elements");
        shown.field("at", &self.at).finish_non_exhaustive()
    }
}

impl Elements {
    /// Expects a document with elements of at most this many bytes.
    pub(crate) fn new(place: Place, most: usize) -> Self {
        let (wanted, space) = match place {
            Place::Members(wanted) => (wanted, Space::Pass),
            Place::List | Place::Values => (&[][..], Space::Pass),
            Place::Whole => (&[][..], Space::Hold),
        };
        Self {
            place,
            most,
            state: State::Document,
            scan: Scan::new(0),
            keys: Keys::new(wanted),
            list: 0,
            has_kept: false,
            space,
            held: Vec::new(),
            element: 0,
            element_end: 0,
            waits: false,
            rest: BytesMut::new(),
            at: 0,
            failed: None,
        }
    }

    /// How many bytes of the document are held.
    pub(crate) fn held(&self) -> usize {
        self.held.len() + self.rest.len()
    }

    /// What is held of the document.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.held
    }

    /// Reads more of the document. Gives each element to `each`, with the number of its list among
    /// [`Place::Members`].
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        each: &mut impl FnMut(usize, &[u8]) -> Kept,
    ) -> Result<Progress, BadElements> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let progress = self.read(bytes, out, each);
        self.remember(progress)
    }

    /// Ends the document. It may find an element, and must be called again while one waits. The error is that the
    /// document is not complete.
    pub(crate) fn finish(
        &mut self,
        out: &mut Vec<u8>,
        each: &mut impl FnMut(usize, &[u8]) -> Kept,
    ) -> Result<Progress, BadElements> {
        if self.push(&[], out, each)? == Progress::Waits {
            return Ok(Progress::Waits);
        }
        let is_value = matches!(self.place, Place::Values | Place::Whole);
        if is_value && self.state == State::Within(Value::Element) && self.scan.can_end() {
            self.value_ended(Value::Element);
        }
        if self.element_end > 0 && self.decide(out, each) == Progress::Waits {
            return Ok(Progress::Waits);
        }
        let is_between = matches!(self.state, State::Document | State::Bare);
        let is_complete = match self.place {
            Place::Values => is_between,
            Place::List | Place::Members(_) | Place::Whole => self.state == State::End,
        };
        let result = if is_complete {
            Ok(Progress::Done)
        } else {
            Err(BadElements::Incomplete(self.at))
        };
        self.remember(result)
    }

    /// After an error, nothing more is read.
    fn remember<T>(&mut self, result: Result<T, BadElements>) -> Result<T, BadElements> {
        if let Err(bad) = &result {
            self.failed = Some(bad.clone());
            self.held = Vec::new();
            self.rest = BytesMut::new();
        }
        result
    }

    fn read(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        each: &mut impl FnMut(usize, &[u8]) -> Kept,
    ) -> Result<Progress, BadElements> {
        if self.waits && self.decide(out, each) == Progress::Waits {
            self.rest.extend_from_slice(bytes);
            return Ok(Progress::Waits);
        }
        if self.rest.is_empty() {
            let read = self.split(bytes, out, each)?;
            let rest = bytes.get(read..).unwrap_or_default();
            self.rest.extend_from_slice(rest);
        } else {
            let mut rest = std::mem::take(&mut self.rest);
            rest.extend_from_slice(bytes);
            let read = self.split(&rest, out, each)?;
            rest.advance(read);
            self.rest = rest;
        }
        if self.waits {
            return Ok(Progress::Waits);
        }
        // Most streams are idle most of the time, and then need no memory.
        self.rest = BytesMut::new();
        if self.held.is_empty() {
            self.held = Vec::new();
        }
        Ok(Progress::Done)
    }

    /// Reads until the bytes end or an element waits, and returns the number of bytes that were read.
    fn split(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        each: &mut impl FnMut(usize, &[u8]) -> Kept,
    ) -> Result<usize, BadElements> {
        let mut read = 0;
        while !self.waits
            && let Some(rest) = bytes.get(read..)
            && let Some(&byte) = rest.first()
        {
            let taken = match self.state {
                State::Within(value) => self.value(value, rest, out)?,
                State::Document
                | State::ListStart
                | State::ListComma
                | State::ListElement
                | State::ObjectStart
                | State::ObjectComma
                | State::Colon(_)
                | State::Member(_)
                | State::MemberEnd
                | State::Bare
                | State::WholeEnd
                | State::End => self.between(byte, out)?,
            };
            read += taken;
            self.at = self.at.saturating_add(taken);
            if self.element_end > 0 && self.state != State::WholeEnd {
                _ = self.decide(out, each);
            }
        }
        Ok(read)
    }

    /// Reads a part of a value.
    fn value(
        &mut self,
        value: Value,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<usize, BadElements> {
        let most = match value {
            Value::Element => self.most,
            Value::Key => MAX_KEY,
            Value::Other => usize::MAX,
        };
        let room = most.saturating_sub(self.held.len() - self.element);
        let part = bytes.get(..=room).unwrap_or(bytes);
        let taken = self.scan.take(part, self.at)?;
        let part = bytes.get(..taken).unwrap_or_default();
        match value {
            Value::Element if taken > room => return Err(BadElements::LongElement(most)),
            Value::Key if taken > room => return Err(BadElements::LongKey),
            Value::Element | Value::Key => self.held.extend_from_slice(part),
            Value::Other => out.extend_from_slice(part),
        }
        if self.scan.is_whole() {
            if value == Value::Key {
                self.state = State::Colon(self.keys.add(&self.held)?);
                out.append(&mut self.held);
            } else {
                self.value_ended(value);
            }
        }
        Ok(taken)
    }

    /// Continues after an element or another value.
    fn value_ended(&mut self, value: Value) {
        if value == Value::Element {
            self.element_end = self.held.len();
        }
        self.state = match (self.place, value) {
            (Place::Members(_), Value::Other | Value::Key) => State::MemberEnd,
            (Place::List | Place::Members(_), Value::Element) => State::ListElement,
            (Place::Values, _) => match self.held.last() {
                Some(b'}' | b']' | b'"') => State::Document,
                Some(_) | None => State::Bare,
            },
            (Place::Whole, _) => State::WholeEnd,
            (Place::List, Value::Other | Value::Key) => State::End,
        };
    }

    /// Asks the callback about the element that is held, and writes it if it is kept.
    fn decide(
        &mut self,
        out: &mut Vec<u8>,
        each: &mut impl FnMut(usize, &[u8]) -> Kept,
    ) -> Progress {
        let range = self.element..self.element_end;
        let element = self.held.get(range).unwrap_or_default();
        let kept = each(self.list, element);
        self.waits = kept == Kept::Later;
        let is_kept = match kept {
            Kept::Later => return Progress::Waits,
            Kept::As => {
                out.append(&mut self.held);
                true
            }
            Kept::Instead(other) => {
                let before = self.held.get(..self.element).unwrap_or_default();
                let after = self.held.get(self.element_end..).unwrap_or_default();
                out.extend([before, &other, after].into_iter().flatten());
                true
            }
            Kept::Dropped => false,
        };
        self.held.clear();
        self.element = 0;
        self.element_end = 0;
        self.has_kept |= is_kept;
        self.space = if is_kept { Space::Pass } else { Space::Drop };
        if self.state == State::WholeEnd {
            self.state = State::End;
        }
        Progress::Done
    }
}

#[cfg(test)]
mod tests;
