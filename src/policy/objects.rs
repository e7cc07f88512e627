//! Existing objects as the daemon describes them, as far as verdicts depend on them.
//!
//! Each is parsed from the reply to its inspection, and its id is the full one. A reply that lacks something is
//! unreadable, and then the request is denied.

mod listed;
mod swarm;

use std::net::IpAddr;

pub(crate) use listed::{Listed, listed};
use serde::Deserialize;
pub(crate) use swarm::{Service, SwarmObject};

use crate::docker::network::is_user_defined;
use crate::docker::target::is_name;
use crate::docker::{Json, Reference};
use crate::policy::owner::{IMAGE_LABEL, Owner};

/// The labels with which Compose and swarm stacks find their objects.
pub(crate) const PROJECT_LABELS: &[&str] =
    &["com.docker.compose.project", "com.docker.stack.namespace"];

/// The labels of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels(Vec<(String, String)>);

impl Labels {
    /// The `Labels` of these objects together.
    pub(crate) fn of(objects: &[&Json]) -> Self {
        let labels = objects
            .iter()
            .flat_map(|object| object.at("Labels").members());
        let labels = labels.map(|(key, value)| Some((key.to_string(), value.text()?.to_owned())));
        Self(labels.flatten().collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub(crate) fn has(&self, key: &str, value: &str) -> bool {
        self.0.iter().any(|(name, had)| name == key && had == value)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether they are those of an object of this owner.
    pub(crate) fn are_of(&self, owner: Owner<'_>) -> bool {
        owner.owns(|key| self.get(key))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: String,
    /// Its name, without the slash.
    pub(crate) name: String,
    pub(crate) is_running: bool,
    /// The full id of its image, without the algorithm; empty if the daemon does not report it.
    pub(crate) image: String,
    /// `Config` of its inspection.
    pub(crate) config: Json<'static>,
    /// `HostConfig` of its inspection.
    pub(crate) host_config: Json<'static>,
    /// `Mounts` of its inspection: what is actually mounted.
    pub(crate) mounts: Json<'static>,
    /// `NetworkSettings.Networks` of its inspection.
    pub(crate) networks: Json<'static>,
}

/// A process that was prepared to run in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exec {
    pub(crate) id: String,
    /// The full id of the container.
    pub(crate) container: String,
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
    /// Whether it has every capability.
    pub(crate) is_privileged: bool,
    /// The user; empty means the container's user.
    pub(crate) user: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    /// Who made it.
    pub(crate) driver: String,
    pub(crate) options: Vec<(String, String)>,
    pub(crate) labels: Labels,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// Its full id, without the algorithm.
    pub(crate) id: String,
    /// The defaults for its containers; null if it has none.
    pub(crate) config: Json<'static>,
    /// Its full names.
    pub(crate) tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Its driver; `host` is the host's own network.
    pub(crate) driver: String,
    pub(crate) labels: Labels,
    /// The ids of the containers on it.
    pub(crate) containers: Vec<String>,
    /// Their addresses there, each with the container's id.
    pub(crate) addresses: Vec<(IpAddr, String)>,
    /// Its ranges of addresses, as the daemon writes them.
    pub(crate) subnets: Vec<String>,
}

/// The id of Podman's default network. It is the same everywhere, and no client can choose it.
const PODMAN_DEFAULT: &str = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9";

/// A reply that Dockgate cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the daemon's answer cannot be read")]
pub(crate) struct Unreadable;

impl Container {
    pub(crate) fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
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
        let mut object = |key| {
            let object = reply.take(key);
            let object = object.filter(|value| matches!(value, Json::Object(_)));
            object.ok_or(Unreadable)
        };
        let (config, host_config) = (object("Config")?, object("HostConfig")?);
        let networks = reply.get_mut("NetworkSettings");
        let networks = networks.and_then(|settings| settings.take("Networks"));
        let image = reply.text_at("Image").rsplit(':').next();
        Ok(Self {
            id: full_id(text(&reply, "Id")?)?,
            name: text(&reply, "Name")?.trim_start_matches('/').to_owned(),
            is_running: reply.at("State").at("Running").is_true(),
            image: image.unwrap_or_default().to_owned(),
            config,
            host_config,
            mounts: reply.take("Mounts").ok_or(Unreadable)?,
            networks: networks.unwrap_or(Json::Null),
        })
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.config.at("Labels").members().iter();
        labels.filter_map(|(key, value)| Some((&**key, value.text()?)))
    }

    /// The networks that it is connected to when it starts: their ids, or the names of those that the engine then looks
    /// up by name.
    pub(crate) fn joined_networks(&self) -> impl Iterator<Item = &str> {
        let networks = self.networks.members().iter();
        networks.map(|(name, endpoint)| match endpoint.text_at("NetworkID") {
            id if !id.is_empty() && is_user_defined(name) => id,
            _ => name,
        })
    }

    /// Whether it is running and has this address on a network.
    pub(crate) fn has_address(&self, network: &str, address: IpAddr) -> bool {
        let mut networks = self.networks.members().iter();
        self.is_running
            && networks.any(|(_, endpoint)| {
                let keys = ["IPAddress", "GlobalIPv6Address"];
                let mut own = keys.iter().map(|key| endpoint.text_at(key).parse());
                endpoint.text_at("NetworkID") == network && own.any(|it| it == Ok(address))
            })
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        let found = self.labels().find(|(name, _)| *name == key);
        found.map(|(_, value)| value)
    }

    /// Whether this owner created it.
    pub(crate) fn is_of(&self, owner: Owner<'_>) -> bool {
        owner.owns(|key| self.label(key))
    }
}

impl Exec {
    pub(crate) fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
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
            // Missing if the client did not set it.
            privileged: Option<bool>,
            user: Option<String>,
        }
        let raw: Raw = serde_json::from_slice(reply).map_err(|_| Unreadable)?;
        let process = raw.process;
        let mut command = vec![process.entrypoint];
        command.extend(process.arguments.unwrap_or_default());
        Ok(Self {
            id: Some(raw.id).filter(|id| is_name(id)).ok_or(Unreadable)?,
            container: full_id(&raw.container)?,
            command,
            is_privileged: process.privileged.unwrap_or_default(),
            user: process.user.unwrap_or_default(),
        })
    }
}

