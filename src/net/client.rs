//! The client of a connection, as far as the system identifies it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The client of a connection, from accepting it to the audit records of its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address and port, or `-` on a unix socket, as in the audit log.
    pub(crate) name: Arc<str>,
    /// The same for all of its connections.
    pub(crate) key: ClientKey,
}

/// Identifies a client across its connections, so that its use can be added up.
///
/// An IPv6 address counts as a whole: the containers of a Docker network share the first 64 bits, and cannot give
/// themselves more addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ClientKey {
    Address(IpAddr),
    User(u32),
}

impl Client {
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self {
            name: address.to_string().into(),
            key: ClientKey::Address(address.ip()),
        }
    }

    pub(crate) fn of_user(user: u32) -> Self {
        Self {
            name: "-".into(),
            key: ClientKey::User(user),
        }
    }

    /// Whether the client is on this host.
    pub(crate) fn is_local(&self) -> bool {
        match self.key {
            ClientKey::Address(address) => address.is_loopback(),
            ClientKey::User(_) => true,
        }
    }
}
