//! Settings: which keys exist, where their values come from, and what they mean after checking.
//!
//! `settings` has a row for each, and `table` explains the rows. [`Config::load`] merges the file, the
//! environment and the flags into a [`Config`]. It collects all problems, so that an invalid configuration
//! is reported completely and Dockgate does not start.

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

/// The checked settings, as [`Config::load`] returns them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen, with the rules there. Never empty.
    pub listeners: Vec<ListenerSettings>,
    /// Where the daemon is.
    pub upstream: UpstreamAddress,
    /// Whom to run as.
    pub run_as: RunAs,
    /// The limits for every request, whatever its operation.
    pub admission: Admission,
    /// The lowest level of diagnostics that is shown.
    pub log: LogLevel,
    /// The form of the diagnostics.
    pub log_format: LineFormat,
    /// The record.
    pub audit: AuditSettings,
    /// Bounds.
    pub limits: Limits,
    /// Notices for the operator at start, which are not errors.
    pub notices: Vec<String>,
    /// Whether nothing configures what clients may do, so that the policy `default` applies.
    pub is_unconfigured: bool,
    /// The settings that only change with a restart, and their values.
    fixed: Vec<(&'static str, String)>,
}

impl Config {
    /// The keys of settings that differ from these and only change with a restart.
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

/// The limits for every request, whatever its operation.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The lowest API version.
    pub api_min: ApiVersion,
    /// Whether an API version that is too old for the daemon is raised to the lowest that the
    /// daemon accepts.
    pub lifts_api_version: bool,
    /// The origins from which browsers may send requests, compared byte by byte.
    pub allow_origin: Vec<String>,
    /// The host names in requests that are allowed, in lower case.
    pub allow_host: Vec<String>,
}
