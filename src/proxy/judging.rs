//! From a request's head to its reply: evaluating it, and waiting for what it lacks.
//!
//! ```text
//! head ─ evaluate ┬ deny ──────────────────────────────────► refuse
//!                 ├ allow, and nothing is missing ─────────► send
//!                 └ otherwise wait for what is missing:
//!                     1. the body, or an upload's beginning   at the client's pace
//!                     2. `begin` in the record, if state changes
//!                     3. the connection to the daemon
//!                     4. what must be looked up, question by question
//!                   and evaluate again, under the rules of that moment
//! ```
//!
//! [`Handler::step`] turns a verdict into a request that is on its way, without an `await` in between.
//! Nothing else here has a [`Permit`](crate::policy::Permit), and none can be held across an `await`.

use std::sync::OnceLock;

use bytes::Bytes;
use hyper::Response;
use hyper::body::Incoming;

use super::head::{BadHead, Head};
use super::stage::Stage;
use super::upstream::{Answered, Failure, Outgoing};
use super::{Handler, ListenerRules, lookup, probe};
use crate::audit::{Entry, Record, Verdict};
use crate::config::Admission;
use crate::docker::json::shortened;
use crate::docker::{
    self, ApiVersion, Call, Effect, Operation, Reply, Target, Unclassified, Upgrade, classify,
};
use crate::policy::{
    Answer, Answers, Context, Denial, Judgement, Lookup, Reason, Request, SelfContainer, Shelved,
    Terms,
};

/// A request that was sent, and the daemon's reply.
pub(super) struct Sent {
    pub(super) terms: Box<Terms>,
    /// What the connection is to become, if it is to be hijacked.
    pub(super) upgrade: Option<Upgrade>,
    pub(super) reply: Response<Incoming>,
}

/// What a verdict came to; `F` is the reply to come.
enum Step<'a, F> {
    Sent(Box<Terms>, Option<Upgrade>, F),
    Deny(Denial),
    Wait(Missing<'a>),
}

