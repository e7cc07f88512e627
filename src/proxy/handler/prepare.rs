//! Gets what a request needs before it can be sent: its body or the beginning of it, its `begin` record, the
//! names that it depends on, a connection to the daemon, and answers to lookups. All waiting happens here.

use std::sync::Arc;

use super::Handler;
use super::stage::{Progress, Stage, Unpacking};
use crate::audit::{Entry, Record};
use crate::docker::{Call, Effect};
use crate::policy::objects::Listed;
use crate::policy::{Answer, Denial, Lookup, Reason, Rules, SelfContainer};
use crate::proxy::body::inflate::HELD;
use crate::proxy::head::Framing;
use crate::proxy::request_state::Upload;
use crate::proxy::{ask, body};

impl Handler {
    /// Reads the rest of a denied request, if it is short and arrives at once. Returns whether its end
    /// was read, so that the next bytes on the connection are another request.
    pub(super) async fn reads_to_end(&self, stage: &mut Stage, record: &Record) -> bool {
        // After an offered upgrade, the bytes may belong to any other protocol.
        let may_be_other = record.operation().is_none() && stage.head.upgrade.is_some();
        let has_too_many = record.reason == Reason::TooManyConnections;
        if has_too_many || may_be_other {
            return false;
        }
        match (stage.head.framing, stage.unread.take()) {
            (Framing::Length(0), _) => true,
            // Only hyper knows where they end.
            (Framing::Chunked, _) => false,
            (Framing::Length(length), Some(body)) => {
                // A client that waits for the go-ahead may never send the body.
                let is_sent = !stage.head.expects_continue;
                is_sent
                    && Box::pin(body::request::ends_at_once(length, body, &record.bytes_in)).await
            }
            (Framing::Length(_), None) => !stage.is_sent() && self.state.upload() == Upload::Ended,
        }
    }

    /// Reads the body, or the beginning of an upload, if that was not done yet.
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

    /// Waits for everything that is missing; first for the parts that depend on the client's speed.
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
            let hold = self.shared.daemon_state.names.hold(&names);
            stage.holds.push(Box::pin(hold).await?);
        }
        self.upstream.make_ready().await
    }

    /// Dockgate's own container, if the request could affect it. Operations that only show metadata may also
    /// show Dockgate's own, and a request that no policy allows is denied even if the daemon cannot be
    /// asked.
    pub(super) async fn own(
        &self,
        rules: &Rules,
        call: &Call,
    ) -> Result<Option<&SelfContainer>, Denial> {
        if call.effect() == Effect::Read || !rules.may_send(call) {
            return Ok(None);
        }
        let shared = &self.shared;
        Box::pin(shared.daemon_state.own(&shared.daemon)).await
    }

    /// Whether a scope holds on this engine: Podman's replies and events have another form than those that it judges.
    pub(super) async fn check_engine(&self) -> Result<(), Denial> {
        let shared = &self.shared;
        let engine = shared.daemon_state.engine(&shared.daemon).await?;
        if engine.is_docker() {
            return Ok(());
        }
        let message = "the policy has a [scope], which does not work on Podman: extend it in a file with scope = false";
        Err(Denial::new(Reason::Restricted, message))
    }

    /// Asks the daemon, after everything else is available.
    pub(super) async fn look_up(
        &self,
        entry: &mut Entry,
        stage: &mut Stage,
        lookup: &Lookup,
    ) -> Result<Answer, Denial> {
        if let Lookup::Predecessor(name) = lookup {
            let (answer, length) = self.shared.daemon_state.recently_removed.of(name);
            stage.answers_length += length;
            return Ok(answer);
        }
        if let Lookup::Moved { .. } = lookup {
            return Ok(self.shared.daemon_state.moved.of(lookup));
        }
        if let Lookup::Named(owner) = lookup {
            return Ok(self.shared.daemon_state.named(owner));
        }
        self.make_ready(entry, stage).await?;
        if stage.known.len() >= ask::MAX_LOOKUPS {
            return Err(ask::failed("there are too many such questions"));
        }
        let Some(call) = lookup.call() else {
            return Ok(Answer::Missing);
        };
        if lookup.body().is_some() {
            entry.prepare_confirmed((lookup, &call)).await?;
        }
        let listener_rules = self.shared.listener_rules();
        let rules = self.standing.rules(&listener_rules)?;
        let keeps = |listed: &Listed| rules.needs(lookup, listed);
        let answered = ask::look_up(&self.upstream, lookup, &mut stage.learning, &keeps).await;
        let status = answered.as_ref().ok().map(|found| found.status.as_u16());
        entry.looked_up((lookup, &call), status)?;
        let found = answered?;
        stage.answers_length += found.length;
        // To a client with a scope, the beginning of several ids is only that of its own object, which is found in a list.
        // On an engine without a swarm, the request itself gets the engine's answer.
        if found.answer.is_none() && (lookup.may_be_prefix() || lookup.is_of_swarm()) {
            let listener_rules = self.shared.listener_rules();
            if self.standing.rules(&listener_rules)?.has_scope() {
                return Ok(Answer::Missing);
            }
        }
        let refused = || ask::failed(&format!("it answered {}", found.status));
        found.answer.ok_or_else(refused)
    }
}
