//! What a request must have besides a verdict before it is sent: its body or the beginning of it, its
//! `begin` in the record, and a connection to the daemon. All waiting for them happens here.

use std::sync::Arc;

use hyper::body::Incoming;

use super::Handler;
use super::body::inflate::HELD;
use super::body::tar::Packed;
use super::body::{self, RequestBody};
use super::budget::{Share, Taken};
use super::head::{Framing, Head};
use super::held::Hold;
use super::judging::Missing;
use super::upstream::Failure;
use crate::audit::{Entry, Record};
use crate::docker::{self, ApiVersion, Call, Operation};
use crate::policy::names::Names;
use crate::policy::requirements::starts;
use crate::policy::{
    Answer, Answers, Context, Denial, Lookup, Reason, Request, SelfContainer, Terms,
};
use crate::proxy::request_state::Upload;

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
    /// Whether its permit, which it may have waited with, is noted in the record.
    pub(super) is_noted: bool,
    progress: Progress,
    /// The names that it depends on and that are not held, once they were found; and the hold on the others.
    names: Option<Names>,
    holds: Vec<Hold>,
    /// The answers to lookups so far.
    pub(super) known: Answers,
    /// What they have taken of the client's share.
    pub(super) learning: Taken,
    /// What the body has taken of it.
    reading: Taken,
    /// Whether it starts a container, and so rests on the names of its networks too.
    starts: bool,
    unpacking: Unpacking,
    /// The API version that it is judged and sent under instead of the client's.
    pub(super) lifted_to: Option<ApiVersion>,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// Its `begin` is not on record.
    New,
    /// It is.
    Begun,
    /// The request went to the daemon.
    Sent,
}

/// How the engine unpacks what is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unpacking {
    /// Nothing is unpacked in a container.
    None,
    /// It was not asked yet.
    Unknown,
    /// With programs that it finds in the container, where it is compressed.
    WithPrograms,
    /// Dockgate does, before it is sent.
    Here,
    /// By itself.
    Safe,
}

impl Stage {
    /// A request of which nothing but the head was read.
    pub(super) fn new(head: Box<Head>, body: Incoming, share: &Share) -> Self {
        Self {
            unread: head.has_body().then_some(body),
            head,
            body: RequestBody::empty(),
            kind: docker::Body::Refused,
            changes_state: false,
            is_noted: false,
            progress: Progress::New,
            names: None,
            holds: Vec::new(),
            known: Answers::default(),
            learning: share.nothing(),
            reading: share.nothing(),
            starts: false,
            unpacking: Unpacking::None,
            lifted_to: None,
        }
    }

    /// Notes what the call that it turned out to be must have.
    pub(super) fn prepare_for(&mut self, call: &Call) {
        self.kind = call.body();
        self.changes_state = call.effect().changes_state();
        if call.operation() == Some(Operation::PutContainerArchive) {
            self.unpacking = Unpacking::Unknown;
        }
        self.starts = call.operation().is_some_and(starts);
    }

    /// Finds the names that a request depends on that is not denied by its head alone.
    pub(super) fn find_names(&mut self, call: &Call) {
        self.names.get_or_insert_with(|| Names::of(call, None));
    }

    /// Notes what the body that was read adds to the names that the request depends on.
    pub(super) fn read(&mut self, request: &Request<'_>) {
        self.names = Some(Names::of(&request.call, request.body.as_ref()));
    }

    /// Adds the answer to a question about an object.
    pub(super) fn learn(&mut self, lookup: Lookup, answer: Answer) {
        // They are held from then on, however often it is asked again.
        if let (true, Answer::Container(container), Some(names)) =
            (self.starts, &answer, &mut self.names)
        {
            names.rest_on_networks_of(container);
            self.starts = false;
        }
        self.known.learn(lookup, answer);
    }

    /// What it is evaluated by.
    pub(super) fn context<'a>(&'a self, own: Option<&'a SelfContainer>) -> Context<'a> {
        let known = &self.known;
        Context { known, own }
    }

    /// Drops all that evaluating it came to, as it is sent or is evaluated from the beginning.
    pub(super) fn forget(&mut self) {
        self.is_noted = false;
        self.known = Answers::default();
        self.learning.give_back(usize::MAX);
    }

    /// Gives the names back, as the daemon has answered.
    pub(super) fn release(&mut self) {
        self.holds.clear();
    }

    /// Whether nothing but a connection is missing.
    pub(super) fn is_complete(&self) -> bool {
        let is_on_record = self.progress >= Progress::Begun || !self.changes_state;
        let is_plain = self.unpacking != Unpacking::Here;
        self.unread.is_none()
            && is_on_record
            && is_plain
            && self.names.as_ref().is_some_and(Names::is_empty)
    }

