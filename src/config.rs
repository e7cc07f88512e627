//! Settings: what may be written, where it comes from, and what it means once checked.
//!
//! `RawConfig` is what a user wrote, [`Config`] what the program uses; between
//! them every problem is collected, so that a wrong configuration is told whole and does not start.

pub mod address;
mod keys;
mod listeners;
pub mod load;
pub(crate) mod ownership;
mod rate;
pub(crate) mod raw;
pub mod schema;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use address::{BadAddress, ListenAddress, UpstreamAddress};
pub use load::{Files, Flags};
pub use ownership::{Access, RunAs};
pub use rate::{BadRate, UploadRate};

use crate::docker::ApiVersion;
use crate::policy::Rules;

/// The settings, checked, as [`Config::load`] makes them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen, and what holds there. Never empty.
    pub listeners: Vec<ListenerSettings>,
    /// Where the daemon is.
    pub upstream: UpstreamAddress,
    /// Whom to run as.
    pub run_as: RunAs,
    /// What every request is held against, whatever its operation.
    pub admission: Admission,
    /// The least severe diagnostics that are shown.
    pub log: LogLevel,
    /// The record.
    pub audit: AuditSettings,
    /// Bounds.
    pub limits: Limits,
    /// What an operator is told at start: notices, not errors.
    pub notices: Vec<String>,
}

impl Config {
    /// The keys that these settings have otherwise than others, and that hold until the process
    /// ends.
    #[must_use]
    pub fn fixed_unlike(&self, other: &Self) -> Vec<&'static str> {
        let addresses = |config: &Self| -> Vec<_> {
            let listeners = config.listeners.iter();
            listeners.map(|listener| listener.address.clone()).collect()
        };
        let access = |config: &Self| -> Vec<_> {
            let listeners = config.listeners.iter();
            listeners.map(|listener| listener.access).collect()
        };
        let unlike = [
            ("listen", addresses(self) != addresses(other)),
            ("listener", access(self) != access(other)),
            ("upstream", self.upstream != other.upstream),
            ("run_as", self.run_as != other.run_as),
            ("log", self.log != other.log),
            ("audit", self.audit != other.audit),
            ("limits", self.limits != other.limits),
        ];
        let unlike = unlike.into_iter().filter(|(_, unlike)| *unlike);
        unlike.map(|(key, _)| key).collect()
    }
}

/// How severe diagnostics must be to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors alone.
    Error,
    /// Warnings too.
    Warn,
    /// What an operator may want to know too.
    Info,
    /// What a developer may want to know too.
    Debug,
}

/// One listener.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Its address.
    pub address: ListenAddress,
    /// Who may connect to a unix socket.
    pub access: Access,
    /// What holds there.
    pub rules: Rules,
}

/// What every request is held against, whatever its operation.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The least API version.
    pub api_min: ApiVersion,
    /// Whether an older version than the daemon takes is lifted to the least that it takes.
    pub lifts_api_version: bool,
    /// The origins that browsers may send requests from, compared byte by byte.
    pub allow_origin: Vec<String>,
    /// The host names that a request may be addressed to, in lower case.
    pub allow_host: Vec<String>,
}

/// Where and how the record is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// Where to.
    pub output: Output,
    /// In which form.
    pub format: AuditFormat,
    /// Whether allowed requests that only show metadata are recorded.
    pub allowed_reads: bool,
    /// Whether the arguments of execs are recorded.
    pub argv: bool,
    /// What happens to requests while the record cannot be written.
    pub on_failure: OnFailure,
}

/// The form of the record's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFormat {
    /// JSON, for programs.
    Json,
    /// Words, for people.
    Text,
}

/// Where the record is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error, between the diagnostics.
    Stderr,
    /// Nowhere.
    None,
    /// A file, appended to.
    File(PathBuf),
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::Stderr => f.write_str("stderr"),
            Self::None => f.write_str("none"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// What happens to requests while the record cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// They are refused.
    Refuse,
    /// They go on without a record.
    Continue,
}

/// Bounds on what one client, or all, may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of all clients.
    pub connections: usize,
    /// Connections of one client's address.
    pub connections_per_client: usize,
    /// From a head's first byte to its last.
    pub head: Duration,
    /// A head's length, in bytes.
    pub head_bytes: usize,
    /// The length of a body that is read before it is sent, in bytes.
    pub body_bytes: usize,
    /// The time for reading such a body.
    pub body_time: Duration,
    /// The lowest rate of an upload into a container; without it, none is too slow.
    pub upload: Option<UploadRate>,
    /// Connecting to the daemon.
    pub connect: Duration,
    /// Waiting for the head of the daemon's reply; without it, for ever.
    pub reply_head: Option<Duration>,
    /// A connection on which nothing is asked.
    pub idle: Duration,
    /// Finishing what is under way when shutting down.
    pub drain: Duration,
}
