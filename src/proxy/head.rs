//! The head of a request, parsed once from the client's own bytes.
//!
//! hyper hides much of what must be refused: it drops `#...` from a target, drops a Content-Length
//! next to Transfer-Encoding, merges repeated equal lengths, and accepts bare line feeds. So the
//! [guard](super::guard) reads heads below hyper and has them parsed here. All later steps read
//! this value.
//!
//! Source: RFC 9112 sections 2 to 6; Go's `net/http` for how the daemon would read them.

mod bad;
mod scan;

use http::{HeaderName, HeaderValue};

pub(crate) use bad::BadHead;
pub(crate) use scan::Scan;

use super::headers::crossing;

/// A request head with only one possible meaning.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Head {
    /// Any token.
    pub(crate) method: String,
    /// Has no control bytes or spaces.
    pub(crate) target: String,
    /// Whether it speaks HTTP/1.1 and not HTTP/1.0.
    pub(crate) is_http11: bool,
    pub(crate) framing: Framing,
    pub(crate) host: Option<String>,
    pub(crate) origin: Option<String>,
    /// The `Sec-Fetch-Site` header: what a browser says about the page that sent the request.
    pub(crate) fetch_site: Option<String>,
    /// The `Content-Type` lines. Which of them are allowed depends on the operation: some clients
    /// send two, and without a body they do not matter.
    pub(crate) content_types: Vec<String>,
    pub(crate) upgrade: Option<String>,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
    /// Whether the client wants to keep the connection.
    pub(crate) keep_alive: bool,
    /// The headers that are sent to the daemon with every request.
    pub(crate) crossing: Fields,
    /// The headers that are sent with a hijack.
    pub(crate) crossing_with_hijack: Fields,
}

/// Headers in the client's order; there are so few that a linear search is enough.
pub(crate) type Fields = Vec<(HeaderName, HeaderValue)>;

/// How a request's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Chunked,
    /// By its length in bytes, zero without a body.
    Length(u64),
}

impl Default for Framing {
    fn default() -> Self {
        Self::Length(0)
    }
}

/// A refused head, with the parts that could be read.
#[derive(Debug, PartialEq)]
pub(crate) struct RefusedHead {
    pub(crate) bad: BadHead,
    /// Method and target, if the first line could be read.
    pub(crate) line: Option<(String, String)>,
}

/// The longest body that can be announced, in bytes: the largest length that Go accepts.
const MAX_LENGTH: u64 = i64::MAX.unsigned_abs();
/// The longest method, in bytes. hyper sees the method too, and would answer one that fills its
/// buffer itself, without a record.
const MAX_METHOD: usize = 64;
/// The most header lines.
const MAX_LINES: usize = 128;

