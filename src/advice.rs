//! Advice for people and tools: what a policy would answer, what would allow a request, and the policy that recorded
//! requests need.
//!
//! The proxy never calls it.

pub mod dry_run;
pub(crate) mod edits;
pub(crate) mod learn;
pub(crate) mod replay;
