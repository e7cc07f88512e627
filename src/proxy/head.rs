//! The head of a request, parsed once from the client's own bytes.
//!
//! hyper hides much of what must be refused: it drops `#...` from a target, a Content-Length beside
//! Transfer-Encoding, equal doubled lengths, and takes bare line feeds. So the
//! [guard](super::guard) reads heads below hyper, and this is what it makes of them. All that
//! follows reads this value.
//!
//! Source: RFC 9112 sections 2 to 6; Go's `net/http` for what the daemon would read.

mod bad;
mod scan;
mod synthetic;

use http::{HeaderName, HeaderValue};

pub(crate) use bad::BadHead;
pub(crate) use scan::Scan;
pub(crate) use synthetic::synthesize;

use super::headers::{Crossing, crossing};

/// A request head in its one reading.
#[derive(Debug, PartialEq)]
pub(crate) struct Head {
    /// The method, any token.
    pub(crate) method: String,
    /// The target, without control bytes or spaces.
    pub(crate) target: String,
    /// Whether it speaks HTTP/1.1 and not HTTP/1.0.
    pub(crate) is_http11: bool,
    /// How the body is framed.
    pub(crate) framing: Framing,
    /// The `Host`, if there is one.
    pub(crate) host: Option<String>,
    /// The `Origin`, if there is one.
    pub(crate) origin: Option<String>,
    /// The `Sec-Fetch-Site`, if there is one: what a browser says of where the request comes from.
    pub(crate) fetch_site: Option<String>,
    /// The lines of `Content-Type`. What they may be is for the operation to say: some clients send
    /// two, and without a body nobody looks at them.
    pub(crate) content_types: Vec<String>,
    /// The `Upgrade`, if there is one.
    pub(crate) upgrade: Option<String>,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
    /// Whether the client wants the connection kept.
    pub(crate) keep_alive: bool,
    /// The headers that cross to the daemon with every request.
    pub(crate) crossing: Fields,
    /// The headers that cross with a hijack.
    pub(crate) crossing_with_hijack: Fields,
}

/// Headers in the client's order, few enough to be looked through.
pub(crate) type Fields = Vec<(HeaderName, HeaderValue)>;

/// How a request's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// In chunks.
    Chunked,
    /// By its length in bytes, zero without a body.
    Length(u64),
}

/// A head that is refused, with what could be read of it.
#[derive(Debug, PartialEq)]
pub(crate) struct RefusedHead {
    /// Why.
    pub(crate) bad: BadHead,
    /// Method and target, if the first line could be read.
    pub(crate) line: Option<(String, String)>,
}

/// The longest body that can be announced, in bytes: what Go reads as a length.
const MAX_LENGTH: u64 = i64::MAX.unsigned_abs();
/// The longest method that is read, in bytes. hyper sees the method too, and answers one that fills
/// its buffer itself, without a record.
const MAX_METHOD: usize = 64;
/// The most header lines that are read.
const MAX_LINES: usize = 128;

impl Head {
    /// Parses a head: everything up to and with the empty line.
    /// Fails with the first rule broken; the caller answers and closes, as the framing is not known.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, RefusedHead> {
        let mut lines = bytes
            .strip_suffix(b"\r\n\r\n")
            .or_else(|| bytes.strip_suffix(b"\n\r\n"))
            .unwrap_or(bytes)
            .split(|byte| *byte == b'\n')
            // A carriage return stands nowhere but before a line feed, or the scan would have refused.
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = lines.next().unwrap_or_default();
        let (method, target, is_http11) = request_line(first)?;
        let mut lines_read = Lines {
            line: (method, target),
            is_http11,
            ..Lines::default()
        };
        match lines.enumerate().try_for_each(|(at, line)| {
            if at < MAX_LINES {
                lines_read.add(line)
            } else {
                Err(BadHead::TooLarge)
            }
        }) {
            Ok(()) => lines_read.finish(),
            Err(bad) => Err(RefusedHead {
                bad,
                line: Some(lines_read.line),
            }),
        }
    }

    /// Whether a body is announced that is not empty, or may be so.
    pub(crate) fn has_body(&self) -> bool {
        self.framing != Framing::Length(0)
    }
}

/// Method and target of a head that is not whole, if its first line is and can be read. What cannot be
/// read may be anything, a piece of a body too, and is not to be recorded.
pub(crate) fn first_line(head: &[u8]) -> Option<(String, String)> {
    let end = head.iter().position(|byte| *byte == b'\r')?;
    let (method, target, _) = request_line(head.get(..end)?).ok()?;
    Some((method, target))
}

fn request_line(line: &[u8]) -> Result<(String, String, bool), RefusedHead> {
    let refuse = |bad| RefusedHead { bad, line: None };
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(refuse(BadHead::RequestLine));
    };
    if method.is_empty()
        || method.len() > MAX_METHOD
        || target.is_empty()
        || !method.iter().all(|byte| is_token_byte(*byte))
        || target.contains(&b'\t')
    {
        return Err(refuse(BadHead::RequestLine));
    }
    let line = (lossy(method), lossy(target));
    if matches!(method, b"CONNECT" | b"TRACE" | b"PRI") {
        let bad = BadHead::Method(line.0.clone());
        return Err(RefusedHead {
            bad,
            line: Some(line),
        });
    }
    let is_http11 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => {
            return Err(RefusedHead {
                bad: BadHead::Version,
                line: Some(line),
            });
        }
    };
    Ok((line.0, line.1, is_http11))
}

