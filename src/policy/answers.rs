//! What must be known about the daemon's objects before a request can be judged: a closed set of lookups, and their
//! answers.
//!
//! The evaluation says what it needs; the caller asks the daemon and evaluates again. Nothing here does I/O.

use std::collections::HashMap;
use std::sync::Arc;

use crate::docker::json::elements::Place;
use crate::docker::network::is_network_name;
use crate::docker::query::Query;
use crate::docker::target::is_name;
use crate::docker::{Call, Object, Operation, Subject};
use crate::policy::names::begins_id;
use crate::policy::objects::{
    Container, Exec, Image, Listed, Network, Service, SwarmObject, Unreadable, Volume, is_full_id,
    listed, text_at,
};

/// Something that must be known before a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// The container with this name or id.
    Container(String),
    /// The runtime that the daemon uses by default.
    DefaultRuntime,
    /// The exec with this id.
    Exec(String),
    /// The image with this name or id.
    Image(String),
    /// The objects of a kind that have the label `key=value`; with an empty label, all.
    Labeled(Object, String),
    /// The full id of the image that got this name through a policy. Dockgate remembers this itself.
    Moved {
        /// The policy's mark and the client, as an image's label names them.
        owner: String,
        /// The image's full name.
        name: String,
    },
    /// The names that images got from this owner. Dockgate remembers them itself.
    Named(String),
    /// The network with this name or id.
    Network(String),
    /// Creates this volume, unless one with its name exists.
    NewVolume(Box<NewVolume>),
    /// The containers of this name that were removed through Dockgate; without a name, all removed containers. Dockgate
    /// remembers this itself.
    Predecessor(String),
    /// The service with this name or id.
    Service(String),
    /// The config, secret or task with this name or id.
    SwarmObject(Object, String),
    /// The image that has this full name, if one has.
    Tag(String),
    /// The containers that have a volume mounted.
    UsersOf(String),
    /// The volume with this name.
    Volume(String),
}

/// A volume that a new container mounts and that does not exist yet. The daemon would create it without labels, so
/// Dockgate creates it first. If another client was faster, the reply has that client's labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NewVolume {
    /// Its name.
    pub name: String,
    /// The labels that say whose it is.
    pub labels: Vec<(String, String)>,
    /// The body of the request that creates it.
    pub body: String,
}

/// A name that an image got through Dockgate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedImage {
    /// The full name.
    pub(crate) name: String,
    /// The image's full id.
    pub(crate) id: Arc<str>,
    /// Whether it was pulled, so that others can have it too.
    pub(crate) is_pulled: bool,
}

/// The answer to a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Container(Arc<Container>),
    /// The removed containers. One that was removed in several steps is listed in each of its states.
    Containers(Vec<Arc<Container>>),
    Exec(Arc<Exec>),
    Image(Arc<Image>),
    /// The objects in a list.
    Listed(Arc<[Listed]>),
    Named(Arc<[NamedImage]>),
    Network(Arc<Network>),
    Service(Arc<Service>),
    SwarmObject(Arc<SwarmObject>),
    /// A name.
    Text(Arc<str>),
    Volume(Arc<Volume>),
    /// It does not exist.
    Missing,
}

/// The answers so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    answers: HashMap<Lookup, Answer>,
}

impl Lookup {
    /// The request to the daemon; `None` if the daemon is not asked, or if no object can have the name.
    pub(crate) fn call(&self) -> Option<Call> {
        let route = self.operation()?.spec().routes.first()?;
        let name = self.name();
        let is_network = matches!(self, Self::Network(_));
        let is_asked = if is_network {
            is_network_name(name)
        } else {
            matches!(self, Self::Image(_) | Self::Tag(_)) || name.is_empty() || is_name(name)
        };
        // A network's name can contain a slash or other characters that a target cannot have.
        let plain = if is_network { "x" } else { name };
        let mut parts = route.path.split(['{', '}']);
        let (before, after) = (parts.next()?, parts.nth(1).unwrap_or_default());
        let target = [before, plain, after].concat();
        let call = Call::parse(route.method.as_str(), &target);
        let mut call = call.filter(|_| is_asked)?;
        // A slash in the name could turn it into another operation.
        (call.operation() == self.operation()).then_some(())?;
        if let (true, Subject::Operation { names, .. }) = (is_network, &mut call.subject) {
            *names = vec![name.to_owned()];
        }
        if let Self::Labeled(kind, label) = self {
            // No label is empty, so an engine ignores that one, but a swarm lists nothing.
            if !(label.is_empty() && kind.is_of_swarm()) {
                call.query = Self::filter("label", label);
            }
        } else if let Self::UsersOf(volume) = self {
            call.query = Self::filter("volume", volume);
        }
        Some(call)
    }

