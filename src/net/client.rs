//! The client of a connection, as far as the system and the daemon identify it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::certs::certificate::Certificate;
use crate::clients::matcher::Kind;
use crate::policy::objects::Container;

/// The client of a connection, from accepting it to the audit records of its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address and port, or `-` on a unix socket, as in the audit log.
    pub(crate) address: Arc<str>,
    /// The same for all of its connections.
    pub(crate) key: ClientKey,
    /// Whether it is on this host.
    pub(crate) is_local: bool,
    /// What was found out about it, if the settings have clients.
    pub(crate) found: Option<Arc<Found>>,
}

/// What was found out about the client of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The client's name in the settings, and what told.
    pub(crate) named: Option<(Arc<str>, Kind)>,
    /// The container that it is, if that was asked.
    pub(crate) container: Option<Arc<Container>>,
    /// The certificate that it has shown.
    pub(crate) certificate: Option<Arc<Certificate>>,
}

/// Identifies a client across its connections, so that its use can be added up.
///
/// An IPv6 address counts as a whole: the containers of a Docker network share the first 64 bits, and cannot give
/// themselves more addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ClientKey {
    Address(IpAddr),
    /// A client of the settings.
    Named(Arc<str>),
    User(u32),
}

impl Client {
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self {
            address: address.to_string().into(),
            key: ClientKey::Address(address.ip()),
            is_local: address.ip().is_loopback(),
            found: None,
        }
    }

    pub(crate) fn of_user(user: u32) -> Self {
        Self {
            address: "-".into(),
            key: ClientKey::User(user),
            is_local: true,
            found: None,
        }
    }

    /// The name of the client in the settings.
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        let (name, _) = self.found.as_ref()?.named.as_ref()?;
        Some(name)
    }
}
