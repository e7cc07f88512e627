//! The path of one request, from the typed head to the reply.
//!
//! Only this module puts the parts together; each of them knows nothing of the others.

pub mod admission;
pub mod bell;
pub mod body;
pub mod connection;
pub mod daemon_socket;
pub mod exchange;
pub mod guard;
pub mod head;
pub mod headers;
pub mod lookup;
pub mod meter;
pub mod outage;
pub mod probe;
pub mod refusal;
pub mod socket;
pub mod surroundings;
pub mod tunnel;
pub mod upstream;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http::{Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::Semaphore;

use self::body::{ReplyBody, RequestBody};
use self::exchange::{Exchange, Upload};
use self::head::{BadHead, Head, RefusedHead};
use self::surroundings::Surroundings;
use self::tunnel::Tunnel;
use self::upstream::{Daemon, Outgoing, Upstream};
use crate::audit::{End, Entry, Log, Record, Unavailable, Verdict};
use crate::config::{Admission, Limits};
use crate::docker::{
    self, BadTarget, Call, Effect, Json, Reply, Target, Unclassified, Upgrade, classify,
};
use crate::policy::{
    Answer, Denial, Ground, Judgement, Known, Lookup, Own, Permit, Reason, Request, Rules,
};

/// What all connections of a listener share.
#[derive(Debug)]
pub struct Shared {
    /// The listener's address as the record names it.
    pub listener: Arc<str>,
    /// Whether only programs of this host can reach the listener by TCP.
    pub on_loopback: bool,
    /// What requests are judged by. Each takes it once.
    pub ruling: RwLock<Arc<Ruling>>,
    /// Bounds.
    pub limits: Limits,
    /// Where the daemon is.
    pub daemon: Arc<Daemon>,
    /// The record.
    pub log: Log,
    /// What all bodies that are read before they are sent may hold, in bytes.
    pub budget: Arc<Semaphore>,
    /// What is known besides the settings.
    pub surroundings: Arc<Surroundings>,
}

/// What requests are judged by, as a whole: a reload puts another in its place.
#[derive(Debug)]
pub struct Ruling {
    /// What holds on the listener.
    pub rules: Rules,
    /// What every request is held against.
    pub admission: Admission,
}

impl Shared {
    /// What the next request is judged by.
    #[must_use]
    pub fn ruling(&self) -> Arc<Ruling> {
        Arc::clone(&self.ruling.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has all requests from now on judged by another ruling, on connections that are open too.
    pub fn rule_by(&self, ruling: Ruling) {
        *self.ruling.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ruling);
    }
}

/// The handling of one client connection's requests.
pub struct Gate {
    shared: Arc<Shared>,
    client: Arc<str>,
    exchange: Arc<Exchange>,
    upstream: Upstream,
    /// Refuses every request, as the client has too many connections.
    is_over_limit: bool,
    /// A hijack that was granted, for the connection to run.
    tunnel: Mutex<Option<Tunnel>>,
}

/// A request that may be sent.
struct Granted {
    permit: Box<Permit>,
    head: Box<Head>,
    body: RequestBody,
    upgrade: Option<Upgrade>,
}

impl Gate {
    /// The handling of a new connection.
    #[must_use]
    pub fn new(
        shared: Arc<Shared>,
        client: Arc<str>,
        exchange: Arc<Exchange>,
        is_over_limit: bool,
    ) -> Self {
        let upstream = Upstream::new(Arc::clone(&shared.daemon));
        Self {
            shared,
            client,
            exchange,
            upstream,
            is_over_limit,
            tunnel: Mutex::default(),
        }
    }