    /// Whether an object that a client can see may be meant although the daemon does not say which: by the beginning of an
    /// id that several objects have.
    pub(crate) fn may_be_prefix(&self) -> bool {
        let begins = |kind, name| begins_id(kind, name) && !is_full_id(name);
        matches!(self, Self::Container(name) if begins(Object::Container, name))
            || matches!(self, Self::Network(name) if begins(Object::Network, name))
    }

    /// Whether it asks the swarm, which not every engine belongs to.
    pub(crate) fn is_of_swarm(&self) -> bool {
        match self {
            Self::Labeled(kind, _) => kind.is_of_swarm(),
            Self::Service(_) | Self::SwarmObject(..) => true,
            Self::Container(_)
            | Self::DefaultRuntime
            | Self::Exec(_)
            | Self::Image(_)
            | Self::Moved { .. }
            | Self::Named(_)
            | Self::Network(_)
            | Self::NewVolume(_)
            | Self::Predecessor(_)
            | Self::Tag(_)
            | Self::UsersOf(_)
            | Self::Volume(_) => false,
        }
    }

    /// The name or id in the path of the request.
    fn name(&self) -> &str {
        match self {
            Self::Container(name)
            | Self::Exec(name)
            | Self::Image(name)
            | Self::Network(name)
            | Self::Service(name)
            | Self::SwarmObject(_, name)
            | Self::Tag(name)
            | Self::Volume(name) => name,
            Self::DefaultRuntime
            | Self::Labeled(..)
            | Self::Moved { .. }
            | Self::Named(_)
            | Self::NewVolume(_)
            | Self::Predecessor(_)
            | Self::UsersOf(_) => "",
        }
    }

    /// The query that lists all objects with this filter.
    fn filter(key: &str, value: &str) -> Query {
        let filters = serde_json::json!({ key: [value] }).to_string();
        Query::of(&[("all", "1"), ("filters", &filters)])
    }

    /// The body of the request, if it has one.
    pub(crate) fn body(&self) -> Option<&str> {
        if let Self::NewVolume(volume) = self {
            Some(&volume.body)
        } else {
            None
        }
    }

    /// The kind of the objects in the reply, and where they are, if it is a list.
    pub(crate) fn list(&self) -> Option<(Object, Place)> {
        match self {
            Self::Labeled(Object::Volume, _) => {
                Some((Object::Volume, Place::Members(&["Volumes"])))
            }
            Self::Labeled(kind, _) => Some((*kind, Place::List)),
            Self::UsersOf(_) => Some((Object::Container, Place::List)),
            Self::Container(_)
            | Self::DefaultRuntime
            | Self::Exec(_)
            | Self::Image(_)
            | Self::Moved { .. }
            | Self::Named(_)
            | Self::Network(_)
            | Self::NewVolume(_)
            | Self::Predecessor(_)
            | Self::Service(_)
            | Self::SwarmObject(..)
            | Self::Tag(_)
            | Self::Volume(_) => None,
        }
    }

    /// Reads the daemon's reply to [`Lookup::call`].
    pub(crate) fn read(&self, reply: &[u8]) -> Result<Answer, Unreadable> {
        Ok(match self {
            Self::Container(_) => Answer::Container(Arc::new(Container::parse(reply)?)),
            Self::DefaultRuntime => Answer::Text(text_at(reply, "DefaultRuntime")?.into()),
            Self::Exec(_) => Answer::Exec(Arc::new(Exec::parse(reply)?)),
            Self::Image(_) | Self::Tag(_) => Answer::Image(Arc::new(Image::parse(reply)?)),
            Self::Labeled(kind, _) => Answer::Listed(listed(*kind, reply)?.into()),
            Self::UsersOf(_) => Answer::Listed(listed(Object::Container, reply)?.into()),
            Self::Network(_) => Answer::Network(Arc::new(Network::parse(reply)?)),
            Self::Moved { .. } | Self::Named(_) | Self::Predecessor(_) => return Err(Unreadable),
            Self::Service(_) => Answer::Service(Arc::new(Service::parse(reply)?)),
            Self::SwarmObject(..) => Answer::SwarmObject(Arc::new(SwarmObject::parse(reply)?)),
            Self::NewVolume(_) | Self::Volume(_) => Answer::Volume(Arc::new(Volume::parse(reply)?)),
        })
    }

