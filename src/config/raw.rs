//! What a user may write, with every default, and its checking.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ownership;
use super::{
    Access, Admission, AuditFormat, AuditSettings, BadAddress, Limits, ListenAddress, LogLevel,
    OnFailure, Output, RunAs, UploadRate, UpstreamAddress,
};
use crate::docker::ApiVersion;
use crate::policyfile::spelling::did_you_mean;
use crate::policyfile::{Lines, Problem};

/// The settings as they are written. The defaults stand here and nowhere else.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawConfig {
    pub(crate) listen: Option<Vec<String>>,
    pub(crate) upstream: String,
    pub(crate) run_as: Option<String>,
    pub(crate) policy: Option<Vec<String>>,
    pub(crate) allow: Vec<String>,
    pub(crate) deny: Vec<String>,
    pub(crate) api_min: String,
    pub(crate) dialect: String,
    pub(crate) allow_origin: Vec<String>,
    pub(crate) allow_host: Vec<String>,
    pub(crate) lift_api_version: bool,
    pub(crate) log: String,
    pub(crate) observe: bool,
    pub(crate) audit: RawAudit,
    pub(crate) limits: RawLimits,
    pub(crate) listener: Vec<RawListener>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawAudit {
    pub(crate) output: String,
    pub(crate) format: String,
    pub(crate) allowed_reads: bool,
    pub(crate) argv: bool,
    pub(crate) on_failure: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawLimits {
    connections: u64,
    connections_per_client: u64,
    head: String,
    head_bytes: u64,
    body_bytes: u64,
    body_time: String,
    connect: String,
    reply_head: String,
    idle: String,
    drain: String,
    upload_rate: String,
    upload_grace: String,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawListener {
    /// Absent only where that was reported.
    #[serde(default)]
    pub(crate) address: Option<String>,
    #[serde(default)]
    pub(crate) policy: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) deny: Vec<String>,
    #[serde(default)]
    pub(crate) mode: Option<String>,
    #[serde(default)]
    pub(crate) owner: Option<String>,
    #[serde(default)]
    pub(crate) observe: Option<bool>,
}

impl Default for RawConfig {
    fn default() -> Self {
        Self {
            listen: None,
            upstream: "unix:///var/run/docker.sock".to_owned(),
            run_as: None,
            policy: None,
            allow: Vec::new(),
            deny: Vec::new(),
            api_min: ApiVersion::LEAST.to_string(),
            dialect: "hardened".to_owned(),
            allow_origin: Vec::new(),
            allow_host: Vec::new(),
            lift_api_version: false,
            log: "info".to_owned(),
            observe: false,
            audit: RawAudit::default(),
            limits: RawLimits::default(),
            listener: Vec::new(),
        }
    }
}

impl Default for RawAudit {
    fn default() -> Self {
        Self {
            output: "stdout".to_owned(),
            format: "json".to_owned(),
            allowed_reads: true,
            argv: false,
            on_failure: "refuse".to_owned(),
        }
    }
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_client: 256,
            head: "10s".to_owned(),
            head_bytes: 65_536,
            body_bytes: 1_048_576,
            body_time: "30s".to_owned(),
            connect: "5s".to_owned(),
            reply_head: "off".to_owned(),
            idle: "15m".to_owned(),
            drain: "8s".to_owned(),
            upload_rate: "16KiB".to_owned(),
            upload_grace: "30s".to_owned(),
        }
    }
}

/// Whether a browser could send this as `Origin`.
fn is_origin(text: &str) -> bool {
    let is_host_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    let host = text
        .split_once("://")
        .map(|(_, host)| host)
        .unwrap_or_default();
    let scheme = text.split("://").next().unwrap_or_default();
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_lowercase());
    is_scheme && !host.is_empty() && host.bytes().all(is_host_byte)
}

/// Where Dockgate listens when nothing says where.
///
/// In a container nobody can reach loopback, so the image is built with another default.
pub(crate) const DEFAULT_LISTEN: &str = match option_env!("DOCKGATE_DEFAULT_LISTEN") {
    Some(address) => address,
    None => "tcp://127.0.0.1:2375",
};
/// The policy that holds when nothing says which.
pub(crate) const DEFAULT_POLICY: &str = "default";

