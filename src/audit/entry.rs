//! One audit record, as a value and as its line of JSON.
//!
//! `docs/audit.md` says what each field means and `docs/audit.schema.json` its shape. No field ever
//! holds a body, a header's value, or a query value that the table does not call harmless.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::docker::{Call, Effect, Operation, Reply};
use crate::policy::{Denial, Reason};

/// What is known of one request. It fills up as the request goes its way.
#[derive(Debug)]
pub struct Record {
    /// Unique among the records of this process, and all but surely among those of others.
    pub id: String,
    /// When the head was complete, or was refused.
    pub time: SystemTime,
    /// The address of the client, `-` on a unix socket.
    pub client: Arc<str>,
    /// The listener's address, with its real port.
    pub listener: Arc<str>,
    /// The policy that granted the request.
    pub policy: Option<Arc<str>>,
    /// The method as it was sent.
    pub method: Option<String>,
    /// The path as it is sent on, or the raw one of a refused target.
    pub path: Option<String>,
    /// What is known once the target was understood.
    pub call: Option<Known>,
    /// What was decided.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// What the client was told, if it was refused.
    pub detail: Option<String>,
    /// Whether it is not written, as it is the health check's own.
    pub is_left_out: bool,
    /// The reply's status, once there is one.
    pub status: Option<u16>,
    /// The bytes of the request's body or of a tunnel that came from the client so far.
    pub bytes_in: Arc<AtomicU64>,
    /// The bytes of the reply's body or of a tunnel that went to the client so far.
    pub bytes_out: Arc<AtomicU64>,
}

/// What a call adds to the record.
#[derive(Debug)]
pub struct Known {
    operation: Option<Operation>,
    effect: Effect,
    object: Option<String>,
    query: Vec<String>,
    api_version: Option<String>,
}

/// What a line reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A change of state or a stream is about to be sent to the daemon.
    Begin,
    /// A request is over.
    Request,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was granted.
    Allow,
    /// It was refused.
    Deny,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The whole reply, or the refusal, was handed to the client's connection.
    Complete,
    /// The client left before the reply was whole.
    ClientGone,
    /// The daemon left before its reply was whole.
    DaemonGone,
    /// It was over before its end while Dockgate was shutting down.
    Drained,
    /// A defect of Dockgate.
    Panic,
}

/// The longest path that is kept, in bytes.
const MAX_PATH: usize = 1024;
/// The most query keys that are kept.
const MAX_QUERY_KEYS: usize = 32;
/// The longest query key or harmless value that is kept, in bytes.
const MAX_QUERY_TEXT: usize = 128;
/// The longest method that is kept, in bytes.
const MAX_METHOD: usize = 32;

impl Record {
    /// A record of a request of which nothing is known yet.
    #[must_use]
    pub fn new(id: String, time: SystemTime, client: Arc<str>, listener: Arc<str>) -> Self {
        Self {
            id,
            time,
            client,
            listener,
            policy: None,
            method: None,
            path: None,
            call: None,
            verdict: Verdict::Deny,
            reason: Reason::NotJudged,
            detail: None,
            is_left_out: false,
            status: None,
            bytes_in: Arc::default(),
            bytes_out: Arc::default(),
        }
    }

