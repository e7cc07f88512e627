//! What the process records about itself: that it started, read its settings again, or stops.
//!
//! Such a line says under which version, settings and policies the lines after it were written.

use std::fmt::Write as _;
use std::time::SystemTime;

use super::json::{self, Place};
use crate::docker::json::printable;

/// The settings and policies in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct InForce {
    /// The SHA-256 of the settings.
    pub(crate) settings: String,
    pub(crate) policies: Vec<PolicyInForce>,
}

/// A policy of a listener or a client.
#[derive(Clone, Debug)]
pub(crate) struct PolicyInForce {
    pub(crate) whose: Owner,
    pub(crate) name: String,
    pub(crate) sha256: String,
}

#[derive(Clone, Debug)]
pub(crate) enum Owner {
    Listener(String),
    Client(String),
}

/// What happened to the process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    Start,
    /// Other settings are in force.
    Reload,
    /// The settings were read again, and this is wrong with them. The old ones stay in force.
    NoReload(&'a str),
    /// No request is open any more, and the process ends.
    Stop,
}

impl Change<'_> {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Reload | Self::NoReload(_) => "reload",
            Self::Stop => "stop",
        }
    }

    /// Whether a reload was applied, if this was one.
    pub(super) fn reload(self) -> Option<bool> {
        match self {
            Self::Reload => Some(true),
            Self::NoReload(_) => Some(false),
            Self::Start | Self::Stop => None,
        }
    }

    fn detail(self) -> Option<String> {
        match self {
            Self::NoReload(why) => Some(format!("the old settings stay in force: {why}")),
            Self::Start | Self::Reload | Self::Stop => None,
        }
    }
}

/// Dockgate's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Appends a line of JSON with its newline.
pub(crate) fn write_json(
    change: Change<'_>,
    time: SystemTime,
    in_force: &InForce,
    place: Place<'_>,
    to: &mut Vec<u8>,
) {
    let (event, time) = (change.as_str(), humantime::format_rfc3339_micros(time));
    let settings = &in_force.settings;
    let mut line = format!(
        r#"{{"time":"{time}","event":"{event}","version":"{VERSION}","settings_sha256":"{settings}","policies":["#
    );
    for (at, policy) in in_force.policies.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let (kind, whose) = match &policy.whose {
            Owner::Listener(address) => ("listener", address),
            Owner::Client(name) => ("client", name),
        };
        let (whose, name) = (json::string(whose), json::string(&policy.name));
        // A String takes every write.
        _ = write!(
            line,
            r#"{comma}{{"{kind}":{whose},"policy":{name},"sha256":"{}"}}"#,
            policy.sha256
        );
    }
    line.push(']');
    if let Some(detail) = change.detail() {
        line.push_str(r#","detail":"#);
        line.push_str(&json::string(&detail));
    }
    to.extend_from_slice(line.as_bytes());
    json::write_end(place, to);
}

/// Appends a line for people with its newline.
pub(crate) fn write_text(
    change: Change<'_>,
    time: SystemTime,
    in_force: &InForce,
    to: &mut Vec<u8>,
) {
    let (event, time) = (change.as_str(), humantime::format_rfc3339_millis(time));
    let mut line = format!(
        "{time} {event} version {VERSION}, settings {}",
        short(&in_force.settings)
    );
    let mut names: Vec<_> = in_force
        .policies
        .iter()
        .map(|policy| format!("{} {}", policy.name, short(&policy.sha256)))
        .collect();
    names.sort();
    names.dedup();
    _ = write!(line, ", policies {}", printable(&names.join(", ")));
    if let Some(detail) = change.detail() {
        _ = write!(line, ": {}", printable(&detail));
    }
    to.extend_from_slice(line.as_bytes());
    to.push(b'\n');
}

/// As much of a digest as people compare.
fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_force() -> InForce {
        let policy = |whose| PolicyInForce {
            whose,
            name: "/etc/ci\".toml".to_owned(),
            sha256: "ab".repeat(32),
        };
        InForce {
            settings: "cd".repeat(32),
            policies: vec![
                policy(Owner::Listener("tcp://[::]:2375".to_owned())),
                policy(Owner::Client("ci".to_owned())),
            ],
        }
    }

    #[test]
    fn a_line_says_what_is_in_force() {
        let place = Place {
            instance: "4c3af244",
            seq: 7,
        };
        for (change, event, detail) in [
            (Change::Start, "start", None),
            (Change::Reload, "reload", None),
            (
                Change::NoReload("a\nb"),
                "reload",
                Some("the old settings stay in force: a\nb"),
            ),
            (Change::Stop, "stop", None),
        ] {
            let mut bytes = Vec::new();
            let (time, in_force) = (SystemTime::UNIX_EPOCH, in_force());
            write_json(change, time, &in_force, place, &mut bytes);
            let line = String::from_utf8(bytes).unwrap();
            assert_eq!(line.find('\n'), Some(line.len() - 1), "S7: {line}");
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            let mut want = serde_json::json!({
                "time": "1970-01-01T00:00:00.000000Z", "event": event, "version": VERSION,
                "settings_sha256": "cd".repeat(32), "policies": [
                    {"listener": "tcp://[::]:2375", "policy": "/etc/ci\".toml", "sha256": "ab".repeat(32)},
                    {"client": "ci", "policy": "/etc/ci\".toml", "sha256": "ab".repeat(32)},
                ], "schema": 1, "instance": "4c3af244", "seq": 7,
            });
            if let Some(detail) = detail {
                want["detail"] = detail.into();
            }
            assert_eq!(line, want);
        }
    }

    #[test]
    fn people_see_each_policy_once() {
        let mut bytes = Vec::new();
        write_text(
            Change::NoReload("a\nb"),
            SystemTime::UNIX_EPOCH,
            &in_force(),
            &mut bytes,
        );
        let want = format!(
            "1970-01-01T00:00:00.000Z reload version {VERSION}, settings cdcdcdcdcdcd, policies \
             /etc/ci\".toml abababababab: the old settings stay in force: a\\u{{a}}b\n"
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), want);
    }
}
