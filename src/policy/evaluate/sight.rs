//! What a policy's scope lets the client see of what a request names.

use std::sync::Arc;

use super::{Evaluation, Rules};
use crate::docker::body::rendered;
use crate::docker::{Call, Document, Json, Object, Parameters, Subject};
use crate::policy::answers::{Answers, Lookup, NeedsLookup};
use crate::policy::filter::ReplyRule;
use crate::policy::filter::error_text::{ErrorRule, StandIn};
use crate::policy::permit::{Grounds, Memory, Permit, Rebuilt, Terms};
use crate::policy::request::Request;
use crate::policy::requirements::Blocked;
use crate::policy::scope::{Asked, Hidden, Outside, Scoped};

/// What a client sees through a policy of what a request names.
pub(super) enum Sight {
    /// The policy has no scope.
    All,
    /// What is in scope.
    Part(Answers),
    /// Not enough for the request.
    Outside(Outside),
}

impl Evaluation<'_, '_> {
    /// What the client sees through each policy that allows the operation, if any has a scope. Blocked if it sees nothing
    /// through any.
    pub(super) fn sights(&self) -> Result<Vec<Sight>, Blocked> {
        let policies = self.granting.iter();
        if policies.clone().all(|policy| policy.scope.is_none()) {
            return Ok(Vec::new());
        }
        let sights = policies.map(|policy| match &policy.scope {
            Some(scope) => self.sight(Scoped {
                scope,
                owner: policy.owner(),
            }),
            None => Ok(Sight::All),
        });
        let sights: Vec<_> = sights.collect::<Result<_, _>>()?;
        let is_blind =
            !sights.is_empty() && sights.iter().all(|it| matches!(it, Sight::Outside(_)));
        if is_blind && !self.rules.is_observed {
            return Err(outside(&sights));
        }
        Ok(sights)
    }

    fn sight(&self, scoped: Scoped<'_>) -> Result<Sight, NeedsLookup> {
        let (call, body) = (&self.request.call, self.request.body.as_ref());
        let view = scoped.view(self.known)?;
        if let Err(outside) = scoped.check_path(call, body, &view)? {
            return Ok(Sight::Outside(outside));
        }
        let checked = scoped.check(Asked {
            call,
            body,
            requirements: &self.requirements,
            known: self.known,
            view: &view,
        })?;
        Ok(match checked {
            Ok(()) => Sight::Part(view),
            Err(outside) => Sight::Outside(outside),
        })
    }
}

/// Why no scope lets the request through. What one of them says about the request itself comes first.
fn outside(sights: &[Sight]) -> Blocked {
    let outside = |sight: &Sight| match sight {
        Sight::Outside(outside) => Some(outside.clone()),
        Sight::All | Sight::Part(_) => None,
    };
    let mut absent = Hidden::default();
    for outside in sights.iter().filter_map(outside) {
        match outside {
            Outside::Denied(denial) => return denial.into(),
            Outside::Missing(lookup) => return NeedsLookup::Missing(lookup).into(),
            Outside::Absent(hidden) => absent = hidden,
        }
    }
    Blocked::Absent(absent)
}

impl Rules {
    /// Whether a request for a missing object is put to the daemon, because a scope may hide objects of its kind.
    pub(super) fn has_scope_for(&self, request: &Request<'_>, lookup: &Lookup) -> bool {
        let path = request.call.objects().next();
        let is_of = |kind: Object, name: &str| path == Some((kind, name));
        let is_of_path = match lookup {
            Lookup::Container(of) => is_of(Object::Container, of),
            Lookup::Exec(of) => is_of(Object::Exec, of),
            Lookup::Network(of) => is_of(Object::Network, of),
            Lookup::Service(of) => is_of(Object::Service, of),
            Lookup::SwarmObject(kind, of) => is_of(*kind, of),
            Lookup::DefaultRuntime
            | Lookup::Image(_)
            | Lookup::Labeled(..)
            | Lookup::Moved { .. }
            | Lookup::Named(_)
            | Lookup::NewVolume(_)
            | Lookup::Predecessor(_)
            | Lookup::Tag(_)
            | Lookup::UsersOf(_)
            | Lookup::Volume(_) => false,
        };
        is_of_path
            && self
                .granting(&request.call)
                .any(|policy| policy.scope.is_some())
    }

    /// The permit to ask the daemon for an object that does not exist, instead of one that does not exist for the
    /// client: its answer is that of a missing object.
    pub(in crate::policy) fn absent(request: Request<'_>, hidden: &Hidden) -> Permit {
        let Request {
            mut call, mut body, ..
        } = request;
        let mut stand_ins: Vec<_> = stand_in_of_path(&mut call).into_iter().collect();
        if let Some(container) = body.as_mut().and_then(|body| body.get_mut("Container"))
            && hidden.in_body
        {
            let stand_in = StandIn::of(container.text().unwrap_or_default());
            *container = Json::Text(stand_in.word.clone().into());
            stand_ins.push(stand_in);
        }
        let words: Vec<_> = stand_ins.iter().map(|it| it.word.clone()).collect();
        let words = words.into_iter();
        let document: Option<Document> = call.judged().body;
        if document.is_some_and(Document::is_service)
            && let Some(body) = &mut body
        {
            // The daemon looks for the networks before the service.
            body.remove(&["Networks"]);
            if let Some(task) = body.get_mut("TaskTemplate") {
                task.remove(&["Networks"]);
            }
        }
        let rule = Box::new(ErrorRule {
            // A word of digits would be taken for an id.
            known: Arc::new(words.chain(hidden.seen.iter().cloned()).collect()),
            services: Arc::new([]),
            stand_ins,
        });
        let reply = if call.judged().query == Parameters::Push {
            ReplyRule::Reworded(rule)
        } else {
            ReplyRule::Errors(rule)
        };
        let terms = Terms {
            request: Rebuilt {
                body: body.map(|body| rendered(&body, document)),
                must_be_plain_tar: false,
                call,
            },
            grounds: Grounds {
                is_hidden: true,
                ..Grounds::default()
            },
            memory: Memory::default(),
            reply,
        };
        Permit::new(terms, None)
    }
}

/// Puts the name of something that does not exist in place of the path's.
fn stand_in_of_path(call: &mut Call) -> Option<StandIn> {
    let is_image = matches!(call.objects().next(), Some((Object::Image, _)));
    let Subject::Operation { names, .. } = &mut call.subject else {
        return None;
    };
    let name = names.first_mut()?;
    if is_image {
        let (absent, stand_in) = StandIn::of_image(name);
        *name = absent;
        return Some(stand_in);
    }
    let stand_in = StandIn::of(name);
    name.clone_from(&stand_in.word);
    Some(stand_in)
}