    /// The operation that asks the daemon.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        Some(match self {
            Self::Container(_) => Operation::ContainerInspect,
            Self::DefaultRuntime => Operation::SystemInfo,
            Self::Exec(_) => Operation::ExecInspect,
            Self::Image(_) | Self::Tag(_) => Operation::ImageInspect,
            Self::Labeled(Object::Config, _) => Operation::ConfigList,
            Self::Labeled(Object::Network, _) => Operation::NetworkList,
            Self::Labeled(Object::Secret, _) => Operation::SecretList,
            Self::Labeled(Object::Service, _) => Operation::ServiceList,
            Self::Labeled(Object::Volume, _) => Operation::VolumeList,
            Self::Labeled(..) | Self::UsersOf(_) => Operation::ContainerList,
            Self::Network(_) => Operation::NetworkInspect,
            Self::NewVolume(_) => Operation::VolumeCreate,
            Self::Moved { .. } | Self::Named(_) | Self::Predecessor(_) => return None,
            Self::Service(_) => Operation::ServiceInspect,
            Self::SwarmObject(Object::Config, _) => Operation::ConfigInspect,
            Self::SwarmObject(Object::Task, _) => Operation::TaskInspect,
            Self::SwarmObject(..) => Operation::SecretInspect,
            Self::Volume(_) => Operation::VolumeInspect,
        })
    }
}

impl Answers {
    /// Adds an answer. A volume that was created exists from then on.
    pub(crate) fn learn(&mut self, lookup: Lookup, answer: Answer) {
        if let Lookup::NewVolume(volume) = &lookup {
            let name = Lookup::Volume(volume.name.clone());
            self.answers.insert(name, answer.clone());
        }
        self.answers.insert(lookup, answer);
    }

    /// Whether Dockgate created the volume for this request, and no other client did.
    pub(crate) fn has_made(&self, name: &str) -> bool {
        let mut answers = self.answers.iter();
        answers.any(|answer| match answer {
            (Lookup::NewVolume(volume), Answer::Volume(made)) => {
                let mut labels = volume.labels.iter();
                volume.name == name && labels.all(|(key, value)| made.labels.has(key, value))
            }
            _ => false,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }

    /// Every lookup that was answered.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Lookup, &Answer)> {
        self.answers.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The answer to a lookup, if it is known.
    pub(crate) fn answer(&self, lookup: &Lookup) -> Option<&Answer> {
        self.answers.get(lookup)
    }

    /// The answer to a lookup that the verdict depends on.
    pub(crate) fn need(&self, lookup: &Lookup) -> Result<&Answer, NeedsLookup> {
        let answer = self.answers.get(lookup);
        answer.ok_or_else(|| NeedsLookup::Ask(lookup.clone()))
    }
}

/// What prevents a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NeedsLookup {
    /// Something must be looked up.
    Ask(Lookup),
    /// Something that was looked up does not exist.
    Missing(Lookup),
}

/// Generates the functions that get an object that the verdict depends on.
macro_rules! objects {
    ($($name:ident: $kind:ident),+) => { $(
        pub(crate) fn $name(known: &Answers, name: &str) -> Result<Arc<$kind>, NeedsLookup> {
            let lookup = Lookup::$kind(name.to_owned());
            if let Answer::$kind(object) = known.need(&lookup)? {
                return Ok(Arc::clone(object));
            }
            Err(NeedsLookup::Missing(lookup))
        }
    )+ };
}

objects!(container: Container, exec: Exec, image: Image, network: Network, service: Service);

/// The config, secret or task that the verdict depends on.
pub(crate) fn swarm_object(
    known: &Answers,
    kind: Object,
    name: &str,
) -> Result<Arc<SwarmObject>, NeedsLookup> {
    let lookup = Lookup::SwarmObject(kind, name.to_owned());
    if let Answer::SwarmObject(object) = known.need(&lookup)? {
        return Ok(Arc::clone(object));
    }
    Err(NeedsLookup::Missing(lookup))
}

/// The volume with a name, if there is one.
pub(crate) fn volume(known: &Answers, name: &str) -> Result<Option<Arc<Volume>>, NeedsLookup> {
    let lookup = Lookup::Volume(name.to_owned());
    let answer = known.need(&lookup)?;
    if let Answer::Volume(volume) = answer {
        return Ok(Some(Arc::clone(volume)));
    }
    let is_missing = *answer == Answer::Missing;
    is_missing
        .then_some(None)
        .ok_or(NeedsLookup::Missing(lookup))
}

/// The objects in a list.
pub(crate) fn list(known: &Answers, lookup: Lookup) -> Result<Arc<[Listed]>, NeedsLookup> {
    if let Answer::Listed(listed) = known.need(&lookup)? {
        return Ok(Arc::clone(listed));
    }
    Err(NeedsLookup::Missing(lookup))
}

#[cfg(test)]
mod tests;
