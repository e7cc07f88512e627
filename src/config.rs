//! Settings: what may be written, where it comes from, and what it means once checked.
//!
//! `settings` has a row for each, and `table` is how a row works. [`Config::load`] merges what the file, the
//! environment and the flags say, and makes a [`Config`] of it. Every problem is collected, so that a wrong
//! configuration is told whole and does not start.

pub mod address;
mod files;
mod kinds;
pub(crate) mod layers;
mod listeners;
pub mod load;
mod rows;
pub mod schema;
pub(crate) mod settings;
mod table;
pub(crate) mod values;

pub use address::{ListenAddress, UpstreamAddress};
pub use files::Files;
pub use load::Flags;
pub use settings::{AuditSettings, Limits};
pub use values::{
    Dialect, LineFormat, LogLevel, OnFailure, Output, RunAs, SocketAccess, UploadRate,
};

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
    /// The form of the diagnostics.
    pub log_format: LineFormat,
    /// The record.
    pub audit: AuditSettings,
    /// Bounds.
    pub limits: Limits,
    /// What an operator is told at start: notices, not errors.
    pub notices: Vec<String>,
    /// Whether nothing says what clients may do, so that the policy `default` holds.
    pub is_unconfigured: bool,
    /// The settings that hold until the process ends, and what each says.
    fixed: Vec<(&'static str, String)>,
}

impl Config {
    /// The keys that these settings have otherwise than others, and that hold until the process
    /// ends.
    pub(crate) fn fixed_unlike(&self, other: &Self) -> Vec<&'static str> {
        let (own, others) = (self.listeners.iter(), other.listeners.iter());
        let addresses = others.clone().map(|it| &it.address);
        let listen = own.clone().map(|it| &it.address).eq(addresses);
        let listener = own.map(|it| it.access).eq(others.map(|it| it.access));
        let fixed = self.fixed.iter().zip(&other.fixed);
        let fixed = fixed.map(|(one, other)| (one.0, one.1 == other.1));
        let all = [("listen", listen), ("listener", listener)].into_iter();
        let unlike = all.chain(fixed).filter(|(_, is_like)| !is_like);
        unlike.map(|(key, _)| key).collect()
    }
}

/// One listener.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Its address.
    pub address: ListenAddress,
    /// Who may connect to a unix socket.
    pub access: SocketAccess,
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
