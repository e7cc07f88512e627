//! An audit record as a line for people, who read it with `docker logs`.
//!
//! It contains less than the JSON and has no schema: programs read the JSON.

use std::fmt::Write;
use std::time::Duration;

use crate::audit::record::{End, Event, Record};
use crate::docker::json::printable;

/// Appends a record's line with its newline.
///
/// Shape: `TIME VERDICT STATUS METHOD PATH OPERATION CLIENT DURATION`, then anything unusual.
pub(crate) fn write(
    record: &Record,
    event: Event,
    over: Option<(Duration, End)>,
    to: &mut Vec<u8>,
) {
    let mut line = humantime::format_rfc3339_millis(record.time).to_string();
    let word = match event {
        Event::Request => record.verdict.as_str(),
        Event::Begin | Event::Lookup | Event::Prepare => event.as_str(),
    };
    // A String takes every write.
    _ = write!(line, " {word}");
    if let (Some(status), Some(_)) = (record.status, over) {
        _ = write!(line, " {status}");
    }
    let known = [
        record.method.as_deref(),
        record.path.as_deref(),
        record.operation().map(|operation| operation.spec().name),
    ];
    for word in known.into_iter().flatten() {
        _ = write!(line, " {}", spaceless(word));
    }
    match record.client.name() {
        Some(name) => _ = write!(line, " {name} ({})", record.client.address),
        None => _ = write!(line, " {}", record.client.address),
    }
    if let Some(policy) = &record.policy {
        _ = write!(line, " by {}", spaceless(policy));
    }
    if let Some((duration, end)) = over {
        let micros = duration.as_micros();
        let (bytes_in, bytes_out) = (record.bytes_in.get(), record.bytes_out.get());
        _ = write!(
            line,
            " {}.{:03} ms, {bytes_in} B in, {bytes_out} B out",
            micros / 1000,
            micros % 1000
        );
        line.push_str(match end {
            End::Complete => "",
            End::ClientGone => ", the client left",
            End::DaemonGone => ", the daemon left",
            End::Drained => ", drained",
            End::Revoked => ", revoked",
            End::FilterFailed => ", cut by a filter",
            End::RedactionFailed => ", cut because it cannot be redacted",
            End::Panic => ", a bug in Dockgate",
        });
    }
    if let Some(detail) = &record.detail {
        _ = write!(line, ": {}: {}", record.reason.code(), printable(detail));
    }
    to.extend_from_slice(line.as_bytes());
    to.push(b'\n');
}

/// A text as one word: spaces separate the fields.
fn spaceless(text: &str) -> String {
    printable(text).replace(' ', "\\u{20}")
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::audit::Verdict;
    use crate::docker::{Target, classify};
    use crate::net::client::Client;
    use crate::policy::{Denial, Reason};

    #[test]
    fn text_from_clients_never_ends_a_line_or_begins_a_field() {
        let mut record = Record::new(
            "7".to_owned(),
            SystemTime::UNIX_EPOCH,
            Client::at("10.0.0.9:51234".parse().unwrap()).into(),
            "tcp://[::]:2375".into(),
        );
        let forged = "x\n2026-11-28T02:00:00.000Z allow 200 GET /containers/json\r\u{1b}[2K\u{9b}\u{85}\u{2028}\u{202e}\u{200b}\u{feff}";
        record.asked(&format!("GET {forged}"), &format!("/{forged}"));
        record.policy = Some(forged.into());
        record.refused(&Denial {
            reason: Reason::BadBody,
            message: forged.to_owned(),
            asked: None,
        });
        let mut bytes = Vec::new();
        let over = Some((Duration::from_micros(1), End::Complete));
        write(&record, Event::Request, over, &mut bytes);
        let line = String::from_utf8(bytes).unwrap();
        let (line, end) = line.split_at(line.len() - 1);
        assert_eq!(end, "\n", "S7");
        assert!(
            line.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "S7: {line}"
        );
        let fields: Vec<_> = line.split(' ').collect();
        assert_eq!(
            (fields[1], fields[2], fields[5], fields[6], fields[8]),
            ("deny", "400", "10.0.0.9:51234", "by", "0.001"),
            "S7: no text adds a word: {line}"
        );
    }

    #[test]
    fn a_line_reads_well() {
        let target = "/v1.45/containers/web/kill?signal=USR1";
        let mut record = Record::new(
            "7".to_owned(),
            SystemTime::UNIX_EPOCH,
            Client::at("10.0.0.9:51234".parse().unwrap()).into(),
            "tcp://[::]:2375".into(),
        );
        record.asked("POST", target);
        record.understood(&classify("POST", Target::parse(target).unwrap()).unwrap());
        let line = |record: &Record, event, over| {
            let mut bytes = Vec::new();
            write(record, event, over, &mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        let over = Some((Duration::from_micros(1234), End::Complete));
        let mut denied = record;
        denied.refused(&Denial::new(
            Reason::NotGranted,
            "ContainerKill is not allowed",
        ));
        assert_eq!(
            line(&denied, Event::Request, over),
            "1970-01-01T00:00:00.000Z deny 403 POST /v1.45/containers/web/kill ContainerKill 10.0.0.9:51234 1.234 ms, 0 B in, 0 B out: not_granted: ContainerKill is not allowed\n"
        );
        let mut allowed = denied;
        (allowed.verdict, allowed.reason, allowed.detail) = (Verdict::Allow, Reason::Granted, None);
        allowed.policy = Some("deploy".into());
        allowed.status = Some(204);
        let over = Some((Duration::from_secs(2), End::ClientGone));
        assert_eq!(
            line(&allowed, Event::Request, over),
            "1970-01-01T00:00:00.000Z allow 204 POST /v1.45/containers/web/kill ContainerKill 10.0.0.9:51234 by deploy 2000.000 ms, 0 B in, 0 B out, the client left\n"
        );
        assert_eq!(
            line(&allowed, Event::Begin, None),
            "1970-01-01T00:00:00.000Z begin POST /v1.45/containers/web/kill ContainerKill 10.0.0.9:51234 by deploy\n"
        );
    }
}
