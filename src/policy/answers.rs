//! What must be known of the daemon's objects before a request can be judged: a closed set of
//! questions, and their answers.
//!
//! The judgement says what it lacks; whoever sends asks the daemon and has it judge again. Nothing here
//! does I/O.

use std::collections::HashMap;
use std::sync::Arc;

use crate::docker::network::is_network_name;
use crate::docker::query::Query;
use crate::docker::target::is_name;
use crate::docker::{Call, Object, Operation, Subject, Target, classify};
use crate::policy::objects::{
    Container, Exec, Image, Network, Service, Unreadable, Volume, marks_of, text_at,
};

/// Something that must be known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// The container of a name or id.
    Container(String),
    /// The runtime that the daemon takes when none is named.
    DefaultRuntime,
    /// The exec of an id.
    Exec(String),
    /// The image of a name or id.
    Image(String),
    /// The objects of a kind, a container, network or volume, that have a label, `key=value`.
    Labelled(Object, String),
    /// The image that got this name through a policy, by its full id. Not asked of the daemon.
    Moved {
        /// The mark of the policy.
        policy: String,
        /// The name, written out.
        name: String,
    },
    /// The network of a name or id.
    Network(String),
    /// The volume that this makes, if there is none of its name.
    NewVolume(Box<NewVolume>),
    /// What the container of this name had when it was last taken away through Dockgate; without a name,
    /// what each had that was taken away. Not asked of the daemon.
    Predecessor(String),
    /// The service of a name or id.
    Service(String),
    /// The image that has a name, written out, if one has.
    Tag(String),
    /// The containers that have a volume mounted.
    UsersOf(String),
    /// The volume of a name.
    Volume(String),
}

/// A volume that a container is to have mounted and that is not there yet. The daemon would make it without
/// labels, so it is made first; and where another client was faster, the labels in the reply are those of
/// the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NewVolume {
    /// Its name.
    pub name: String,
    /// The mark of the policy that it is made through.
    pub mark: String,
    /// The body of the request that makes it.
    pub body: String,
}

/// What is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The container.
    Container(Arc<Container>),
    /// The containers that were taken away; of one, each state that it was in meanwhile.
    Containers(Vec<Arc<Container>>),
    /// The exec.
    Exec(Arc<Exec>),
    /// The image.
    Image(Arc<Image>),
    /// The policies that the objects of a list were made through.
    Marks(Arc<[Option<String>]>),
    /// The network.
    Network(Arc<Network>),
    /// The service.
    Service(Arc<Service>),
    /// A name.
    Text(Arc<str>),
    /// The volume.
    Volume(Arc<Volume>),
    /// There is none.
    Missing,
}

/// What is known so far.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    answers: HashMap<Lookup, Answer>,
}

impl Lookup {
    /// The request that asks the daemon; `None` for what it is not asked, or for what can be the name
    /// of nothing.
    #[must_use]
    pub fn call(&self) -> Option<Call> {
        let (path, name) = match self {
            Self::Container(name) => ("/containers/{}/json", name.as_str()),
            Self::DefaultRuntime => ("/info", ""),
            Self::Exec(id) => ("/exec/{}/json", id.as_str()),
            Self::Image(name) | Self::Tag(name) => ("/images/{}/json", name.as_str()),
            Self::Labelled(Object::Network, _) => ("/networks", ""),
            Self::Labelled(Object::Volume, _) => ("/volumes", ""),
            Self::Labelled(..) | Self::UsersOf(_) => ("/containers/json", ""),
            Self::Network(name) => ("/networks/{}", name.as_str()),
            Self::NewVolume(_) => ("/volumes/create", ""),
            Self::Moved { .. } | Self::Predecessor(_) => return None,
            Self::Service(name) => ("/services/{}", name.as_str()),
            Self::Volume(name) => ("/volumes/{}", name.as_str()),
        };
        let is_image = matches!(self, Self::Image(_) | Self::Tag(_));
        let is_network = matches!(self, Self::Network(_));
        if is_network && !is_network_name(name) {
            return None;
        }
        if !name.is_empty() && !is_image && !is_network && !is_name(name) {
            return None;
        }
        let method = if let Self::NewVolume(_) = self {
            "POST"
        } else {
            "GET"
        };
        // A slash in the name of a network says nothing but itself, and the rest has no spelling in a target.
        let plain = if is_network { "x" } else { name };
        let target = path.replace("{}", plain);
        let mut call = classify(method, Target::parse(&target).ok()?).ok()?;
        // A name with a slash in it could lead elsewhere.
        (call.operation() == self.operation()).then_some(())?;
        if let (true, Subject::Operation { names, .. }) = (is_network, &mut call.subject) {
            *names = vec![name.to_owned()];
        }
        match self {
            Self::Labelled(_, label) => call.query = Self::filter("label", label),
            Self::UsersOf(volume) => call.query = Self::filter("volume", volume),
            Self::Container(_)
            | Self::DefaultRuntime
            | Self::Exec(_)
            | Self::Image(_)
            | Self::Moved { .. }
            | Self::Network(_)
            | Self::NewVolume(_)
            | Self::Predecessor(_)
            | Self::Service(_)
            | Self::Tag(_)
            | Self::Volume(_) => {}
        }
        Some(call)
    }

    /// The query of a list of all objects that have something.
    fn filter(key: &str, value: &str) -> Query {
        let filters = serde_json::json!({ key: [value] }).to_string();
        Query::of(&[("all", "1"), ("filters", &filters)])
    }

