//! Policies: what they may say, how they are read, and the judgement.
//!
//! Only this module makes a [`Permit`], and the upstream sends nothing without one. It knows
//! nothing of sockets, hyper or the clock; the text of a policy file is handed to it.

pub mod answers;
pub mod blocks;
pub mod checker;
pub mod objects;
pub mod finding;
pub mod hint;
pub mod names;
pub mod requirement;
pub mod requirements;
pub mod self_container;
pub mod permit;
mod rewrite;
pub mod reason;
pub mod refusal;
pub mod replaces;
pub mod rules;
mod stamp;
#[cfg(test)]
pub(crate) mod tests;
mod unchanged;
mod variants;
pub(crate) mod evaluate;

pub use answers::{Answer, Known, Lookup};
pub use requirement::{Need, What};
pub use self_container::Own;
pub use permit::{Permit, Shelved, Terms};
pub use rewrite::About;
pub use reason::{Denial, Reason};
pub use rules::{Ground, Judgement, Request, Rules};
