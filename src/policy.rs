//! Policies: what they may say, how they are read, and the judgement.
//!
//! Only this module makes a [`Permit`], and the upstream sends nothing without one. It knows
//! nothing of sockets, hyper or the clock; the text of a policy file is handed to it.

pub mod about;
pub mod answers;
pub mod checker;
mod evaluate;
pub mod finding;
pub mod hint;
pub mod keys;
pub mod memory;
pub mod names;
pub mod objects;
mod outcome;
pub mod permit;
pub mod reason;
pub mod refusal;
pub mod remedy;
pub mod replaces;
pub mod request;
pub mod requirement;
pub mod requirements;
mod rewrite;
pub mod rules;
pub mod self_container;
mod stamp;
mod successor;
#[cfg(test)]
pub(crate) mod tests;
mod unchanged;
pub mod value;
mod variants;

pub use about::About;
pub use answers::{Answer, Answers, Lookup};
pub use permit::{Permit, Shelved, Terms};
pub use reason::{Denial, Reason};
pub use request::{Context, Judgement, Request};
pub use requirement::{Requirement, What};
pub use rules::Rules;
pub use self_container::SelfContainer;