    /// The body of the request, of one that has a body.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        if let Self::NewVolume(volume) = self {
            Some(&volume.body)
        } else {
            None
        }
    }

    /// Reads the daemon's reply to [`Lookup::call`].
    ///
    /// # Errors
    ///
    /// It is not what it must be.
    pub fn read(&self, reply: &[u8]) -> Result<Answer, Unreadable> {
        Ok(match self {
            Self::Container(_) => Answer::Container(Arc::new(Container::parse(reply)?)),
            Self::DefaultRuntime => Answer::Text(text_at(reply, "DefaultRuntime")?.into()),
            Self::Exec(_) => Answer::Exec(Arc::new(Exec::parse(reply)?)),
            Self::Image(_) | Self::Tag(_) => Answer::Image(Arc::new(Image::parse(reply)?)),
            Self::Labelled(..) | Self::UsersOf(_) => Answer::Marks(marks_of(reply)?.into()),
            Self::Network(_) => Answer::Network(Arc::new(Network::parse(reply)?)),
            Self::Moved { .. } | Self::Predecessor(_) => return Err(Unreadable),
            Self::Service(_) => Answer::Service(Arc::new(Service::parse(reply)?)),
            Self::NewVolume(_) | Self::Volume(_) => Answer::Volume(Arc::new(Volume::parse(reply)?)),
        })
    }

    /// The operation by which the daemon is asked.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        Some(match self {
            Self::Container(_) => Operation::ContainerInspect,
            Self::DefaultRuntime => Operation::SystemInfo,
            Self::Exec(_) => Operation::ExecInspect,
            Self::Image(_) | Self::Tag(_) => Operation::ImageInspect,
            Self::Labelled(Object::Network, _) => Operation::NetworkList,
            Self::Labelled(Object::Volume, _) => Operation::VolumeList,
            Self::Labelled(..) | Self::UsersOf(_) => Operation::ContainerList,
            Self::Network(_) => Operation::NetworkInspect,
            Self::NewVolume(_) => Operation::VolumeCreate,
            Self::Moved { .. } | Self::Predecessor(_) => return None,
            Self::Service(_) => Operation::ServiceInspect,
            Self::Volume(_) => Operation::VolumeInspect,
        })
    }
}

impl Answers {
    /// Adds an answer. A volume that was made is there from then on.
    pub fn learn(&mut self, lookup: Lookup, answer: Answer) {
        if let Lookup::NewVolume(volume) = &lookup {
            let name = Lookup::Volume(volume.name.clone());
            self.answers.insert(name, answer.clone());
        }
        self.answers.insert(lookup, answer);
    }

    /// Whether a volume was made for the request, and by nobody else meanwhile.
    #[must_use]
    pub fn has_made(&self, name: &str) -> bool {
        self.answers
            .iter()
            .any(|(asked, answer)| match (asked, answer) {
                (Lookup::NewVolume(volume), Answer::Volume(made)) if volume.name == name => {
                    made.labels.policy() == Some(&volume.mark)
                }
                _ => false,
            })
    }

    /// How many questions were answered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// What is known of something.
    #[must_use]
    pub fn answer(&self, lookup: &Lookup) -> Option<&Answer> {
        self.answers.get(lookup)
    }
}

/// What is still missing to a judgement, or forbids it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NeedsLookup {
    /// Something must be looked up.
    Ask(Lookup),
    /// Something that was looked up does not exist.
    Missing(Lookup),
}

/// Makes the functions by which a judgement finds out what it must know.
macro_rules! objects {
    ($($(#[$doc:meta])+ $name:ident: $kind:ident;)+) => {
        $(
            $(#[$doc])+
            ///
            /// # Errors
            ///
            /// It must be looked up, or there is none.
            pub fn $name(known: &Answers, name: &str) -> Result<Arc<$kind>, NeedsLookup> {
                let lookup = Lookup::$kind(name.to_owned());
                match known.answer(&lookup) {
                    Some(Answer::$kind(object)) => Ok(Arc::clone(object)),
                    Some(_) => Err(NeedsLookup::Missing(lookup)),
                    None => Err(NeedsLookup::Ask(lookup)),
                }
            }
        )+
    };
}

objects! {
    /// The container of a name or id.
    container: Container;
    /// What an exec's id stands for.
    exec: Exec;
    /// The image of a name or id.
    image: Image;
    /// The network of a name or id.
    network: Network;
    /// The service of a name or id.
    service: Service;
}

/// The volume of a name, if there is one.
///
/// # Errors
///
/// It must be looked up.
pub fn volume(known: &Answers, name: &str) -> Result<Option<Arc<Volume>>, NeedsLookup> {
    let lookup = Lookup::Volume(name.to_owned());
    match known.answer(&lookup) {
        Some(Answer::Volume(volume)) => Ok(Some(Arc::clone(volume))),
        Some(_) => Ok(None),
        None => Err(NeedsLookup::Ask(lookup)),
    }
}

/// The policies that the objects of a list were made through.
///
/// # Errors
///
/// They must be looked up.
pub fn marks(known: &Answers, lookup: Lookup) -> Result<Arc<[Option<String>]>, NeedsLookup> {
    match known.answer(&lookup) {
        Some(Answer::Marks(marks)) => Ok(Arc::clone(marks)),
        Some(_) => Err(NeedsLookup::Missing(lookup)),
        None => Err(NeedsLookup::Ask(lookup)),
    }
}

#[cfg(test)]
mod tests;