    /// Notes what the client asked for, before it is understood.
    pub fn asked(&mut self, method: &str, target: &str) {
        self.method = Some(cut(method, MAX_METHOD));
        // Users and passwords stand before a host, and a fragment is the client's own.
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let path = match path.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => path,
            Some(_) => "//...",
            None => "...",
        };
        self.path = Some(cut(path, MAX_PATH));
    }

    /// Notes what the request was understood to be.
    pub fn understood(&mut self, call: &Call) {
        let operation = call.operation();
        let logged = operation.map_or(&[][..], |operation| operation.spec().logged);
        let shown = |(key, value): (&str, &str)| {
            let key_cut = cut(key, MAX_QUERY_TEXT);
            if logged.contains(&key) {
                format!("{key_cut}={}", cut(value, MAX_QUERY_TEXT))
            } else {
                key_cut
            }
        };
        self.path = Some(cut(&call.path(), MAX_PATH));
        self.call = Some(Known {
            operation,
            effect: call.effect(),
            object: call.object().map(str::to_owned),
            query: call.query.pairs().take(MAX_QUERY_KEYS).map(shown).collect(),
            api_version: call.version.map(|version| version.to_string()),
        });
    }

    /// Notes that the client got a refusal instead of the daemon's reply.
    pub fn refused(&mut self, denial: &Denial) {
        self.reason = denial.reason;
        self.detail = Some(denial.message.clone());
        self.status = Some(denial.reason.status());
    }

    /// The operation's name, once the target was understood.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        let operation = self.call.as_ref()?.operation?;
        Some(operation.spec().name)
    }

    /// Whether it is of a request to take the connection over.
    #[must_use]
    pub fn is_of_hijack(&self) -> bool {
        let operation = self.call.as_ref().and_then(|call| call.operation);
        operation.is_some_and(|operation| matches!(operation.spec().reply, Reply::Hijack(_)))
    }

    /// Whether it is of an allowed request that only shows metadata.
    #[must_use]
    pub fn is_allowed_read(&self) -> bool {
        let reads = self
            .call
            .as_ref()
            .is_some_and(|call| call.effect == Effect::Read);
        reads && self.verdict == Verdict::Allow && self.reason == Reason::Granted
    }

    /// Appends its line, newline included. A `begin` has neither status, bytes nor end.
    pub fn write(&self, event: Event, over: Option<(Duration, End)>, to: &mut Vec<u8>) {
        let call = self.call.as_ref();
        let line = Line {
            time: humantime::format_rfc3339_micros(self.time).to_string(),
            event,
            id: &self.id,
            client: Client {
                address: &self.client,
            },
            listener: &self.listener,
            policy: self.policy.as_deref(),
            method: self.method.as_deref(),
            path: self.path.as_deref(),
            query: call.map(|call| call.query.as_slice()),
            api_version: call.and_then(|call| call.api_version.as_deref()),
            operation: call
                .and_then(|call| call.operation)
                .map(|operation| operation.spec().name),
            effect: call.map(|call| call.effect.as_str()),
            object: call.and_then(|call| call.object.as_deref()),
            verdict: self.verdict,
            reason: self.reason.code(),
            detail: self.detail.as_deref(),
            status: over.and(self.status),
            bytes_in: over.map(|_| self.bytes_in.load(Ordering::Relaxed)),
            bytes_out: over.map(|_| self.bytes_out.load(Ordering::Relaxed)),
            duration_us: over
                .map(|(duration, _)| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)),
            end: over.map(|(_, end)| end),
        };
        // A Vec takes every write, and a struct of strings and numbers has no key that could fail.
        _ = serde_json::to_writer(&mut *to, &line);
        to.push(b'\n');
    }
}

/// The fields in the order in which they are written; what does not apply is left out.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    event: Event,
    id: &'a str,
    client: Client<'a>,
    listener: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    verdict: Verdict,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_out: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<End>,
}

#[derive(Serialize)]
struct Client<'a> {
    address: &'a str,
}

/// At most so many bytes of a text, ending in `...` when some were cut off. Whatever is no printable
/// ASCII is escaped: a terminal would obey it, and a reader not see it.
fn cut(text: &str, limit: usize) -> String {
    let kept = text
        .get(..text.floor_char_boundary(limit))
        .unwrap_or_default();
    let mut shown = String::with_capacity(kept.len());
    for character in kept.chars() {
        if character == ' ' || character.is_ascii_graphic() {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    if kept.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::{Target, classify};

    fn record() -> Record {
        Record::new(
            "7".to_owned(),
            SystemTime::UNIX_EPOCH,
            "127.0.0.1:9".into(),
            "tcp://127.0.0.1:2375".into(),
        )
    }

    fn line(record: &Record, event: Event, over: Option<(Duration, End)>) -> String {
        let mut bytes = Vec::new();
        record.write(event, over, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_has_the_fields_that_apply_in_order() {
        let mut record = record();
        record.asked(
            "GET",
            "/v1.45/containers/web/logs?stdout=1&password=hunter2",
        );
        let target = Target::parse("/v1.45/containers/web/logs?stdout=1&password=hunter2").unwrap();
        record.understood(&classify("GET", target).unwrap());
        (record.verdict, record.reason) = (Verdict::Allow, Reason::Granted);
        record.policy = Some("dozzle".into());
        let known = r#""path":"/v1.45/containers/web/logs","query":["stdout=1","password"],"api_version":"1.45","operation":"ContainerLogs","effect":"content","object":"web","verdict":"allow","reason":"granted""#;
        let head = r#"{"time":"1970-01-01T00:00:00.000000Z","event":"EVENT","id":"7","client":{"address":"127.0.0.1:9"},"listener":"tcp://127.0.0.1:2375","policy":"dozzle","method":"GET","#;
        assert_eq!(
            line(&record, Event::Begin, None),
            format!("{}{known}}}\n", head.replace("EVENT", "begin"))
        );
        record.status = Some(200);
        let over = Some((Duration::from_micros(12), End::Complete));
        let tail = r#","status":200,"bytes_in":0,"bytes_out":0,"duration_us":12,"end":"complete"}"#;
        assert_eq!(
            line(&record, Event::Request, over),
            format!("{}{known}{tail}\n", head.replace("EVENT", "request"))
        );
    }

    #[test]
    fn what_was_refused_is_escaped_and_cut() {
        let mut record = record();
        record.asked(
            "GET",
            &format!("/\r\n\u{7f}\u{9b}\u{202e}{}?secret", "a".repeat(2000)),
        );
        let line = line(&record, Event::Request, None);
        assert!(
            line.contains(r#""path":"/\\u{d}\\u{a}\\u{7f}\\u{9b}\\u{202e}aaa"#)
                && line.contains("aaa...\"")
                && !line.contains("secret"),
            "F153"
        );
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.len() < 1500);
    }
}
