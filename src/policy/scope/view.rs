//! What Dockgate has looked up, as a client sees it.

use super::{Scoped, Standing};
use crate::docker::Object;
use crate::policy::answers::{Answer, Answers, Lookup, NeedsLookup, container};
use crate::policy::names::{finds_by_id, is_whole_id, reads_as_swarm_id};
use crate::policy::objects::{Container, Network, Volume, is_full_id};
use crate::policy::owner::POLICY_LABEL;

impl Scoped<'_> {
    /// The same answers, in which an object out of scope is missing. The beginning of an id finds only objects in scope.
    /// Lists by label stay whole: they say whose a Compose project is, and nothing new may become part of another's.
    pub(crate) fn view(self, known: &Answers) -> Result<Answers, NeedsLookup> {
        let mut view = known.clone();
        for (lookup, answer) in known.all() {
            let seen = match (lookup, answer) {
                (Lookup::Container(_), it) if self.is_container_shown(it) => continue,
                (Lookup::Container(name), _) => self.by_prefix(Object::Container, name, known)?,
                (Lookup::Network(_), it) if self.is_network_shown(it) => continue,
                (Lookup::Network(name), _) => self.by_prefix(Object::Network, name, known)?,
                (Lookup::Volume(name), Answer::Volume(volume)) => {
                    if self.volume(name, volume, known)? == Standing::Hidden {
                        Answer::Missing
                    } else {
                        continue;
                    }
                }
                (Lookup::Exec(_), Answer::Exec(exec)) => {
                    let id = Lookup::Container(exec.container.clone());
                    if self.is_container_shown(known.need(&id)?) {
                        continue;
                    }
                    Answer::Missing
                }
                (Lookup::Predecessor(_), Answer::Containers(removed)) => {
                    let mut own = removed.clone();
                    own.retain(|it| self.of_container(it) == Standing::Own);
                    Answer::Containers(own)
                }
                (Lookup::Image(name), Answer::Image(image)) => match self.named_images(known)? {
                    Some(named) if self.of_image(name, image, &named) == Standing::Hidden => {
                        Answer::Missing
                    }
                    Some(_) | None => continue,
                },
                (Lookup::Service(_), Answer::Service(it)) if self.is_service_shown(it) => continue,
                (Lookup::Service(name), _) => self.by_prefix(Object::Service, name, known)?,
                (Lookup::SwarmObject(kind, name), it) => {
                    match self.swarm_object(*kind, name, it, known)? {
                        Some(other) => other,
                        None => continue,
                    }
                }
                _ => continue,
            };
            view.learn(lookup.clone(), seen);
        }
        Ok(view)
    }

    pub(super) fn of_container(self, of: &Container) -> Standing {
        self.standing(Object::Container, &of.name, |key| of.label(key))
    }

    pub(super) fn of_network(self, of: &Network) -> Standing {
        self.standing(Object::Network, &of.name, |key| of.labels.get(key))
    }

    fn is_container_shown(self, answer: &Answer) -> bool {
        matches!(answer, Answer::Container(it) if self.of_container(it) != Standing::Hidden)
    }

    fn is_network_shown(self, answer: &Answer) -> bool {
        matches!(answer, Answer::Network(it) if self.of_network(it) != Standing::Hidden)
    }

    /// The only object in scope whose id begins with this.
    pub(super) fn by_prefix(
        self,
        kind: Object,
        name: &str,
        known: &Answers,
    ) -> Result<Answer, NeedsLookup> {
        if !finds_by_id(kind, name) || is_full_id(name) || reads_as_swarm_id(name) {
            return Ok(Answer::Missing);
        }
        let all = self.all(kind, known)?;
        let mut found = all.iter().filter(|it| it.id.starts_with(name));
        let (Some(found), None) = (found.next(), found.next()) else {
            return Ok(Answer::Missing);
        };
        let id = found.id.clone();
        let by_id = if kind == Object::Network {
            Lookup::Network(id)
        } else if kind == Object::Service {
            Lookup::Service(id)
        } else if kind.is_of_swarm() {
            Lookup::SwarmObject(kind, id)
        } else {
            Lookup::Container(id)
        };
        known.need(&by_id).cloned()
    }

    /// What a volume is to the client. One without a name has no labels, and belongs to the containers that use it.
    pub(super) fn volume(
        self,
        name: &str,
        volume: &Volume,
        known: &Answers,
    ) -> Result<Standing, NeedsLookup> {
        let standing = self.standing(Object::Volume, name, |key| volume.labels.get(key));
        let is_unnamed = volume.labels.get(POLICY_LABEL).is_none() && is_whole_id(name);
        if standing != Standing::Hidden || !is_unnamed {
            return Ok(standing);
        }
        let users = crate::policy::answers::list(known, Lookup::UsersOf(name.to_owned()))?;
        let are_own = |it| self.standing_of(Object::Container, it) == Standing::Own;
        Ok(if !users.is_empty() && users.iter().all(are_own) {
            Standing::Own
        } else {
            Standing::Hidden
        })
    }

    /// What the container of a name is to the client; `None` if it does not exist for the client.
    pub(super) fn container_in(
        self,
        view: &Answers,
        name: &str,
    ) -> Result<Option<Standing>, NeedsLookup> {
        let name = name.trim_start_matches('/');
        match container(view, name) {
            Ok(it) => Ok(Some(self.of_container(&it))),
            Err(NeedsLookup::Missing(_)) => Ok(None),
            Err(ask @ NeedsLookup::Ask(_)) => Err(ask),
        }
    }
}
