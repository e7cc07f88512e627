//! Reads what is around the elements: brackets, commas, colons and white space.

use super::bad::BadElements;
use super::scan::Scan;
use super::{Elements, Place, Space, State, Value};

impl Elements {
    /// Reads a byte, or expects a value that begins with it. Returns the number of bytes that were read.
    pub(super) fn between(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<usize, BadElements> {
        match (self.state, byte) {
            (_, b' ' | b'\t' | b'\n' | b'\r') => return self.white_space(byte, out),
            (State::Document, _) => return self.document(byte, out),
            (State::Member(Some(list)), _) => return self.list(list, byte, out),
            (State::Member(None), _) => return Ok(self.expect(Value::Other)),
            (State::ListStart | State::ListElement, b']') => self.list_ended(),
            (State::ListStart | State::ListComma, _) => return Ok(self.expect(Value::Element)),
            (State::ListElement, b',') => return Ok(self.comma()),
            (State::ObjectStart | State::MemberEnd, b'}') => self.state = State::End,
            (State::ObjectStart | State::ObjectComma, b'"') => {
                return Ok(self.expect(Value::Key));
            }
            (State::Colon(list), b':') => self.state = State::Member(list),
            (State::MemberEnd, b',') => self.state = State::ObjectComma,
            _ => return Err(self.unexpected(byte)),
        }
        out.push(byte);
        Ok(1)
    }

    fn unexpected(&self, found: u8) -> BadElements {
        let place = match self.state {
            State::ObjectStart | State::ObjectComma => "where a key must begin",
            State::Colon(_) => "after a key",
            State::MemberEnd => "after a member of an object",
            State::Bare => "directly after a number or a literal",
            State::WholeEnd | State::End => "after the end of the document",
            State::ListElement => "after an element of a list",
            State::Document
            | State::ListStart
            | State::ListComma
            | State::Member(_)
            | State::Within(_) => "where a value must begin",
        };
        let at = self.at;
        BadElements::Syntax { at, found, place }
    }

    /// Reads the first byte of a document.
    fn document(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<usize, BadElements> {
        match (self.place, byte) {
            (Place::Values | Place::Whole, _) => Ok(self.expect(Value::Element)),
            (Place::List, _) => self.list(0, byte, out),
            (Place::Members(_), b'{') => {
                self.state = State::ObjectStart;
                out.push(byte);
                Ok(1)
            }
            (Place::Members(_), _) => Err(self.shape(byte, "an object")),
        }
    }

    /// Reads the first byte of a list of elements. A `null` is another value, and stays.
    fn list(&mut self, list: usize, byte: u8, out: &mut Vec<u8>) -> Result<usize, BadElements> {
        match byte {
            b'[' => {
                self.state = State::ListStart;
                self.list = list;
                self.has_kept = false;
                out.push(byte);
                Ok(1)
            }
            b'n' => Ok(self.expect(Value::Other)),
            _ => Err(self.shape(byte, "a list or null")),
        }
    }

    fn shape(&self, found: u8, wanted: &'static str) -> BadElements {
        let at = self.at;
        BadElements::Shape { at, found, wanted }
    }

    /// Expects a value, of which the next byte is the first.
    fn expect(&mut self, value: Value) -> usize {
        let outside = match (self.place, value) {
            (Place::Members(_), Value::Element) => 2,
            (Place::Members(_), Value::Key | Value::Other) | (Place::List, Value::Element) => 1,
            (Place::List | Place::Values | Place::Whole, _) => 0,
        };
        self.state = State::Within(value);
        self.scan = Scan::new(outside);
        self.element = self.held.len();
        0
    }

    /// The comma is written with the next element that is kept, if one was kept before it. If not, the element
    /// before it was dropped, and the white space is still dropped.
    fn comma(&mut self) -> usize {
        self.state = State::ListComma;
        if self.has_kept {
            self.held.push(b',');
            self.space = Space::Hold;
        }
        1
    }

    fn list_ended(&mut self) {
        self.space = Space::Pass;
        self.state = match self.place {
            Place::Members(_) => State::MemberEnd,
            Place::List | Place::Values | Place::Whole => State::End,
        };
    }

    fn white_space(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<usize, BadElements> {
        if self.state == State::Bare {
            self.state = State::Document;
        }
        match self.space {
            Space::Pass => out.push(byte),
            Space::Hold if self.held.len() - self.element_end < self.most => self.held.push(byte),
            Space::Hold => return Err(BadElements::LongSpace(self.most)),
            Space::Drop => {}
        }
        Ok(1)
    }
}
