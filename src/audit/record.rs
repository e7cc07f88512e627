//! One audit record, as a value.
//!
//! `docs/audit.md` says what each field means and `docs/audit.schema.json` its shape. No field ever
//! holds a body, a header's value, or a query value that the table does not call harmless.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use crate::docker::json::{is_printable, printable};
use crate::docker::{Absent, ApiVersion, Call, Effect, Json, Operation, Reply};
use crate::net::client::Client;
use crate::policy::{About, Denial, Reason, Requirement, finding, names};
use crate::sync::Count;

/// What is known of one request. It fills up as the request goes its way.
#[derive(Debug)]
pub(crate) struct Record {
    /// Unique among the records of this process, and all but surely among those of others.
    pub(crate) id: String,
    /// When the head was complete, or was refused.
    pub(crate) time: SystemTime,
    pub(crate) client: Client,
    /// The listener's address, with its real port.
    pub(crate) listener: Arc<str>,
    pub(crate) policy: Option<Arc<str>>,
    pub(crate) method: Option<String>,
    /// The path as it is sent on, or the raw one of a refused target.
    pub(crate) path: Option<String>,
    /// What a judged request asks for, each as `key=value` of a policy that would grant it.
    pub(crate) findings: Vec<String>,
    /// What is known once the target was understood.
    pub(crate) call: Option<Known>,
    pub(crate) verdict: Verdict,
    pub(crate) reason: Reason,
    /// What the client was told, if it was refused.
    pub(crate) detail: Option<String>,
    /// Whether it is not written, as it is the health check's own.
    pub(crate) is_left_out: bool,
    /// Whether what the listener's policies refuse is sent all the same.
    pub(crate) is_observed: bool,
    /// Whether the arguments of commands are among the findings.
    pub(crate) has_arguments: bool,
    pub(crate) status: Option<u16>,
    /// The bytes of the request's body or of a tunnel that came from the client so far.
    pub(crate) bytes_in: Arc<Count>,
    /// The bytes of the reply's body or of a tunnel that went to the client so far.
    pub(crate) bytes_out: Arc<Count>,
}

/// What a call adds to the record.
#[derive(Debug)]
pub(crate) struct Known {
    pub(super) operation: Option<Operation>,
    pub(super) effect: Effect,
    pub(super) object: Option<String>,
    /// The full id of the object, if it was looked up.
    pub(super) object_id: Option<String>,
    /// The name that something is made with or gets.
    pub(super) name: Option<String>,
    /// The container that the body is about, by its full id if it was looked up.
    pub(super) container: Option<String>,
    pub(super) query: Vec<String>,
    pub(super) api_version: Option<ApiVersion>,
    /// The API version that it is sent under, if that is another.
    pub(super) sent_api_version: Option<ApiVersion>,
}

impl Known {
    /// What is known of every call, its names aside.
    fn new(operation: Option<Operation>, effect: Effect, api_version: Option<ApiVersion>) -> Self {
        Self {
            operation,
            effect,
            object: None,
            object_id: None,
            name: None,
            container: None,
            query: Vec::new(),
            api_version,
            sent_api_version: None,
        }
    }
}

/// What a line reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A change of state or a stream is about to be sent to the daemon.
    Begin,
    /// The daemon was asked about what a request names.
    Lookup,
    /// The daemon is about to make, or has made, what a request needs.
    Prepare,
    Request,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allow,
    Deny,
    /// It is still to be decided, by what the daemon is asked; only a `begin` says so.
    Pending,
    /// It would have been refused, and was sent to be learned from.
    WouldDeny,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The whole reply, or the refusal, was handed to the client's connection.
    Complete,
    /// The client left before the reply was whole.
    ClientGone,
    /// The daemon left before its reply was whole.
    DaemonGone,
    /// It was over before its end while Dockgate was shutting down.
    Drained,
    Panic,
}

impl Event {
    /// What a request of Dockgate's own is reported as, that another request gives rise to.
    pub(crate) fn of_lookup(call: &Call) -> Self {
        if call.effect().changes_state() {
            Self::Prepare
        } else {
            Self::Lookup
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Lookup => "lookup",
            Self::Prepare => "prepare",
            Self::Request => "request",
        }
    }
}

impl Verdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Pending => "pending",
            Self::WouldDeny => "would_deny",
        }
    }
}

impl End {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client_gone",
            Self::DaemonGone => "daemon_gone",
            Self::Drained => "drained",
            Self::Panic => "panic",
        }
    }
}

/// The longest path that is kept, in bytes.
const MAX_PATH: usize = 1024;
/// The most query keys that are kept.
const MAX_QUERY_KEYS: usize = 32;
/// The longest query key or harmless value that is kept, in bytes.
const MAX_QUERY_TEXT: usize = 128;
/// The longest method that is kept, in bytes.
const MAX_METHOD: usize = 32;

/// The most findings that are kept.
const MAX_FINDINGS: usize = 256;
/// The longest finding that is kept, in bytes.
const MAX_FINDING: usize = 1024;

impl Record {
    pub(crate) fn new(id: String, time: SystemTime, client: Client, listener: Arc<str>) -> Self {
        Self {
            id,
            time,
            client,
            listener,
            policy: None,
            method: None,
            path: None,
            findings: Vec::new(),
            call: None,
            verdict: Verdict::Deny,
            reason: Reason::NotJudged,
            detail: None,
            is_left_out: false,
            is_observed: false,
            has_arguments: false,
            status: None,
            bytes_in: Arc::default(),
            bytes_out: Arc::default(),
        }
    }