    /// Answers the request whose head the guard has read.
    pub async fn answer(&self, body: Incoming) -> Response<ReplyBody> {
        // hyper has a request only when the guard has put a head before it.
        let head = self.exchange.take_head().unwrap_or(Err(RefusedHead {
            bad: BadHead::RequestLine,
            line: None,
        }));
        let Ok(entry) = self.shared.log.open(&self.client, &self.shared.listener) else {
            return self.refuse(&Denial::from(Unavailable), true, None);
        };
        let mut entry = Box::new(entry);
        // There may be more of the request on the connection.
        let must_close = self.is_over_limit
            || head
                .as_ref()
                .map_or(true, |head| head.has_body() || head.upgrade.is_some());
        match self.judge(&mut entry, head, body).await {
            Ok(granted) => self.forward(granted, entry).await,
            Err(denial) => self.give_up(&denial, must_close, entry),
        }
    }

    /// Decides whether a request may be sent, and makes it ready.
    async fn judge(
        &self,
        entry: &mut Entry,
        head: Result<Box<Head>, RefusedHead>,
        body: Incoming,
    ) -> Result<Box<Granted>, Denial> {
        let record = &mut entry.record;
        let head = head.map_err(|refused| {
            if let Some((method, target)) = &refused.line {
                record.asked(method, target);
            }
            Denial::from(&refused.bad)
        })?;
        record.asked(&head.method, &head.target);
        let ruling = self.shared.ruling();
        self.admit(&head, &ruling.admission)?;
        let call = understand(&head, &ruling.admission)?;
        record.understood(&call);
        record.is_left_out = probe::is_health_check(&call, &head, &self.client);
        // What only shows metadata may show Dockgate's own too.
        let own = if call.effect() == Effect::Read {
            None
        } else {
            let shared = &self.shared;
            Box::pin(shared.surroundings.own(&shared.daemon)).await?
        };
        let known = Known::default();
        let ground = Ground { known: &known, own };
        let request = Request { call, body: None };
        let mut body = Some(body);
        let (permit, read) = match ruling.rules.judge(request, ground) {
            Judgement::Allow(permit) => (permit, None),
            Judgement::Deny(denial) => return Err(denial),
            judgement => {
                let looking =
                    self.look_closer(entry, (&ruling, own), judgement, (&head, &mut body));
                // Most requests need nothing of this, and are not to hold the space for it.
                Box::pin(looking).await?
            }
        };
        let record = &mut entry.record;
        record.found(permit.needs());
        record.policy = Some(Arc::clone(permit.policy()));
        let upgrade = wanted_upgrade(permit.call(), &head)?;
        let body = match (read, body) {
            (Some(read), _) => read,
            (None, Some(body)) if head.has_body() => {
                let kind = permit.call().body();
                Box::pin(self.take_body(&entry.record, kind, &head, body)).await?
            }
            (None, _) => RequestBody::empty(),
        };
        let body = if permit.must_be_plain_tar() {
            self.check_tar(body).await?
        } else {
            body
        };
        let body = match permit.body() {
            // Of an empty body the daemon reads nothing.
            Some(rendered) if !body.is_empty() => body.replaced(rendered),
            Some(_) | None => body,
        };
        Ok(Box::new(Granted {
            permit,
            head,
            body,
            upgrade,
        }))
    }

    /// Reads the body and asks the daemon, as far as the judgement needs them.
    async fn look_closer(
        &self,
        entry: &mut Entry,
        (ruling, own): (&Ruling, Option<&Own>),
        mut judgement: Judgement,
        (head, body): (&Head, &mut Option<Incoming>),
    ) -> Result<(Box<Permit>, Option<RequestBody>), Denial> {
        let (mut known, mut read) = (Known::default(), None);
        loop {
            let request = match judgement {
                Judgement::Allow(permit) => return Ok((permit, read)),
                Judgement::Deny(denial) => return Err(denial),
                Judgement::Missing(lookup) => return Err(lookup::missing(&lookup)),
                Judgement::Inspect(mut request) => {
                    let taken = match body.take() {
                        Some(body) if head.has_body() => {
                            let kind = request.call.body();
                            self.take_body(&entry.record, kind, head, body).await?
                        }
                        Some(_) | None => RequestBody::empty(),
                    };
                    request.body = Some(inspected(&request.call, taken.whole())?);
                    read = Some(taken);
                    request
                }
                Judgement::Ask(request, lookup) => {
                    let answer = self.look_up(entry, &lookup, known.len()).await?;
                    known.learn(lookup, answer);
                    request
                }
            };
            let ground = Ground { known: &known, own };
            judgement = ruling.rules.judge(request, ground);
        }
    }

