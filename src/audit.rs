//! The audit log: what a record contains, its formats, and how lines are written.

pub(crate) mod entry;
pub(crate) mod json;
mod log;
pub(crate) mod metrics;
mod outage;
pub(crate) mod output;
pub(crate) mod process;
pub(crate) mod reading;
pub(crate) mod record;
pub(crate) mod text;
mod writer;

pub(crate) use entry::Entry;
pub(crate) use log::{Log, Unavailable};
pub(crate) use record::{End, Record, Verdict};
