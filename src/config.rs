//! Settings: which keys exist, where their values come from, and what they mean after checking.
//!
//! `settings` has a row for each, and `table` explains the rows. [`Config::load`] merges the file, the
//! environment and the flags into a [`Config`]. It collects all problems, so that an invalid configuration
//! is reported completely and Dockgate does not start.

pub mod address;
mod clients;
mod files;
mod kinds;
pub(crate) mod layers;
mod listeners;
pub mod load;
mod metrics;
mod numbered;
mod redact;
mod rows;
pub mod schema;
pub(crate) mod settings;
mod table;
pub mod tls;
pub(crate) mod values;

pub use address::{ListenAddress, UpstreamAddress};
pub use files::Files;
pub(crate) use files::key::read_key;
pub(crate) use files::read as read_file;
pub use load::Flags;
pub(crate) use settings::MetricsSettings;
pub use settings::{AuditSettings, Limits};
pub use values::{
    Dialect, LineFormat, LogLevel, OnFailure, Output, RunAs, SocketAccess, UnknownClient,
    UploadRate,
};

use std::fmt;
use std::sync::Arc;

use self::tls::{ListenerTls, UpstreamTls};
use crate::clients::matcher::Matcher;
use crate::docker::ApiVersion;
use crate::policy::Rules;

/// The checked settings, as [`Config::load`] returns them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen, with the rules there. Never empty.
    pub listeners: Vec<ListenerSettings>,
    /// The clients with rules of their own.
    pub clients: Vec<ClientSettings>,
    /// What connections get that belong to none of them.
    pub unknown_client: UnknownClient,
    /// Where the daemon is.
    pub upstream: UpstreamAddress,
    /// The TLS of the connection to it, if there is any.
    pub upstream_tls: Option<UpstreamTls>,
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
    /// Metrics and health checks.
    pub(crate) metrics: MetricsSettings,
    /// Notices for the operator at start, which are not errors.
    pub notices: Vec<String>,
    /// Whether nothing configures what clients may do, so that the policy `default` applies.
    pub is_unconfigured: bool,
    /// The SHA-256 of the settings' values, wherever they were set.
    pub(crate) sha256: String,
    /// The settings that only change with a restart, and their values.
    fixed: Vec<(&'static str, String)>,
}

impl Config {
    /// The keys of settings that differ from these and only change with a restart.
    pub(crate) fn fixed_unlike(&self, other: &Self) -> Vec<&'static str> {
        let (own, others) = (self.listeners.iter(), other.listeners.iter());
        let addresses = others.clone().map(|it| &it.address);
        let listen = own.clone().map(|it| &it.address).eq(addresses);
        let listener = own.clone().map(|it| it.access);
        let listener = listener.eq(others.clone().map(|it| it.access));
        let tls = own.map(|it| &it.tls).eq(others.map(|it| &it.tls));
        let fixed = self.fixed.iter().zip(&other.fixed);
        let fixed = fixed.map(|(one, other)| (one.0, one.1 == other.1));
        let all = [("listen", listen), ("listener", listener), ("tls", tls)].into_iter();
        let unlike = all.chain(fixed).filter(|(_, is_like)| !is_like);
        unlike.map(|(key, _)| key).collect()
    }
}

/// For whom rules are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Connections on this listener that belong to no client.
    Listener(String),
    Client(Arc<str>),
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(address) => f.write_str(address),
            Self::Client(name) => write!(f, "client {name}"),
        }
    }
}

impl Whose {
    /// Just the address or the name.
    pub(crate) fn plain(&self) -> &str {
        match self {
            Self::Listener(address) => address,
            Self::Client(name) => name,
        }
    }
}

impl Config {
    /// All rules that can apply to a request: those of the listeners, unless every connection there must belong to a
    /// client, and those of the clients. The listeners listen at these addresses.
    pub(crate) fn rulings<'a>(
        &'a self,
        addresses: &'a [ListenAddress],
    ) -> impl Iterator<Item = (Whose, &'a Rules)> {
        let listeners = self.listeners.iter().zip(addresses);
        let listeners = listeners.filter(|(it, _)| self.serves_others(it));
        let listeners =
            listeners.map(|(it, address)| (Whose::Listener(address.to_string()), &it.rules));
        let clients = self.clients.iter();
        listeners.chain(clients.map(|it| (Whose::Client(Arc::clone(&it.name)), &it.rules)))
    }

    /// Whether connections on a listener can belong to no client, and have its rules.
    pub(crate) fn serves_others(&self, listener: &ListenerSettings) -> bool {
        let may = self.clients.is_empty() || self.unknown_client == UnknownClient::Listener;
        may && listener.client.is_none()
    }

    pub(crate) fn addresses(&self) -> Vec<ListenAddress> {
        self.listeners.iter().map(|it| it.address.clone()).collect()
    }
}

/// One client.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Its name.
    pub name: Arc<str>,
    /// Which connections are its own, besides those on its listeners.
    pub(crate) from: Vec<Matcher>,
    /// What it may do.
    pub rules: Rules,
    /// How many connections it may have, if that is its own limit.
    pub connections: Option<usize>,
}

/// One listener.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Its address.
    pub address: ListenAddress,
    /// Who may connect to a unix socket.
    pub access: SocketAccess,
    /// Its TLS, if it speaks that.
    pub tls: Option<ListenerTls>,
    /// What holds there.
    pub rules: Rules,
    /// The client that all connections there belong to.
    pub client: Option<Arc<str>>,
}

impl ListenerSettings {
    /// Whether clients need a certificate there.
    pub(crate) fn asks_for_certificates(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some())
    }
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
