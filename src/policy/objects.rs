//! What the daemon says of what exists, as far as a judgement depends on it.
//!
//! What a reply must have and does not makes it unreadable, and what cannot be read refuses.

mod labels;

use std::sync::Arc;

use serde::Deserialize;

use crate::docker::Json;
use crate::docker::network::is_user_defined;
use crate::docker::target::is_name;

pub use labels::{IMAGE_LABEL, Labels, POLICY_LABEL, PROJECT_LABELS};

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its full id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// Whether it runs.
    pub is_running: bool,
    /// The full id of its image, without the algorithm; empty where it is not told.
    pub image: String,
    /// `Config` of its inspection.
    pub config: Json<'static>,
    /// `HostConfig` of its inspection.
    pub host_config: Json<'static>,
    /// `Mounts` of its inspection: what is mounted in fact.
    pub mounts: Json<'static>,
    /// `NetworkSettings.Networks` of its inspection.
    pub networks: Json<'static>,
}

/// A process that was made ready to run in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// Its full id.
    pub id: String,
    /// The full id of the container.
    pub container: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Whether it has every capability.
    pub is_privileged: bool,
    /// The user, empty for the container's.
    pub user: String,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Who made it.
    pub driver: String,
    /// The options that it was made with.
    pub options: Vec<(String, String)>,
    /// Its labels.
    pub labels: Labels,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its full id, without the algorithm.
    pub id: String,
    /// What its containers have where nothing else is said; null where it says nothing.
    pub config: Json<'static>,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its full id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who made it; `host` is the host's own.
    pub driver: String,
    /// Its labels.
    pub labels: Labels,
    /// The ids of the containers on it.
    pub containers: Vec<String>,
}

/// The id of Podman's default network, which is the same everywhere and which no client can choose.
const PODMAN_DEFAULT: &str = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9";

/// A service of the swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its full id.
    pub id: String,
    /// Its labels, and those of its containers.
    pub labels: Labels,
    /// The version of its specification, in digits, if it has one.
    pub version: Option<String>,
    /// Its specification.
    pub spec: Json<'static>,
}

/// A reply that is not what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the daemon's answer cannot be read")]
pub struct Unreadable;

impl Container {
    /// Reads the reply of `ContainerInspect`.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
        const KEYS: &[&str] = &[
            "Config",
            "HostConfig",
            "Id",
            "Image",
            "Mounts",
            "Name",
            "NetworkSettings",
            "State",
        ];
        let mut reply = Json::pick(reply, KEYS).ok_or(Unreadable)?;
        let config = object(reply.take("Config"))?;
        let host_config = object(reply.take("HostConfig"))?;
        let mounts = reply.take("Mounts").ok_or(Unreadable)?;
        let settings = reply.get_mut("NetworkSettings");
        let networks = settings.and_then(|settings| settings.take("Networks"));
        let running = reply.get("State").and_then(|state| state.get("Running"));
        let image = text(&reply, "Image").unwrap_or_default();
        Ok(Self {
            id: full_id(text(&reply, "Id")?)?,
            name: text(&reply, "Name")?.trim_start_matches('/').to_owned(),
            is_running: running.is_some_and(Json::is_true),
            image: image.rsplit(':').next().unwrap_or_default().to_owned(),
            config,
            host_config,
            mounts,
            networks: networks.unwrap_or(Json::Null),
        })
    }

    /// Its labels.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.config.get("Labels").map_or(&[][..], Json::members);
        labels
            .iter()
            .filter_map(|(key, value)| Some((&**key, value.text()?)))
    }

    /// The networks that it is put on when it starts, by their ids, or by the names of those that the engine
    /// looks for by name then.
    pub fn joined_networks(&self) -> impl Iterator<Item = &str> {
        let networks = self.networks.members().iter();
        networks.map(|(name, endpoint)| {
            let id = endpoint.get("NetworkID").and_then(Json::text);
            id.filter(|id| !id.is_empty() && is_user_defined(name))
                .unwrap_or(name)
        })
    }

    /// The value of one of its labels.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }
}

impl Exec {
    /// Reads the reply of `ExecInspect`.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Raw {
            #[serde(rename = "ID")]
            id: String,
            #[serde(rename = "ContainerID")]
            container: String,
            #[serde(rename = "ProcessConfig")]
            process: RawProcess,
        }
        #[derive(Deserialize)]
        struct RawProcess {
            entrypoint: String,
            arguments: Option<Vec<String>>,
            // Left out when it was not asked for.
            privileged: Option<bool>,
            user: Option<String>,
        }
        let Raw {
            id,
            container,
            process,
        } = serde_json::from_slice(reply).map_err(|_| Unreadable)?;
        let mut command = vec![process.entrypoint];
        command.extend(process.arguments.unwrap_or_default());
        Ok(Self {
            id: Some(id).filter(|id| is_name(id)).ok_or(Unreadable)?,
            container: full_id(&container)?,
            command,
            is_privileged: process.privileged.unwrap_or_default(),
            user: process.user.unwrap_or_default(),
        })
    }
}

