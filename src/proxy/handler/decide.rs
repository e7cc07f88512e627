//! Answers a request: evaluates it as often as necessary, until it is sent or denied.
//!
//! ```text
//! evaluate ┬ deny ──────────────────────────────────► refuse
//!          ├ allow, and nothing is missing ─────────► send
//!          └ otherwise wait for what is missing:
//!              1. the body, or an upload's beginning   at the client's pace
//!              2. `begin` in the record, if state changes
//!              3. the connection to the daemon
//!              4. what must be looked up, question by question
//!            and evaluate again, under the rules of that moment
//! ```
//!
//! [`Handler::act`] turns a verdict into a request that is on its way, without an `await` in between.
//! Nothing else here has a [`Permit`](crate::policy::Permit), and a permit cannot be held across an
//! `await`.

use std::future::poll_fn;
use std::sync::OnceLock;
use std::task::Poll;

use bytes::Bytes;
use hyper::Response;
use hyper::body::Incoming;

use super::Handler;
use super::admit::understand;
use super::forward::{Missing, Sent};
use super::stage::Stage;
use crate::audit::{Entry, Unavailable};
use crate::policy::permit::Revision;
use crate::policy::{Answers, Context, Denial, Judgement, Request, SelfContainer, Shelved};
use crate::proxy::body::ReplyBody;
use crate::proxy::head::{BadHead, RefusedHead};
use crate::proxy::health;
use crate::proxy::shared::ListenerRules;
use crate::proxy::upstream::Failure;
use crate::sync::lock;

/// How often a request is evaluated from the beginning, because the rules were replaced or because the
/// daemon closed the connection before it read anything.
const MAX_ROUNDS: usize = 4;

impl Handler {
    /// Answers the request whose head the guard has read.
    pub(crate) async fn answer(&self, body: Incoming) -> Response<ReplyBody> {
        // hyper gets a request only after the guard has stored its head.
        let head = lock(&self.state.head).take().unwrap_or(Err(RefusedHead {
            bad: BadHead::RequestLine,
            line: None,
        }));
        let Ok(entry) = Entry::open(
            &self.shared.log,
            &self.standing.client,
            &self.shared.listener,
        ) else {
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
        let decided = {
            let mut deciding = std::pin::pin!(self.decide(&mut entry, &mut stage));
            poll_fn(|cx| {
                if self.state.revoked.is_set() {
                    return Poll::Ready(None);
                }
                deciding.as_mut().poll(cx).map(Some)
            })
            .await
        };
        match decided {
            None => self.give_up_revoked(&stage, entry),
            Some(Ok(sent)) => self.hand_on(sent, &stage.head, entry).await,
            Some(Err(denial)) => {
                if !stage.is_sent() {
                    entry.record.not_sent();
                }
                let is_next_known = self.reads_to_end(&mut stage, &entry.record).await;
                self.give_up(&denial, !is_next_known, entry)
            }
        }
    }

    /// Decides whether a request may be sent, sends it, and waits for the head of the reply.
    async fn decide(&self, entry: &mut Entry, stage: &mut Stage) -> Result<Sent, Denial> {
        let listener_rules = self.shared.listener_rules();
        let rules = self.standing.rules(&listener_rules)?;
        entry.record.is_observed = rules.is_observed;
        let call = self.admit(entry, stage, &listener_rules).await?;
        entry.record.is_left_out =
            health::is_health_check(&call, &stage.head, &self.standing.client);
        stage.prepare_for(&call);
        if rules.has_scope() && rules.may_send(&call) {
            Box::pin(self.check_engine()).await?;
        }
        let own = self.own(rules, &call).await?;
        let known = Answers::default();
        let context = Context { known: &known, own };
        let judgement = rules.evaluate(Request::new(call), context);
        let step = self.act(entry, stage, judgement, &listener_rules)?;
        match step.attempt(stage).await? {
            Ok(sent) => Ok(sent),
            // Boxed: most requests do not need this, and should not reserve space for it.
            Err(missing) => {
                let judged_by = rules.revision.clone();
                Box::pin(self.settle(entry, stage, own, (missing, judged_by))).await
            }
        }
    }

    /// Waits for what is missing and evaluates the request again, until it is sent or denied.
    async fn settle(
        &self,
        entry: &mut Entry,
        stage: &mut Stage,
        own: Option<&SelfContainer>,
        (mut missing, mut judged_by): (Missing<'_>, Revision),
    ) -> Result<Sent, Denial> {
        // The evaluated body borrows from this.
        let text = OnceLock::new();
        let mut rounds = 0;
        loop {
            let turn;
            let request = match missing {
                Missing::Body(request) => {
                    self.take_body(entry, stage).await?;
                    turn = self.share.turn(stage.length()).await;
                    let text = text.get_or_init(|| stage.body.whole());
                    let request = request.with_body(text)?;
                    stage.read(&request);
                    if let Some(body) = &request.body {
                        entry.record.read(&request.call, body);
                    }
                    Ok(request)
                }
                Missing::Answer(request, lookup) => {
                    stage.find_names(&request.call);
                    let answer = self.look_up(entry, stage, &lookup).await?;
                    turn = self.share.turn(stage.length()).await;
                    stage.learn(lookup, answer);
                    Ok(request)
                }
                Missing::Stage(shelved) => {
                    self.make_ready(entry, stage).await?;
                    turn = self.share.turn(stage.length()).await;
                    Err(shelved)
                }
            };
            let listener_rules = self.shared.listener_rules();
            let rules = self.standing.rules(&listener_rules)?;
            // What was filled in, collected and looked up depends on the rules.
            let are_same = judged_by == rules.revision;
            judged_by.clone_from(&rules.revision);
            let resumed = |shelved: Option<Shelved>| shelved?.resume(&rules.revision);
            let judgement = match request.map_err(resumed) {
                Err(Some(permit)) => Judgement::Allow(permit),
                Ok(request) if are_same => rules.evaluate(request, stage.context(own)),
                Ok(_) | Err(None) => {
                    rounds += 1;
                    stage.forget();
                    let request = from_the_start(&listener_rules, stage, text.get(), rounds)?;
                    rules.evaluate(request, stage.context(own))
                }
            };
            let step = self.act(entry, stage, judgement, &listener_rules)?;
            drop(turn);
            match step.attempt(stage).await? {
                Ok(sent) => return Ok(sent),
                Err(more) => missing = more,
            }
        }
    }
}

/// The request as it arrived, with its body if that was read.
fn from_the_start<'a>(
    listener_rules: &ListenerRules,
    stage: &Stage,
    text: Option<&'a Bytes>,
    rounds: usize,
) -> Result<Request<'a>, Denial> {
    if rounds > MAX_ROUNDS {
        return Err(Failure::Unheard.into());
    }
    let call = understand(&stage.head, &listener_rules.admission, stage.lifted_to)?;
    match text {
        Some(text) => Request::new(call).with_body(text),
        None => Ok(Request::new(call)),
    }
}
