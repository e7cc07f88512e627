//! Events, without those of objects out of scope.
//!
//! The events of containers have the container's labels, so that they can be judged at once. Those of other objects
//! have none: the daemon is asked about the object, and an object in scope is remembered until it is gone.

use std::collections::HashSet;

use super::Own;
use super::images::ImageAnswers;
use crate::docker::json::elements::{Elements, Kept, Place, Progress};
use crate::docker::{Json, Object};
use crate::policy::answers::{Answer, Lookup};
use crate::policy::filter::{BadReply, Filter};
use crate::policy::scope::Standing;

/// The longest event, in bytes.
const MOST: usize = 1024 * 1024;
/// How many objects are remembered. Then all are forgotten, and asked about again.
const REMEMBERED: usize = 4096;

/// Filters a stream of events.
#[derive(Debug)]
pub(super) struct Events {
    elements: Elements,
    judge: Judge,
    has_ended: bool,
}

/// What is known about the objects that events are about.
#[derive(Debug)]
struct Judge {
    own: Own,
    /// The objects in scope, by id or by name.
    seen: HashSet<(Actor, String)>,
    wanted: Option<Lookup>,
    /// The answers that the event that waits needs.
    answers: Vec<(Lookup, Standing)>,
    /// The same, if it is about an image.
    of_image: ImageAnswers,
}

/// The kind of object that an event is about, if a scope knows such objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Actor {
    Config,
    Container,
    Image,
    Network,
    Secret,
    Service,
    Volume,
}

/// An event, as far as its verdict depends on it.
#[derive(Debug)]
struct Event<'a> {
    of: &'a str,
    action: &'a str,
    id: &'a str,
    attributes: &'a Json<'a>,
}

impl<'a> Event<'a> {
    /// `None` if the API does not describe such an event.
    fn of(event: &'a Json<'static>) -> Option<Self> {
        let actor = event.at("Actor");
        let of = event.text_at("Type");
        if of.is_empty() {
            return None;
        }
        Some(Self {
            of,
            action: event.text_at("Action"),
            id: actor.text_at("ID"),
            attributes: actor.at("Attributes"),
        })
    }

    fn attribute(&self, key: &str) -> Option<&'a str> {
        self.attributes.get(key).and_then(Json::text)
    }
}

impl Judge {
    /// What becomes of an event.
    fn judge(&mut self, element: &[u8]) -> Option<Kept> {
        let event = Json::pick(element, &["Action", "Actor", "Type"])?;
        let event = Event::of(&event)?;
        let is_shown = match event.of {
            "container" => Some(self.is_container_seen(&event)),
            // Usually images are shared.
            "image" if !self.own.scoped().limits_images() => Some(event.action != "prune"),
            "image" => self.is_image_seen(&event),
            "config" => self.is_seen(Actor::Config, &event),
            "network" => self.is_seen(Actor::Network, &event),
            "secret" => self.is_seen(Actor::Secret, &event),
            "service" => self.is_seen(Actor::Service, &event),
            "volume" => self.is_seen(Actor::Volume, &event),
            // The daemon, builds, plugins and the nodes of the swarm are out of every scope.
            _ => Some(false),
        };
        let Some(is_shown) = is_shown else {
            return Some(Kept::Later);
        };
        self.answers.clear();
        self.of_image = ImageAnswers::default();
        Some(if is_shown { Kept::As } else { Kept::Dropped })
    }

    /// The event of a container has all its labels, and nothing else in it can replace one.
    fn is_container_seen(&self, event: &Event<'_>) -> bool {
        let name = event.attribute("name").unwrap_or_default();
        let standing = self
            .own
            .scoped()
            .standing(Object::Container, name, |key| event.attribute(key));
        event.action != "prune" && standing != Standing::Hidden
    }

    /// Whether the object of an event is seen, and the container that it also names; `None` if that must be asked.
    fn is_seen(&mut self, kind: Actor, event: &Event<'_>) -> Option<bool> {
        let ends = matches!(event.action, "destroy" | "remove");
        let object = (kind, event.id.to_owned());
        // Another volume can have the name by now, if the client does not follow what is deleted. The labels of swarm
        // objects change.
        let is_sure = ends || matches!(kind, Actor::Container | Actor::Network);
        let is_known = is_sure && self.seen.contains(&object);
        let may_ask = !ends && event.action != "prune";
        let is_seen = is_known || may_ask && self.ask(&object)? != Standing::Hidden;
        if !is_seen {
            self.seen.remove(&object);
            return Some(false);
        }
        if ends {
            self.seen.remove(&object);
            return Some(true);
        }
        self.remember(object);
        let Some(container) = event.attribute("container").filter(|id| !id.is_empty()) else {
            return Some(true);
        };
        let container = (Actor::Container, container.to_owned());
        if self.seen.contains(&container) {
            return Some(true);
        }
        let is_container_seen = self.ask(&container)? != Standing::Hidden;
        if is_container_seen {
            self.remember(container);
        }
        Some(is_container_seen)
    }

