//! TLS on both sides, over TCP.
//!
//! ```text
//! load       files ──► what a listener presents and which clients it accepts; the same for the daemon
//! probe      TLS of the health check
//! handshake  a thread of its own: so many clients that only shake hands do not slow down others
//! stream     the connection after that
//! entrance   a listener's TLS, which a reload replaces in parts
//! watch      which files changed
//! ```

pub(crate) mod entrance;
pub(crate) mod handshake;
pub(crate) mod load;
pub(crate) mod probe;
pub(crate) mod stream;
pub(crate) mod upstream;
pub(crate) mod watch;
