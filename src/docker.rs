//! The Docker Engine API as a closed language: how a target is spelled, which operations exist, and
//! which of them a request is.
//!
//! Only pure functions. It knows nothing about policies, sockets or hyper.

pub mod absent;
pub(crate) mod body;
pub mod classify;
pub(crate) mod closed;
pub(crate) mod event;
pub mod json;
pub mod judged;
pub mod mount;
pub mod network;
pub mod operation;
pub mod path;
mod percent;
pub mod ps;
pub mod query;
pub mod reference;
mod table;
pub mod target;

pub(crate) use absent::{Absent, absent};
pub use classify::Call;
pub(crate) use classify::{Subject, Unclassified, classify};
pub use json::Json;
pub use judged::Block;
pub(crate) use judged::{Deed, Document, Naming, Parameters, Shows};
pub(crate) use operation::{Body, Endless, Reply};
pub use operation::{Effect, Method, Object, Upgrade};
pub use reference::Reference;
pub use table::Operation;
pub use target::ApiVersion;
pub(crate) use target::{BadTarget, Target};
