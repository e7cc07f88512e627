//! Decides about requests: the keys of policies, what a request asks for, and the verdict.
//!
//! Only this module makes a [`Permit`], and the upstream sends nothing without one. This module does not use sockets,
//! hyper or the clock.

pub(crate) mod about;
pub(crate) mod answers;
pub(crate) mod checker;
mod evaluate;
pub(crate) mod fill;
pub(crate) mod filter;
pub(crate) mod finding;
pub(crate) mod hint;
pub(crate) mod keys;
pub(crate) mod names;
pub(crate) mod objects;
mod outcome;
pub(crate) mod owner;
pub mod permit;
pub mod reason;
pub mod redact;
pub(crate) mod refusal;
mod remedy;
mod replaces;
pub mod request;
pub(crate) mod requirement;
pub(crate) mod requirements;
pub(crate) mod reserved;
mod rewrite;
pub mod rules;
pub(crate) mod scope;
pub(crate) mod self_container;
mod stamp;
#[cfg(test)]
pub(crate) mod tests;
mod unchanged;
pub(crate) mod value;
mod variants;

pub(crate) use about::About;
pub use answers::Lookup;
pub(crate) use answers::{Answer, Answers};
pub use keys::Key;
pub use permit::{Permit, Shelved, Terms};
pub use reason::{Denial, Reason};
pub(crate) use request::Context;
pub use request::{Judgement, Request};
pub(crate) use requirement::Requirement;
pub use rules::Rules;
pub(crate) use self_container::SelfContainer;
