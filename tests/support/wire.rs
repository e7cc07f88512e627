//! Reads HTTP/1.1 from a stream, strictly: a message that is not properly framed fails the test.

use std::io::{self, ErrorKind, Read};

/// The first line and the header lines of a message, exactly as sent.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) lines: Vec<(String, String)>,
    pub(crate) raw: String,
}

impl Head {
    fn parse(raw: String) -> Self {
        let mut lines = raw.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
        let first = lines.next().unwrap().to_owned();
        let lines = lines.map(|line| {
            let (name, value) = line
                .split_once(": ")
                .unwrap_or_else(|| panic!("{line:?} is not a header line"));
            (name.to_owned(), value.to_owned())
        });
        let lines = lines.collect();
        Self { first, lines, raw }
    }

    /// The values of all lines with this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let of_name = self
            .lines
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of the only line with this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} appears twice in {:?}", self.raw);
        all.first().copied()
    }

    /// How the body after this head is framed, for a request.
    pub(crate) fn request_framing(&self) -> Framing {
        self.stated_framing().unwrap_or(Framing::Length(0))
    }

    /// How the body after this head is framed, for a reply to a request with this method.
    pub(crate) fn reply_framing(&self, method: &str) -> Framing {
        let status = self.first.split(' ').nth(1).unwrap();
        if method == "HEAD" || status.starts_with('1') || ["204", "304"].contains(&status) {
            return Framing::Length(0);
        }
        self.stated_framing().unwrap_or(Framing::ToEnd)
    }

    fn stated_framing(&self) -> Option<Framing> {
        match (self.get("Transfer-Encoding"), self.get("Content-Length")) {
            (Some(encoding), None) => {
                assert_eq!(encoding, "chunked", "in {:?}", self.raw);
                Some(Framing::Chunked)
            }
            (None, Some(length)) => Some(Framing::Length(length.parse().unwrap())),
            (None, None) => None,
            (Some(_), Some(_)) => panic!("two framings in {:?}", self.raw),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    ToEnd,
}

/// Reads messages and parts of them from a stream.
pub(crate) struct Reader {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(source: impl Read + Send + 'static) -> Self {
        Self {
            source: Box::new(source),
            buffer: Vec::new(),
        }
    }

    /// The next bytes, as many as there are; none at the end of the stream.
    pub(crate) fn some(&mut self) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill()?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// The next message's head; `None` if the stream ends before it.
    pub(crate) fn head(&mut self) -> io::Result<Option<Head>> {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if self.fill()? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(ended("in a head", &self.buffer))
                };
            }
        };
        let raw = self.buffer.drain(..end).collect();
        Ok(Some(Head::parse(String::from_utf8(raw).unwrap())))
    }

    pub(crate) fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            if self.fill()? == 0 {
                return Err(ended("early", &self.buffer));
            }
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// One chunk of a chunked body; `None` after the last.
    pub(crate) fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line()?;
        let size = usize::from_str_radix(&line, 16)
            .unwrap_or_else(|_| panic!("{line:?} is not a chunk size"));
        let data = self.exactly(size)?;
        let end = self.line()?;
        assert!(end.is_empty(), "{end:?} after a chunk");
        Ok((size > 0).then_some(data))
    }

    pub(crate) fn body(&mut self, framing: Framing) -> io::Result<Vec<u8>> {
        match framing {
            Framing::Length(length) => self.exactly(length),
            Framing::ToEnd => self.rest(),
            Framing::Chunked => {
                let mut body = Vec::new();
                while let Some(chunk) = self.chunk()? {
                    body.extend(chunk);
                }
                Ok(body)
            }
        }
    }

    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.buffer))
    }

    fn line(&mut self) -> io::Result<String> {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n") {
                break at;
            }
            if self.fill()? == 0 {
                return Err(ended("in a line", &self.buffer));
            }
        };
        let line: Vec<u8> = self.buffer.drain(..end + 2).take(end).collect();
        Ok(String::from_utf8(line).unwrap())
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 16 * 1024];
        let count = loop {
            match self.source.read(&mut bytes) {
                // With a read timeout, the system does not restart interrupted calls by itself.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.buffer.extend_from_slice(&bytes[..count]);
        Ok(count)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn ended(place: &str, buffer: &[u8]) -> io::Error {
    let seen = String::from_utf8_lossy(buffer);
    io::Error::new(
        ErrorKind::UnexpectedEof,
        format!("the stream ended {place}, after {seen:?}"),
    )
}
