//! A line of the record, read again.

use std::io::{self, BufRead, Read};

use serde::Deserialize;

use crate::docker::Call;

/// The fields of a line that are read again. `docs/audit.schema.json` has all of them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) time: String,
    /// `begin`, `lookup`, `prepare` or `request`.
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) client: Client,
    pub(crate) listener: String,
    pub(crate) method: Option<String>,
    /// As it was sent on, without its query.
    pub(crate) path: Option<String>,
    /// The effect of the operation, where the request was understood.
    pub(crate) effect: Option<String>,
    /// What it asked for besides.
    #[serde(default)]
    pub(crate) findings: Vec<String>,
    /// `allow`, `deny` or `would_deny`; of a `begin` also `pending`.
    pub(crate) verdict: String,
    pub(crate) reason: String,
    /// What the client was told, if it was refused.
    #[serde(default)]
    pub(crate) detail: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Client {
    /// Address and port, or `-`.
    pub(crate) address: String,
}

impl Client {
    /// Who it is, without the port, which is another for each connection.
    pub(crate) fn host(&self) -> &str {
        let host = self
            .address
            .rsplit_once(':')
            .map_or(&*self.address, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl Line {
    /// Who asked: an address, or the listener where clients have none, as on a socket of the host.
    pub(crate) fn who(&self) -> &str {
        let host = self.client.host();
        if host == "-" { &self.listener } else { host }
    }

    /// Reads a line; `None` if it is none of a record. What stands before the object, as the name of a
    /// service where several write to one place, is passed over.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let start = text.find(r#"{"time":"#)?;
        let mut values = serde_json::Deserializer::from_str(text.get(start..)?).into_iter();
        values.next()?.ok().filter(Self::is_plain)
    }

    /// Whether it is as a record has it, in which what clients sent is printable ASCII: a line that somebody else
    /// wrote among them cannot begin another in what is made of it, nor look like something else there.
    fn is_plain(&self) -> bool {
        let of_request = [&self.method, &self.path, &self.effect];
        let always = [
            &self.event,
            &self.id,
            &self.client.address,
            &self.verdict,
            &self.reason,
        ];
        let texts = of_request.into_iter().flatten().chain(always);
        let mut texts = texts.chain(&self.findings);
        let is_plain = |text: &String| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        // A listener may be called by a path of the host.
        let is_listener = !self.listener.chars().any(char::is_control);
        texts.all(is_plain) && is_listener && humantime::parse_rfc3339(&self.time).is_ok()
    }

    /// What the request asked, if it was understood and its path was recorded whole.
    pub(crate) fn call(&self) -> Option<Call> {
        self.effect.as_ref()?;
        let path = self.path.as_deref().filter(|path| !path.ends_with("..."))?;
        Call::parse(self.method.as_deref()?, path)
    }
}

/// The longest line that is read, in bytes; none of the record is longer.
const MAX_LINE: u64 = 1024 * 1024;

/// Hands on every line of a record, and returns how many are none of one. What stands in the middle of a
/// line that is too long is passed over with it.
pub(crate) fn read_all(mut input: impl BufRead, mut take: impl FnMut(Line)) -> io::Result<u64> {
    let (mut foreign, mut bytes) = (0, Vec::new());
    loop {
        bytes.clear();
        if input
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut bytes)?
            == 0
        {
            return Ok(foreign);
        }
        let text = String::from_utf8_lossy(&bytes);
        match Line::parse(&text) {
            Some(line) => take(line),
            None => foreign += u64::from(!text.trim().is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_none_of_a_record_is_passed_over() {
        let line = r#"{"time":"2026-11-21T10:00:00.000001Z","event":"request","id":"1-1","client":{"address":"10.0.0.2:1"},
            "listener":"tcp://0.0.0.0:2375","method":"GET","path":"/info","effect":"read","findings":["exec.into=web"],
            "verdict":"allow","reason":"granted"}"#;
        assert!(Line::parse(line).is_some());
        assert!(Line::parse(&format!("dockgate-1  | {line}")).is_some());
        for (from, to) in [
            ("2026-11-21T10:00:00.000001Z", "today"),
            ("2026-11-21T10:00:00.000001Z", r"2026-11-21\n]\nallow = ["),
            ("exec.into=web", r"exec.into=web\n]\nallow = ["),
            ("10.0.0.2:1", r"10.0.0.2\u007f:1"),
            ("/info", r"/info\r"),
            ("granted", r"granted\n"),
            ("exec.into=web", "exec.into=w\u{202e}eb"),
            (r#""verdict":"allow","#, ""),
            (r#"{"time""#, r#"{"Time""#),
        ] {
            let other = line.replacen(from, to, 1);
            assert_ne!(other, line);
            assert!(Line::parse(&other).is_none(), "{other}");
        }
    }
}
