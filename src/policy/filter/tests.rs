//! A filter for tests of what passes replies on.

use super::*;

/// Passes whole lines on, with its own reading of some: `-a` is hidden, `!` is bad, and for `?a` the container `a` is
/// looked up.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    text: Vec<u8>,
    wanted: Option<String>,
    has_ended: bool,
}

const BAD: BadReply = BadReply("a line is bad");

impl Lines {
    fn pass(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        while self.wanted.is_none() {
            let end = self.text.iter().position(|byte| *byte == b'\n');
            let length = match end {
                Some(end) => end + 1,
                None if self.has_ended && !self.text.is_empty() => self.text.len(),
                None => return Ok(()),
            };
            let line: Vec<u8> = self.text.drain(..length).collect();
            match line[0] {
                b'-' => {}
                b'!' => return Err(BAD),
                b'?' => {
                    let name = line[1..].trim_ascii().to_owned();
                    self.wanted = Some(String::from_utf8(name).unwrap());
                }
                _ => out.extend(line),
            }
        }
        Ok(())
    }
}

impl Filter for Lines {
    fn push(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), BadReply> {
        assert!(self.wanted.is_none() && !self.has_ended, "{self:?}");
        self.text.extend_from_slice(part);
        self.pass(out)
    }

    fn wants(&self) -> Option<Lookup> {
        self.wanted.clone().map(Lookup::Container)
    }

    fn learn(&mut self, answer: Option<Answer>, out: &mut Vec<u8>) -> Result<(), BadReply> {
        let name = self.wanted.take().expect("a question");
        let said = match answer {
            None => "is unknown",
            Some(Answer::Missing) => "is missing",
            Some(Answer::Container(_)) => "exists",
            Some(_) => return Err(BAD),
        };
        out.extend(format!("{name} {said}\n").bytes());
        self.pass(out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        assert!(self.wanted.is_none() && !self.has_ended, "{self:?}");
        self.has_ended = true;
        self.pass(out)
    }
}