    /// Notes what the client asked for, before it is understood.
    pub(crate) fn asked(&mut self, method: &str, target: &str) {
        self.method = Some(cut(method, MAX_METHOD));
        // Users and passwords stand before a host, and a fragment is the client's own.
        let is_end = |byte: &u8| matches!(byte, b'?' | b'#');
        let end = target.as_bytes().iter().position(is_end);
        let path = target.get(..end.unwrap_or(target.len())).unwrap_or("");
        let path = match path.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => path,
            Some(_) => "//...",
            None => "...",
        };
        self.path = Some(cut(path, MAX_PATH));
    }

    /// Notes what the request was understood to be.
    pub(crate) fn understood(&mut self, call: &Call) {
        let operation = call.operation();
        let logged = operation.map_or(&[][..], |operation| operation.spec().logged);
        let shown = |(key, value): (&str, &str)| {
            let mut shown = cut(key, MAX_QUERY_TEXT);
            if logged.contains(&key) {
                shown.push('=');
                shown.push_str(&cut(value, MAX_QUERY_TEXT));
            }
            shown
        };
        let mut path = call.path();
        if !is_shown_whole(&path, MAX_PATH) {
            path = cut(path, MAX_PATH);
        }
        self.path = Some(path);
        let mut known = Known::new(operation, call.effect(), call.version);
        known.object = call.object().map(str::to_owned);
        known.name = names::given(call, None).map(|name| cut(name, MAX_QUERY_TEXT));
        known.query = call.query.pairs().take(MAX_QUERY_KEYS).map(shown).collect();
        self.call = Some(known);
    }

    /// Notes that a request is judged and sent under another API version than the client's.
    pub(crate) fn lifted(&mut self, call: &Call, from: ApiVersion) {
        self.understood(call);
        if let Some(known) = &mut self.call {
            known.sent_api_version = known.api_version.replace(from);
        }
    }

    /// Notes which object a request is about that cannot exist.
    pub(crate) fn is_about_absent(&mut self, absent: &Absent) {
        let operation = absent.operation;
        let mut known = Known::new(Some(operation), operation.spec().effect, absent.version);
        known.object = Some(cut(absent.name.as_str(), MAX_QUERY_TEXT));
        self.call = Some(known);
    }

    /// Notes what the body of a request says of what it makes or is about.
    pub(crate) fn read(&mut self, call: &Call, body: &Json) {
        let Some(known) = &mut self.call else {
            return;
        };
        if let Some(name) = names::given(call, Some(body)) {
            known.name = Some(cut(name, MAX_QUERY_TEXT));
        }
        let container = body.get("Container").and_then(Json::text);
        known.container = container.map(|name| cut(name, MAX_QUERY_TEXT));
    }

    /// Notes the full ids of what the request is about.
    pub(crate) fn is_about(&mut self, about: &About) {
        let Some(known) = &mut self.call else {
            return;
        };
        let of = |id: &Option<String>| id.as_deref().map(|id| cut(id, MAX_QUERY_TEXT));
        known.object_id = of(&about.object_id);
        known.container = of(&about.container).or(known.container.take());
    }

    pub(crate) fn found(&mut self, requirements: &[Requirement]) {
        let found = requirements
            .iter()
            .filter_map(|requirement| finding::text(&requirement.what, self.has_arguments));
        let mut found = found.map(|finding| cut(finding, MAX_FINDING));
        self.findings = found.by_ref().take(MAX_FINDINGS).collect();
        if found.next().is_some() {
            self.findings.push("...".to_owned());
        }
    }

    /// Notes that nothing was sent, whatever an earlier verdict said.
    pub(crate) fn not_sent(&mut self) {
        (self.verdict, self.policy) = (Verdict::Deny, None);
    }

    /// Notes that the request is sent, though a policy would refuse it.
    pub(crate) fn would_be_refused(&mut self, denial: &Denial) {
        (self.verdict, self.reason) = (Verdict::WouldDeny, denial.reason);
        self.detail = Some(denial.message.clone());
    }

    /// Notes that the client got a refusal instead of the daemon's reply.
    pub(crate) fn refused(&mut self, denial: &Denial) {
        self.reason = denial.reason;
        if let Some(asked) = &denial.asked {
            self.found(&asked.requirements);
            self.is_about(&asked.about);
        }
        self.detail = Some(denial.message.clone());
        self.status = Some(denial.reason.status());
    }

    /// The verdict as a line reports it: one that is about to be reached is pending.
    pub(crate) fn verdict_of(&self, event: Event) -> Verdict {
        if event == Event::Begin && self.reason == Reason::NotJudged {
            Verdict::Pending
        } else {
            self.verdict
        }
    }

    /// The operation, once the target was understood.
    pub(crate) fn operation(&self) -> Option<Operation> {
        self.call.as_ref()?.operation
    }

    /// Whether it is of a request to take the connection over.
    pub(crate) fn is_of_hijack(&self) -> bool {
        self.operation()
            .is_some_and(|operation| matches!(operation.spec().reply, Reply::Hijack(_)))
    }

    /// Whether it is of an allowed request that only shows metadata.
    pub(crate) fn is_allowed_read(&self) -> bool {
        let reads = matches!(&self.call, Some(call) if call.effect == Effect::Read);
        reads && self.verdict == Verdict::Allow && self.reason == Reason::Granted
    }
}

/// At most so many bytes of a text, ending in `...` when some were cut off, in printable letters.
fn cut<'a>(text: impl Into<Cow<'a, str>>, limit: usize) -> String {
    let text = text.into();
    if is_shown_whole(&text, limit) {
        return text.into_owned();
    }
    let kept = text
        .get(..text.floor_char_boundary(limit))
        .unwrap_or_default();
    let mut shown = printable(kept).into_owned();
    if kept.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

/// Whether a text is recorded as it is.
fn is_shown_whole(text: &str, limit: usize) -> bool {
    text.len() <= limit && is_printable(text)
}
