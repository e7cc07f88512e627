//! A request as it is evaluated, what the verdict depends on, and the verdict.

use super::answers::{Answers, Lookup};
use super::fill::Filled;
use super::permit::Permit;
use super::reason::Denial;
use super::refusal::bad_body;
use super::requirement::Requirement;
use super::self_container::SelfContainer;
use crate::docker::body::{parse_with_flaws, table};
use crate::docker::{Call, Json};

/// A request as it is evaluated.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The call.
    pub call: Call,
    /// The body, once it has been read.
    pub body: Option<Json<'a>>,
    /// The denial for something in the body that the daemon would ignore or reject. It is forwarded only in observe
    /// mode.
    pub flaw: Option<Box<Denial>>,
    /// What was filled in that the client left out.
    pub(super) filled: Filled,
    /// What it asks for, once that has been collected. It depends on the rules by what they fill in.
    pub(super) requirements: Option<Vec<Requirement>>,
}

/// What a verdict depends on besides the request and the rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// What was looked up.
    pub(crate) known: &'a Answers,
    /// Dockgate's own container, if it is known.
    pub(crate) own: Option<&'a SelfContainer>,
}

/// The verdict on one request.
#[derive(Debug)]
#[must_use]
pub enum Judgement<'a> {
    /// The request may be sent, now.
    Allow(Permit),
    /// The request may not be sent.
    Deny(Denial),
    /// The body must be read first.
    Inspect(Request<'a>),
    /// Something must be looked up first.
    Ask(Request<'a>, Lookup),
    /// An object that the request names does not exist.
    Missing(Denial),
}

impl<'a> Request<'a> {
    /// A request whose body has not been read.
    #[must_use]
    pub fn new(call: Call) -> Self {
        Self {
            call,
            body: None,
            flaw: None,
            filled: Filled::default(),
            requirements: None,
        }
    }

    /// The same with its body, if the body is judged. An empty body counts as `{}`.
    ///
    /// # Errors
    ///
    /// The body is ambiguous.
    pub fn with_body(mut self, bytes: &'a [u8]) -> Result<Self, Denial> {
        let Some(table) = self.call.operation().and_then(table) else {
            return Ok(self);
        };
        if bytes.is_empty() {
            self.body = Some(Json::Object(Vec::new()));
            return Ok(self);
        }
        let parsed = parse_with_flaws(bytes, table).map_err(|bad| bad_body(&self.call, &bad))?;
        let flaw = parsed.flaw.map(|bad| bad_body(&self.call, &bad));
        self.flaw = flaw.map(Box::new);
        self.body = Some(parsed.value);
        Ok(self)
    }

    /// Whether the body must be read before the request can be judged.
    pub(super) fn lacks_body(&self) -> bool {
        self.body.is_none() && self.call.operation().and_then(table).is_some()
    }
}
