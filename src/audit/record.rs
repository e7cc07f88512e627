//! One audit record, as a value.
//!
//! `docs/audit.md` says what each field means, and `docs/audit.schema.json` is the schema. No field ever contains a body,
//! a header's value, or a query value that the table does not list as harmless.

mod word;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use crate::docker::json::{is_printable, printable};
use crate::docker::{Absent, ApiVersion, Call, Effect, Json, Operation, Reply};
use crate::net::client::Client;
use crate::policy::fill::Filled;
use crate::policy::filter::BadReply;
use crate::policy::redact::Redaction;
use crate::policy::{About, Denial, Reason, Requirement, finding, names};
use crate::sync::Count;

pub(crate) use word::{End, Event, Verdict};

/// What is known about one request. It fills up as the request is processed.
#[derive(Debug)]
pub(crate) struct Record {
    /// Unique among the records of this process, and almost certainly among those of other processes.
    pub(crate) id: String,
    /// When the head was complete, or was rejected.
    pub(crate) time: SystemTime,
    pub(crate) client: Arc<Client>,
    /// The listener's address, with its real port.
    pub(crate) listener: Arc<str>,
    pub(crate) policy: Option<Arc<str>>,
    /// What is hidden in the reply.
    pub(crate) redacted: Option<Arc<Redaction>>,
    pub(crate) method: Option<String>,
    /// The path as it is forwarded, or the raw path of a rejected target.
    pub(crate) path: Option<String>,
    /// What a checked request asks for, each as `key=value` of a policy that would allow it.
    pub(crate) findings: Vec<String>,
    /// What was filled in that the client left out: keys of `create.fill`.
    pub(crate) filled: Filled,
    /// What is known once the target is understood.
    pub(crate) call: Option<Known>,
    pub(crate) verdict: Verdict,
    pub(crate) reason: Reason,
    /// The message to the client, if the request was denied.
    pub(crate) detail: Option<String>,
    /// Whether it is not written, because it is from the health check.
    pub(crate) is_left_out: bool,
    /// Whether requests that the listener's policies deny are forwarded anyway.
    pub(crate) is_observed: bool,
    /// Whether the arguments of commands are among the findings.
    pub(crate) has_arguments: bool,
    pub(crate) status: Option<u16>,
    /// The bytes of the request's body or of a tunnel from the client so far.
    pub(crate) bytes_in: Arc<Count>,
    /// The bytes of the reply's body or of a tunnel to the client so far.
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
    /// The name that something is created with or gets.
    pub(super) name: Option<String>,
    /// The id that the daemon gave to what was created.
    pub(super) created_id: Option<String>,
    /// The container that the body names, as its full id if it was looked up.
    pub(super) container: Option<String>,
    pub(super) query: Vec<String>,
    pub(super) api_version: Option<ApiVersion>,
    /// The API version that it is sent with, if that differs.
    pub(super) sent_api_version: Option<ApiVersion>,
}

impl Known {
    /// What is known about every call, without names.
    fn new(operation: Option<Operation>, effect: Effect, api_version: Option<ApiVersion>) -> Self {
        Self {
            operation,
            effect,
            object: None,
            object_id: None,
            name: None,
            created_id: None,
            container: None,
            query: Vec::new(),
            api_version,
            sent_api_version: None,
        }
    }
}

/// The longest recorded path, in bytes.
const MAX_PATH: usize = 1024;
/// The most recorded query keys.
const MAX_QUERY_KEYS: usize = 32;
/// The longest recorded query key or harmless value, in bytes.
const MAX_QUERY_TEXT: usize = 128;
/// The longest recorded method, in bytes.
const MAX_METHOD: usize = 32;

/// The most recorded findings.
const MAX_FINDINGS: usize = 256;
/// The longest recorded finding, in bytes.
const MAX_FINDING: usize = 1024;

