//! Who is at the other end of a connection, as far as the system says.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The client of a connection, from its being accepted to the record of its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address and port, or `-` on a unix socket, as the record has it.
    pub(crate) name: Arc<str>,
    /// What its connections have in common.
    pub(crate) key: ClientKey,
}

/// What connections of one client have in common, so that what it uses can be added up.
///
/// An IPv6 address counts whole: the containers of a Docker network share its first 64 bits, and they
/// cannot give themselves more addresses.
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

    /// Whether it is on this host.
    pub(crate) fn is_local(&self) -> bool {
        match self.key {
            ClientKey::Address(address) => address.is_loopback(),
            ClientKey::User(_) => true,
        }
    }
}
