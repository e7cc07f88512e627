//! The network: sockets of both kinds, TLS, the bytes on them, and the clients at the other end.

pub(crate) mod chunks;
pub(crate) mod client;
pub(crate) mod heard;
pub(crate) mod socket;
pub(crate) mod tap;
pub(crate) mod tls;
