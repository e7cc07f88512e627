//! A request as it is evaluated, what the evaluation rests on, and its verdict.

use super::answers::{Answers, Lookup};
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
    /// What is asked.
    pub call: Call,
    /// The body, once it was read.
    pub body: Option<Json<'a>>,
    /// The denial of what in the body the daemon itself would ignore or refuse, which is sent on only to be observed.
    pub flaw: Option<Box<Denial>>,
    /// What it asks for, once that was collected. It is the same whichever rules it is evaluated under.
    pub(super) requirements: Option<Vec<Requirement>>,
}

/// What a verdict rests on besides the request and the rules.
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
    /// It may be sent, now.
    Allow(Permit),
    /// It may not.
    Deny(Denial),
    /// Its body must be read first.
    Inspect(Request<'a>),
    /// Something must be looked up first.
    Ask(Request<'a>, Lookup),
    /// What it names does not exist.
    Missing(Lookup),
}

impl<'a> Request<'a> {
    /// A request of which no body was read.
    #[must_use]
    pub fn new(call: Call) -> Self {
        Self {
            call,
            body: None,
            flaw: None,
            requirements: None,
        }
    }

    /// The same with its body, if that is judged; an empty one says what `{}` does.
    ///
    /// # Errors
    ///
    /// The body has no single reading.
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

    /// Whether its body must be read before anything can be said of it.
    pub(super) fn lacks_body(&self) -> bool {
        self.body.is_none() && self.call.operation().and_then(table).is_some()
    }
}
