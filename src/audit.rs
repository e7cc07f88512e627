//! The audit record: what a line holds, its forms, and how lines get written.

pub(crate) mod entry;
pub(crate) mod json;
pub(crate) mod log;
mod outage;
pub(crate) mod output;
mod queue;
pub(crate) mod reading;
pub(crate) mod record;
pub(crate) mod text;
mod writer;

pub(crate) use entry::Entry;
pub(crate) use log::Log;
pub(crate) use queue::Unavailable;
pub(crate) use record::{End, Record, Verdict};
