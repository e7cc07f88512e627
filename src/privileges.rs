//! The user that the process runs as: the least privileged one that can open the daemon's socket.
//!
//! Started as root, the process switches to the ids of `run_as` and the group of the daemon's socket, and gives up every
//! capability for good. [`plan`](mod@plan) decides, [`assume()`] carries it out, [`access`] knows what modes allow, and
//! [`closed`] explains why the socket cannot be opened.
//!
//! Source: capabilities(7), credentials(7), unix(7) and `path_resolution(7)` of the Linux manual.

pub(crate) mod access;
pub(crate) mod assume;
pub(crate) mod closed;
pub(crate) mod container;
pub(crate) mod plan;

pub(crate) use assume::{PrivilegesError, assume};
pub(crate) use closed::why_closed;
