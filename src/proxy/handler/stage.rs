//! A request before it is sent: what it has, and what is missing.

use bytes::Bytes;
use hyper::body::Incoming;

use crate::audit::Entry;
use crate::docker::{self, ApiVersion, Call, Deed, Operation};
use crate::policy::names::Names;
use crate::policy::{
    Answer, Answers, Context, Denial, Lookup, Reason, Request, SelfContainer, Terms,
};
use crate::proxy::body::RequestBody;
use crate::proxy::body::tar::Packed;
use crate::proxy::budget::{Share, Taken};
use crate::proxy::head::Head;
use crate::proxy::held::Hold;

/// A request before it is sent.
pub(super) struct Stage {
    pub(super) head: Box<Head>,
    /// The client's body, until it is taken.
    pub(super) unread: Option<Incoming>,
    /// The body to send, after the client's was taken.
    pub(super) body: RequestBody,
    pub(super) kind: docker::Body,
    pub(super) changes_state: bool,
    /// Whether its permit is noted in the record; the request may have had to wait with it.
    pub(super) is_noted: bool,
    pub(super) progress: Progress,
    /// The names that it depends on and that are not held yet, once they were found; and the hold on the
    /// others.
    pub(super) names: Option<Names>,
    pub(super) holds: Vec<Hold>,
    /// The answers to lookups so far.
    pub(super) known: Answers,
    /// The length of their texts, in bytes.
    pub(super) answers_length: usize,
    /// The part of the client's memory share that they take.
    pub(super) learning: Taken,
    /// The part of it that the body takes.
    pub(super) reading: Taken,
    /// Whether it starts a container, and so also depends on the names of its networks.
    starts: bool,
    pub(super) unpacking: Unpacking,
    /// The API version that it is evaluated and sent with, if not the client's.
    pub(super) lifted_to: Option<ApiVersion>,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// Its `begin` record is not written yet.
    New,
    /// Its `begin` record is written.
    Begun,
    /// It was sent to the daemon.
    Sent,
}

/// How the engine unpacks an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unpacking {
    /// The request does not upload anything into a container.
    None,
    /// Dockgate has not asked the engine yet.
    Unknown,
    /// With programs that it finds in the container, if the upload is compressed.
    WithPrograms,
    /// Not at all: Dockgate unpacks the upload before sending it.
    Here,
    /// By itself.
    Safe,
}

impl Stage {
    /// A request of which only the head was read.
    pub(super) fn new(head: Box<Head>, body: Incoming, share: &Share) -> Self {
        Self {
            unread: head.has_body().then_some(body),
            head,
            body: RequestBody::default(),
            kind: docker::Body::Refused,
            changes_state: false,
            is_noted: false,
            progress: Progress::New,
            names: None,
            holds: Vec::new(),
            known: Answers::default(),
            answers_length: 0,
            learning: share.nothing(),
            reading: share.nothing(),
            starts: false,
            unpacking: Unpacking::None,
            lifted_to: None,
        }
    }

    /// Notes what the call will require.
    pub(super) fn prepare_for(&mut self, call: &Call) {
        self.kind = call.body();
        self.changes_state = call.effect().changes_state();
        if call.operation() == Some(Operation::PutContainerArchive) {
            self.unpacking = Unpacking::Unknown;
        }
        self.starts = call.judged().deed == Deed::Starts;
    }

    /// Finds the names that a request depends on, unless its head is enough to deny it.
    pub(super) fn find_names(&mut self, call: &Call) {
        self.names.get_or_insert_with(|| Names::of(call, None));
    }

    /// Notes the names that the request also depends on because of its body.
    pub(super) fn read(&mut self, request: &Request<'_>) {
        self.names = Some(Names::of(&request.call, request.body.as_ref()));
    }

    /// Adds the answer to a lookup.
    pub(super) fn learn(&mut self, lookup: Lookup, answer: Answer) {
        // From then on they are held, however often the daemon is asked again.
        if let (true, Answer::Container(container), Some(names)) =
            (self.starts, &answer, &mut self.names)
        {
            names.rest_on_networks_of(container);
            self.starts = false;
        }
        self.known.learn(lookup, answer);
    }

    /// The input for evaluating it.
    pub(super) fn context<'a>(&'a self, own: Option<&'a SelfContainer>) -> Context<'a> {
        let known = &self.known;
        Context { known, own }
    }

    /// The length of what is checked whenever it is evaluated, in bytes: its body, and the answers to lookups so far.
    pub(super) fn length(&self) -> usize {
        self.body.whole().len() + self.answers_length
    }

    /// Drops the results of evaluating it, because it is sent or evaluated from the beginning.
    pub(super) fn forget(&mut self) {
        self.is_noted = false;
        self.known = Answers::default();
        self.answers_length = 0;
        self.learning.give_back(usize::MAX);
    }

    /// Whether only a connection is missing.
    pub(super) fn is_complete(&self) -> bool {
        let is_on_record = self.progress >= Progress::Begun || !self.changes_state;
        let is_plain = self.unpacking != Unpacking::Here;
        self.unread.is_none()
            && is_on_record
            && is_plain
            && self.names.as_ref().is_some_and(Names::is_empty)
    }

    /// Whether it starts a command in a container without hijacking the connection; unknown before its body
    /// was read.
    pub(super) fn is_detached(&self, call: &Call) -> Option<bool> {
        if call.operation() != Some(Operation::ExecStart) {
            return Some(false);
        }
        let is_read = self.unread.is_none();
        is_read.then(|| docker::body::asks_to_detach(&self.body.whole()))
    }

    /// Whether an upload can be sent as it is: if the engine would unpack it with a program from the container,
    /// it must be plain, or gzip that Dockgate has unpacked.
    pub(super) fn check_tar(&mut self, terms: &Terms) -> Result<(), Denial> {
        if self.unpacking == Unpacking::Safe || !terms.request.must_be_plain_tar {
            return Ok(());
        }
        match self.body.packed {
            Packed::Plain => Ok(()),
            Packed::Gzip => {
                self.unpacking = Unpacking::Here;
                Ok(())
            }
            Packed::With(program) => Err(Denial::new(Reason::Restricted, packed_with(program))),
        }
    }

    /// Notes that the request is being sent, and records it now if its reply may never end. What does not exist for the
    /// client gets an error.
    pub(super) fn send(&mut self, entry: &mut Entry, terms: &Terms) {
        let may_last = terms.request.call.is_endless() && !terms.grounds.is_hidden;
        if may_last && self.progress == Progress::New {
            entry.begin();
        }
        entry.is_sent(may_last);
        self.progress = Progress::Sent;
    }

    pub(super) fn is_sent(&self) -> bool {
        self.progress == Progress::Sent
    }

    /// The body to send, rendered from the checked value if there is one. The daemon does not read an
    /// empty body.
    pub(super) fn body_of(&mut self, terms: &Terms) -> RequestBody {
        let body = std::mem::take(&mut self.body);
        match &terms.request.body {
            Some(rendered) if !body.is_empty() => {
                RequestBody::json(Bytes::copy_from_slice(rendered.as_bytes()))
            }
            Some(_) | None => body,
        }
    }
}

/// Why an upload with this compression is denied.
fn packed_with(program: &str) -> String {
    format!(
        "the upload is compressed with {program}, which this engine would unpack with a program from the container: \
         send a plain tar or gzip (`tar -c` or `tar -cz`, or `{} -dc FILE | docker cp - CONTAINER:PATH`), or \
         update the engine to 29.5.1",
        program.split(' ').next().unwrap_or(program)
    )
}
