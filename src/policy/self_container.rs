//! Dockgate's own container, and what no policy can allow to do with it.

pub(crate) mod exposure;
mod raw;

use std::collections::BTreeSet;

use crate::docker::mount::{Access, is_on_mount_below};
use crate::docker::network::is_user_defined;
use crate::docker::reference::Version;
use crate::docker::{Json, Object, Reference};
use crate::policy::answers::{self, Answers, NeedsLookup};
use crate::policy::keys::Reaches;
use crate::policy::objects::{Container, is_full_id};
use crate::policy::owner::POLICY_LABEL;
use crate::policy::requirement::{Requirement, Touch, What};
use crate::policy::requirements::ANY_NUMBER;
use crate::policy::value::Value;

/// What is known about Dockgate's own container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SelfContainer {
    pub(crate) id: String,
    name: String,
    /// Every name under which other containers find it, folded.
    names: BTreeSet<String>,
    /// The full id of the service, if it is a task of one.
    service: Option<String>,
    /// The full id and the name of that task; empty if it is not a task.
    task: [String; 2],
    /// The full id of its image, without the algorithm; empty if unknown.
    image_id: String,
    /// The names and the ids of the networks that it is on.
    networks: Vec<(String, String)>,
    /// The name of its image, from which it would be recreated.
    image: Option<Reference>,
    /// Its volumes. They contain its settings, its audit log, or the sockets of its other listeners.
    volumes: Vec<String>,
    /// The host paths that are mounted in it, including those of its volumes.
    paths: Vec<String>,
    /// `PortBindings` of its inspection.
    ports: Json<'static>,
    /// Whether all of its exposed ports are published on ports that the daemon chooses.
    publishes_all: bool,
}

// The labels in which the swarm writes a task and its service.
const SERVICE_LABEL: &str = "com.docker.swarm.service.id";
const SERVICE_NAME_LABEL: &str = "com.docker.swarm.service.name";
const TASK_LABEL: &str = "com.docker.swarm.task.id";
const TASK_NAME_LABEL: &str = "com.docker.swarm.task.name";

/// What would be done to Dockgate, if anything.
type Found = Result<Option<&'static str>, NeedsLookup>;

/// The part of a request that would reach Dockgate itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Its place in the request.
    pub(crate) path: String,
    /// What it would do.
    pub(crate) what: &'static str,
}

