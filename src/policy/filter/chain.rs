//! Two filters, one behind the other.

use super::{BadReply, Filter};
use crate::policy::answers::{Answer, Lookup};

/// Passes on what the second filter leaves of what the first one leaves. Only the first can want to know something.
#[derive(Debug)]
pub(super) struct Chain {
    first: Box<dyn Filter>,
    second: Box<dyn Filter>,
    has_ended: bool,
    between: Vec<u8>,
}

impl Chain {
    pub(super) fn new(first: Box<dyn Filter>, second: Box<dyn Filter>) -> Self {
        Self {
            first,
            second,
            has_ended: false,
            between: Vec::new(),
        }
    }

    /// Gives the second filter what the first has put out, and the end after the last of it.
    fn pass(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        let between = std::mem::take(&mut self.between);
        self.second.push(&between, out)?;
        if self.has_ended && self.first.wants().is_none() {
            self.second.finish(out)?;
        }
        Ok(())
    }
}

impl Filter for Chain {
    fn push(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.first.push(part, &mut self.between)?;
        self.pass(out)
    }

    fn wants(&self) -> Option<Lookup> {
        self.first.wants()
    }

    fn learn(&mut self, answer: Option<Answer>, out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.first.learn(answer, &mut self.between)?;
        self.pass(out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.has_ended = true;
        self.first.finish(&mut self.between)?;
        self.pass(out)
    }
}
