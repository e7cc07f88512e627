//! The full ids of what a request is about.

use super::answers::{Answer, Answers, Lookup};
use crate::docker::network::is_user_defined;
use crate::docker::{Call, Json, Object, Operation};

/// The full ids of what a request is about, of those that were looked up. The record has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Of the object that the path names.
    pub object_id: Option<String>,
    /// Of the container that the body names.
    pub container: Option<String>,
}

impl About {
    /// What a request is about, as it was judged.
    pub(crate) fn of(call: &Call, body: Option<&Json>, known: &Answers) -> Self {
        let container = body.and_then(|body| body.get("Container")?.text());
        Self {
            object_id: object_id(call, known),
            container: container.and_then(|name| container_id(known, name)),
        }
    }
}

pub(super) fn container_id(known: &Answers, name: &str) -> Option<String> {
    let name = name.strip_prefix('/').unwrap_or(name);
    known.container(name).map(|container| container.id.clone())
}

pub(super) fn network_id(known: &Answers, name: &str) -> Option<String> {
    match known.answer(&Lookup::Network(name.to_owned())) {
        Some(Answer::Network(network)) if is_user_defined(name) => Some(network.id.clone()),
        Some(_) | None => None,
    }
}

/// The full id of the object that a path names, if it was looked up and has one.
pub(super) fn object_id(call: &Call, known: &Answers) -> Option<String> {
    let (kind, name) = call.objects().next()?;
    match kind {
        Object::Container => container_id(known, name),
        Object::Exec => match known.answer(&Lookup::Exec(name.to_owned())) {
            Some(Answer::Exec(exec)) => Some(exec.id.clone()),
            Some(_) | None => None,
        },
        Object::Network => network_id(known, name),
        Object::Service => match known.answer(&Lookup::Service(name.to_owned())) {
            Some(Answer::Service(service)) => Some(service.id.clone()),
            Some(_) | None => None,
        },
        // The name that an image gets goes to the one that has the other name now.
        Object::Image if call.operation() == Some(Operation::ImageTag) => {
            match known.answer(&Lookup::Image(name.to_owned())) {
                Some(Answer::Image(image)) => Some(format!("sha256:{}", image.id)),
                Some(_) | None => None,
            }
        }
        // What they name is not looked up, or is named by nothing but its name.
        Object::Checkpoint
        | Object::Config
        | Object::Image
        | Object::Node
        | Object::Plugin
        | Object::Repository
        | Object::Secret
        | Object::Task
        | Object::Volume => None,
    }
}
