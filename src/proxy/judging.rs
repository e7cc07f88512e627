//! From a request's head to the permit to send it: what the judgement needs is read and looked up here.

use std::sync::{Arc, OnceLock};

use hyper::body::Incoming;

use super::body::RequestBody;
use super::head::{BadHead, Head, RefusedHead};
use super::{Gate, Granted, Ruling, body, lookup, probe};
use crate::audit::{Entry, Record};
use crate::config::Admission;
use crate::docker::{self, Call, Effect, Json, Reply, Target, Unclassified, Upgrade, classify};
use crate::policy::{
    Answer, Denial, Ground, Judgement, Known, Lookup, Own, Permit, Reason, Request,
};

impl Gate {
    /// Decides whether a request may be sent, and makes it ready.
    pub(super) async fn judge(
        &self,
        entry: &mut Entry,
        head: Result<Box<Head>, RefusedHead>,
        body: Incoming,
    ) -> Result<Box<Granted>, Denial> {
        let ruling = self.shared.ruling();
        let record = &mut entry.record;
        record.is_observed = ruling.rules.is_observed();
        let head = head.map_err(|refused| {
            if let Some((method, target)) = &refused.line {
                record.asked(method, target);
            }
            Denial::from(&refused.bad)
        })?;
        record.asked(&head.method, &head.target);
        self.admit(&head, &ruling.admission)?;
        let call = understand(&head, &ruling.admission)?;
        record.understood(&call);
        record.is_left_out = probe::is_health_check(&call, &head, &self.client);
        // What only shows metadata may show Dockgate's own too, and what nobody grants is refused whether
        // the daemon can be asked or not.
        let may_allow = ruling.rules.is_observed() || ruling.rules.may_allow(&call);
        let own = if call.effect() != Effect::Read && may_allow {
            let shared = &self.shared;
            Box::pin(shared.surroundings.own(&shared.daemon)).await?
        } else {
            None
        };
        let known = Known::default();
        let ground = Ground { known: &known, own };
        let request = Request { call, body: None };
        let mut body = Some(body);
        let (permit, read) = match ruling.rules.judge(request, ground) {
            Judgement::Allow(permit) => (permit, None),
            Judgement::Deny(denial) => return Err(denial),
            open @ (Judgement::Ask(..) | Judgement::Inspect(_) | Judgement::Missing(_)) => {
                let looking = self.look_closer(entry, (&ruling, own), open, (&head, &mut body));
                // Most requests need nothing of this, and are not to hold the space for it.
                Box::pin(looking).await?
            }
        };
        self.make_ready(entry, permit, head, (body, read)).await
    }

    /// Makes a permitted request ready to be sent: its upgrade, and its body, read or yet to be taken.
    async fn make_ready(
        &self,
        entry: &mut Entry,
        permit: Box<Permit>,
        head: Box<Head>,
        (body, read): (Option<Incoming>, Option<RequestBody>),
    ) -> Result<Box<Granted>, Denial> {
        let record = &mut entry.record;
        record.found(permit.needs());
        record.policy = permit.policy().map(Arc::clone);
        let upgrade = wanted_upgrade(permit.call(), &head)?;
        let mut taken = match (read, body) {
            (Some(read), _) => read,
            (None, Some(body)) if head.has_body() => {
                let kind = permit.call().body();
                Box::pin(self.take_body(record, kind, &head, body)).await?
            }
            (None, _) => RequestBody::empty(),
        };
        if permit.must_be_plain_tar() {
            taken = Box::pin(self.check_tar(taken)).await?;
        }
        // Of an empty body the daemon reads nothing.
        if let Some(rendered) = permit.body().filter(|_| !taken.is_empty()) {
            taken = taken.replaced(rendered);
        }
        Ok(Box::new(Granted {
            permit,
            head,
            body: taken,
            upgrade,
        }))
    }

    /// Reads the body and asks the daemon, as far as the judgement needs them.
    async fn look_closer(
        &self,
        entry: &mut Entry,
        (ruling, own): (&Ruling, Option<&Own>),
        mut judgement: Judgement<'_>,
        (head, body): (&Head, &mut Option<Incoming>),
    ) -> Result<(Box<Permit>, Option<RequestBody>), Denial> {
        // What the judged value borrows from.
        let taken_bytes = OnceLock::new();
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
                    let bytes = taken_bytes.get_or_init(|| taken.whole());
                    read = Some(taken);
                    request.body = Some(inspected(&request.call, bytes)?);
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
}

/// The body of a request as a judged value.
fn inspected<'a>(call: &Call, bytes: &'a [u8]) -> Result<Json<'a>, Denial> {
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
    let target = Target::parse(&head.target).map_err(Unclassified::from)?;
    target
        .check_version(admission.api_min)
        .map_err(Unclassified::from)?;
    Ok(classify(&head.method, target)?)
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
