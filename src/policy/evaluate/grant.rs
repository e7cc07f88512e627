//! What follows from allowing a request: the request to send, what to remember, and what the reply may show.

use std::sync::Arc;

use super::Evaluation;
use crate::docker::body::rendered;
use crate::docker::{Deed, Document, Json};
use crate::policy::about::About;
use crate::policy::answers::{self, Answers, Lookup, NeedsLookup, NewVolume};
use crate::policy::checker::Checker;
use crate::policy::filter::ReplyRule;
use crate::policy::keys::Key;
use crate::policy::objects::Container;
use crate::policy::owner::Owner;
use crate::policy::permit::{Grounds, Memory, Permit, Rebuilt, Terms};
use crate::policy::reason::Denial;
use crate::policy::redact::Redacted;
use crate::policy::request::Request;
use crate::policy::requirement::Requirement;
use crate::policy::requirements::Blocked;
use crate::policy::reserved::Reserved;
use crate::policy::rewrite;
use crate::policy::rules::Rules;
use crate::policy::stamp;
use crate::policyfile::file::Policy;

/// What is reserved, and the container that a new one replaces: its image may not make it a client.
pub(super) type Withheld<'p> = (&'p Reserved, Option<&'p Container>);

/// A request that may be sent.
pub(super) struct Decided<'p> {
    /// The policy that allows it. If no policy does, in observe mode, the first policy, which sets the labels.
    marking: &'p Policy,
    /// The owner of the new object. A replacement keeps that of the old container.
    owner: Option<Owner<'p>>,
    /// The labels that its image may not give it.
    withheld: Option<Withheld<'p>>,
    grounds: Grounds,
    memory: Memory,
    /// What the client may know, if the policy has a scope.
    view: Option<Answers>,
    reply: ReplyRule,
    /// Labels that scopes select objects by. The new container would get them from its image.
    emptied: Vec<String>,
}

impl Rules {
    /// The permit for what was decided.
    pub(super) fn permit(
        &self,
        mut decided: Decided<'_>,
        mut request: Request<'_>,
        known: &Answers,
    ) -> Permit {
        let policy = decided.marking;
        let is_known = !known.is_empty();
        let known = decided.view.as_ref().unwrap_or(known);
        if let ReplyRule::Scoped(shown) = &mut decided.reply
            && let Some(query) = shown.query.take()
        {
            request.call.query = query;
        }
        let Request { call, mut body, .. } =
            rewrite::request(request, policy, decided.owner, known);
        if let (Some((reserved, old)), Some(body)) = (decided.withheld, &mut body) {
            reserved.withhold(call.judged(), body, old);
        }
        let made = body.as_mut().filter(|_| !decided.emptied.is_empty());
        let made = made.and_then(|body| {
            if call.judged().body.is_some_and(Document::is_service) {
                body.at_mut(&["TaskTemplate", "ContainerSpec"])
            } else {
                Some(body)
            }
        });
        if let Some(labels) = made.and_then(|it| it.get_or_insert("Labels")) {
            for key in decided.emptied {
                if labels.get(&key).is_none() {
                    labels.set(key, Json::Text("".into()));
                }
            }
        }
        let reply = match &policy.redact {
            Some(redact) => decided.reply.redacted(Redacted::of(redact, &call)),
            None => decided.reply,
        };
        let terms = Terms {
            request: Rebuilt {
                body: body.map(|body| rendered(&body, call.judged().body)),
                must_be_plain_tar: call.judged().deed == Deed::Uploads
                    && !policy.passes_bodies
                    && !policy.blocks.archive.unrestricted,
                call,
            },
            grounds: decided.grounds,
            memory: decided.memory,
            reply,
        };
        Permit::new(terms, (!is_known).then(|| self.revision.clone()))
    }
}