impl Record {
    pub(crate) fn new(
        id: String,
        time: SystemTime,
        client: Arc<Client>,
        listener: Arc<str>,
    ) -> Self {
        Self {
            id,
            time,
            client,
            listener,
            policy: None,
            redacted: None,
            method: None,
            path: None,
            findings: Vec::new(),
            filled: Filled::default(),
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
        // The part before a host may be a password, and a fragment is not sent.
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

    /// Notes that a request is checked and sent with another API version than the client's.
    pub(crate) fn lifted(&mut self, call: &Call, from: ApiVersion) {
        self.understood(call);
        if let Some(known) = &mut self.call {
            known.sent_api_version = known.api_version.replace(from);
        }
    }

    /// Notes that a request is about an object that cannot exist.
    pub(crate) fn is_about_absent(&mut self, absent: &Absent) {
        let operation = absent.operation;
        let mut known = Known::new(Some(operation), operation.spec().effect, absent.version);
        known.object = Some(cut(absent.name.as_str(), MAX_QUERY_TEXT));
        self.call = Some(known);
    }

    /// Notes the names in the body of a request.
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

    /// Notes the full ids of the objects that the request is about.
    pub(crate) fn is_about(&mut self, about: &About) {
        let Some(known) = &mut self.call else {
            return;
        };
        let of = |id: &Option<String>| id.as_deref().map(|id| cut(id, MAX_QUERY_TEXT));
        known.object_id = of(&about.object_id);
        known.container = of(&about.container).or(known.container.take());
    }

    /// Notes the id of what was created, if the daemon's reply begins with it.
    pub(crate) fn created(&mut self, reply: &[u8]) {
        let id = [&br#"{"Id":""#[..], br#"{"ID":""#];
        let id = id.iter().find_map(|before| reply.strip_prefix(*before));
        let is_of_id = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b':';
        let id = id.and_then(|rest| {
            let end = rest.iter().position(|byte| !is_of_id(byte))?;
            rest.get(..end).filter(|_| rest.get(end) == Some(&b'"'))
        });
        let is_whole = |id: &&[u8]| (1..=MAX_QUERY_TEXT).contains(&id.len());
        let id = id
            .filter(is_whole)
            .and_then(|id| String::from_utf8(id.to_vec()).ok());
        if let Some(known) = &mut self.call {
            known.created_id = id;
        }
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

    /// Notes that nothing was forwarded, whatever the earlier verdict was.
    pub(crate) fn not_sent(&mut self) {
        (self.verdict, self.policy) = (Verdict::Deny, None);
    }

    /// Notes that the request is forwarded although the policies deny it.
    pub(crate) fn would_be_refused(&mut self, denial: &Denial) {
        (self.verdict, self.reason) = (Verdict::WouldDeny, denial.reason);
        self.detail = Some(denial.message.clone());
    }

    /// Notes that the client got a denial instead of the daemon's reply.
    pub(crate) fn refused(&mut self, denial: &Denial) {
        self.reason = denial.reason;
        if let Some(asked) = &denial.asked {
            self.found(&asked.requirements);
            self.is_about(&asked.about);
        }
        self.detail = Some(denial.message.clone());
        self.status = Some(denial.reason.status());
    }

    /// Notes why the rest of the reply was not passed on.
    pub(crate) fn filter_failed(&mut self, bad: BadReply) {
        let detail = format!(
            "the rest of the reply was not passed on, because it cannot be filtered: {bad}"
        );
        self.detail.get_or_insert(detail);
    }

    /// The verdict in a line: `pending` if it is not decided yet.
    pub(crate) fn verdict_of(&self, event: Event) -> Verdict {
        if event == Event::Begin && self.reason == Reason::NotJudged {
            Verdict::Pending
        } else {
            self.verdict
        }
    }

    /// The operation, once the target is understood.
    pub(crate) fn operation(&self) -> Option<Operation> {
        self.call.as_ref()?.operation
    }

    /// Whether the request takes over the connection.
    pub(crate) fn is_of_hijack(&self) -> bool {
        self.operation()
            .is_some_and(|operation| matches!(operation.spec().reply, Reply::Hijack(_)))
    }

    /// Whether the request is allowed and only shows metadata.
    pub(crate) fn is_allowed_read(&self) -> bool {
        let reads = matches!(&self.call, Some(call) if call.effect == Effect::Read);
        reads && self.verdict == Verdict::Allow && self.reason == Reason::Granted
    }
}

/// At most this many bytes of a text, in printable characters, with `...` at the end if it was cut.
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

/// Whether a text is recorded unchanged.
fn is_shown_whole(text: &str, limit: usize) -> bool {
    text.len() <= limit && is_printable(text)
}
