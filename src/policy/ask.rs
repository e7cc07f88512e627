//! What must be known of the daemon's objects before a request can be judged: a closed set of
//! questions, and their answers.
//!
//! The judgement says what it lacks; whoever sends asks the daemon and has it judge again. Nothing here
//! does I/O.

use std::sync::Arc;

use super::facts::{Container, Exec, Network, Service, Unreadable, Volume, config_of, text_at};
use crate::docker::target::is_name;
use crate::docker::{Call, Json, Operation, Target, classify};

/// Something that must be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The container of a name or id.
    Container(String),
    /// The runtime that the daemon takes when none is named.
    DefaultRuntime,
    /// The exec of an id.
    Exec(String),
    /// What the containers of the image of an id have where nothing else is said.
    Image(String),
    /// The network of a name or id.
    Network(String),
    /// What the container of this name had when it was last taken away through Dockgate; without a name,
    /// what each had that was taken away. Not asked of the daemon.
    Predecessor(String),
    /// The service of a name or id.
    Service(String),
    /// The volume of a name.
    Volume(String),
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
    /// `Config` of the image.
    Image(Arc<Json<'static>>),
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
pub struct Known {
    answers: Vec<(Lookup, Answer)>,
}

impl Lookup {
    /// The request that asks the daemon; `None` for what it is not asked, or for what can be the name
    /// of nothing.
    #[must_use]
    pub fn call(&self) -> Option<Call> {
        let (prefix, name, suffix) = match self {
            Self::Container(name) => ("/containers/", name.as_str(), "/json"),
            Self::DefaultRuntime => ("/info", "", ""),
            Self::Exec(id) => ("/exec/", id.as_str(), "/json"),
            Self::Image(id) => ("/images/", id.as_str(), "/json"),
            Self::Network(name) => ("/networks/", name.as_str(), ""),
            Self::Predecessor(_) => return None,
            Self::Service(name) => ("/services/", name.as_str(), ""),
            Self::Volume(name) => ("/volumes/", name.as_str(), ""),
        };
        if !name.is_empty() && !is_name(name) {
            return None;
        }
        let target = [prefix, name, suffix].concat();
        classify("GET", Target::parse(&target).ok()?).ok()
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
            Self::Image(_) => Answer::Image(Arc::new(config_of(reply)?)),
            Self::Network(_) => Answer::Network(Arc::new(Network::parse(reply)?)),
            Self::Predecessor(_) => return Err(Unreadable),
            Self::Service(_) => Answer::Service(Arc::new(Service::parse(reply)?)),
            Self::Volume(_) => Answer::Volume(Arc::new(Volume::parse(reply)?)),
        })
    }

    /// The operation by which the daemon is asked.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        Some(match self {
            Self::Container(_) => Operation::ContainerInspect,
            Self::DefaultRuntime => Operation::SystemInfo,
            Self::Exec(_) => Operation::ExecInspect,
            Self::Image(_) => Operation::ImageInspect,
            Self::Network(_) => Operation::NetworkInspect,
            Self::Predecessor(_) => return None,
            Self::Service(_) => Operation::ServiceInspect,
            Self::Volume(_) => Operation::VolumeInspect,
        })
    }
}

impl Known {
    /// Adds an answer.
    pub fn learn(&mut self, lookup: Lookup, answer: Answer) {
        self.answers.push((lookup, answer));
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
        self.answers
            .iter()
            .find(|(asked, _)| asked == lookup)
            .map(|(_, answer)| answer)
    }

    /// The container of a name or id, if it was looked up and is there.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&Arc<Container>> {
        let mut answers = self.answers.iter();
        answers.find_map(|(asked, answer)| match (asked, answer) {
            (Lookup::Container(asked), Answer::Container(container)) if asked == name => {
                Some(container)
            }
            _ => None,
        })
    }
}

/// What is still missing to a judgement, or forbids it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsettled {
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
            pub fn $name(known: &Known, name: &str) -> Result<Arc<$kind>, Unsettled> {
                let lookup = Lookup::$kind(name.to_owned());
                match known.answer(&lookup) {
                    Some(Answer::$kind(object)) => Ok(Arc::clone(object)),
                    Some(_) => Err(Unsettled::Missing(lookup)),
                    None => Err(Unsettled::Ask(lookup)),
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
pub fn volume(known: &Known, name: &str) -> Result<Option<Arc<Volume>>, Unsettled> {
    let lookup = Lookup::Volume(name.to_owned());
    match known.answer(&lookup) {
        Some(Answer::Volume(volume)) => Ok(Some(Arc::clone(volume))),
        Some(_) => Ok(None),
        None => Err(Unsettled::Ask(lookup)),
    }
}

#[cfg(test)]
mod tests;
