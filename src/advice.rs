//! Advice for people and tools: what a record would have needed, how a policy would decide, what would allow a
//! request.
//!
//! The proxy never calls it.

pub mod dry_run;
pub(crate) mod edits;
pub(crate) mod learn;
pub(crate) mod replay;
