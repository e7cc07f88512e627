//! Whom the process runs as: the least that may still open the daemon's socket.
//!
//! Started as root, it takes on the ids of `run_as` and the group of the daemon's socket, and gives up every
//! capability for good. [`plan()`] decides, [`assume()`] carries it out, [`access`] knows what modes allow, and
//! [`closed`] what to tell whoever may not open the socket.
//!
//! Source: capabilities(7), credentials(7), unix(7) and `path_resolution(7)` of the Linux manual.

pub mod access;
pub mod assume;
pub mod closed;
pub mod container;
pub mod plan;

pub use assume::{PrivilegesError, assume};
pub use closed::why_closed;
pub use plan::{Choice, Kept, Plan, Start, plan};
