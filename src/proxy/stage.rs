//! What a request must have besides a verdict before it is sent: its body or the beginning of it, its
//! `begin` in the record, and a connection to the daemon. All waiting for them happens here.

use std::sync::Arc;

use hyper::body::Incoming;

use super::Gate;
use super::body::{self, RequestBody};
use super::head::Head;
use super::judging::Missing;
use super::upstream::Failure;
use crate::audit::Entry;
use crate::docker::{self, Call, Operation};
use crate::policy::{Denial, Reason, Terms};

/// A request on its way to being sent.
pub(super) struct Stage {
    /// Its head.
    pub(super) head: Box<Head>,
    /// The client's body, until it is taken.
    unread: Option<Incoming>,
    /// What is sent for a body, once it was taken.
    pub(super) body: RequestBody,
    kind: docker::Body,
    changes_state: bool,
    is_begun: bool,
    /// Whether the request went to the daemon.
    pub(super) is_sent: bool,
    /// Whether it writes into a container, and so must know how the engine unpacks.
    unpacks: bool,
    /// Whether the engine unpacks uploads itself; what is not known yet does not.
    unpacks_safely: bool,
}

impl Stage {
    /// A request of which nothing but the head was read.
    pub(super) fn new(head: Box<Head>, body: Incoming) -> Self {
        Self {
            unread: head.has_body().then_some(body),
            head,
            body: RequestBody::empty(),
            kind: docker::Body::Refused,
            changes_state: false,
            is_begun: false,
            is_sent: false,
            unpacks: false,
            unpacks_safely: false,
        }
    }

    /// Notes what the call that it turned out to be must have.
    pub(super) fn prepare_for(&mut self, call: &Call) {
        self.kind = call.body();
        self.changes_state = call.effect().changes_state();
        self.unpacks = call.operation() == Some(Operation::PutContainerArchive);
    }

    /// Whether nothing but a connection is missing.
    pub(super) fn is_complete(&self) -> bool {
        self.unread.is_none() && (self.is_begun || !self.changes_state)
    }

    /// Denies a compressed upload where the engine would unpack it with a program of the container.
    pub(super) fn check_tar(&self, terms: &Terms) -> Result<(), Denial> {
        if !terms.must_be_plain_tar() || self.unpacks_safely || !self.body.is_compressed() {
            return Ok(());
        }
        let message = "the upload is compressed, which this engine would unpack with a program of the \
            container: send a plain tar, or update the engine to 29.5.1";
        Err(Denial::new(Reason::Restricted, message))
    }

    /// Notes that the request is sent, and records it now if its reply may never end.
    pub(super) fn send(&mut self, entry: &mut Entry, terms: &Terms) {
        self.is_sent = true;
        if terms.call().is_endless() && !std::mem::replace(&mut self.is_begun, true) {
            entry.begin();
        }
    }

    /// The body to send, rendered from what was judged where it was. Of an empty one the daemon reads
    /// nothing.
    pub(super) fn body_of(&mut self, terms: &Terms) -> RequestBody {
        let body = std::mem::replace(&mut self.body, RequestBody::empty());
        match terms.body().filter(|_| !body.is_empty()) {
            Some(rendered) => body.replaced(rendered),
            None => body,
        }
    }

    /// Takes the body back from a request that the daemon did not read.
    pub(super) fn recover(&mut self, failure: Failure) -> Result<Missing<'static>, Denial> {
        match failure {
            Failure::Unsent(body) => {
                self.body = body;
                Ok(Missing::Stage(None))
            }
            failure => Err(failure.into()),
        }
    }
}

impl Gate {
    /// Reads the body, or the beginning of an upload, unless that was done.
    pub(super) async fn take_body(&self, entry: &Entry, stage: &mut Stage) -> Result<(), Denial> {
        let Some(body) = stage.unread.take() else {
            return Ok(());
        };
        let (limits, budget) = (&self.shared.limits, &self.shared.budget);
        let bytes_in = Arc::clone(&entry.record.bytes_in);
        let (kind, head) = (stage.kind, &stage.head);
        let taken =
            body::request::prepare(kind, head, body, bytes_in, &self.exchange, (limits, budget));
        stage.body = taken.await?;
        if stage.unpacks {
            stage.body.begin(limits.body_time).await?;
        }
        Ok(())
    }

    /// Waits for everything that is missing, first for what the client paces.
    pub(super) async fn make_ready(
        &self,
        entry: &mut Entry,
        stage: &mut Stage,
    ) -> Result<(), Denial> {
        self.take_body(entry, stage).await?;
        if stage.unpacks && !stage.body.is_empty() && !stage.unpacks_safely {
            let shared = &self.shared;
            let engine = shared.surroundings.engine(&shared.daemon).await?;
            stage.unpacks_safely = engine.unpacks_safely();
        }
        if stage.changes_state && !stage.is_begun {
            entry.begin_confirmed().await?;
            stage.is_begun = true;
        }
        self.upstream.make_ready().await
    }
}
