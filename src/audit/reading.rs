//! Reads lines of an audit log.

use std::io::{self, BufRead, Read};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::docker::Call;

/// The fields of a line that are read. `docs/audit.schema.json` has all fields.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) time: String,
    /// `begin`, `lookup`, `prepare` or `request`.
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) client: Client,
    pub(crate) listener: String,
    pub(crate) policy: Option<String>,
    pub(crate) method: Option<String>,
    /// As it was forwarded, without the query.
    pub(crate) path: Option<String>,
    /// The effect of the operation, if the request was understood.
    pub(crate) effect: Option<String>,
    /// The operation's name, if the request was understood and is in the table.
    pub(crate) operation: Option<String>,
    /// What the path names.
    pub(crate) object: Option<String>,
    /// The container that the body names.
    pub(crate) container: Option<String>,
    /// The keys of the query, some with their values.
    #[serde(default)]
    pub(crate) query: Vec<String>,
    /// The full id of the object in the path, if it was looked up.
    pub(crate) object_id: Option<String>,
    /// The name that something was created with or got.
    pub(crate) name: Option<String>,
    /// The id of what was created.
    pub(crate) created_id: Option<String>,
    /// The status of the reply, if there was one.
    pub(crate) status: Option<u16>,
    /// What the request asked for beyond its operation.
    #[serde(default)]
    pub(crate) findings: Vec<String>,
    /// `allow`, `deny` or `would_deny`; in a `begin` also `pending`.
    pub(crate) verdict: String,
    pub(crate) reason: String,
    /// The message to the client, if the request was denied.
    #[serde(default)]
    pub(crate) detail: String,
    pub(crate) duration_us: Option<u64>,
    /// How the request ended.
    pub(crate) end: Option<String>,
    /// The process that wrote it. Older logs do not say.
    #[serde(default)]
    pub(crate) instance: String,
    /// The number of the line.
    pub(crate) seq: Option<u64>,
}

/// A line about the process itself.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ProcessLine {
    pub(crate) time: String,
    /// `start`, `reload` or `stop`.
    pub(crate) event: String,
    pub(crate) version: String,
    pub(crate) policies: Vec<PolicyInForce>,
    /// What is wrong with settings that were not taken over.
    pub(crate) detail: Option<String>,
    pub(crate) instance: String,
    pub(crate) seq: u64,
}

/// A policy that was in force.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PolicyInForce {
    pub(crate) policy: String,
    pub(crate) sha256: String,
    /// Where it applies: one of these.
    pub(crate) listener: Option<String>,
    pub(crate) client: Option<String>,
}

/// What a line of a log is.
#[derive(Clone, Debug)]
pub(crate) enum Parsed {
    Request(Box<Line>),
    Process(ProcessLine),
    /// Not a record, such as the start report.
    Foreign,
}

impl Parsed {
    /// Reads a line. Text before the object is skipped, such as the name of a service if several write to one place.
    pub(crate) fn of(text: &str) -> Self {
        if let Some(line) = Line::parse(text) {
            return Self::Request(Box::new(line));
        }
        match object::<ProcessLine>(text) {
            Some(line) if humantime::parse_rfc3339(&line.time).is_ok() => Self::Process(line),
            Some(_) | None => Self::Foreign,
        }
    }
}

