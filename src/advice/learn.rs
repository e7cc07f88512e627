//! The smallest policy that would have allowed what was seen.
//!
//! What was seen is put together, operation by operation and finding by finding, and written as a policy file:
//! each line says how often it was used and when last. Before it is handed out it is read as a policy, and what
//! was seen is held against it.

mod allow;
mod block;
mod merge;
mod proposal;
mod seen;
mod text;
mod varying;

pub(crate) use seen::{Seen, times, to_the_second};

#[cfg(test)]
mod tests;
