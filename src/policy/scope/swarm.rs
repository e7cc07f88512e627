//! Services, tasks, configs and secrets: whether they exist for the client, and what a service refers to.
//!
//! A service, a config and a secret are what the labels of their specification say, which an update replaces. So an
//! update keeps the labels that only Dockgate sets. A task is what its service is: it has no labels of its own.

use super::check::{Asked, Checked, Outside};
use super::{Scoped, Standing, refusal};
use crate::docker::mount::{self, Source};
use crate::docker::{Call, Document, Json, Method, Object, Parameters};
use crate::policy::answers::{Answer, Answers, Lookup, NeedsLookup, service, swarm_object, volume};
use crate::policy::objects::{Labels, Listed, Service, SwarmObject};
use crate::policy::requirements::is_reserved;

/// What a service's containers get of the swarm: the kind of object, the path to a list of them, and the key of the id.
const GIVEN: [(Object, &str, &str); 2] = [
    (Object::Config, "Configs", "ConfigID"),
    (Object::Secret, "Secrets", "SecretID"),
];

/// The form of an id that no service has: the number is too large for one.
const NO_SERVICE: &str = "zzzzzzzzzzzzzzzzzzzzzzzzz";

impl Scoped<'_> {
    pub(super) fn of_service(self, of: &Service) -> Standing {
        self.standing(Object::Service, &of.name, |key| of.label(key))
    }

    pub(super) fn is_service_shown(self, of: &Service) -> bool {
        self.of_service(of) != Standing::Hidden
    }

    /// What a config or a secret is to the client.
    pub(super) fn of_swarm_object(self, kind: Object, of: &SwarmObject) -> Standing {
        self.standing(kind, &of.name, |key| of.labels.get(key))
    }

    /// What the client sees instead of an answer about a config, a secret or a task; `None` if it sees that.
    pub(super) fn swarm_object(
        self,
        kind: Object,
        name: &str,
        answer: &Answer,
        known: &Answers,
    ) -> Result<Option<Answer>, NeedsLookup> {
        if kind != Object::Task {
            let is_shown = matches!(
                answer,
                Answer::SwarmObject(it) if self.of_swarm_object(kind, it) != Standing::Hidden
            );
            return if is_shown {
                Ok(None)
            } else {
                self.by_prefix(kind, name, known).map(Some)
            };
        }
        let Answer::SwarmObject(task) = answer else {
            // A missing task takes as long as one out of scope.
            known.need(&Lookup::Service(NO_SERVICE.to_owned()))?;
            return Ok(Some(Answer::Missing));
        };
        let service = known.need(&Lookup::Service(task.service.clone()))?;
        // Another service can be called like the id of one that is gone.
        let is_shown = matches!(
            service,
            Answer::Service(it) if it.id == task.service && self.is_service_shown(it)
        );
        Ok((!is_shown).then_some(Answer::Missing))
    }

    /// What an object of the swarm is to the client; `None` if it does not exist for the client.
    pub(super) fn in_swarm(
        self,
        view: &Answers,
        kind: Object,
        name: &str,
    ) -> Result<Option<Standing>, NeedsLookup> {
        let standing = if kind == Object::Service {
            service(view, name).map(|it| self.of_service(&it))
        } else {
            // A task can only be looked at.
            let is_task = kind == Object::Task;
            let object = swarm_object(view, kind, name);
            object.map(|it| {
                if is_task {
                    Standing::Seen
                } else {
                    self.of_swarm_object(kind, &it)
                }
            })
        };
        match standing {
            Ok(standing) => Ok(Some(standing)),
            Err(NeedsLookup::Missing(_)) => Ok(None),
            Err(ask @ NeedsLookup::Ask(_)) => Err(ask),
        }
    }

    /// The services that exist for the client.
    pub(super) fn services(self, known: &Answers) -> Result<Vec<Listed>, NeedsLookup> {
        let mut seen = self.scope.see.as_slice().iter();
        if !seen.any(|seen| seen.kind == Object::Service) {
            return self.all(Object::Service, known);
        }
        let every = Lookup::Labeled(Object::Service, String::new());
        let Answer::Listed(listed) = known.need(&every)? else {
            return Ok(Vec::new());
        };
        let shown = |it: &&Listed| self.standing_of(Object::Service, it) != Standing::Hidden;
        Ok(listed.iter().filter(shown).cloned().collect())
    }

    /// The names of the services that an error about a call may say use the object. The daemon deletes no config and no
    /// secret that a service uses.
    pub(super) fn users(self, call: &Call, known: &Answers) -> Result<Vec<String>, NeedsLookup> {
        let kind = call.objects().next().map(|(kind, _)| kind);
        let is_used = matches!(kind, Some(Object::Config | Object::Secret));
        if !is_used || call.method != Method::DELETE {
            return Ok(Vec::new());
        }
        let services = self.services(known)?.into_iter();
        Ok(services.map(|service| service.name).collect())
    }

    /// Whether everything exists for the client that a service refers to beyond what `[create]` checks, and whether an
    /// update leaves the object in scope.
    pub(super) fn check_swarm(self, asked: Asked<'_>) -> Checked {
        let (call, judged) = (asked.call, asked.call.judged());
        let Some(body) = asked.body.filter(|_| is_of_swarm(call)) else {
            return Ok(Ok(()));
        };
        if judged.body.is_some_and(Document::is_service)
            && let Err(outside) = Self::given(body, asked)?
        {
            return Ok(Err(outside));
        }
        let Some(name) = call.object() else {
            return Ok(Ok(()));
        };
        if judged.body == Some(Document::ConfigOrSecret) {
            let kind = call.objects().next().map_or(Object::Secret, |it| it.0);
            let object = swarm_object(asked.view, kind, name)?;
            return Ok(self.labelled(call, &object.name, body, Some(&object.labels)));
        }
        let service = service(asked.view, name)?;
        let labels = Labels::of(&[&service.spec]);
        if judged.query == Parameters::Rollback && !call.query.text("rollback").is_empty() {
            let checked = self.rolled_back(&service, &labels, asked)?;
            if checked.is_err() {
                return Ok(checked);
            }
        }
        Ok(self.labelled(call, &service.name, body, Some(&labels)))
    }

    /// Whether the configs and secrets of a service exist for the client. The swarm finds them only by their whole ids.
    fn given(spec: &Json<'_>, asked: Asked<'_>) -> Checked {
        let container = spec.at("TaskTemplate").at("ContainerSpec");
        let listed = GIVEN.iter().flat_map(|(kind, list, key)| {
            let ids = container.at(list).items().iter();
            ids.map(|item| (*kind, item.text_at(key)))
        });
        let credentials = container.at("Privileges").at("CredentialSpec");
        let credentials = credentials.get("Config").and_then(Json::text);
        for (kind, id) in listed.chain(credentials.map(|id| (Object::Config, id))) {
            let is_there = match swarm_object(asked.view, kind, id) {
                Ok(object) => object.id == id,
                Err(NeedsLookup::Missing(_)) => false,
                Err(ask @ NeedsLookup::Ask(_)) => return Err(ask),
            };
            if !is_there {
                let lookup = Lookup::SwarmObject(kind, id.to_owned());
                return Ok(Err(Outside::Missing(lookup)));
            }
        }
        Ok(Ok(()))
    }

    /// Whether the earlier state that a rollback brings back is in scope, with everything that it refers to: somebody
    /// else can have changed the service last.
    fn rolled_back(self, service: &Service, labels: &Labels, asked: Asked<'_>) -> Checked {
        let call = asked.call;
        let previous = &service.previous;
        if previous.is_null() {
            // The daemon says so.
            return Ok(Ok(()));
        }
        let earlier = Labels::of(&[previous]);
        let is_marked_so = |one: &Labels, other: &Labels| {
            let mut marks = one.iter().filter(|(key, _)| is_reserved(key));
            marks.all(|(key, value)| other.has(key, value))
        };
        let is_own = self.covers(&service.name, |key| earlier.get(key));
        if !is_own || !is_marked_so(labels, &earlier) || !is_marked_so(&earlier, labels) {
            return Ok(Err(Outside::Denied(refusal::rolled_back(call))));
        }
        let task = previous.at("TaskTemplate");
        for network in [previous, task]
            .into_iter()
            .flat_map(|it| it.at("Networks").items())
        {
            if let Err(outside) = Self::joined(network.text_at("Target"), asked)? {
                return Ok(Err(outside));
            }
        }
        for mount in task.at("ContainerSpec").at("Mounts").items() {
            let source = mount::long(mount).map(|mount| mount.source);
            let Ok(Source::Volume {
                name: Some(name), ..
            }) = source
            else {
                continue;
            };
            if let Err(outside) = self.volume_of_service(name, asked)? {
                return Ok(Err(outside));
            }
        }
        Self::given(previous, asked)
    }

    /// Whether a service may mount a volume. Every task looks for its name again, on its node, and creates it there if it
    /// does not exist. So the name must be one that nobody else gives.
    pub(super) fn volume_of_service(self, name: &str, asked: Asked<'_>) -> Checked {
        let (call, names) = (asked.call, self.scope.names.as_ref());
        let found = volume(asked.view, name)?;
        if let Some(volume) = &found
            && self.volume(name, volume, asked.view)? == Standing::Seen
        {
            return Ok(Ok(()));
        }
        if !names.is_some_and(|names| names.covers(name)) {
            let denial = refusal::volume_of_service(call, name);
            return Ok(Err(Outside::Denied(denial)));
        }
        let is_taken = found.is_none() && volume(asked.known, name)?.is_some();
        Ok(if is_taken {
            Err(Outside::Denied(refusal::name_taken(call, "volume", name)))
        } else {
            Ok(())
        })
    }
}

/// Whether a request creates or updates an object of the swarm.
pub(super) fn is_of_swarm(call: &Call) -> bool {
    let document = call.judged().body;
    document.is_some_and(|it| it == Document::ConfigOrSecret || it.is_service())
}

#[cfg(test)]
mod tests;
