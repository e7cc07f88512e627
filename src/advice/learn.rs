//! Writes the smallest policy that would have allowed the recorded requests.
//!
//! Requests are counted by operation and by finding, and written as a policy file. Each line says how often it was used
//! and when last. Before it is printed, the file is read as a policy and compared with the recorded requests.

mod allow;
mod block;
mod merge;
mod origins;
mod proposal;
mod seen;
mod text;
mod varying;

pub(crate) use seen::{Seen, times, to_the_second};

#[cfg(test)]
mod tests;
