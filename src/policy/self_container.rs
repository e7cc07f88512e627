//! Dockgate's own container, and what no policy can do to it.

mod raw;

use super::names::is_user_defined;
use crate::docker::mount::{Access, is_on_mount_below};
use crate::docker::reference::Version;
use crate::docker::{Json, Object, Reference};
use crate::policy::answers;
use crate::policy::answers::{Answers, NeedsLookup};
use crate::policy::objects::{Container, POLICY_LABEL, is_full_id};
use crate::policy::requirement::{Made, Requirement, What, Within};
use crate::policy::requirements::ANY_NUMBER;

/// What is known of Dockgate's own container since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfContainer {
    /// Its full id.
    id: String,
    /// Its name.
    name: String,
    /// Every name by which another container finds it, folded.
    names: Vec<String>,
    /// The full id of the service that it is a task of.
    service: Option<String>,
    /// The full id and the name of that task, empty where it is none.
    task: [String; 2],
    /// The full id of its image, without the algorithm; empty where it is not known.
    image_id: String,
    /// The names and the ids of the networks that it is on.
    networks: Vec<(String, String)>,
    /// The name of its image, which it is made of again.
    image: Option<Reference>,
    /// Its volumes: whoever has them has its settings, its record, or the sockets of its other listeners.
    volumes: Vec<String>,
    /// The paths of the host that are mounted in it, those of its volumes among them.
    paths: Vec<String>,
}

/// Where the swarm writes the service of a task.
const SERVICE_LABEL: &str = "com.docker.swarm.service.id";
/// The same, by name.
const SERVICE_NAME_LABEL: &str = "com.docker.swarm.service.name";

/// The same of the task.
const TASK_LABEL: &str = "com.docker.swarm.task.id";
const TASK_NAME_LABEL: &str = "com.docker.swarm.task.name";

/// What of a request would reach Dockgate itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Where it stands.
    pub path: String,
    /// What it would do.
    pub what: &'static str,
}

impl SelfContainer {
    /// What its inspection says. The daemon's socket is in it too, if it has one; who may mount that is
    /// each policy's to say.
    #[must_use]
    pub fn of(container: &Container, socket: Option<&str>) -> Self {
        let label = |key: &str| container.label(key).unwrap_or_default().to_owned();
        let mut names = vec![container.name.clone()];
        let hostname = container.config.get("Hostname").and_then(Json::text);
        names.extend(hostname.map(str::to_owned));
        for (_, endpoint) in container.networks.members() {
            for key in ["Aliases", "DNSNames"] {
                let given = endpoint.get(key).into_iter().flat_map(Json::texts);
                names.extend(given.map(str::to_owned));
            }
        }
        if let Some(service) = container.label(SERVICE_NAME_LABEL) {
            // By the second the addresses of all its tasks are found.
            names.extend([service.to_owned(), format!("tasks.{service}")]);
        }
        let mut names: Vec<_> = names.iter().map(|name| folded(name)).collect();
        names.retain(|name| !name.is_empty());
        names.sort();
        names.dedup();
        let networks = container.networks.members().iter();
        let networks = networks.map(|(name, endpoint)| {
            let id = endpoint.get("NetworkID").and_then(Json::text);
            (name.to_string(), id.unwrap_or_default().to_owned())
        });
        let text = |mount: &Json, key: &str| {
            let text = mount.get(key).and_then(Json::text).unwrap_or_default();
            text.to_owned()
        };
        let mounts = container.mounts.items().iter();
        let mounts: Vec<_> = mounts
            .filter(|mount| {
                !socket.is_some_and(|socket| is_in(socket, &text(mount, "Destination")))
            })
            .collect();
        let of_all = |key: &str| -> Vec<String> {
            let texts = mounts.iter().map(|mount| text(mount, key));
            texts.filter(|text| !text.is_empty()).collect()
        };
        Self {
            id: container.id.clone(),
            name: container.name.clone(),
            names,
            service: container.label(SERVICE_LABEL).map(str::to_owned),
            task: [label(TASK_LABEL), label(TASK_NAME_LABEL)],
            image_id: container.image.clone(),
            networks: networks.collect(),
            image: container
                .config
                .get("Image")
                .and_then(Json::text)
                .and_then(|image| Reference::parse(image).ok()),
            volumes: of_all("Name"),
            paths: of_all("Source").iter().map(|path| cleaned(path)).collect(),
        }
    }