impl SelfContainer {
    /// Reads it from its inspection. The mount of the daemon's socket is left out: policies decide who may mount that.
    pub(crate) fn of(container: &Container, socket: Option<&str>) -> Self {
        let label = |key: &str| container.label(key).unwrap_or_default().to_owned();
        let mut names = vec![&*container.name, container.config.text_at("Hostname")];
        let networks = container.networks.members();
        for (_, endpoint) in networks {
            names.extend(endpoint.at("Aliases").texts());
            names.extend(endpoint.at("DNSNames").texts());
        }
        // The second name finds the addresses of all tasks.
        let service = label(SERVICE_NAME_LABEL);
        let tasks = format!("tasks.{service}");
        if !service.is_empty() {
            names.extend([&*service, &*tasks]);
        }
        let names = names.into_iter().map(folded);
        let is_in_socket = |mount: &&Json| {
            socket.is_some_and(|socket| is_in(socket, mount.text_at("Destination")))
        };
        let mounts = container.mounts.items().iter();
        let mounts: Vec<_> = mounts.filter(|mount| !is_in_socket(mount)).collect();
        let of_all = |key: &'static str| {
            let texts = mounts.iter().map(move |mount| mount.text_at(key));
            texts.filter(|text| !text.is_empty())
        };
        Self {
            id: container.id.clone(),
            name: container.name.clone(),
            names: names.filter(|name| !name.is_empty()).collect(),
            service: container.label(SERVICE_LABEL).map(str::to_owned),
            task: [label(TASK_LABEL), label(TASK_NAME_LABEL)],
            image_id: container.image.clone(),
            networks: networks
                .iter()
                .map(|(name, endpoint)| {
                    (name.to_string(), endpoint.text_at("NetworkID").to_owned())
                })
                .collect(),
            image: Reference::parse(container.config.text_at("Image")).ok(),
            volumes: of_all("Name").map(str::to_owned).collect(),
            paths: of_all("Source").map(cleaned).collect(),
            ports: container.host_config.at("PortBindings").clone(),
            publishes_all: container.host_config.at("PublishAllPorts").is_true(),
        }
    }

    /// The first requirement that would reach it.
    pub(crate) fn reached<'a>(
        &self,
        requirements: impl Iterator<Item = &'a Requirement>,
        known: &Answers,
    ) -> Result<Option<Reached>, NeedsLookup> {
        for requirement in requirements {
            if let Some(what) = self.reached_by(&requirement.what, known)? {
                let path = requirement.path.clone();
                return Ok(Some(Reached { path, what }));
            }
        }
        Ok(None)
    }

    fn reached_by(&self, what: &What, known: &Answers) -> Found {
        let (key, value) = match what {
            What::Key(key, value) => (key, value),
            What::Touch(Touch::Object(kind, name)) => return self.touched(*kind, name, known),
            What::Touch(Touch::Name(name)) => {
                return Ok(self.is_name(&folded(name)).then_some(NAME));
            }
            What::Touch(Touch::NewId(..) | Touch::Rename { .. }) => return Ok(None),
        };
        let name = value.text().unwrap_or_default();
        Ok(match key.row().reaches {
            Reaches::Nothing => None,
            Reaches::BuildNetwork => self.build_network(name, known)?,
            Reaches::Container => self.is_container(name, known)?.then_some(REACHES),
            Reaches::Join => self.is_container(name, known)?.then_some(JOINS),
            Reaches::Network => self.is_network(name, known)?.then_some(NETWORK),
            Reaches::Path => self.bound(value),
            Reaches::PathInOption => self.in_option(value),
            Reaches::Start => self.started(name, known)?,
            Reaches::Tag => self.tagged(name),
            Reaches::Volume => self.has_volume(name).then_some(VOLUME),
        })
    }

    /// What starting a container would reach. When it was created through a policy, it did not join Dockgate's
    /// networks, but the names of its networks can mean others now.
    fn started(&self, name: &str, known: &Answers) -> Found {
        if self.is_container(name, known)? {
            return Ok(Some(REACHES));
        }
        let container = answers::container(known, name)?;
        if container.label(POLICY_LABEL).is_none() {
            return Ok(None);
        }
        for network in container.joined_networks() {
            if is_user_defined(network) && self.is_network(network, known)? {
                return Ok(Some(NETWORK));
            }
        }
        Ok(None)
    }

    /// What an operation on an object would reach.
    fn touched(&self, kind: Object, name: &str, known: &Answers) -> Found {
        Ok(match kind {
            Object::Container => self.is_container(name, known)?.then_some(REACHES),
            Object::Image => self.is_image(name).then_some(IMAGE_TOUCHED),
            Object::Network => self.is_network(name, known)?.then_some(NETWORK_TOUCHED),
            Object::Service => match &self.service {
                Some(own) => (answers::service(known, name)?.id == *own).then_some(REACHES),
                None => None,
            },
            Object::Task => self.is_task(name).then_some(REACHES),
            Object::Volume => self.has_volume(name).then_some(VOLUME_TOUCHED),
            Object::Checkpoint
            | Object::Config
            | Object::Exec
            | Object::Node
            | Object::Plugin
            | Object::Repository
            | Object::Secret => None,
        })
    }

    /// What a build's step would join. It can also be a container.
    fn build_network(&self, joined: &str, known: &Answers) -> Found {
        Ok(match joined.strip_prefix("container:") {
            Some(name) => {
                let name = name.strip_prefix('/').unwrap_or(name);
                self.is_container(name, known)?.then_some(JOINS)
            }
            None => self.is_network(joined, known)?.then_some(NETWORK),
        })
    }

    /// What giving this name to an image would do. The names in a tar are not read. If Dockgate runs by digest, its
    /// name cannot be taken.
    fn tagged(&self, name: &str) -> Option<&'static str> {
        let own = self.image.as_ref()?;
        match &own.version {
            Version::Tag(_) if name == "*" => Some(ANY_IMAGE),
            Version::Tag(_) | Version::Digest(_) => {
                (Reference::parse(name).ok()? == *own).then_some(IMAGE)
            }
        }
    }

    fn bound(&self, bind: &Value) -> Option<&'static str> {
        let Value::Bind { path, access } = bind else {
            return None;
        };
        self.is_mounted(&cleaned(path), *access)
    }

    /// What a volume's option would mount. The kernel gets it unchanged. Options other than the device can contain
    /// paths too, such as an overlay's lower folders, in which a backslash is ignored.
    fn in_option(&self, option: &Value) -> Option<&'static str> {
        let Value::Pair { value, .. } = option else {
            return None;
        };
        let spellings = [value.clone(), value.replace('\\', "")];
        let mut paths = spellings.iter().flat_map(|text| {
            let parts = text.split([',', ':', '=']);
            [cleaned(text)].into_iter().chain(parts.map(cleaned))
        });
        paths.find_map(|path| self.is_mounted(&path, Access::Write))
    }

    fn has_volume(&self, name: &str) -> bool {
        self.volumes.iter().any(|own| own == name)
    }

    /// Whether a folded name could be one of its own. A name that begins with a dot is a network's: names of containers
    /// on it can end with that.
    fn is_name(&self, name: &str) -> bool {
        let mut names = self.names.iter();
        if name.starts_with('.') {
            return names.any(|own| own.ends_with(name));
        }
        names.any(|own| is_filled_in(name, own))
    }

    fn is_container(&self, name: &str, known: &Answers) -> Result<bool, NeedsLookup> {
        // A full id finds only its own object, whatever names others have.
        if is_full_id(name) {
            return Ok(name == self.id);
        }
        Ok(answers::container(known, name)?.id == self.id)
    }

    fn is_network(&self, name: &str, known: &Answers) -> Result<bool, NeedsLookup> {
        // The host's own network lists no containers.
        if name == "host" {
            return Ok(false);
        }
        let network = answers::network(known, network_name(name))?;
        Ok(network.containers.contains(&self.id)
            || self.networks.iter().any(|(_, id)| *id == network.id))
    }

    /// Whether the daemon would find its image by this name, digest, id or beginning of an id. It is unknown which
    /// image of the repository has a digest, so every digest counts.
    fn is_image(&self, name: &str) -> bool {
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        if !digits.is_empty() && self.image_id.starts_with(digits) {
            return true;
        }
        let (Ok(named), Some(own)) = (Reference::parse(name), &self.image) else {
            return false;
        };
        match named.version {
            Version::Digest(_) => named.repository == own.repository,
            Version::Tag(_) => named == *own,
        }
    }

    /// Whether the swarm would find its task by this name, id or beginning of an id.
    fn is_task(&self, name: &str) -> bool {
        let [id, own_name] = &self.task;
        !name.is_empty() && (id.starts_with(name) || own_name == name)
    }

    /// Whether a clean host path is mounted in it. Writing `/` is not held against a request, because that is control
    /// of the host anyway, nor is reading a folder above.
    fn is_mounted(&self, path: &str, access: Access) -> Option<&'static str> {
        let is_above = |own: &String| {
            let is_written = match access {
                Access::Read => false,
                Access::ReadNonRecursive => is_on_mount_below(own, path),
                Access::Write => true,
            };
            is_written && path != "/" && is_in(own, path)
        };
        let mut paths = self.paths.iter();
        let is_own = paths.any(|own| is_in(path, own) || is_above(own));
        is_own.then_some(PATH)
    }
}

