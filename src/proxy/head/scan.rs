//! Where a head ends, and whether its bytes are ones that a head has.
//!
//! Source: RFC 9112 section 2.2, which allows LF for a line's end; testcontainers/Docker.DotNet pull
//! request 69 for the one client that needs it.

use super::{BadHead, is_token_byte};

/// Checks the bytes of a head as they come in, each once.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    checked: usize,
    ends: LineEnds,
}

/// How the lines of a head end. All of its header lines end alike: a line feed within a line that another
/// program ended with CR LF is never taken for the end of a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LineEnds {
    /// The request line has not ended. It ends in CR LF.
    #[default]
    RequestLine,
    /// No header line has ended.
    Unknown,
    /// In CR LF.
    CrLf,
    /// In LF, as Docker.DotNet before 4.0 writes them. The empty line behind them ends in CR LF, and so does
    /// the one line that it writes itself, which comes last.
    Lf,
}

/// The line that Docker.DotNet writes itself.
const OWN_LINE: &[u8] = b"\nTransfer-Encoding: chunked";

impl Scan {
    /// Checks what is new. Where the head ends, behind its empty line, if it does.
    /// Fails at the first byte that no head has there: then nothing more need be read.
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
                // What follows decides.
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

    /// Whether a line feed may end a header line there. It does not end an empty one.
    fn takes_line_feed(&self, head: &[u8], at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| head.get(before));
        matches!(self.ends, LineEnds::Unknown | LineEnds::Lf) && before != Some(&b'\n')
    }
}
