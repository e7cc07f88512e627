//! An audit record as a line of JSON, for programs.
//!
//! Every request pays for this, so it is written by hand. `docs/audit.schema.json` is the schema of a line.

use std::io::Write;
use std::time::Duration;

use crate::audit::record::{End, Event, Record};
use crate::docker::ApiVersion;
use crate::docker::json::is_plain;
use crate::net::client::Found;
use crate::policy::redact::Class;

/// Where a line is in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The process that wrote it.
    pub(crate) instance: &'a str,
    /// Its number among the lines of this process. A number that is missing is a line that is missing.
    pub(crate) seq: u64,
}

/// Appends a record's line with its newline. Fields that do not apply are left out. A `begin` has no status, bytes or
/// end.
pub(crate) fn write(
    record: &Record,
    event: Event,
    over: Option<(Duration, End)>,
    place: Place<'_>,
    to: &mut Vec<u8>,
) {
    let call = record.call.as_ref();
    let mut line = Line(to);
    line.literal(r#"{"time":""#);
    // A Vec takes every write.
    _ = write!(line.0, "{}", humantime::format_rfc3339_micros(record.time));
    line.word(r#"","event":"#, event.as_str());
    line.word(r#","id":"#, &record.id);
    line.word(r#","client":{"address":"#, &record.client.address);
    if let Some(found) = &record.client.found {
        line.found(found);
    }
    line.text(r#"},"listener":"#, &record.listener);
    line.text_if_any(r#","policy":"#, record.policy.as_deref());
    line.text_if_any(r#","method":"#, record.method.as_deref());
    line.text_if_any(r#","path":"#, record.path.as_deref());
    if let Some(call) = call {
        line.list(r#","query":["#, &call.query);
        line.version(r#","api_version":"#, call.api_version);
        line.version(r#","sent_api_version":"#, call.sent_api_version);
    }
    if let Some(operation) = record.operation() {
        line.word(r#","operation":"#, operation.spec().name);
    }
    if let Some(call) = call {
        line.word(r#","effect":"#, call.effect.as_str());
        line.text_if_any(r#","object":"#, call.object.as_deref());
        line.text_if_any(r#","object_id":"#, call.object_id.as_deref());
        line.text_if_any(r#","name":"#, call.name.as_deref());
        if let Some(id) = &call.created_id {
            line.word(r#","created_id":"#, id);
        }
        line.text_if_any(r#","container":"#, call.container.as_deref());
    }
    // Before a request is sent they are the same, and written once.
    if !record.findings.is_empty() && event == Event::Request {
        line.list(r#","findings":["#, &record.findings);
    }
    if !record.filled.is_empty() && event == Event::Request {
        line.list(r#","filled":["#, record.filled.keys());
    }
    if let Some(redaction) = &record.redacted {
        line.list(r#","redacted":["#, redaction.classes().map(Class::name));
    }
    line.word(r#","verdict":"#, record.verdict_of(event).as_str());
    line.word(r#","reason":"#, record.reason.code());
    line.text_if_any(r#","detail":"#, record.detail.as_deref());
    if let (Event::Lookup | Event::Prepare, Some(status)) = (event, record.status) {
        line.number(r#","status":"#, status.into());
    }
    if let Some((duration, end)) = over {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        if let Some(status) = record.status {
            line.number(r#","status":"#, status.into());
        }
        line.number(r#","bytes_in":"#, record.bytes_in.get());
        line.number(r#","bytes_out":"#, record.bytes_out.get());
        line.number(r#","duration_us":"#, micros);
        line.word(r#","end":"#, end.as_str());
    }
    write_end(place, to);
}

/// The version of the form of the lines. A new field does not change it.
const SCHEMA: u64 = 1;

/// Appends the end of a line, which all lines have.
pub(crate) fn write_end(place: Place<'_>, to: &mut Vec<u8>) {
    let mut line = Line(to);
    line.number(r#","schema":"#, SCHEMA);
    line.word(r#","instance":"#, place.instance);
    line.number(r#","seq":"#, place.seq);
    line.literal("}\n");
}

/// A text as a JSON string of plain ASCII, which no terminal takes for a command.
pub(crate) fn string(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    Line(&mut bytes).text("", text);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A line that is being written. Each field includes everything before its value.
struct Line<'a>(&'a mut Vec<u8>);

impl Line<'_> {
    fn literal(&mut self, literal: &str) {
        self.0.extend_from_slice(literal.as_bytes());
    }

    /// Dockgate's own words, or text that was parsed and rendered again, which needs no escapes.
    fn word(&mut self, before: &str, word: &str) {
        self.literal(before);
        self.0.push(b'"');
        self.literal(word);
        self.0.push(b'"');
    }

    /// Any text.
    fn text(&mut self, before: &str, text: &str) {
        if is_plain(text) {
            self.word(before, text);
        } else {
            self.literal(before);
            self.0.push(b'"');
            self.escaped(text);
            self.0.push(b'"');
        }
    }

    /// Text with everything except plain ASCII escaped: readers of JSON get it back, and a terminal does not obey it.
    fn escaped(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| !is_plain_byte(byte)) {
            let (plain, odd) = rest.split_at(at);
            let mut odd = odd.chars();
            self.literal(plain);
            match odd.next() {
                Some('"') => self.literal(r#"\""#),
                Some('\\') => self.literal(r"\\"),
                Some(character) => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        // A Vec takes every write.
                        _ = write!(self.0, "\\u{unit:04x}");
                    }
                }
                None => {}
            }
            rest = odd.as_str();
        }
        self.literal(rest);
    }

    /// What was found out about a client.
    fn found(&mut self, found: &Found) {
        if let Some((name, by)) = &found.named {
            self.text(r#","name":"#, name);
            self.word(r#","by":"#, by.as_str());
        }
        if let Some(certificate) = &found.certificate {
            self.text(r#","certificate":"#, &certificate.subject);
            self.word(r#","fingerprint":"#, &certificate.fingerprint);
        }
        if let Some(container) = &found.container {
            self.word(r#","container":"#, &container.id);
            self.text(r#","container_name":"#, &container.name);
            self.text(r#","image":"#, container.config.text_at("Image"));
        }
    }

    fn text_if_any(&mut self, before: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(before, text);
        }
    }

    fn version(&mut self, before: &str, version: Option<ApiVersion>) {
        if let Some(version) = version {
            let mut text = String::new();
            version.render(&mut text);
            self.word(before, &text);
        }
    }

    fn list(&mut self, before: &str, texts: impl IntoIterator<Item: AsRef<str>>) {
        self.literal(before);
        for (number, text) in texts.into_iter().enumerate() {
            self.text(if number == 0 { "" } else { "," }, text.as_ref());
        }
        self.literal("]");
    }

    fn number(&mut self, before: &str, number: u64) {
        self.literal(before);
        digits(number, self.0);
    }
}

/// Whether a byte needs no escape between quotes: printable, and not escaped by JSON.
fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~')
}

fn digits(number: u64, to: &mut Vec<u8>) {
    if number >= 10 {
        digits(number / 10, to);
    }
    to.push(b'0' + u8::try_from(number % 10).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;
    use crate::audit::Verdict;
    use crate::audit::process::{self, Change, InForce};
    use crate::docker::{Target, classify};
    use crate::net::client::Client;
    use crate::policy::fill::Filled;
    use crate::policy::redact::tests::redaction;
    use crate::policy::{Denial, Reason};

    fn record() -> Record {
        Record::new(
            "7".to_owned(),
            SystemTime::UNIX_EPOCH,
            Client::at("127.0.0.1:9".parse().unwrap()).into(),
            "tcp://127.0.0.1:2375".into(),
        )
    }

    fn line(record: &Record, event: Event, over: Option<(Duration, End)>) -> String {
        let mut bytes = Vec::new();
        let place = Place {
            instance: "4c3af244",
            seq: 5,
        };
        write(record, event, over, place, &mut bytes);
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
        let end = r#","schema":1,"instance":"4c3af244","seq":5}"#;
        let head = r#"{"time":"1970-01-01T00:00:00.000000Z","event":"EVENT","id":"7","client":{"address":"127.0.0.1:9"},"listener":"tcp://127.0.0.1:2375","policy":"dozzle","method":"GET","#;
        assert_eq!(
            line(&record, Event::Begin, None),
            format!("{}{known}{end}\n", head.replace("EVENT", "begin"))
        );
        record.status = Some(200);
        let over = Some((Duration::from_micros(12), End::Complete));
        let tail = r#","status":200,"bytes_in":0,"bytes_out":0,"duration_us":12,"end":"complete""#;
        assert_eq!(
            line(&record, Event::Request, over),
            format!("{}{known}{tail}{end}\n", head.replace("EVENT", "request"))
        );
    }

    /// A new field is written here first; the documents follow, or this fails.
    #[test]
    fn the_documents_have_every_field_and_no_other() {
        let mut record = record();
        let target = "/v1.40/containers/create?name=web&platform=";
        record.redacted = Some(redaction(&["env"]));
        record.asked("POST", target);
        let call = classify("POST", Target::parse(target).unwrap()).unwrap();
        record.lifted(&call, call.version.unwrap());
        record.refused(&Denial::new(Reason::Restricted, "no"));
        record.policy = Some("deploy".into());
        record.findings.push("create.privileged".to_owned());
        record.filled = Filled::all();
        let known = record.call.as_mut().unwrap();
        for text in [
            &mut known.object,
            &mut known.object_id,
            &mut known.container,
        ] {
            *text = Some("web".to_owned());
        }
        record.created(br#"{"Id":"4bcf","Warnings":[]}"#);
        let over = Some((Duration::from_micros(1), End::Complete));
        let line = line(&record, Event::Request, over);
        let mut line: serde_json::Map<_, _> = serde_json::from_str(&line).unwrap();
        let mut of_process = Vec::new();
        let place = Place {
            instance: "4c3af244",
            seq: 1,
        };
        let (time, in_force) = (SystemTime::UNIX_EPOCH, InForce::default());
        process::write_json(Change::Start, time, &in_force, place, &mut of_process);
        line.extend(serde_json::from_slice::<serde_json::Map<_, _>>(&of_process).unwrap());
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../docs/audit.schema.json")).unwrap();
        let documented = schema["properties"].as_object().unwrap();
        let page = include_str!("../../docs/audit.md");
        for field in documented.keys().chain(line.keys()) {
            assert!(line.contains_key(field), "{field} is never written");
            assert!(
                documented.contains_key(field),
                "audit.schema.json lacks {field}"
            );
            let row = format!("| `{field}");
            assert!(page.contains(&row), "docs/audit.md lacks {field}");
        }
    }

    #[test]
    fn the_id_of_what_was_created_is_read_from_the_reply() {
        for (reply, want) in [
            (r#"{"Id":"4bcf","Warnings":[]}"#, Some("4bcf")),
            (r#"{"Id":"sha256:4bcf"}"#, Some("sha256:4bcf")),
            (r#"{"ID":"qjz3h8y1"}"#, Some("qjz3h8y1")),
            (r#"{"Name":"cache","Driver":"local"}"#, None),
            (r#"{"Id":""}"#, None),
            ("{\"Id\":\"4b\u{1b}[2J\"}", None),
            (r#"{"Id":"4bcf"#, None),
            ("", None),
        ] {
            let mut record = record();
            let target = Target::parse("/containers/create").unwrap();
            record.understood(&classify("POST", target).unwrap());
            record.created(reply.as_bytes());
            let line = line(&record, Event::Request, None);
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(line["created_id"].as_str(), want, "{reply}");
        }
    }

    #[test]
    fn what_was_refused_is_escaped_and_cut() {
        let mut record = record();
        record.asked(
            "GET",
            &format!("/\r\n\u{7f}\u{9b}\u{202e}{}?secret", "a".repeat(2000)),
        );
        let long = line(&record, Event::Request, None);
        assert!(
            long.contains(r#""path":"/\\u{d}\\u{a}\\u{7f}\\u{9b}\\u{202e}aaa"#)
                && long.contains("aaa...\"")
                && !long.contains("secret"),
            "F153"
        );
        assert_eq!(long.matches('\n').count(), 1);
        assert!(long.len() < 1500);
        record.asked("GET", "/\u{9b}");
        let short = line(&record, Event::Request, None);
        assert!(short.contains(r#""path":"/\\u{9b}""#), "F153: {short}");
    }

    proptest! {
        #[test]
        fn whatever_a_text_holds_a_reader_gets_it_back(
            policy in any::<String>(),
            detail in any::<String>(),
            micros in any::<u64>(),
        ) {
            let mut record = record();
            record.policy = Some(policy.as_str().into());
            record.refused(&Denial { reason: Reason::NotGranted, message: detail.clone(), asked: None });
            let over = Some((Duration::from_micros(micros), End::ClientGone));
            let line = line(&record, Event::Request, over);
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read["policy"].as_str(), Some(policy.as_str()));
            prop_assert_eq!(read["detail"].as_str(), Some(detail.as_str()));
            prop_assert_eq!(read["duration_us"].as_u64(), Some(micros));
            prop_assert_eq!(read["end"].as_str(), Some("client_gone"));
            prop_assert!(line.trim_end().bytes().all(|byte| matches!(byte, b' '..=b'~')), "S7");
        }
    }
}