impl Head {
    /// Parses a head, up to and including the empty line. Fails with the first rule that it breaks; the caller then
    /// answers and closes the connection, because the framing is not known.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, RefusedHead> {
        let mut lines = bytes
            .strip_suffix(b"\r\n\r\n")
            .or_else(|| bytes.strip_suffix(b"\n\r\n"))
            .unwrap_or(bytes)
            .split(|byte| *byte == b'\n')
            // A carriage return can only come before a line feed here, because the scan refuses any
            // other.
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let mut head = request_line(lines.next().unwrap_or_default())?;
        match head.read(lines) {
            Ok(()) => Ok(head),
            Err(bad) => Err(head.refused(bad)),
        }
    }

    /// Parses the header lines.
    fn read<'a>(&mut self, lines: impl Iterator<Item = &'a [u8]>) -> Result<(), BadHead> {
        let (mut framing, mut expect, mut connection) = (None, None, Vec::new());
        for (at, line) in lines.enumerate() {
            if at == MAX_LINES {
                return Err(BadHead::TooLarge);
            }
            let (name, value) = field(line)?;
            match name.as_str() {
                "content-length" | "transfer-encoding" if framing.is_some() => {
                    return Err(BadHead::Framing);
                }
                "content-length" => framing = Some(Framing::Length(length(value)?)),
                "transfer-encoding" if self.is_http11 && value.eq_ignore_ascii_case(b"chunked") => {
                    framing = Some(Framing::Chunked);
                }
                "transfer-encoding" => return Err(BadHead::TransferEncoding),
                "connection" => {
                    let value = value.to_ascii_lowercase();
                    let tokens = value.split(|byte| *byte == b',');
                    connection.extend(tokens.map(|token| lossy(token.trim_ascii())));
                }
                "host" => once(&mut self.host, "Host", value)?,
                "origin" => once(&mut self.origin, "Origin", value)?,
                "sec-fetch-site" => once(&mut self.fetch_site, "Sec-Fetch-Site", value)?,
                "content-type" => self.content_types.push(lossy(value)),
                "upgrade" => once(&mut self.upgrade, "Upgrade", value)?,
                "expect" => once(&mut expect, "Expect", value)?,
                _ => self.read_other(name, value)?,
            }
        }
        if self.is_http11 && self.host.is_none() {
            return Err(BadHead::HostMissing);
        }
        self.expects_continue = match expect {
            Some(expect) if !expect.eq_ignore_ascii_case("100-continue") => {
                return Err(BadHead::Expect);
            }
            expect => expect.is_some(),
        };
        self.framing = framing.unwrap_or_default();
        let says = |word: &str| connection.iter().any(|token| token == word);
        self.keep_alive = !says("close") && (self.is_http11 || says("keep-alive"));
        // Headers that the client marks as hop-by-hop are not sent on.
        self.crossing.retain(|(name, _)| !says(name.as_str()));
        self.crossing_with_hijack
            .retain(|(name, _)| !says(name.as_str()));
        Ok(())
    }

    fn read_other(&mut self, name: HeaderName, value: &[u8]) -> Result<(), BadHead> {
        let Some(crossing) = crossing(name.as_str()) else {
            return Ok(());
        };
        let fields = if crossing.with_hijack {
            &mut self.crossing_with_hijack
        } else {
            &mut self.crossing
        };
        if !crossing.may_repeat && fields.iter().any(|(other, _)| *other == name) {
            return Err(BadHead::Doubled(name.to_string()));
        }
        let value = HeaderValue::from_bytes(value).map_err(|_| BadHead::Header)?;
        fields.push((name, value));
        Ok(())
    }

    /// Why it is refused, with the parts that could be read.
    fn refused(self, bad: BadHead) -> RefusedHead {
        let line = Some((self.method, self.target));
        RefusedHead { bad, line }
    }

    /// Whether a body is announced that is not empty, or may not be.
    pub(crate) fn has_body(&self) -> bool {
        self.framing != Framing::Length(0)
    }

    /// Appends the head that hyper reads instead: the method, because it decides what a reply may have, and how the
    /// body is framed.
    pub(crate) fn synthesize(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.method.as_bytes());
        to.extend_from_slice(if self.is_http11 {
            b" / HTTP/1.1\r\n"
        } else {
            b" / HTTP/1.0\r\n"
        });
        match self.framing {
            Framing::Length(0) => {}
            Framing::Length(length) => {
                to.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
            }
            Framing::Chunked => to.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
        if self.expects_continue {
            to.extend_from_slice(b"expect: 100-continue\r\n");
        }
        let keep = self.keep_alive && self.framing != Framing::Chunked;
        // Each version has its own default.
        if keep != self.is_http11 {
            to.extend_from_slice(if keep {
                b"connection: keep-alive\r\n"
            } else {
                b"connection: close\r\n"
            });
        }
        to.extend_from_slice(b"\r\n");
    }
}

/// Method and target of an incomplete head, if its first line is complete and valid. Anything else
/// could be part of a body, and must not be recorded.
pub(crate) fn first_line(head: &[u8]) -> Option<(String, String)> {
    let end = head.iter().position(|byte| *byte == b'\r')?;
    let head = request_line(head.get(..end)?).ok()?;
    Some((head.method, head.target))
}

/// A head of which only the first line was read.
fn request_line(line: &[u8]) -> Result<Head, RefusedHead> {
    let unread = RefusedHead {
        bad: BadHead::RequestLine,
        line: None,
    };
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(unread);
    };
    if method.len() > MAX_METHOD
        || !is_token(method)
        || target.is_empty()
        || target.contains(&b'\t')
    {
        return Err(unread);
    }
    let head = Head {
        method: lossy(method),
        target: lossy(target),
        is_http11: version == b"HTTP/1.1",
        ..Head::default()
    };
    match (method, version) {
        (b"CONNECT" | b"TRACE" | b"PRI", _) => {
            let method = head.method.clone();
            Err(head.refused(BadHead::Method(method)))
        }
        (_, b"HTTP/1.1" | b"HTTP/1.0") => Ok(head),
        (_, _) => Err(head.refused(BadHead::Version)),
    }
}

/// The name of a header line, in lower case, and its value.
fn field(line: &[u8]) -> Result<(HeaderName, &[u8]), BadHead> {
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) = colon
        .and_then(|colon| line.split_at_checked(colon))
        .ok_or(BadHead::Header)?;
    if !is_token(name) {
        return Err(BadHead::Header);
    }
    let name = HeaderName::from_bytes(name).map_err(|_| BadHead::Header)?;
    Ok((name, value.get(1..).unwrap_or_default().trim_ascii()))
}

fn length(value: &[u8]) -> Result<u64, BadHead> {
    let text = std::str::from_utf8(value).map_err(|_| BadHead::ContentLength)?;
    let is_canonical = text == "0" || !text.starts_with(['0', '+']);
    let length = text.parse().ok();
    length
        .filter(|length| is_canonical && *length <= MAX_LENGTH)
        .ok_or(BadHead::ContentLength)
}

fn once(field: &mut Option<String>, name: &str, value: &[u8]) -> Result<(), BadHead> {
    match field.replace(lossy(value)) {
        None => Ok(()),
        Some(_) => Err(BadHead::Doubled(name.to_owned())),
    }
}

/// Bytes that are not UTF-8 become a character that no compared name or value has.
fn lossy(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