    /// Its full id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What of a request would reach it.
    ///
    /// # Errors
    ///
    /// What something names must be looked up, or is not there.
    pub fn reached<'a>(
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

    fn reached_by(
        &self,
        what: &What,
        known: &Answers,
    ) -> Result<Option<&'static str>, NeedsLookup> {
        Ok(match what {
            What::Reach(kind, name) => self.touched(*kind, name, known)?,
            What::Join(name) => self.is_container(name, known)?.then_some(JOINS),
            What::Start(name) => self.started(name, known)?,
            What::Within(within) => match within {
                Within::ArchiveInto(name) | Within::ExecInto(name) | Within::Watch(name) => {
                    self.is_container(name, known)?.then_some(REACHES)
                }
                Within::ArchivePath(_)
                | Within::Command(_)
                | Within::ExecEnv(_)
                | Within::ExecPrivileged
                | Within::ExecUser(_)
                | Within::ExecWorkdir(_)
                | Within::IntoPrivileged(_)
                | Within::PsArgs(_) => None,
            },
            What::Made(made) => self.made(made, known)?,
            What::Name(name) => self.is_name(&folded(name)).then_some(NAME),
            What::Network(name) => self.is_network(name, known)?.then_some(NETWORK),
            What::SwarmVolume(name) | What::Volume(name) => {
                self.volumes.contains(name).then_some(VOLUME)
            }
            What::Bind { path, access } => self.is_mounted(&cleaned(path), *access),
            What::Addresses
            | What::Capability(_)
            | What::Config(_)
            | What::Device(_)
            | What::Env(_)
            | What::Gpus
            | What::Group(_)
            | What::HostNamespace(_)
            | What::Image(_)
            | What::Label { .. }
            | What::Limits(_)
            | What::LogDriver(_)
            | What::Mark { .. }
            | What::NewId(..)
            | What::OomProtected
            | What::Port(_)
            | What::Privileged
            | What::Project { .. }
            | What::Rename { .. }
            | What::Replaces
            | What::Restart(_)
            | What::Rollback
            | What::Runtime(_)
            | What::Secret(_)
            | What::SecurityOption(_)
            | What::Sysctl(_)
            | What::TmpfsOption(_)
            | What::Unchanged
            | What::Unnamed(_)
            | What::User(_) => None,
        })
    }

    /// What starting a container would reach. One that was made through a policy was not put on Dockgate's
    /// networks then; what its networks' names mean may have changed since.
    fn started(&self, name: &str, known: &Answers) -> Result<Option<&'static str>, NeedsLookup> {
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

    /// What an operation would reach that does something to an object.
    fn touched(
        &self,
        kind: Object,
        name: &str,
        known: &Answers,
    ) -> Result<Option<&'static str>, NeedsLookup> {
        Ok(match kind {
            Object::Container => self.is_container(name, known)?.then_some(REACHES),
            Object::Image => self.is_image(name).then_some(IMAGE_TOUCHED),
            Object::Network => self.is_network(name, known)?.then_some(NETWORK_TOUCHED),
            Object::Service => match &self.service {
                Some(own) => (answers::service(known, name)?.id == *own).then_some(SERVICE),
                None => None,
            },
            Object::Task => self.is_task(name).then_some(TASK),
            Object::Volume => self
                .volumes
                .iter()
                .any(|own| own == name)
                .then_some(VOLUME_TOUCHED),
            Object::Checkpoint
            | Object::Config
            | Object::Exec
            | Object::Node
            | Object::Plugin
            | Object::Repository
            | Object::Secret => None,
        })
    }

    fn made(&self, made: &Made, known: &Answers) -> Result<Option<&'static str>, NeedsLookup> {
        Ok(match made {
            // A step of a build is a container too.
            Made::BuildNetwork(joined) => match joined.strip_prefix("container:") {
                Some(name) => {
                    let name = name.strip_prefix('/').unwrap_or(name);
                    self.is_container(name, known)?.then_some(JOINS)
                }
                None => self.is_network(joined, known)?.then_some(NETWORK),
            },
            Made::Connect(name) => self.is_container(name, known)?.then_some(REACHES),
            // Which names a tar holds is not read. What is called by a digest no name is taken from.
            Made::Tag(name) if name == "*" => match self.image.as_ref().map(|image| &image.version)
            {
                Some(Version::Tag(_)) => Some(ANY_IMAGE),
                Some(Version::Digest(_)) | None => None,
            },
            Made::Tag(name) => {
                let tagged = Reference::parse(name).ok();
                (tagged.is_some() && tagged == self.image).then_some(IMAGE)
            }
            // The kernel is handed it as it stands, and other options of it than the device hold paths
            // too: of an overlay the lower folders, in which a backslash says nothing.
            Made::VolumeOption { value, .. } => {
                let spellings = [value.clone(), value.replace('\\', "")];
                let mut paths = spellings.iter().flat_map(|text| {
                    [cleaned(text)]
                        .into_iter()
                        .chain(text.split([',', ':', '=']).map(cleaned))
                });
                paths.find_map(|path| self.is_mounted(&path, Access::Write))
            }
            Made::BuildRemote(_)
            | Made::Import
            | Made::NetworkDriver(_)
            | Made::NetworkOption { .. }
            | Made::Pull(_)
            | Made::Push(_)
            | Made::Subnet(_)
            | Made::VolumeDriver(_) => None,
        })
    }

    /// Whether a folded name could be one of its own; one that begins with a point is that of a network, with
    /// which the names of what is on it end.
    fn is_name(&self, name: &str) -> bool {
        let mut names = self.names.iter();
        if name.starts_with('.') {
            return names.any(|own| own.ends_with(name));
        }
        names.any(|own| is_filled_in(name, own))
    }

    fn is_container(&self, name: &str, known: &Answers) -> Result<bool, NeedsLookup> {
        // A full id is the id of nothing else, whatever others are called.
        if is_full_id(name) {
            return Ok(name == self.id);
        }
        Ok(answers::container(known, name)?.id == self.id)
    }

    fn is_network(&self, name: &str, known: &Answers) -> Result<bool, NeedsLookup> {
        // The host's own is no network that has containers on it.
        if name == "host" {
            return Ok(false);
        }
        let network = answers::network(known, network_name(name))?;
        Ok(network.containers.contains(&self.id)
            || self.networks.iter().any(|(_, id)| *id == network.id))
    }

    /// Whether the daemon would find its image by this name, digest, id or beginning of an id. Of a digest
    /// it is not known which image of the repository has it.
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

    /// Whether a clean path of the host is mounted in it. Whoever may write the root has the host; and what
    /// is read from above others have too.
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
        paths
            .any(|own| is_in(path, own) || is_above(own))
            .then_some(PATH)
    }
}

