//! The way of requests through Dockgate: [`connection`] drives a client's connection, [`handler`] answers its
//! requests, and the other modules are what these two are made of.

pub mod admission;
pub mod ask;
pub mod body;
pub mod budget;
pub mod connection;
pub mod daemon;
pub mod daemon_state;
pub mod engine;
pub mod guard;
pub mod handler;
pub mod head;
pub mod headers;
pub mod health;
pub mod held;
pub mod outage;
pub mod request_state;
pub mod shared;
pub mod tunnel;
pub mod upstream;
pub mod wake_flag;
