//! Shared by the tests of the running binary: a fake daemon that keeps every byte it gets, a dockgate
//! between it and the test, and clients that write raw bytes and read replies as they are framed.
//!
//! Nothing here uses the crate's library or an HTTP library: with the proxy's own parser, the tests
//! would share its mistakes. Nothing sleeps to let something happen; all waits are for an event, and
//! fail the test after [`wait::LIMIT`].

pub(crate) mod client;
pub(crate) mod command;
pub(crate) mod daemon;
pub(crate) mod folder;
pub(crate) mod gate;
#[expect(dead_code, reason = "the unit tests ask for more")]
pub(crate) mod hostile;
pub(crate) mod objects;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod stream;
pub(crate) mod tls;
pub(crate) mod wait;
pub(crate) mod wire;

pub(crate) use client::{Client, Reply};
pub(crate) use daemon::{FakeDaemon, RequestState};
pub(crate) use gate::{Gate, Setup, without_settings};
pub(crate) use refusal::Refused;
pub(crate) use request::{chunked, every_operation, everything, get, post};
pub(crate) use wait::{LIMIT, Signal, eventually};
