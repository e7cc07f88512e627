//! Policies: what they may say, how they are read, and the judgement.
//!
//! Only this module makes a [`Permit`], and the upstream sends nothing without one. It knows
//! nothing of sockets, hyper or the clock; the text of a policy file is handed to it.

pub(crate) mod about;
pub mod answers;
pub(crate) mod checker;
mod evaluate;
pub(crate) mod finding;
pub(crate) mod hint;
pub(crate) mod keys;
pub mod memory;
pub mod names;
pub mod objects;
mod outcome;
pub mod permit;
pub mod reason;
pub(crate) mod refusal;
mod remedy;
pub mod replaces;
pub mod request;
pub(crate) mod requirement;
pub mod requirements;
mod rewrite;
pub mod rules;
pub mod self_container;
mod stamp;
mod successor;
#[cfg(test)]
pub(crate) mod tests;
mod unchanged;
pub(crate) mod value;
mod variants;

pub(crate) use about::About;
pub use answers::{Answer, Answers, Lookup};
pub use keys::Key;
pub use permit::{Permit, Shelved, Terms};
pub use reason::{Denial, Reason};
pub use request::{Context, Judgement, Request};
pub(crate) use requirement::Requirement;
pub use rules::Rules;
pub use self_container::SelfContainer;
