//! The path of one request, from the typed head to the reply.
//!
//! Only this module puts the parts together; each of them knows nothing of the others.

pub mod admission;
pub mod body;
pub mod budget;
pub mod connection;
pub mod daemon_state;
pub mod guard;
pub mod head;
pub mod headers;
pub mod held;
mod judging;
mod lift;
pub mod lookup;
pub mod outage;
pub mod probe;
pub mod refusal;
pub mod request_state;
mod stage;
pub mod tunnel;
pub mod upstream;
pub mod wake_flag;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use hyper::body::Incoming;

use self::body::ReplyBody;
use self::budget::{Budget, Share};
use self::head::{BadHead, Head, RefusedHead};
use self::judging::Sent;
use self::stage::Stage;
use self::tunnel::Tunnel;
use self::upstream::{Daemon, Upstream};
use crate::audit::record::Record;
use crate::audit::{End, Entry, Log, Unavailable};
use crate::config::{Admission, Limits};
use crate::docker::{Call, Reply, Upgrade};
use crate::net::client::Client;
use crate::policy::{Denial, Rules};
use crate::proxy::daemon_state::DaemonState;
use crate::proxy::request_state::{RequestState, Upload};

/// What all connections of a listener share.
#[derive(Debug)]
pub struct Shared {
    /// The listener's address as the record names it.
    pub listener: Arc<str>,
    /// Whether only programs of this host can reach the listener by TCP.
    pub on_loopback: bool,
    /// What requests are judged by. Each takes it once.
    pub listener_rules: RwLock<Arc<ListenerRules>>,
    /// Bounds.
    pub limits: Limits,
    /// Where the daemon is.
    pub daemon: Arc<Daemon>,
    /// The record.
    pub log: Log,
    /// The memory that is held for judging.
    pub budget: Arc<Budget>,
    /// What is known besides the settings.
    pub daemon_state: Arc<DaemonState>,
}

/// What requests are judged by, as a whole: a reload puts another in its place.
#[derive(Debug)]
pub struct ListenerRules {
    /// What holds on the listener.
    pub rules: Rules,
    /// What every request is held against.
    pub admission: Admission,
}