    /// Whether the image of an event is seen; `None` if that must be asked. The last event of an image comes when it is gone.
    fn is_image_seen(&mut self, event: &Event<'_>) -> Option<bool> {
        let object = (Actor::Image, event.id.to_owned());
        if matches!(event.action, "delete" | "untag") {
            return Some(self.seen.contains(&object));
        }
        let name = event.attribute("name").unwrap_or_default();
        let seen = self.of_image.is_seen(self.own.scoped(), event.id, name);
        match seen {
            Ok(is_seen) => {
                if is_seen && event.action != "prune" {
                    self.remember(object);
                }
                Some(is_seen && event.action != "prune")
            }
            Err(lookup) => {
                self.wanted = Some(lookup);
                None
            }
        }
    }

    fn remember(&mut self, object: (Actor, String)) {
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(object);
    }

    /// What an object is to the client; `None` until the answer is there.
    fn ask(&mut self, (kind, name): &(Actor, String)) -> Option<Standing> {
        let lookup = match kind {
            Actor::Config => Lookup::SwarmObject(Object::Config, name.clone()),
            Actor::Network => Lookup::Network(name.clone()),
            Actor::Secret => Lookup::SwarmObject(Object::Secret, name.clone()),
            Actor::Service => Lookup::Service(name.clone()),
            Actor::Volume => Lookup::Volume(name.clone()),
            Actor::Container => Lookup::Container(name.clone()),
            Actor::Image => Lookup::Image(name.clone()),
        };
        let answer = self.answers.iter().find(|(asked, _)| *asked == lookup);
        let standing = answer.map(|(_, standing)| *standing);
        if standing.is_none() {
            self.wanted = Some(lookup);
        }
        standing
    }

    fn learn(&mut self, answer: Option<&Answer>) {
        let Some(lookup) = self.wanted.take() else {
            return;
        };
        if matches!(lookup, Lookup::Image(_) | Lookup::Named(_)) {
            self.of_image.learn(answer);
            return;
        }
        let scoped = self.own.scoped();
        let standing = match (&lookup, answer) {
            (_, Some(Answer::Network(network))) => scoped.of_network(network),
            (_, Some(Answer::Container(container))) => scoped.of_container(container),
            // Another one can be called like the id of one that is gone.
            (Lookup::Service(id), Some(Answer::Service(service))) if service.id == *id => {
                scoped.of_service(service)
            }
            (Lookup::SwarmObject(kind, id), Some(Answer::SwarmObject(it))) if it.id == *id => {
                scoped.of_swarm_object(*kind, it)
            }
            (Lookup::Volume(name), Some(Answer::Volume(volume))) => {
                scoped.standing(Object::Volume, name, |key| volume.labels.get(key))
            }
            _ => Standing::Hidden,
        };
        self.answers.push((lookup, standing));
    }
}

impl Events {
    pub(super) fn new(own: Own) -> Self {
        Self {
            elements: Elements::new(Place::Values, MOST),
            judge: Judge {
                own,
                seen: HashSet::new(),
                wanted: None,
                answers: Vec::new(),
                of_image: ImageAnswers::default(),
            },
            has_ended: false,
        }
    }

    fn read(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), BadReply> {
        let judge = &mut self.judge;
        let mut is_readable = true;
        let mut each = |_: usize, element: &[u8]| {
            judge.judge(element).unwrap_or_else(|| {
                is_readable = false;
                Kept::Dropped
            })
        };
        let progress = if self.has_ended {
            self.elements.finish(out, &mut each)
        } else {
            self.elements.push(part, out, &mut each)
        };
        match progress {
            Ok(Progress::Done | Progress::Waits) if is_readable => Ok(()),
            Ok(_) | Err(_) => Err(BadReply("it is not a stream of events")),
        }
    }
}

impl Filter for Events {
    fn push(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.read(part, out)
    }

    fn wants(&self) -> Option<Lookup> {
        self.judge.wanted.clone()
    }

    fn learn(&mut self, answer: Option<Answer>, out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.judge.learn(answer.as_ref());
        self.read(&[], out)
    }

    fn held(&self) -> usize {
        self.elements.held()
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.has_ended = true;
        self.read(&[], out)
    }
}
