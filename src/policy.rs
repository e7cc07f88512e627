//! Policies: what they may say, how they are read, and the judgement.
//!
//! Only this module makes a [`Permit`], and the upstream sends nothing without one. It knows
//! nothing of sockets, hyper or the clock; the text of a policy file is handed to it.

pub mod ask;
pub mod blocks;
pub mod cover;
pub mod entry;
pub mod facts;
pub mod file;
pub mod finding;
pub mod hint;
pub mod holding;
pub mod learn;
pub mod lines;
pub mod names;
pub mod need;
pub mod needs;
pub mod own;
pub mod permit;
mod pin;
pub mod raw_path;
pub mod reason;
pub mod refusal;
pub mod replaces;
pub mod replay;
pub mod rules;
pub mod schema;
pub mod shipped;
pub mod spelling;
mod stamp;
pub mod suppose;
#[cfg(test)]
mod tests;
mod unchanged;
mod variants;
mod weigh;
pub mod written;

pub use ask::{Answer, Known, Lookup};
pub use entry::{BadEntry, Entry, Grants};
pub use file::{Library, Policy, Problem};
pub use holding::{Displaced, Keyed};
pub use lines::Lines;
pub use need::{Need, What};
pub use own::Own;
pub use permit::{Permit, Shelved, Terms};
pub use pin::About;
pub use reason::{Denial, Reason};
pub use rules::{Ground, Judgement, Request, Rules};
pub use written::{Cited, Place, Written};
