//! Sends a permitted request, or returns what is missing for it.

use std::sync::Arc;

use hyper::Response;
use hyper::body::Incoming;

use super::Handler;
use super::stage::Stage;
use crate::audit::{Entry, Record, Verdict};
use crate::docker::json::shortened;
use crate::docker::{Call, Operation, Reply, Upgrade};
use crate::policy::{Denial, Judgement, Lookup, Reason, Request, Shelved, Terms};
use crate::proxy::head::Head;
use crate::proxy::shared::ListenerRules;
use crate::proxy::upstream::{Answered, Failure};

/// A request that was sent, and the daemon's reply.
pub(super) struct Sent {
    pub(super) terms: Box<Terms>,
    /// The protocol that the connection switches to, if it is hijacked.
    pub(super) upgrade: Option<Upgrade>,
    pub(super) reply: Response<Incoming>,
}

/// The result of a verdict; `F` is the future reply.
pub(super) enum Step<'a, F> {
    Sent(Box<Terms>, Option<Upgrade>, F),
    Lacks(Missing<'a>),
}

/// What a request must wait for.
pub(super) enum Missing<'a> {
    /// Its body, before it can be evaluated.
    Body(Request<'a>),
    /// The answer to a lookup, before it can be evaluated.
    Answer(Request<'a>, Lookup),
    /// Whatever sending it requires; with the permit, if that can wait.
    Stage(Option<Shelved>),
}

impl<'a, F: Future<Output = Answered>> Step<'a, F> {
    /// Waits for the reply if the request was sent, otherwise returns what is missing.
    pub(super) async fn attempt(
        self,
        stage: &mut Stage,
    ) -> Result<Result<Sent, Missing<'a>>, Denial> {
        let (terms, upgrade, answered) = match self {
            Self::Sent(terms, upgrade, answered) => (terms, upgrade, answered),
            Self::Lacks(missing) => return Ok(Err(missing)),
        };
        match answered.await {
            Ok(reply) => {
                // The names need not be held any longer.
                stage.holds.clear();
                Ok(Ok(Sent {
                    terms,
                    upgrade,
                    reply,
                }))
            }
            // The daemon did not read it, so it can be sent again.
            Err(Failure::Unsent(body)) => {
                stage.body = *body;
                Ok(Err(Missing::Stage(None)))
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

impl Handler {
    /// Acts on a verdict. When this returns, an allowed request with nothing missing is on its way.
    pub(super) fn act<'s, 'a>(
        &'s self,
        entry: &mut Entry,
        stage: &mut Stage,
        judgement: Judgement<'a>,
        under: &Arc<ListenerRules>,
    ) -> Result<Step<'a, impl Future<Output = Answered> + use<'s>>, Denial> {
        let permit = match judgement {
            Judgement::Allow(permit) => permit,
            Judgement::Deny(denial) | Judgement::Missing(denial) => return Err(denial),
            Judgement::Inspect(request) => return Ok(Step::Lacks(Missing::Body(request))),
            Judgement::Ask(request, lookup) => {
                return Ok(Step::Lacks(Missing::Answer(request, lookup)));
            }
        };
        let call = &permit.request.call;
        let upgrade = match wanted_upgrade(call, &stage.head) {
            Ok(upgrade) => upgrade,
            // A detached start does not hijack the connection, and the server may ignore an offered
            // upgrade.
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
        self.standing.sends(call.operation(), under);
        if let Some(container) = &permit.memory.removed {
            let removed = &self.shared.daemon_state.recently_removed;
            removed.remember(container, &self.share);
        }
        if call.is_endless() && upgrade.is_none() {
            self.state.end_means_gone.set(true);
        }
        let body = stage.body_of(&permit);
        // The answers to the lookups are dropped before waiting for the daemon's reply.
        stage.forget();
        let sending = self
            .upstream
            .send(ready, permit, &stage.head, body, upgrade);
        let (terms, answered) = sending?;
        Ok(Step::Sent(terms, upgrade, answered))
    }
}

/// Notes the permit's details in the record.
fn note(record: &mut Record, terms: &Terms) {
    let grounds = &terms.grounds;
    record.found(&grounds.requirements);
    record.is_about(&grounds.about);
    record.filled = grounds.filled;
    record.policy.clone_from(&grounds.policy);
    record.redacted = terms.reply.hidden().cloned();
    match &grounds.would_deny {
        None if grounds.is_hidden => {
            (record.verdict, record.reason) = (Verdict::Deny, Reason::OutOfScope);
        }
        None => (record.verdict, record.reason) = (Verdict::Allow, Reason::Granted),
        Some(denial) => record.would_be_refused(denial),
    }
}

/// The protocol that the connection switches to, if the request hijacks it: the operation's only value. The client
/// must ask for it if the daemon requires that. On other operations the header has no effect.
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

/// The denial of an upgrade that the operation does not have, in the daemon's own words if it has
/// any.
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
    let but = but.unwrap_or_default();
    let message = format!("the operation needs the header Upgrade: {wanted}{but}");
    Denial::new(Reason::UpgradeNotOffered, message)
}