impl Volume {
    /// Reads the reply of `VolumeInspect`.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Raw {
            driver: String,
            options: Option<std::collections::BTreeMap<String, String>>,
            labels: Option<std::collections::BTreeMap<String, String>>,
        }
        let raw: Raw = serde_json::from_slice(reply).map_err(|_| Unreadable)?;
        Ok(Self {
            driver: raw.driver,
            options: raw.options.unwrap_or_default().into_iter().collect(),
            labels: raw.labels.unwrap_or_default().into_iter().collect(),
        })
    }
}

impl Service {
    /// Reads the reply of `ServiceInspect`.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
        let mut reply = Json::pick(reply, &["ID", "Spec", "Version"]).ok_or(Unreadable)?;
        let version = reply
            .get("Version")
            .and_then(|version| version.get("Index"));
        let version = match version {
            Some(Json::Number(index)) => Some(index.to_string()),
            Some(_) | None => None,
        };
        let spec = reply.get("Spec");
        let task = spec.and_then(|spec| spec.get("TaskTemplate")?.get("ContainerSpec"));
        let labels = [spec, task].into_iter().flatten().map(Labels::of);
        let labels: Labels = labels.flatten().collect();
        Ok(Self {
            id: text(&reply, "ID")?.to_owned(),
            labels,
            version,
            spec: reply.take("Spec").unwrap_or(Json::Null),
        })
    }
}

impl Network {
    /// Whether it is the daemon's own that leads nowhere. There is one, and no client can make another.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.driver == "null" && self.name == "none"
    }

    /// Whether it is the one that the daemon puts containers on by itself: `bridge` of Docker, or Podman's, of
    /// which the name alone says nothing, as a client of Docker can choose it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.name == "bridge" || self.id == PODMAN_DEFAULT
    }

    /// Reads the reply of `NetworkInspect`.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
        const KEYS: &[&str] = &["Containers", "Driver", "Id", "Labels", "Name"];
        let reply = Json::pick(reply, KEYS).ok_or(Unreadable)?;
        let containers = reply.get("Containers").map_or(&[][..], Json::members);
        Ok(Self {
            id: text(&reply, "Id")?.to_owned(),
            name: text(&reply, "Name")?.to_owned(),
            driver: text(&reply, "Driver")?.to_owned(),
            labels: Labels::of(&reply),
            containers: containers.iter().map(|(id, _)| id.to_string()).collect(),
        })
    }
}

impl Image {
    /// Reads the reply of `ImageInspect`.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
        let mut reply = Json::pick(reply, &["Config", "Id"]).ok_or(Unreadable)?;
        let id = text(&reply, "Id")?;
        Ok(Self {
            id: full_id(id.trim_start_matches("sha256:"))?,
            config: reply.take("Config").unwrap_or(Json::Null),
        })
    }

    /// Whether it was made through a policy and got this name then. What is made of another image has that
    /// image's labels too, and so is told by the name.
    #[must_use]
    pub fn was_made_as(&self, name: &str, policy: &str) -> bool {
        let label = self
            .config
            .get("Labels")
            .and_then(|labels| labels.get(IMAGE_LABEL));
        let stamp = label.and_then(Json::text).unwrap_or_default();
        let names = stamp
            .strip_prefix(policy)
            .and_then(|rest| rest.strip_prefix(' '));
        names.is_some_and(|names| names.split(' ').any(|named| named == name))
    }
}

/// The policies through which the objects of a list were made, as their labels say; `None` for each that
/// says nothing.
///
/// # Errors
///
/// It is no list of containers, networks or volumes.
pub fn marks_of(reply: &[u8]) -> Result<Vec<Option<String>>, Unreadable> {
    let reply = Json::pick(reply, &["Labels", "Volumes"]).ok_or(Unreadable)?;
    // Volumes stand in an object, in which none at all are a null.
    let list = if let Json::Object(_) = &reply {
        reply.get("Volumes").ok_or(Unreadable)?
    } else {
        &reply
    };
    let items = match list {
        Json::List(items) => items.as_slice(),
        Json::Null => &[],
        Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => {
            return Err(Unreadable);
        }
    };
    let mark = |item| Labels::of(item).policy().map(str::to_owned);
    Ok(items.iter().map(mark).collect())
}

/// The string at one place of a reply.
///
/// # Errors
///
/// There is none.
pub fn text_at(reply: &[u8], key: &str) -> Result<String, Unreadable> {
    let reply = Json::pick(reply, &[key]).ok_or(Unreadable)?;
    text(&reply, key).map(str::to_owned)
}

fn text<'a>(reply: &'a Json<'_>, key: &str) -> Result<&'a str, Unreadable> {
    reply.get(key).and_then(Json::text).ok_or(Unreadable)
}

fn object(value: Option<Json<'static>>) -> Result<Json<'static>, Unreadable> {
    let object = value.filter(|value| matches!(value, Json::Object(_)));
    object.ok_or(Unreadable)
}

/// Whether a text is the full id of a container, which no other container can be found by.
#[must_use]
pub fn is_full_id(text: &str) -> bool {
    const DIGITS: usize = 64;
    text.len() == DIGITS
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn full_id(text: &str) -> Result<String, Unreadable> {
    Some(text)
        .filter(|text| is_full_id(text))
        .map(str::to_owned)
        .ok_or(Unreadable)
}

/// A container as it is shared by those who judge with it.
pub type SharedContainer = Arc<Container>;

#[cfg(test)]
mod tests;
