//! The network: sockets of both kinds, what is counted and made whole on them, and who is at the other end.

pub(crate) mod chunks;
pub(crate) mod client;
pub(crate) mod socket;
pub(crate) mod tap;