/// More connections than any host has files for are a slip.
pub(crate) const CONNECTIONS: RangeInclusive<u64> = 1..=1_000_000;
/// What all bodies together may hold in memory, so no single one may have more.
pub(crate) const BODY_BYTES: RangeInclusive<u64> = 1024..=16 * 1024 * 1024;
/// The daemon's own server takes no longer heads.
pub(crate) const HEAD_BYTES: RangeInclusive<u64> = 1024..=1024 * 1024;

/// How severe diagnostics must be, as it is written.
pub(crate) const LEVELS: &[(&str, LogLevel)] = &[
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
];
/// The forms of the record.
pub(crate) const FORMATS: &[(&str, AuditFormat)] =
    &[("json", AuditFormat::Json), ("text", AuditFormat::Text)];
/// What happens while the record cannot be written.
pub(crate) const ON_FAILURE: &[(&str, OnFailure)] = &[
    ("refuse", OnFailure::Refuse),
    ("continue", OnFailure::Continue),
];

/// Longer times are slips, and clocks cannot add them.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Turns raw values into checked ones and keeps every problem.
pub(crate) struct Checker<'a> {
    /// Names the file or variable that a key came from.
    pub(crate) origin: &'a dyn Fn(&str) -> String,
    /// Where in the file the entries stand that came from there.
    pub(crate) lines: &'a Lines,
    pub(crate) problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    pub(crate) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.problems
            .push(Problem::of_key(&(self.origin)(key), key, message));
    }

    pub(crate) fn listen(&mut self, key: &str, text: &str) -> Option<ListenAddress> {
        self.address(key, ListenAddress::parse(text))
    }

    pub(crate) fn upstream(&mut self, text: &str) -> Option<UpstreamAddress> {
        self.address("upstream", UpstreamAddress::parse(text))
    }

    pub(crate) fn run_as(&mut self, text: Option<&str>) -> RunAs {
        let Some(text) = text else {
            return RunAs::DEFAULT;
        };
        RunAs::parse(text).unwrap_or_else(|| {
            let message = format!("`{text}` must be a user and a group by number: \"65532:65532\"");
            self.wrong("run_as", message);
            RunAs::DEFAULT
        })
    }

    /// Who may connect to a listener's socket.
    pub(crate) fn access(
        &mut self,
        key: &dyn Fn(&str) -> String,
        raw: &RawListener,
        address: &ListenAddress,
    ) -> Access {
        let mut access = Access::DEFAULT;
        let is_unix = matches!(address, ListenAddress::Unix(_));
        for (name, is_set) in [("mode", raw.mode.is_some()), ("owner", raw.owner.is_some())] {
            if is_set && !is_unix {
                let message = format!("{address} is no unix socket and has no {name}: take it out");
                self.wrong(&key(name), message);
            }
        }
        if let Some(text) = &raw.mode {
            access.mode = ownership::mode(text).unwrap_or_else(|| {
                let message = format!(
                    "`{text}` must be an octal mode that lets somebody write: \"0660\" for owner and \
                     group, \"0666\" for everybody"
                );
                self.wrong(&key("mode"), message);
                access.mode
            });
        }
        if let Some(text) = &raw.owner {
            (access.uid, access.gid) = ownership::owner(text).unwrap_or_else(|| {
                let message = format!(
                    "`{text}` must be a user and a group by number, or one of them: \"1000:998\", \":998\""
                );
                self.wrong(&key("owner"), message);
                (None, None)
            });
        }
        access
    }

    fn address<T>(&mut self, key: &str, parsed: Result<T, BadAddress>) -> Option<T> {
        parsed
            .map_err(|error| self.wrong(key, error.to_string()))
            .ok()
    }

    pub(crate) fn admission(&mut self, raw: &RawConfig) -> Admission {
        let api_min = ApiVersion::parse(&raw.api_min)
            .filter(|version| *version >= ApiVersion::LEAST && version.patch.is_none());
        if api_min.is_none() {
            self.wrong(
                "api_min",
                format!(
                    "`{}` must be a version from {} on: \"1.44\"",
                    raw.api_min,
                    ApiVersion::LEAST
                ),
            );
        }
        for origin in raw.allow_origin.iter().filter(|origin| !is_origin(origin)) {
            let message = format!(
                "`{origin}` is no origin: write \"https://dash.example\", as browsers send it: in \
                 lower case, without a path or a `*`"
            );
            self.wrong("allow_origin", message);
        }
        for host in raw
            .allow_host
            .iter()
            .filter(|host| host.contains([':', '/', '*']))
        {
            self.wrong(
                "allow_host",
                format!("`{host}` is no host name: write \"dash.example\", without a port"),
            );
        }
        Admission {
            api_min: api_min.unwrap_or(ApiVersion::LEAST),
            lifts_api_version: raw.lift_api_version,
            allow_origin: raw.allow_origin.clone(),
            allow_host: raw
                .allow_host
                .iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
        }
    }

    pub(crate) fn level(&mut self, text: &str) -> LogLevel {
        self.word("log", text, LEVELS).unwrap_or(LogLevel::Info)
    }

    pub(crate) fn audit(&mut self, raw: &RawAudit) -> AuditSettings {
        let output = match raw.output.as_str() {
            "stdout" => Output::Stdout,
            "stderr" => Output::Stderr,
            "none" => Output::None,
            path => Output::File(PathBuf::from(path)),
        };
        if matches!(&output, Output::File(path) if !path.is_absolute()) {
            let message = format!(
                "`{}` must be stdout, stderr, none or an absolute path",
                raw.output
            );
            self.wrong("audit.output", message);
        }
        let format = self
            .word("audit.format", &raw.format, FORMATS)
            .unwrap_or(AuditFormat::Json);
        let on_failure = self
            .word("audit.on_failure", &raw.on_failure, ON_FAILURE)
            .unwrap_or(OnFailure::Refuse);
        AuditSettings {
            output,
            format,
            allowed_reads: raw.allowed_reads,
            argv: raw.argv,
            on_failure,
        }
    }

    pub(crate) fn limits(&mut self, raw: &RawLimits) -> Limits {
        Limits {
            connections: self.number("limits.connections", raw.connections, &CONNECTIONS),
            connections_per_client: self.number(
                "limits.connections_per_client",
                raw.connections_per_client,
                &CONNECTIONS,
            ),
            head: self.duration("limits.head", &raw.head),
            head_bytes: self.number("limits.head_bytes", raw.head_bytes, &HEAD_BYTES),
            body_bytes: self.number("limits.body_bytes", raw.body_bytes, &BODY_BYTES),
            body_time: self.duration("limits.body_time", &raw.body_time),
            upload: self.upload(raw),
            connect: self.duration("limits.connect", &raw.connect),
            reply_head: (raw.reply_head != "off")
                .then(|| self.duration("limits.reply_head", &raw.reply_head)),
            idle: self.duration("limits.idle", &raw.idle),
            drain: self.duration("limits.drain", &raw.drain),
        }
    }

    fn upload(&mut self, raw: &RawLimits) -> Option<UploadRate> {
        let grace = self.duration("limits.upload_grace", &raw.upload_grace);
        if raw.upload_rate == "off" {
            return None;
        }
        let rate = UploadRate::parse(&raw.upload_rate, grace);
        rate.map_err(|error| self.wrong("limits.upload_rate", error.to_string()))
            .ok()
    }

    pub(crate) fn word<T: Copy>(
        &mut self,
        key: &str,
        text: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let found = choices
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            let hint = did_you_mean(text, words.iter().copied());
            self.wrong(
                key,
                format!("`{text}` must be one of {}{hint}", words.join(", ")),
            );
        }
        found
    }

    fn number(&mut self, key: &str, value: u64, bounds: &RangeInclusive<u64>) -> usize {
        if !bounds.contains(&value) {
            let (least, most) = (bounds.start(), bounds.end());
            self.wrong(key, format!("{value} must be from {least} to {most}"));
        }
        usize::try_from(value).unwrap_or(usize::MAX)
    }

    fn duration(&mut self, key: &str, text: &str) -> Duration {
        match humantime::parse_duration(text) {
            Ok(duration) if !duration.is_zero() && duration <= LONGEST => duration,
            Ok(_) | Err(_) => {
                self.wrong(
                    key,
                    format!("`{text}` must be a time above zero, up to a year, with its unit: \"10s\", \"15m\""),
                );
                Duration::ZERO
            }
        }
    }
}