    /// Whether it starts a command in a container and takes nothing over for that; unknown before its body was
    /// read.
    pub(super) fn is_detached(&self, call: &Call) -> Option<bool> {
        if call.operation() != Some(Operation::ExecStart) {
            return Some(false);
        }
        let is_read = self.unread.is_none();
        is_read.then(|| docker::body::asks_to_detach(&self.body.whole()))
    }

    /// Whether an upload can be sent as it is: where the engine would unpack it with a program of the container,
    /// it must be plain, or gzip that is unpacked before.
    pub(super) fn check_tar(&mut self, terms: &Terms) -> Result<(), Denial> {
        if self.unpacking == Unpacking::Safe || !terms.request.must_be_plain_tar {
            return Ok(());
        }
        match self.body.packed() {
            Packed::Plain => Ok(()),
            Packed::Gzip => {
                self.unpacking = Unpacking::Here;
                Ok(())
            }
            Packed::With(program) => Err(Denial::new(Reason::Restricted, packed_with(program))),
        }
    }

    /// Notes that the request is sent, and records it now if its reply may never end.
    pub(super) fn send(&mut self, entry: &mut Entry, terms: &Terms) {
        if terms.request.call.is_endless() && self.progress == Progress::New {
            entry.begin();
        }
        self.progress = Progress::Sent;
    }

    /// Whether the request went to the daemon.
    pub(super) fn is_sent(&self) -> bool {
        self.progress == Progress::Sent
    }

    /// The body to send, rendered from what was judged where it was. Of an empty one the daemon reads
    /// nothing.
    pub(super) fn body_of(&mut self, terms: &Terms) -> RequestBody {
        let body = std::mem::replace(&mut self.body, RequestBody::empty());
        match terms.request.body.as_deref().filter(|_| !body.is_empty()) {
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
            Failure::Unheard | Failure::Broken | Failure::Silent => Err(failure.into()),
        }
    }
}

/// Why an upload that is compressed so is denied.
fn packed_with(program: &str) -> String {
    format!(
        "the upload is compressed with {program}, which this engine would unpack with a program of the container: \
         send a plain tar or gzip (`tar -c` or `tar -cz`, or `{} -dc FILE | docker cp - CONTAINER:PATH`), or \
         update the engine to 29.5.1",
        program.split(' ').next().unwrap_or(program)
    )
}

impl Handler {
    /// Reads what is left of a denied request, if that is little and comes at once. Whether its end was
    /// read, so that what follows on the connection is another request.
    pub(super) async fn reads_to_end(&self, stage: &mut Stage, record: &Record) -> bool {
        // What follows an upgrade that was offered to who knows what may be of another protocol.
        let may_be_other = record.operation().is_none() && stage.head.upgrade.is_some();
        if self.is_over_limit || may_be_other {
            return false;
        }
        match (stage.head.framing, stage.unread.take()) {
            (Framing::Length(0), _) => true,
            // Only hyper knows where they end.
            (Framing::Chunked, _) => false,
            (Framing::Length(length), Some(body)) => {
                // Whoever waits for the go-ahead may send none of it.
                let is_sent = !stage.head.expects_continue;
                is_sent
                    && Box::pin(body::request::ends_at_once(length, body, &record.bytes_in)).await
            }
            (Framing::Length(_), None) => !stage.is_sent() && self.state.upload() == Upload::Ended,
        }
    }

    /// Reads the body, or the beginning of an upload, unless that was done.
    pub(super) async fn take_body(&self, entry: &Entry, stage: &mut Stage) -> Result<(), Denial> {
        let Some(body) = stage.unread.take() else {
            return Ok(());
        };
        let (limits, reading) = (&self.shared.limits, &mut stage.reading);
        let bytes_in = Arc::clone(&entry.record.bytes_in);
        let (kind, head) = (stage.kind, &stage.head);
        let taken =
            body::request::prepare(kind, head, body, bytes_in, &self.state, (limits, reading));
        stage.body = taken.await?;
        if stage.unpacking != Unpacking::None {
            stage.body.begin(limits.body_time).await?;
            stage.body.keep_pace(limits.upload());
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
        if stage.unpacking == Unpacking::Unknown {
            let shared = &self.shared;
            let engine = shared.daemon_state.engine(&shared.daemon).await?;
            stage.unpacking = if engine.unpacks_safely() {
                Unpacking::Safe
            } else {
                Unpacking::WithPrograms
            };
        }
        if stage.unpacking == Unpacking::Here {
            stage.unpacking = Unpacking::WithPrograms;
            stage.reading.take(HELD)?;
            stage.body.inflate(self.shared.limits.body_time).await?;
        }
        if stage.changes_state && stage.progress == Progress::New {
            entry.begin_confirmed().await?;
            stage.progress = Progress::Begun;
        }
        let names = stage.names.as_mut().map(std::mem::take).unwrap_or_default();
        if !names.is_empty() {
            let hold = self.shared.daemon_state.names().hold(&names);
            stage.holds.push(Box::pin(hold).await?);
        }
        self.upstream.make_ready().await
    }
}
