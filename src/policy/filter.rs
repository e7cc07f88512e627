//! Filters: what a client may see of a reply of the daemon.
//!
//! A filter gets a reply part by part, as it arrives, and puts out what may be passed on. It does no I/O: if it must
//! know something about an object first, it says so, and gets the answer.

mod chain;
pub(crate) mod error_text;

use std::fmt::Debug;
use std::sync::Arc;

use chain::Chain;
use error_text::ErrorRule;

use super::answers::{Answer, Lookup};
use super::reason::{Denial, Reason};
use super::redact::{Redacted, Redaction};
use super::scope::Shown;

/// Changes a reply before the client gets it.
///
/// What a call puts out before it fails is not passed on.
pub(crate) trait Filter: Send + Debug {
    /// Takes a part of the daemon's reply and adds to `out` what may be passed on. What cannot be judged yet, the filter
    /// keeps.
    fn push(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), BadReply>;

    /// What must be asked before more can be passed on, if anything. Until [`learn`](Self::learn) has the answer,
    /// nothing else is called.
    fn wants(&self) -> Option<Lookup> {
        None
    }

    /// The answer; `None` if the daemon would not say.
    fn learn(&mut self, _answer: Option<Answer>, _out: &mut Vec<u8>) -> Result<(), BadReply> {
        Ok(())
    }

    /// How many bytes of the reply it holds.
    fn held(&self) -> usize {
        0
    }

    /// How many more bytes it takes to read what it holds, when the reply has ended.
    fn reads(&self) -> usize {
        0
    }

    /// The name that an image has got, when the reply is over.
    fn pulled(&mut self) -> Option<(Lookup, Arc<str>)> {
        None
    }

    /// The reply has ended. This is called once; if something must still be asked then, `learn` puts out the rest.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply>;
}

/// A reply that cannot be filtered, and why, as in "the reply cannot be filtered: ...". Holds nothing of the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadReply(pub(crate) &'static str);

impl BadReply {
    /// A reply that cannot be redacted.
    pub(crate) const REDACTION: Self = Self("what it hides from this client cannot be found in it");
}

impl From<BadReply> for Denial {
    fn from(bad: BadReply) -> Self {
        let message = format!("the reply of the Docker daemon cannot be filtered: {bad}");
        Self::new(Reason::BadDaemonReply, message)
    }
}

/// What happens to the reply to a request.
#[derive(Debug, Default)]
pub(crate) enum ReplyRule {
    /// It is passed on as it is.
    #[default]
    Pass,
    /// An error is reworded, and any other reply is passed on as it is.
    Errors(Box<ErrorRule>),
    /// Any reply is reworded like an error, because the daemon reports the error in the progress.
    Reworded(Box<ErrorRule>),
    /// What is out of scope is left out.
    Scoped(Box<Shown>),
    /// What this leaves of it is redacted.
    Redacted(Box<ReplyRule>, Redacted),
    /// A filter of a test, for every reply.
    #[cfg(test)]
    Planted(fn() -> Box<dyn Filter>),
}

impl ReplyRule {
    /// The filter for a reply with this status, unless it is passed on as it is.
    pub(crate) fn filter(&self, status: u16) -> Option<Box<dyn Filter>> {
        match self {
            Self::Pass => None,
            Self::Errors(rule) => (status >= 400).then(|| rule.filter()),
            Self::Reworded(rule) => Some(rule.filter()),
            Self::Scoped(shown) => shown.filter(status),
            Self::Redacted(rule, redacted) => {
                match (rule.filter(status), redacted.filter(status)) {
                    (Some(first), Some(second)) => Some(Box::new(Chain::new(first, second))),
                    (first, second) => first.or(second),
                }
            }
            #[cfg(test)]
            Self::Planted(filter) => Some(filter()),
        }
    }

    /// The same, and the reply is redacted too.
    pub(crate) fn redacted(self, redacted: Redacted) -> Self {
        Self::Redacted(Box::new(self), redacted)
    }

    /// What is hidden in the reply, if it can have that.
    pub(crate) fn hidden(&self) -> Option<&Arc<Redaction>> {
        match self {
            Self::Redacted(_, redacted) => redacted.hidden(),
            Self::Pass | Self::Errors(_) | Self::Reworded(_) | Self::Scoped(_) => None,
            #[cfg(test)]
            Self::Planted(_) => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
