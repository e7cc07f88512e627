//! Who is at the other end of a connection, as far as the system says.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::UnixStream;

/// A client of one connection.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its address and port, or `-` on a unix socket, as the record has it.
    pub name: Arc<str>,
    /// What its connections have in common.
    pub key: ClientKey,
}

/// What connections of one client have in common, so that what it uses can be added up.
///
/// An IPv6 address counts whole: the containers of a Docker network share its first 64 bits, and they
/// cannot give themselves more addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientKey {
    /// The address that it connects from.
    Address(IpAddr),
    /// The user that connected to a unix socket.
    User(u32),
}

/// The kernel's own id for users that it has no id for.
const NOBODY: u32 = 65_534;

impl Client {
    /// The client that connects from an address.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self {
            name: address.to_string().into(),
            key: ClientKey::Address(address.ip()),
        }
    }

    /// The client that connected to a unix socket.
    #[must_use]
    pub fn of(socket: &UnixStream) -> Self {
        let user = socket.peer_cred().map_or(NOBODY, |peer| peer.uid());
        Self {
            name: "-".into(),
            key: ClientKey::User(user),
        }
    }
}
