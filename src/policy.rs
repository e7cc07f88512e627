//! Policies: what they may say, how they are read, and the judgement.
//!
//! Only this module makes a [`Permit`], and the upstream sends nothing without one. It knows
//! nothing of sockets, hyper or the clock; the text of a policy file is handed to it.

pub mod ask;
pub mod blocks;
pub mod cover;
pub mod facts;
pub mod finding;
pub mod hint;
pub mod names;
pub mod need;
pub mod needs;
pub mod own;
pub mod permit;
mod pin;
pub mod reason;
pub mod refusal;
pub mod replaces;
pub mod rules;
mod stamp;
#[cfg(test)]
pub(crate) mod tests;
mod unchanged;
mod variants;
pub(crate) mod weigh;

pub use ask::{Answer, Known, Lookup};
pub use need::{Need, What};
pub use own::Own;
pub use permit::{Permit, Shelved, Terms};
pub use pin::About;
pub use reason::{Denial, Reason};
pub use rules::{Ground, Judgement, Request, Rules};