/// The first object in a text.
fn object<T: DeserializeOwned>(text: &str) -> Option<T> {
    let start = text.find(r#"{"time":"#)?;
    let mut values = serde_json::Deserializer::from_str(text.get(start..)?).into_iter();
    values.next()?.ok()
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Client {
    /// Address and port, or `-`.
    pub(crate) address: String,
    /// Its name in the settings, if they have clients.
    pub(crate) name: Option<String>,
}

impl Client {
    /// The address without the port, which differs for each connection.
    pub(crate) fn host(&self) -> &str {
        let host = self
            .address
            .rsplit_once(':')
            .map_or(&*self.address, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl Line {
    /// The client: its name, or an address, or the listener if clients have no address, as on a unix socket.
    pub(crate) fn who(&self) -> &str {
        if let Some(name) = &self.client.name {
            return name;
        }
        let host = self.client.host();
        if host == "-" { &self.listener } else { host }
    }

    /// Reads a line; `None` if it is not the record of a request.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        object(text).filter(Self::is_plain)
    }

    /// Whether the line looks like a record: text from clients is printable ASCII there. So a forged line cannot start
    /// another line in the output, or look like something else there.
    fn is_plain(&self) -> bool {
        let of_request = [
            &self.method,
            &self.path,
            &self.effect,
            &self.client.name,
            &self.object_id,
            &self.created_id,
            &self.name,
        ];
        let always = [
            &self.event,
            &self.id,
            &self.client.address,
            &self.verdict,
            &self.reason,
        ];
        let texts = of_request.into_iter().flatten().chain(always);
        let mut texts = texts.chain(&self.query).chain(&self.findings);
        let is_plain = |text: &String| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        // The path in a listener's address may contain other characters.
        let is_listener = !self.listener.chars().any(char::is_control);
        texts.all(is_plain) && is_listener && humantime::parse_rfc3339(&self.time).is_ok()
    }

    /// Whether it is of this client, by its name, its address, or the listener of those without.
    pub(crate) fn is_of(&self, client: &str) -> bool {
        client == self.client.host() || client == self.who()
    }

    /// The request, if it was understood and its path was not cut.
    pub(crate) fn call(&self) -> Option<Call> {
        self.effect.as_ref()?;
        let path = self.path.as_deref().filter(|path| !path.ends_with("..."))?;
        Call::parse(self.method.as_deref()?, path)
    }
}

/// The longest line that is read, in bytes; no record is longer.
const MAX_LINE: u64 = 1024 * 1024;

/// Calls `take` with every record of a request, and returns how many lines are not records. A line that is too long is
/// skipped as a whole.
pub(crate) fn read_all(input: impl BufRead, mut take: impl FnMut(Line)) -> io::Result<u64> {
    let mut foreign = 0;
    read_lines(input, |parsed| match parsed {
        Parsed::Request(line) => take(*line),
        Parsed::Process(_) => {}
        Parsed::Foreign => foreign += 1,
    })?;
    Ok(foreign)
}

/// Calls `take` with every line that is not empty.
pub(crate) fn read_lines(mut input: impl BufRead, mut take: impl FnMut(Parsed)) -> io::Result<()> {
    let mut bytes = Vec::new();
    while next_line(&mut input, &mut bytes)? {
        let text = String::from_utf8_lossy(&bytes);
        if !text.trim().is_empty() {
            take(Parsed::of(&text));
        }
        bytes.clear();
    }
    Ok(())
}

/// Reads on to the end of a line, or as far as there is input, and returns whether there was any. Without the end of
/// a line, more of it may follow.
pub(crate) fn next_line(input: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let read = input.by_ref().take(MAX_LINE).read_until(b'\n', bytes)?;
    Ok(read > 0)
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
        let process = r#"gate | {"time":"2026-11-21T10:00:00.000001Z","event":"stop","version":"0.1.0","policies":[],"instance":"a","seq":9}"#;
        assert!(matches!(Parsed::of(process), Parsed::Process(line) if line.seq == 9));
        let foreign = process.replace("2026", "year");
        assert!(matches!(Parsed::of(&foreign), Parsed::Foreign));
        for (from, to) in [
            ("2026-11-21T10:00:00.000001Z", "today"),
            ("2026-11-21T10:00:00.000001Z", r"2026-11-21\n]\nallow = ["),
            ("exec.into=web", r"exec.into=web\n]\nallow = ["),
            ("10.0.0.2:1", r"10.0.0.2\u007f:1"),
            ("/info", r"/info\r"),
            ("granted", r"granted\n"),
            ("exec.into=web", "exec.into=w\u{202e}eb"),
            ("/info\"", r#"/info","name":"a\nb""#),
            (r#""verdict":"allow","#, ""),
            (r#"{"time""#, r#"{"Time""#),
        ] {
            let other = line.replacen(from, to, 1);
            assert_ne!(other, line);
            assert!(Line::parse(&other).is_none(), "{other}");
        }
    }
}