/// What a request must wait for.
pub(super) enum Missing<'a> {
    /// Its body, before it can be evaluated.
    Body(Request<'a>),
    /// The answer to a question, before it can be evaluated.
    Answer(Request<'a>, Lookup),
    /// What must be there before it is sent; with the permit, if that can wait.
    Stage(Option<Shelved>),
}

/// How many times a request is evaluated from the beginning, each time because the rules were replaced
/// or the daemon closed the connection before it read anything.
const MAX_ROUNDS: usize = 4;

impl Handler {
    /// Decides whether a request may be sent, sends it, and waits for the head of the reply.
    pub(super) async fn judge_and_send(
        &self,
        entry: &mut Entry,
        stage: &mut Stage,
    ) -> Result<Sent, Denial> {
        let listener_rules = self.shared.listener_rules();
        entry.record.is_observed = listener_rules.rules.is_observed();
        self.admit(&stage.head, &listener_rules.admission)?;
        let mut call = match understand(&stage.head, &listener_rules.admission, None) {
            Ok(call) => call,
            Err(denial) => return Err(answer_absent(entry, &stage.head, &listener_rules, denial)),
        };
        entry.record.understood(&call);
        if listener_rules.admission.lifts_api_version
            && let Some(from) = Box::pin(self.lift(stage, &listener_rules, &mut call)).await?
        {
            entry.record.lifted(&call, from);
        }
        entry.record.is_left_out = probe::is_health_check(&call, &stage.head, &self.client);
        stage.prepare_for(&call);
        let own = self.own(&listener_rules, &call).await?;
        let known = Answers::default();
        let context = Context { known: &known, own };
        let request = Request::new(call);
        let missing = match self.step(
            entry,
            stage,
            listener_rules.rules.evaluate(request, context),
        ) {
            Step::Deny(denial) => return Err(denial),
            Step::Wait(missing) => missing,
            Step::Sent(terms, upgrade, answered) => match answered.await {
                Ok(reply) => {
                    return Ok(Sent {
                        terms,
                        upgrade,
                        reply,
                    });
                }
                Err(failure) => stage.recover(failure)?,
            },
        };
        // Most requests need nothing of this, and are not to hold the space for it.
        Box::pin(self.settle(entry, stage, own, missing)).await
    }

    /// Waits for what is missing and evaluates the request again, until it is sent or denied.
    async fn settle(
        &self,
        entry: &mut Entry,
        stage: &mut Stage,
        own: Option<&SelfContainer>,
        mut missing: Missing<'_>,
    ) -> Result<Sent, Denial> {
        // What the evaluated body borrows from.
        let text = OnceLock::new();
        let mut rounds = 0;
        loop {
            let request = match missing {
                Missing::Body(request) => {
                    self.take_body(entry, stage).await?;
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
                    stage.learn(lookup, answer);
                    Ok(request)
                }
                Missing::Stage(shelved) => {
                    self.make_ready(entry, stage).await?;
                    Err(shelved)
                }
            };
            let listener_rules = self.shared.listener_rules();
            let rules = &listener_rules.rules;
            let resumed = |shelved: Option<Shelved>| shelved?.resume(rules.revision());
            let judgement = match request.map_err(resumed) {
                Err(Some(permit)) => Judgement::Allow(permit),
                Ok(request) => rules.evaluate(request, stage.context(own)),
                Err(None) => {
                    rounds += 1;
                    stage.forget();
                    let request = anew(&listener_rules, stage, text.get(), rounds)?;
                    rules.evaluate(request, stage.context(own))
                }
            };
            let step = self.step(entry, stage, judgement);
            missing = match step {
                Step::Deny(denial) => return Err(denial),
                Step::Wait(missing) => missing,
                Step::Sent(terms, upgrade, answered) => match answered.await {
                    Ok(reply) => {
                        stage.release();
                        return Ok(Sent {
                            terms,
                            upgrade,
                            reply,
                        });
                    }
                    Err(failure) => stage.recover(failure)?,
                },
            };
        }
    }

    /// Acts on a verdict. What is allowed and lacks nothing is on its way when this returns.
    fn step<'s, 'a>(
        &'s self,
        entry: &mut Entry,
        stage: &mut Stage,
        judgement: Judgement<'a>,
    ) -> Step<'a, impl Future<Output = Answered> + use<'s>> {
        let permit = match judgement {
            Judgement::Allow(permit) => permit,
            Judgement::Deny(denial) => return Step::Deny(denial),
            Judgement::Missing(lookup) => return Step::Deny(lookup::missing(&lookup)),
            Judgement::Inspect(request) => return Step::Wait(Missing::Body(request)),
            Judgement::Ask(request, lookup) => {
                return Step::Wait(Missing::Answer(request, lookup));
            }
        };
        let upgrade = match wanted_upgrade(&permit.request.call, &stage.head) {
            Ok(upgrade) => upgrade,
            // A detached start takes nothing over, and an upgrade that was offered can be passed over.
            Err(denial) => match stage.is_detached(&permit.request.call) {
                Some(true) => None,
                Some(false) => return Step::Deny(denial),
                None => return Step::Wait(Missing::Stage(permit.shelve())),
            },
        };
        if let Err(denial) = stage.check_tar(&permit) {
            return Step::Deny(denial);
        }
        if !std::mem::replace(&mut stage.is_noted, true) {
            note(&mut entry.record, &permit);
        }
        stage.find_names(&permit.request.call);
        let is_complete = stage.is_complete();
        let Some(ready) = is_complete.then(|| self.upstream.ready()).flatten() else {
            return Step::Wait(Missing::Stage(permit.shelve()));
        };
        stage.send(entry, &permit);
        if let Some(container) = &permit.memory.removed {
            self.shared
                .daemon_state
                .recently_removed()
                .remember(container, &self.share);
        }
        if permit.request.call.is_endless() && upgrade.is_none() {
            self.state.watch_for_leaving();
        }
        let body = stage.body_of(&permit);
        // What waits for the daemon's reply does not hold the answers that it was judged by.
        stage.forget();
        let outgoing = Outgoing {
            head: &stage.head,
            body,
            upgrade,
        };
        match self.upstream.send(ready, permit, outgoing) {
            Ok((terms, answered)) => Step::Sent(terms, upgrade, answered),
            Err(denial) => Step::Deny(denial),
        }
    }

    /// Dockgate's own container, if the request could reach it. What only shows metadata may show Dockgate's
    /// own too, and what no policy allows is denied whether the daemon can be asked or not.
    async fn own(
        &self,
        listener_rules: &ListenerRules,
        call: &Call,
    ) -> Result<Option<&SelfContainer>, Denial> {
        let may_allow = listener_rules.rules.is_observed() || listener_rules.rules.may_allow(call);
        if call.effect() == Effect::Read || !may_allow {
            return Ok(None);
        }
        let shared = &self.shared;
        Box::pin(shared.daemon_state.own(&shared.daemon)).await
    }

    /// Asks the daemon, once everything else is there.
    async fn look_up(
        &self,
        entry: &mut Entry,
        stage: &mut Stage,
        lookup: &Lookup,
    ) -> Result<Answer, Denial> {
        if let Lookup::Predecessor(name) = lookup {
            return Ok(self.shared.daemon_state.recently_removed().of(name));
        }
        if let Lookup::Moved { .. } = lookup {
            return Ok(self.shared.daemon_state.moved().of(lookup));
        }
        self.make_ready(entry, stage).await?;
        if stage.known.len() >= lookup::MAX_LOOKUPS {
            return Err(lookup::failed("is one too many"));
        }
        let Some(call) = lookup.call() else {
            return Ok(Answer::Missing);
        };
        if lookup.body().is_some() {
            entry.prepare_confirmed((lookup, &call)).await?;
        }
        let answered = lookup::ask(&self.upstream, lookup, &mut stage.learning).await;
        let status = answered.as_ref().ok().map(|(_, status)| status.as_u16());
        entry.looked_up((lookup, &call), status)?;
        let (answer, status) = answered?;
        answer.ok_or_else(|| lookup::failed(&format!("has the answer {status}")))
    }

    /// What is denied whatever it asks for.
    fn admit(&self, head: &Head, admission: &Admission) -> Result<(), Denial> {
        if self.is_over_limit {
            let message = "this client has too many connections open: close some, or raise limits.connections_per_client";
            return Err(Denial::new(Reason::TooManyConnections, message));
        }
        if self.state.is_draining() {
            return Err(Denial::from(&BadHead::Draining));
        }
        admission.check(head, self.shared.on_loopback)
    }
}

/// Notes what a permit says in the record.
fn note(record: &mut Record, terms: &Terms) {
    record.found(&terms.grounds.requirements);
    record.sent_as(terms);
    record.policy.clone_from(&terms.grounds.policy);
    match &terms.grounds.would_deny {
        None => (record.verdict, record.reason) = (Verdict::Allow, Reason::Granted),
        Some(denial) => record.would_be_refused(denial),
    }
}

/// The request once more, as it came, with its body if that was read.
fn anew<'a>(
    listener_rules: &ListenerRules,
    stage: &Stage,
    text: Option<&'a Bytes>,
    rounds: usize,
) -> Result<Request<'a>, Denial> {
    if rounds > MAX_ROUNDS {
        return Err(Failure::Unheard.into());
    }
    let request = Request::new(understand(
        &stage.head,
        &listener_rules.admission,
        stage.lifted_to,
    )?);
    match text {
        Some(text) => request.with_body(text),
        None => Ok(request),
    }
}