/// The header lines as they come in.
#[derive(Default)]
struct Lines {
    line: (String, String),
    is_http11: bool,
    length: Option<u64>,
    chunked: bool,
    host: Option<String>,
    origin: Option<String>,
    fetch_site: Option<String>,
    content_types: Vec<String>,
    upgrade: Option<String>,
    expect: Option<String>,
    connection: Vec<String>,
    crossing: Fields,
    crossing_with_hijack: Fields,
}

impl Lines {
    fn add(&mut self, line: &[u8]) -> Result<(), BadHead> {
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .ok_or(BadHead::Header)?;
        let (name, value) = line.split_at_checked(colon).ok_or(BadHead::Header)?;
        if name.is_empty() || !name.iter().all(|byte| is_token_byte(*byte)) {
            return Err(BadHead::Header);
        }
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let name = HeaderName::from_bytes(name).map_err(|_| BadHead::Header)?;
        match name.as_str() {
            "content-length" => self.add_length(value),
            "transfer-encoding" => self.add_coding(value),
            "connection" => {
                let value = value.to_ascii_lowercase();
                self.connection.extend(
                    value
                        .split(|byte| *byte == b',')
                        .map(|token| lossy(token.trim_ascii())),
                );
                Ok(())
            }
            "host" => once(&mut self.host, "Host", value),
            "origin" => once(&mut self.origin, "Origin", value),
            "sec-fetch-site" => once(&mut self.fetch_site, "Sec-Fetch-Site", value),
            "content-type" => {
                self.content_types.push(lossy(value));
                Ok(())
            }
            "upgrade" => once(&mut self.upgrade, "Upgrade", value),
            "expect" => once(&mut self.expect, "Expect", value),
            _ => self.add_other(name, value),
        }
    }

    fn add_length(&mut self, value: &[u8]) -> Result<(), BadHead> {
        if self.length.is_some() || self.chunked {
            return Err(BadHead::Framing);
        }
        let text = std::str::from_utf8(value).map_err(|_| BadHead::ContentLength)?;
        let is_canonical = text == "0" || !text.starts_with(['0', '+']);
        self.length = Some(
            text.parse()
                .ok()
                .filter(|length| is_canonical && *length <= MAX_LENGTH)
                .ok_or(BadHead::ContentLength)?,
        );
        Ok(())
    }

    fn add_coding(&mut self, value: &[u8]) -> Result<(), BadHead> {
        if self.length.is_some() || self.chunked {
            return Err(BadHead::Framing);
        }
        if !value.eq_ignore_ascii_case(b"chunked") || !self.is_http11 {
            return Err(BadHead::TransferEncoding);
        }
        self.chunked = true;
        Ok(())
    }

    fn add_other(&mut self, name: HeaderName, value: &[u8]) -> Result<(), BadHead> {
        let (fields, may_repeat) = match crossing(name.as_str()) {
            Crossing::Never => return Ok(()),
            Crossing::Always { may_repeat } => (&mut self.crossing, may_repeat),
            Crossing::WithHijack { may_repeat } => (&mut self.crossing_with_hijack, may_repeat),
        };
        if !may_repeat && fields.iter().any(|(other, _)| *other == name) {
            return Err(BadHead::Doubled(name.to_string()));
        }
        let value = HeaderValue::from_bytes(value).map_err(|_| BadHead::Header)?;
        fields.push((name, value));
        Ok(())
    }

    fn finish(mut self) -> Result<Head, RefusedHead> {
        let bad = match &self.expect {
            _ if self.is_http11 && self.host.is_none() => Some(BadHead::HostMissing),
            Some(expect) if !expect.eq_ignore_ascii_case("100-continue") => Some(BadHead::Expect),
            Some(_) | None => None,
        };
        if let Some(bad) = bad {
            return Err(RefusedHead {
                bad,
                line: Some(self.line),
            });
        }
        // What the client says is meant for this hop alone goes no further.
        for token in &self.connection {
            self.crossing.retain(|(name, _)| *name != token.as_str());
            self.crossing_with_hijack
                .retain(|(name, _)| *name != token.as_str());
        }
        let says = |word: &str| self.connection.iter().any(|token| token == word);
        Ok(Head {
            keep_alive: !says("close") && (self.is_http11 || says("keep-alive")),
            method: self.line.0,
            target: self.line.1,
            is_http11: self.is_http11,
            framing: if self.chunked {
                Framing::Chunked
            } else {
                Framing::Length(self.length.unwrap_or_default())
            },
            host: self.host,
            origin: self.origin,
            fetch_site: self.fetch_site,
            content_types: self.content_types,
            upgrade: self.upgrade,
            expects_continue: self.expect.is_some(),
            crossing: self.crossing,
            crossing_with_hijack: self.crossing_with_hijack,
        })
    }
}

fn once(field: &mut Option<String>, name: &str, value: &[u8]) -> Result<(), BadHead> {
    match field.replace(lossy(value)) {
        None => Ok(()),
        Some(_) => Err(BadHead::Doubled(name.to_owned())),
    }
}

/// Bytes that are no UTF-8 become what no name or value that is compared has.
fn lossy(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
