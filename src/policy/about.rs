//! The full ids of the objects that a request is about.

use super::answers::{self, Answers};
use crate::docker::network::is_user_defined;
use crate::docker::{Call, Json, Object, Operation};

/// The full ids of the objects that a request is about, if they were looked up. The audit record has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// The id of the object that the path names.
    pub(crate) object_id: Option<String>,
    /// The id of the container that the body names.
    pub(crate) container: Option<String>,
}

impl About {
    /// The ids for a request, from the answers that it was judged with.
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
    Some(answers::container(known, name).ok()?.id.clone())
}

pub(super) fn network_id(known: &Answers, name: &str) -> Option<String> {
    let network = answers::network(known, name).ok()?;
    is_user_defined(name).then(|| network.id.clone())
}

/// The full id of the object that a path names, if it was looked up and has one.
pub(super) fn object_id(call: &Call, known: &Answers) -> Option<String> {
    let (kind, name) = call.objects().next()?;
    match kind {
        Object::Container => container_id(known, name),
        Object::Exec => Some(answers::exec(known, name).ok()?.id.clone()),
        Object::Network => network_id(known, name),
        Object::Service => Some(answers::service(known, name).ok()?.id.clone()),
        Object::Config | Object::Secret | Object::Task => {
            let object = answers::swarm_object(known, kind, name).ok()?;
            Some(object.id.clone())
        }
        // The new name must go to the image that was judged.
        Object::Image if call.operation() == Some(Operation::ImageTag) => {
            let image = answers::image(known, name).ok()?;
            Some(format!("sha256:{}", image.id))
        }
        // These are not looked up, or have no id.
        Object::Checkpoint
        | Object::Image
        | Object::Node
        | Object::Plugin
        | Object::Repository
        | Object::Volume => None,
    }
}