/// Which call a head asks for.
fn understand(
    head: &Head,
    admission: &Admission,
    lifted_to: Option<ApiVersion>,
) -> Result<Call, Denial> {
    let target = Target::parse(&head.target).map_err(Unclassified::from)?;
    target
        .check_version(admission.api_min)
        .map_err(Unclassified::from)?;
    let mut call = classify(&head.method, target)?;
    call.version = lifted_to.or(call.version);
    Ok(call)
}

/// The engine's answer to a request for an object that cannot exist, if what is asked of it is allowed.
/// Otherwise the denial stays.
fn answer_absent(
    entry: &mut Entry,
    head: &Head,
    listener_rules: &ListenerRules,
    denial: Denial,
) -> Denial {
    let is_of_name = matches!(denial.reason, Reason::BadTarget | Reason::UnknownOperation);
    let absent = docker::absent(&head.method, &head.target).filter(|absent| {
        let is_new = absent
            .version
            .is_none_or(|it| it >= listener_rules.admission.api_min);
        let rules = &listener_rules.rules;
        is_of_name && is_new && (rules.is_observed() || rules.grants(absent.operation))
    });
    let Some(absent) = absent else {
        return denial;
    };
    entry.record.is_about_absent(&absent);
    let reason = if absent.is_not_found() {
        Reason::NotFound
    } else {
        Reason::BadTarget
    };
    Denial::new(reason, absent.answer())
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
        asked => Err(other_upgrade(call, upgrade.as_str(), asked)),
    }
}

/// The denial of another upgrade than the operation's, in the daemon's own words where it has some.
fn other_upgrade(call: &Call, wanted: &str, asked: Option<&str>) -> Denial {
    let asked = asked.map(shortened);
    if call.operation() == Some(Operation::Session) {
        let said = match asked {
            None => "no upgrade proto in request".to_owned(),
            Some(asked) => format!("protocol {asked} not supported"),
        };
        let message = format!("{said}: send the header Upgrade: {wanted}");
        return Denial::new(Reason::BadUpgrade, message);
    }
    let but = asked.map(|asked| format!(", but the request asks for {asked}"));
    let message = format!(
        "the operation needs the header Upgrade: {wanted}{}",
        but.unwrap_or_default()
    );
    Denial::new(Reason::UpgradeNotOffered, message)
}
