//! Finds the end of a head, and checks that its bytes are allowed there.
//!
//! Source: RFC 9112 section 2.2, which allows LF as the end of a line; testcontainers/Docker.DotNet
//! pull request 69 for the one client that needs it.

use super::{BadHead, is_token_byte};

/// Checks the bytes of a head as they arrive, each once.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    checked: usize,
    ends: LineEnds,
}

/// How the lines of a head end. All header lines of a head must end in the same way, so that a line feed
/// inside a line of another program that ends lines with CR LF is never taken as the end of a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LineEnds {
    /// The request line has not ended yet. It must end in CR LF.
    #[default]
    RequestLine,
    /// No header line has ended yet.
    Unknown,
    /// In CR LF.
    CrLf,
    /// In LF, as Docker.DotNet before 4.0 writes them. The empty line after them ends in CR LF, and so does
    /// the one line that it writes itself, which comes last.
    Lf,
}

/// The line that Docker.DotNet writes itself.
const OWN_LINE: &[u8] = b"\nTransfer-Encoding: chunked";

impl Scan {
    /// Checks the new bytes. Returns the position after the head's empty line, if it was found.
    /// Fails at the first byte that is not allowed in a head, so that no more need be read.
    pub(crate) fn check(&mut self, head: &[u8]) -> Result<Option<usize>, BadHead> {
        match head.first() {
            Some(0x16) => return Err(BadHead::Tls),
            Some(byte) if !is_token_byte(*byte) => return Err(BadHead::RequestLine),
            Some(_) | None => {}
        }
        let is_control = |byte: &u8| *byte < 0x20 || *byte == 0x7f;
        while let Some(next) = head
            .get(self.checked..)
            .and_then(|rest| rest.iter().position(is_control))
        {
            let at = self.checked + next;
            match head.get(at..).unwrap_or_default() {
                [b'\t', ..] => self.checked = at + 1,
                [b'\r', b'\n', b'\r', b'\n', ..] if self.takes_last_cr(head, at) => {
                    return Ok(Some(at + 4));
                }
                // The next line decides.
                [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r']
                    if self.takes_last_cr(head, at) =>
                {
                    return Ok(None);
                }
                [b'\r', b'\n', ..] if self.ends != LineEnds::Lf => {
                    self.ends = if self.ends == LineEnds::RequestLine {
                        LineEnds::Unknown
                    } else {
                        LineEnds::CrLf
                    };
                    self.checked = at + 2;
                }
                [b'\n', rest @ ..] if self.takes_line_feed(head, at) => match rest {
                    [b'\r', b'\n', ..] => return Ok(Some(at + 3)),
                    [] | [b'\r'] => return Ok(None),
                    _ => {
                        self.ends = LineEnds::Lf;
                        self.checked = at + 1;
                    }
                },
                rest => return Err(BadHead::Byte(rest.first().copied().unwrap_or_default())),
            }
        }
        self.checked = head.len();
        Ok(None)
    }

    /// Whether CR LF may end the last header line there.
    fn takes_last_cr(&self, head: &[u8], at: usize) -> bool {
        self.ends != LineEnds::Lf || head.get(..at).is_some_and(|head| head.ends_with(OWN_LINE))
    }

    /// Whether a line feed may end a header line there. It cannot end an empty one.
    fn takes_line_feed(&self, head: &[u8], at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| head.get(before));
        matches!(self.ends, LineEnds::Unknown | LineEnds::Lf) && before != Some(&b'\n')
    }
}