impl Volume {
    pub(crate) fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
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
            labels: Labels(raw.labels.unwrap_or_default().into_iter().collect()),
        })
    }
}

impl Network {
    /// Whether it is the daemon's network `none`. There is one, and no client can create another.
    pub(crate) fn is_none(&self) -> bool {
        self.driver == "null" && self.name == "none"
    }

    /// Whether it is the daemon's default network: Docker's `bridge`, or Podman's. Podman's is found by its id, because
    /// on Docker a client can choose its name.
    pub(crate) fn is_default(&self) -> bool {
        self.name == "bridge" || self.id == PODMAN_DEFAULT
    }

    pub(crate) fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
        const KEYS: &[&str] = &["Containers", "Driver", "IPAM", "Id", "Labels", "Name"];
        let reply = Json::pick(reply, KEYS).ok_or(Unreadable)?;
        let containers = reply.at("Containers").members().iter();
        let addresses = containers.clone().flat_map(|(id, endpoint)| {
            let texts = ["IPv4Address", "IPv6Address"].map(|key| endpoint.text_at(key));
            // Each has the length of its prefix behind it.
            let parsed = texts.map(|text| text.split('/').next()?.parse().ok());
            parsed
                .into_iter()
                .flatten()
                .map(|address| (address, id.to_string()))
        });
        let ranges = reply.at("IPAM").at("Config").items().iter();
        let subnets = ranges.map(|range| range.text_at("Subnet").to_owned());
        Ok(Self {
            addresses: addresses.collect(),
            id: text(&reply, "Id")?.to_owned(),
            name: text(&reply, "Name")?.to_owned(),
            driver: text(&reply, "Driver")?.to_owned(),
            labels: Labels::of(&[&reply]),
            containers: containers.map(|(id, _)| id.to_string()).collect(),
            subnets: subnets.collect(),
        })
    }
}

impl Image {
    pub(crate) fn parse(reply: &[u8]) -> Result<Self, Unreadable> {
        let mut reply = Json::pick(reply, &["Config", "Id", "RepoTags"]).ok_or(Unreadable)?;
        let id = text(&reply, "Id")?;
        let tags = reply.at("RepoTags").texts();
        let tags = tags.filter_map(|tag| Some(Reference::of_tag(tag)?.to_string()));
        Ok(Self {
            tags: tags.collect(),
            id: full_id(id.trim_start_matches("sha256:"))?,
            config: reply.take("Config").unwrap_or(Json::Null),
        })
    }

    /// An image in a list, or its inspection, with the label that says who made it.
    pub(crate) fn shown(image: &Json<'_>) -> Option<Self> {
        let labels = image.get("Config").unwrap_or(image).at("Labels");
        let label = Json::Text(labels.text_at(IMAGE_LABEL).to_owned().into());
        let labels = Json::Object(vec![(IMAGE_LABEL.into(), label)]);
        let tags = image.at("RepoTags").texts();
        let tags = tags.filter_map(|tag| Some(Reference::of_tag(tag)?.to_string()));
        Some(Self {
            id: full_id(image.text_at("Id").trim_start_matches("sha256:")).ok()?,
            config: Json::Object(vec![("Labels".into(), labels)]),
            tags: tags.collect(),
        })
    }

    /// Whether this owner created it and it got this name then. An image that is built from another one also has that
    /// image's labels, but not its name.
    pub(crate) fn was_made_as(&self, name: &str, owner: Owner<'_>) -> bool {
        let label = self.config.at("Labels").get(IMAGE_LABEL);
        let label = label.and_then(Json::text).unwrap_or_default();
        owner.names_in(label).any(|named| named == name)
    }
}

/// The string at a key of a reply.
pub(crate) fn text_at(reply: &[u8], key: &str) -> Result<String, Unreadable> {
    let reply = Json::pick(reply, &[key]).ok_or(Unreadable)?;
    text(&reply, key).map(str::to_owned)
}

fn text<'a>(reply: &'a Json<'_>, key: &str) -> Result<&'a str, Unreadable> {
    reply.get(key).and_then(Json::text).ok_or(Unreadable)
}

/// Whether a text is a full id, which cannot find any other object.
pub(crate) fn is_full_id(text: &str) -> bool {
    const DIGITS: usize = 64;
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == DIGITS && text.bytes().all(is_digit)
}

fn full_id(text: &str) -> Result<String, Unreadable> {
    let id = is_full_id(text).then(|| text.to_owned());
    id.ok_or(Unreadable)
}

#[cfg(test)]
mod tests;