const JOINS: &str =
    "names Dockgate's own container, and no container may join it: name another one";
const REACHES: &str = "belongs to Dockgate itself, which is protected from clients";
const IMAGE: &str = "is the name of Dockgate's own image: choose another name";
const PATH: &str =
    "would mount a path that is mounted in Dockgate's own container: mount another path";
const VOLUME: &str = "would mount a volume of Dockgate's own container: mount another volume";
const NETWORK: &str = "would join a network of Dockgate's own container: use another network";
const NAME: &str = "would take a name of Dockgate's own container: choose another name";
const IMAGE_TOUCHED: &str =
    "is the image of Dockgate's own container, which is protected from clients";
const NETWORK_TOUCHED: &str =
    "is a network of Dockgate's own container, which is protected from clients";
const VOLUME_TOUCHED: &str =
    "is a volume of Dockgate's own container, which is protected from clients";
const ANY_IMAGE: &str = "may contain an image with the name of Dockgate's own, and names in a tar are not read: run \
                         Dockgate by digest, such as dockgate@sha256:...";

/// The name of a network as the daemon knows it.
pub(crate) fn network_name(name: &str) -> &str {
    if name == "@default" { "bridge" } else { name }
}

/// Whether a name matches a pattern in which each `#` matches a number.
fn is_filled_in(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once(ANY_NUMBER) else {
        return pattern == name;
    };
    let Some(rest) = name.strip_prefix(before) else {
        return false;
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let mut ends = (1..=digits).filter_map(|end| rest.get(end..));
    ends.any(|rest| is_filled_in(after, rest))
}

/// A name as resolvers compare it. Some also fold letters beyond ASCII, and some letters have two lower-case forms.
fn folded(name: &str) -> String {
    let name = name.trim_end_matches('.');
    if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        name.to_uppercase().to_lowercase()
    }
}

/// A path as the kernel reads it, with the links that every host has; other links are unknown. The daemon's working
/// directory is `/`.
fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (parts.as_slice(), part) {
            (_, "" | ".") => {}
            (_, "..") => _ = parts.pop(),
            (["var"], "run") => parts = vec!["run"],
            // The root as a process of the host sees it. Its working directory could be the root too.
            (["proc", _] | ["proc", _, "task", _], "root" | "cwd") => parts.clear(),
            (_, part) => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether a clean path is the same as another, or below it.
fn is_in(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above.trim_end_matches('/'));
    !above.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
