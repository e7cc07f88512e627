//! The audit record: what a line holds, its forms, and how lines get written.

pub mod entry;
pub mod json;
pub mod log;
mod outage;
pub mod output;
mod queue;
pub mod reading;
pub mod record;
pub mod text;
mod writer;

pub use entry::Entry;
pub use log::Log;
pub use queue::Unavailable;
pub use record::{End, Event, Record, Verdict};
