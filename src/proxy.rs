//! The path of a request through Dockgate: [`connection`] drives a client's connection, [`handler`] answers
//! its requests, and both are built from the other modules.

pub(crate) mod admission;
pub mod ask;
pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod connection;
pub(crate) mod daemon;
pub(crate) mod daemon_state;
mod deadline;
pub(crate) mod engine;
pub(crate) mod guard;
pub(crate) mod handler;
pub(crate) mod head;
pub(crate) mod headers;
pub(crate) mod health;
pub(crate) mod held;
pub(crate) mod outage;
pub(crate) mod peers;
pub(crate) mod pinned;
pub(crate) mod request_state;
pub(crate) mod shared;
pub(crate) mod standing;
pub(crate) mod tunnel;
pub(crate) mod upstream;
pub(crate) mod wake_flag;