    async fn look_up(
        &self,
        entry: &mut Entry,
        lookup: &Lookup,
        asked: usize,
    ) -> Result<Answer, Denial> {
        if let Lookup::Predecessor(name) = lookup {
            return Ok(self.shared.surroundings.predecessors().of(name));
        }
        if asked >= lookup::MAX_LOOKUPS {
            return Err(lookup::failed("is one too many"));
        }
        let Some(permit) = Permit::to_ask(lookup) else {
            return Ok(Answer::Missing);
        };
        let answered = lookup::ask(&self.upstream, lookup, &permit).await;
        let status = answered.as_ref().ok().map(|(_, status)| status.as_u16());
        entry
            .looked_up(permit.call(), status)
            .map_err(Denial::from)?;
        let (answer, status) = answered?;
        answer.ok_or_else(|| lookup::failed(&format!("has the answer {status}")))
    }

    /// Refuses a compressed upload where the engine would unpack it with a program of the container.
    async fn check_tar(&self, body: RequestBody) -> Result<RequestBody, Denial> {
        let shared = &self.shared;
        let engine = shared.surroundings.engine(&shared.daemon).await?;
        if engine.unpacks_safely() {
            return Ok(body);
        }
        Box::pin(body.plain_tar()).await
    }

    /// Reads or takes over a body as its operation wants it.
    async fn take_body(
        &self,
        record: &Record,
        kind: docker::Body,
        head: &Head,
        body: Incoming,
    ) -> Result<RequestBody, Denial> {
        let (limits, budget) = (&self.shared.limits, &self.shared.budget);
        let bytes_in = Arc::clone(&record.bytes_in);
        body::request::prepare(kind, head, body, bytes_in, &self.exchange, (limits, budget)).await
    }

    /// What is refused whatever it asks for.
    fn admit(&self, head: &Head, admission: &Admission) -> Result<(), Denial> {
        if self.is_over_limit {
            let message = "this client has too many connections open: close some, or raise limits.connections_per_client";
            return Err(Denial::new(Reason::TooManyConnections, message));
        }
        if self.exchange.is_draining() {
            return Err(Denial::from(&BadHead::Draining));
        }
        admission.check(head, self.shared.on_loopback)
    }

    /// Sends a permitted request and hands on its reply.
    async fn forward(
        &self,
        mut granted: Box<Granted>,
        mut entry: Box<Entry>,
    ) -> Response<ReplyBody> {
        let body = std::mem::replace(&mut granted.body, RequestBody::empty());
        let Granted {
            permit,
            head,
            upgrade,
            ..
        } = &*granted;
        let (call, upgrade) = (permit.call(), *upgrade);
        if let Some(container) = permit.takes_away() {
            self.shared.surroundings.predecessors().remember(container);
        }
        (entry.record.verdict, entry.record.reason) = (Verdict::Allow, Reason::Granted);
        if call.effect().changes_state() {
            if entry.begin_confirmed().await.is_err() {
                entry.record.verdict = Verdict::Deny;
                return self.refuse(&Denial::from(Unavailable), true, Some(entry));
            }
        } else if call.is_endless() {
            entry.begin();
        }
        if call.is_endless() && upgrade.is_none() {
            self.exchange.watch_for_leaving();
        }
        match self
            .upstream
            .send(
                permit,
                Outgoing {
                    head,
                    body,
                    upgrade,
                },
            )
            .await
        {
            Ok(reply) => match upgrade {
                Some(upgrade) if reply.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    self.hijack(reply, upgrade, head.upgrade.is_some(), entry)
                        .await
                }
                Some(_) | None => self.pass(reply, call, upgrade.is_some(), entry),
            },
            Err(denial) => self.give_up(&denial, head.has_body(), entry),
        }
    }