impl<'p> Evaluation<'p, '_> {
    /// What follows if a policy allows the request, or if it is forwarded in observe mode. If a key allows the body as
    /// a whole, only that key is recorded.
    pub(super) fn allow(
        &mut self,
        (policy, withheld): (Option<&'p Policy>, Option<Withheld<'p>>),
        as_whole: Option<Key>,
        would_deny: Option<Denial>,
        view: Option<Answers>,
    ) -> Result<Decided<'p>, Blocked> {
        let (request, is_observed) = (self.request, self.rules.is_observed);
        let known = view.as_ref().unwrap_or(self.known);
        let Some(marking) = policy.or(self.rules.policies.first()) else {
            return Err(self.rules.denial(&request.call).into());
        };
        let is_replacement = as_whole == Some(Key::Replaces);
        let resolved = match as_whole {
            Some(key) => Some(vec![Requirement {
                path: "the body".to_owned(),
                what: key.flag(),
            }]),
            None if known.is_empty() && !is_observed => None,
            None => {
                let checker = Checker::of(marking, known);
                Some(checker.resolve_names(&self.requirements, is_observed)?)
            }
        };
        let memory = Memory::of(&request.call, (policy, marking), known, is_observed)?;
        let is_judged = policy.filter(|_| !is_replacement);
        if let Some(volume) = is_judged.and_then(|policy| new_volume(policy, request, known)) {
            return Err(NeedsLookup::Ask(Lookup::NewVolume(Box::new(volume))).into());
        }
        let reply = match policy.and_then(Policy::scoped).filter(|_| !is_observed) {
            Some(scoped) => ReplyRule::Scoped(Box::new(scoped.shown(&request.call, known)?)),
            None => ReplyRule::Pass,
        };
        Ok(Decided {
            marking,
            owner: (!is_replacement && !self.passes).then(|| marking.owner()),
            withheld,
            grounds: Grounds {
                is_hidden: false,
                policy: policy.map(|policy| Arc::clone(&policy.name)),
                would_deny,
                requirements: resolved.unwrap_or_else(|| std::mem::take(&mut self.requirements)),
                about: About::of(&request.call, request.body.as_ref(), known),
                filled: request.filled,
            },
            memory,
            // A replacement keeps what the old container had from its image.
            emptied: if is_replacement {
                Vec::new()
            } else {
                self.brought(known)?
            },
            reply,
            view,
        })
    }

    /// The labels that scopes select objects by, and that a new container would get only from its image. A swarm can pull
    /// the image of a service when it starts a task, so that the image is not known yet.
    fn brought(&self, known: &Answers) -> Result<Vec<String>, NeedsLookup> {
        if self.rules.selecting.is_empty() {
            return Ok(Vec::new());
        }
        let call = &self.request.call;
        let document = call.judged().body;
        let is_service = document.is_some_and(Document::is_service);
        let is_made = is_service || document == Some(Document::Container);
        let Some(body) = self.request.body.as_ref().filter(|_| is_made) else {
            return Ok(Vec::new());
        };
        let made = if is_service {
            body.at("TaskTemplate").at("ContainerSpec")
        } else {
            body
        };
        let selecting = self.rules.selecting.iter();
        let mut unset: Vec<_> = selecting
            .filter(|key| made.at("Labels").get(key).is_none())
            .cloned()
            .collect();
        if unset.is_empty() {
            return Ok(unset);
        }
        let image = match answers::image(known, made.text_at("Image")) {
            Ok(image) => image,
            Err(NeedsLookup::Missing(_)) if is_service => return Ok(unset),
            // The daemon says so, and the client pulls it.
            Err(NeedsLookup::Missing(_)) => return Ok(Vec::new()),
            Err(ask @ NeedsLookup::Ask(_)) => return Err(ask),
        };
        let labels = image.config.at("Labels");
        let updated = call.object().filter(|_| is_service);
        let updated = updated.and_then(|name| answers::service(known, name).ok());
        // Without the label, the tasks of a service would restart.
        let is_empty = |key: &str| updated.as_ref().is_some_and(|it| it.labels.has(key, ""));
        unset.retain(|key| labels.get(key).is_some() || is_empty(key));
        Ok(unset)
    }
}

/// The next volume that a container mounts and that must be created first.
fn new_volume(policy: &Policy, request: &Request<'_>, known: &Answers) -> Option<NewVolume> {
    let is_create = request.call.judged().body == Some(Document::Container);
    // A volume that the daemon creates has no labels, so it would be out of scope.
    let is_new_allowed = policy.blocks.create.volumes.new || policy.scope.is_some();
    let body = request
        .body
        .as_ref()
        .filter(|_| is_create && is_new_allowed)?;
    stamp::new_volume(
        body,
        policy.owner(),
        (&policy.blocks, policy.scope.as_deref()),
        known,
    )
}
