//! Policies: what they may say, how they are read, and the judgement.
//!
//! Only this module makes a [`Permit`], and the upstream sends nothing without one. It knows
//! nothing of sockets, hyper or the clock; the text of a policy file is handed to it.

pub mod entry;
pub mod file;
pub mod raw_path;
pub mod reason;
pub mod rules;
pub mod shipped;
pub mod spelling;

pub use entry::{BadEntry, Entry, Grants};
pub use file::{Library, Policy, Problem};
pub use reason::{Denial, Reason};
pub use rules::{Judgement, Permit, Rules};
