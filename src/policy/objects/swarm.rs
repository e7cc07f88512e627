//! Services, and other objects of the swarm. Unlike those of other objects, their labels can change.

use super::{Labels, Unreadable, text};
use crate::docker::Json;

/// A service of the swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Its labels and those of its containers.
    pub(crate) labels: Labels,
    /// The version of its specification, in digits, if it has one.
    pub(crate) version: Option<String>,
    pub(crate) spec: Json<'static>,
    /// The specification that a rollback brings back; null if there is none.
    pub(crate) previous: Json<'static>,
}

/// A config, a secret or a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SwarmObject {
    pub(crate) id: String,
    /// Its name; empty for a task.
    pub(crate) name: String,
    pub(crate) labels: Labels,
    /// The version of a config or secret, in digits, if it has one.
    pub(crate) version: Option<String>,
    /// The id of a task's service; empty if it has none.
    pub(crate) service: String,
}

impl Service {
    pub(crate) fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
        const KEYS: &[&str] = &["ID", "PreviousSpec", "Spec", "Version"];
        let mut reply = Json::pick(reply, KEYS).ok_or(Unreadable)?;
        let labeled = [
            reply.at("Spec"),
            reply.at("Spec").at("TaskTemplate").at("ContainerSpec"),
        ];
        Ok(Self {
            id: text(&reply, "ID")?.to_owned(),
            name: reply.at("Spec").text_at("Name").to_owned(),
            labels: Labels::of(&labeled),
            version: version(&reply),
            spec: reply.take("Spec").unwrap_or(Json::Null),
            previous: reply.take("PreviousSpec").unwrap_or(Json::Null),
        })
    }

    /// A label of the service itself, not of its containers.
    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.spec.at("Labels").get(key).and_then(Json::text)
    }
}

impl SwarmObject {
    pub(crate) fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
        const KEYS: &[&str] = &["ID", "ServiceID", "Spec", "Version"];
        let reply = Json::pick(reply, KEYS).ok_or(Unreadable)?;
        let spec = reply.at("Spec");
        Ok(Self {
            id: text(&reply, "ID")?.to_owned(),
            name: spec.text_at("Name").to_owned(),
            labels: Labels::of(&[spec]),
            version: version(&reply),
            service: reply.text_at("ServiceID").to_owned(),
        })
    }
}

fn version(reply: &Json<'_>) -> Option<String> {
    match reply.at("Version").at("Index") {
        Json::Number(index) => Some(index.to_string()),
        Json::Null | Json::Bool(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => None,
    }
}
