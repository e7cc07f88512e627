//! Advice for people and tools: what a policy would answer, what would allow a request, the policy that recorded
//! requests need, and how old objects come into its scope.
//!
//! The proxy never calls it.

pub(crate) mod adopt;
pub mod dry_run;
pub(crate) mod edits;
pub(crate) mod learn;
pub(crate) mod replay;
pub(crate) mod unused;
