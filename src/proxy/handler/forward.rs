//! Sends what is permitted, or says what is missing for it.

use hyper::Response;
use hyper::body::Incoming;

use super::parts::Handler;
use super::stage::Stage;
use super::upgrade;
use crate::audit::{Entry, Record, Verdict};
use crate::docker::Upgrade;
use crate::policy::{Denial, Judgement, Lookup, Reason, Request, Shelved, Terms};
use crate::proxy::ask;
use crate::proxy::upstream::{Answered, Outgoing};

/// A request that was sent, and the daemon's reply.
pub(super) struct Sent {
    pub(super) terms: Box<Terms>,
    /// What the connection is to become, if it is to be hijacked.
    pub(super) upgrade: Option<Upgrade>,
    pub(super) reply: Response<Incoming>,
}

/// What a verdict came to; `F` is the reply to come.
pub(super) enum Step<'a, F> {
    Sent(Box<Terms>, Option<Upgrade>, F),
    Lacks(Missing<'a>),
}

/// What became of it.
pub(super) enum Attempt<'a> {
    Answered(Sent),
    Lacks(Missing<'a>),
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

impl<'a, F: Future<Output = Answered>> Step<'a, F> {
    /// Waits for the reply, if the request was sent.
    pub(super) async fn attempt(self, stage: &mut Stage) -> Result<Attempt<'a>, Denial> {
        let (terms, upgrade, answered) = match self {
            Self::Sent(terms, upgrade, answered) => (terms, upgrade, answered),
            Self::Lacks(missing) => return Ok(Attempt::Lacks(missing)),
        };
        match answered.await {
            Ok(reply) => {
                stage.release();
                Ok(Attempt::Answered(Sent {
                    terms,
                    upgrade,
                    reply,
                }))
            }
            Err(failure) => {
                stage.recover(failure)?;
                Ok(Attempt::Lacks(Missing::Stage(None)))
            }
        }
    }
}

impl Handler {
    /// Acts on a verdict. What is allowed and lacks nothing is on its way when this returns.
    pub(super) fn act<'s, 'a>(
        &'s self,
        entry: &mut Entry,
        stage: &mut Stage,
        judgement: Judgement<'a>,
    ) -> Result<Step<'a, impl Future<Output = Answered> + use<'s>>, Denial> {
        let permit = match judgement {
            Judgement::Allow(permit) => permit,
            Judgement::Deny(denial) => return Err(denial),
            Judgement::Missing(lookup) => return Err(ask::missing(&lookup)),
            Judgement::Inspect(request) => return Ok(Step::Lacks(Missing::Body(request))),
            Judgement::Ask(request, lookup) => {
                return Ok(Step::Lacks(Missing::Answer(request, lookup)));
            }
        };
        let call = &permit.request.call;
        let upgrade = match upgrade::wanted(call, &stage.head) {
            Ok(upgrade) => upgrade,
            // A detached start takes nothing over, and an upgrade that was offered can be passed over.
            Err(denial) => match stage.is_detached(call) {
                Some(true) => None,
                Some(false) => return Err(denial),
                None => return Ok(Step::Lacks(Missing::Stage(permit.shelve()))),
            },
        };
        stage.check_tar(&permit)?;
        if !std::mem::replace(&mut stage.is_noted, true) {
            note(&mut entry.record, &permit);
        }
        stage.find_names(call);
        let is_complete = stage.is_complete();
        let Some(ready) = is_complete.then(|| self.upstream.ready()).flatten() else {
            return Ok(Step::Lacks(Missing::Stage(permit.shelve())));
        };
        stage.send(entry, &permit);
        if let Some(container) = &permit.memory.removed {
            let removed = &self.shared.daemon_state.recently_removed;
            removed.remember(container, &self.share);
        }
        if call.is_endless() && upgrade.is_none() {
            self.state.end_means_gone.set(true);
        }
        let body = stage.body_of(&permit);
        // What waits for the daemon's reply does not hold the answers that it was evaluated by.
        stage.forget();
        let outgoing = Outgoing {
            head: &stage.head,
            body,
            upgrade,
        };
        let (terms, answered) = self.upstream.send(ready, permit, outgoing)?;
        Ok(Step::Sent(terms, upgrade, answered))
    }
}

/// Notes what a permit says in the record.
fn note(record: &mut Record, terms: &Terms) {
    let grounds = &terms.grounds;
    record.found(&grounds.requirements);
    record.sent_as(terms);
    record.policy.clone_from(&grounds.policy);
    match &grounds.would_deny {
        None => (record.verdict, record.reason) = (Verdict::Allow, Reason::Granted),
        Some(denial) => record.would_be_refused(denial),
    }
}
