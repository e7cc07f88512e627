//! The network: sockets of both kinds, what is counted and made whole on them, and who is at the other end.

pub mod chunks;
pub mod client;
pub mod socket;
pub mod tap;
