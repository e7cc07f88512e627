//! Which client a connection belongs to, decided from what the system and the daemon know about its peer.
//!
//! [`matcher`] reads the values of a client's `from`, [`networks`] says on which Docker network a connection arrived,
//! and [`identify`] puts both together. All of it is pure: `proxy::peers` asks the daemon for what is missing.

pub(crate) mod identify;
pub(crate) mod matcher;
pub(crate) mod networks;
