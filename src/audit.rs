//! The audit record: what a line holds, and how lines get written.

pub mod entry;
pub mod json;
pub mod line;
pub mod log;
mod outage;
pub mod output;
pub mod text;

pub use entry::{End, Event, Record, Verdict};
pub use log::{Entry, Log, Unavailable};