impl Shared {
    /// What the next request is judged by.
    #[must_use]
    pub fn listener_rules(&self) -> Arc<ListenerRules> {
        Arc::clone(
            &self
                .listener_rules
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Has all requests from now on judged by another ruling, on connections that are open too.
    pub fn rule_by(&self, listener_rules: ListenerRules) {
        *self
            .listener_rules
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(listener_rules);
    }
}

/// The handling of one client connection's requests.
pub struct Handler {
    shared: Arc<Shared>,
    client: Arc<str>,
    share: Share,
    state: Arc<RequestState>,
    upstream: Upstream,
    /// Refuses every request, as the client has too many connections.
    is_over_limit: bool,
    /// A hijack that was granted, for the connection to run.
    tunnel: Mutex<Option<Tunnel>>,
}

impl Handler {
    /// The handling of a new connection.
    #[must_use]
    pub fn new(
        shared: Arc<Shared>,
        client: &Client,
        state: Arc<RequestState>,
        is_over_limit: bool,
    ) -> Self {
        let upstream = Upstream::new(Arc::clone(&shared.daemon));
        Self {
            share: shared.budget.share_of(client.key),
            shared,
            client: Arc::clone(&client.name),
            state,
            upstream,
            is_over_limit,
            tunnel: Mutex::default(),
        }
    }

    /// Answers the request whose head the guard has read.
    pub async fn answer(&self, body: Incoming) -> Response<ReplyBody> {
        // hyper has a request only when the guard has put a head before it.
        let head = self.state.take_head().unwrap_or(Err(RefusedHead {
            bad: BadHead::RequestLine,
            line: None,
        }));
        let Ok(entry) = self.shared.log.open(&self.client, &self.shared.listener) else {
            return self.refuse(&Denial::from(Unavailable), true, None);
        };
        let mut entry = Box::new(entry);
        let head = match head {
            Ok(head) => head,
            Err(refused) => {
                if let Some((method, target)) = &refused.line {
                    entry.record.asked(method, target);
                }
                return self.give_up(&Denial::from(&refused.bad), true, entry);
            }
        };
        entry.record.asked(&head.method, &head.target);
        let mut stage = Stage::new(head, body, &self.share);
        match self.judge_and_send(&mut entry, &mut stage).await {
            Ok(sent) => self.hand_on(sent, &stage.head, entry).await,
            Err(denial) => {
                if !stage.is_sent() {
                    entry.record.not_sent();
                }
                let is_next_known = self.reads_to_end(&mut stage, &entry.record).await;
                self.give_up(&denial, !is_next_known, entry)
            }
        }
    }

    /// Hands on the reply to a request that was sent.
    async fn hand_on(&self, sent: Sent, head: &Head, entry: Box<Entry>) -> Response<ReplyBody> {
        let Sent {
            terms,
            upgrade,
            reply,
        } = sent;
        if let Some(tagged) = &terms.memory.tagged
            && reply.status().is_success()
        {
            self.shared.daemon_state.moved().remember(tagged.clone());
        }
        match upgrade {
            Some(upgrade) if reply.status() == StatusCode::SWITCHING_PROTOCOLS => {
                let client_asked = head.upgrade.is_some();
                self.hijack(reply, upgrade, client_asked, entry).await
            }
            Some(_) | None => self.pass(reply, &terms.request.call, upgrade.is_some(), entry),
        }
    }

    /// Refuses; and when it was the client that sent no whole body, blames nothing else.
    fn give_up(&self, denial: &Denial, close: bool, mut entry: Box<Entry>) -> Response<ReplyBody> {
        use body::pace::too_slow;
        use body::request::broken;
        match self.state.upload() {
            Upload::Unread | Upload::Running | Upload::Ended => {
                self.refuse(denial, close, Some(entry))
            }
            Upload::Broken => self.refuse(&broken(), true, Some(entry)),
            Upload::Gzip(bad) => self.refuse(&bad.into(), true, Some(entry)),
            Upload::Slow => self.refuse(&too_slow(), true, Some(entry)),
            Upload::Left => {
                let broken = broken();
                entry.record.refused(&broken);
                entry.finish(End::ClientGone);
                self.refuse(&broken, true, None)
            }
        }
    }

    /// Hands on a reply of the daemon.
    fn pass(
        &self,
        reply: Response<Incoming>,
        call: &Call,
        was_hijack: bool,
        mut entry: Box<Entry>,
    ) -> Response<ReplyBody> {
        let (mut parts, body) = reply.into_parts();
        if let Err(denial) = headers::check_reply(parts.status, &parts.headers) {
            self.upstream.cut();
            return self.refuse(&denial, true, Some(entry));
        }
        entry.record.status = Some(parts.status.as_u16());
        let is_chunked = parts.headers.contains_key(http::header::TRANSFER_ENCODING);
        headers::drop_hop_by_hop(&mut parts.headers);
        say_if_open(&entry.record, &mut parts.headers);
        if was_hijack || self.state.upload() == Upload::Running {
            // Behind a request for a hijack nothing is read as a request, whatever became of it;
            // and behind one whose body is not whole nothing can be.
            parts.headers.insert(
                http::header::CONNECTION,
                http::HeaderValue::from_static("close"),
            );
        }
        let can_be_asked_again = call.is_endless() && !call.effect().changes_state();
        let may_be_too_old = parts.status == StatusCode::BAD_REQUEST && call.version.is_some();
        let body = ReplyBody::stream(body, entry, Arc::clone(&self.state), can_be_asked_again);
        let body = if may_be_too_old {
            body.heeded_by(&self.shared.daemon_state)
        } else if matches!(call.reply(), Reply::Stream(_)) && is_chunked {
            body.in_whole_chunks(self.upstream.heard())
        } else {
            body
        };
        Response::from_parts(parts, body)
    }

    /// Leaves the connection to a tunnel. There is no reply by hyper then, so this never returns.
    async fn hijack(
        &self,
        mut reply: Response<Incoming>,
        upgrade: Upgrade,
        client_asked: bool,
        entry: Box<Entry>,
    ) -> Response<ReplyBody> {
        match upstream::take_over(&mut reply).await {
            Ok(daemon) => {
                let mut headers = std::mem::take(reply.headers_mut());
                headers::drop_hop_by_hop(&mut headers);
                say_if_open(&entry.record, &mut headers);
                let tunnel = Tunnel::new(daemon, &headers, upgrade, client_asked, entry);
                *self.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
                std::future::pending().await
            }
            Err(denial) => self.refuse(&denial, true, Some(entry)),
        }
    }

    /// Takes the hijack that is to be run, if one was granted.
    fn take_tunnel(&self) -> Option<Tunnel> {
        self.tunnel
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Answers with a refusal and notes it in the record.
    fn refuse(
        &self,
        denial: &Denial,
        close: bool,
        mut entry: Option<Box<Entry>>,
    ) -> Response<ReplyBody> {
        // Bytes behind a request for a hijack were meant for the container: no request is among them.
        let close = close
            || entry
                .as_ref()
                .is_some_and(|entry| entry.record.is_of_hijack());
        if let Some(entry) = &mut entry {
            entry.record.refused(denial);
        }
        let mut reply = refusal::reply(denial, close);
        if let Some(entry) = &entry {
            say_if_open(&entry.record, reply.headers_mut());
        }
        let whole = |bytes| ReplyBody::whole(bytes, entry, Arc::clone(&self.state));
        reply.map(whole)
    }
}

/// Says in every reply of a listener that is only observed that the gate is open, and what the verdict is.
fn say_if_open(record: &Record, headers: &mut HeaderMap) {
    if record.is_observed {
        let verdict = HeaderValue::from_static(record.verdict.as_str());
        headers.insert(OBSERVE, verdict);
    }
}

/// Carries the verdict where it is not enforced.
pub const OBSERVE: HeaderName = HeaderName::from_static("dockgate-observe");