    /// Refuses; and when it was the client that sent no whole body, blames nothing else.
    fn give_up(&self, denial: &Denial, close: bool, mut entry: Box<Entry>) -> Response<ReplyBody> {
        let broken = body::request::broken;
        match self.exchange.upload() {
            Upload::Unread | Upload::Running | Upload::Ended => {
                self.refuse(denial, close, Some(entry))
            }
            Upload::Broken => self.refuse(&broken(), true, Some(entry)),
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
        headers::drop_hop_by_hop(&mut parts.headers);
        if was_hijack || self.exchange.upload() == Upload::Running {
            // Behind a request for a hijack nothing is read as a request, whatever became of it;
            // and behind one whose body is not whole nothing can be.
            parts.headers.insert(
                http::header::CONNECTION,
                http::HeaderValue::from_static("close"),
            );
        }
        let can_be_asked_again = call.is_endless() && !call.effect().changes_state();
        Response::from_parts(
            parts,
            ReplyBody::stream(body, entry, Arc::clone(&self.exchange), can_be_asked_again),
        )
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
        let whole = |bytes| ReplyBody::whole(bytes, entry, Arc::clone(&self.exchange));
        refusal::reply(denial, close).map(whole)
    }
}

/// The body of a request as a judged value.
fn inspected(call: &Call, bytes: &[u8]) -> Result<Json, Denial> {
    let table = call.operation().and_then(docker::body::table);
    let parsed = match table {
        _ if bytes.is_empty() => Ok(Json::Object(Vec::new())),
        Some(table) => docker::body::parse(bytes, table),
        None => Ok(Json::Null),
    };
    parsed.map_err(|bad| Denial::new(Reason::BadBody, bad.to_string()))
}

/// Which call a head asks for.
fn understand(head: &Head, admission: &Admission) -> Result<Call, Denial> {
    let target = Target::parse(&head.target).map_err(|bad| bad_target(&bad))?;
    target
        .check_version(admission.api_min)
        .map_err(|bad| bad_target(&bad))?;
    classify(&head.method, target).map_err(|unclassified| match unclassified {
        Unclassified::Bad(bad) => bad_target(&bad),
        Unclassified::Unknown { .. } => {
            Denial::new(Reason::UnknownOperation, unclassified.to_string())
        }
    })
}

fn bad_target(bad: &BadTarget) -> Denial {
    let reason = match bad {
        BadTarget::Query(_) => Reason::BadQuery,
        BadTarget::Version | BadTarget::VersionTooOld { .. } => Reason::BadApiVersion,
        BadTarget::Byte(_)
        | BadTarget::DotSegment
        | BadTarget::Empty
        | BadTarget::EmptySegment
        | BadTarget::Escape
        | BadTarget::Name(_)
        | BadTarget::NotOriginForm
        | BadTarget::Reference(_)
        | BadTarget::TooLong
        | BadTarget::TrailingSlash => Reason::BadTarget,
    };
    Denial::new(reason, bad.to_string())
}

/// What the connection is to become: the operation's one value, which the client must ask for where
/// the daemon knows no other way. On other operations the header has no effect.
fn wanted_upgrade(call: &Call, head: &Head) -> Result<Option<Upgrade>, Denial> {
    let Reply::Hijack(upgrade) = call.reply() else {
        return Ok(None);
    };
    match head.upgrade.as_deref() {
        Some(asked) if asked.eq_ignore_ascii_case(upgrade.as_str()) => Ok(Some(upgrade)),
        None if upgrade == Upgrade::Tcp => Ok(Some(upgrade)),
        Some(_) | None => {
            let message = format!(
                "the operation needs the header Upgrade: {}",
                upgrade.as_str()
            );
            Err(Denial::new(Reason::UpgradeNotOffered, message))
        }
    }
}