/// Whether a name is another, with numbers for what stands for any.
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

/// A name as resolvers compare it. Some fold letters beyond ASCII too, some of which have two small forms.
fn folded(name: &str) -> String {
    let name = name.trim_end_matches('.');
    if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        name.to_uppercase().to_lowercase()
    }
}

const JOINS: &str = "would join dockgate's own container";
const REACHES: &str = "would reach dockgate's own container";
const IMAGE: &str = "would give another image the name of dockgate's own";
const PATH: &str = "would mount what is mounted in dockgate's own container";
const VOLUME: &str = "would mount a volume of dockgate's own container";
const NETWORK: &str = "would join a network of dockgate's own container: make another network";
const NAME: &str = "would take a name of dockgate's own container";
const SERVICE: &str = "would reach dockgate's own service";
const TASK: &str = "would reach dockgate's own task";
const IMAGE_TOUCHED: &str = "would delete the image of dockgate's own container";
const NETWORK_TOUCHED: &str = "would change a network of dockgate's own container";
const VOLUME_TOUCHED: &str = "would change a volume of dockgate's own container";
const ANY_IMAGE: &str = "may hold an image with the name of dockgate's own, as its names are not read: run dockgate by its image's digest (image@sha256:...)";

/// A path as the kernel reads it, but for links of which only those are known that every host has; the daemon
/// works in the root.
fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (parts.as_slice(), part) {
            (_, "" | ".") => {}
            (_, "..") => _ = parts.pop(),
            (["var"], "run") => parts = vec!["run"],
            // The root as a process of the host sees it; where one works could be there.
            (["proc", _] | ["proc", _, "task", _], "root" | "cwd") => parts.clear(),
            (_, part) => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether a clean path is another, or is below it.
fn is_in(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above.trim_end_matches('/'));
    !above.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The name of a network as the daemon knows it.
#[must_use]
pub fn network_name(name: &str) -> &str {
    if name == "@default" { "bridge" } else { name }
}

#[cfg(test)]
mod tests;
