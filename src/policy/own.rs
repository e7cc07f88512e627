//! Dockgate's own container, and what no policy can do to it.

use super::ask::{self, Known, Unsettled};
use super::facts::{Container, is_full_id};
use super::need::{Made, Need, What};
use crate::docker::{Json, Reference};

/// What is known of Dockgate's own container since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Its full id.
    id: String,
    /// Every name by which another container finds it, in small letters.
    names: Vec<String>,
    /// The full id of the service that it is a task of.
    service: Option<String>,
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

/// What of a request would reach Dockgate itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Where it stands.
    pub path: String,
    /// What it would do.
    pub what: &'static str,
}

impl Own {
    /// What its inspection says. The daemon's socket is in it too, if it has one; who may mount that is
    /// each policy's to say.
    #[must_use]
    pub fn of(container: &Container, socket: Option<&str>) -> Self {
        let mut names = vec![container.name.to_ascii_lowercase()];
        let hostname = container.config.get("Hostname").and_then(Json::text);
        names.extend(hostname.map(str::to_ascii_lowercase));
        for (_, endpoint) in container.networks.members() {
            for key in ["Aliases", "DNSNames"] {
                let given = endpoint.get(key).into_iter().flat_map(Json::texts);
                names.extend(given.map(str::to_ascii_lowercase));
            }
        }
        names.extend(
            container
                .label(SERVICE_NAME_LABEL)
                .map(str::to_ascii_lowercase),
        );
        names.retain(|name| !name.is_empty());
        names.sort();
        names.dedup();
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
            names,
            service: container.label(SERVICE_LABEL).map(str::to_owned),
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
        needs: impl Iterator<Item = &'a Need>,
        known: &Known,
    ) -> Result<Option<Reached>, Unsettled> {
        for need in needs {
            if let Some(what) = self.reached_by(&need.what, known)? {
                let path = need.path.clone();
                return Ok(Some(Reached { path, what }));
            }
        }
        Ok(None)
    }

    fn reached_by(&self, what: &What, known: &Known) -> Result<Option<&'static str>, Unsettled> {
        let is_own = |name: &str| -> Result<bool, Unsettled> {
            // A full id is the id of nothing else, whatever others are called.
            if is_full_id(name) {
                return Ok(name == self.id);
            }
            Ok(ask::container(known, name)?.id == self.id)
        };
        if let Some(name) = what.container() {
            let is_joined = matches!(what, What::Join(_) | What::Made(Made::BuildNetwork(_)));
            let told = if is_joined { JOINS } else { REACHES };
            return Ok(is_own(name)?.then_some(told));
        }
        if let What::Name(name) = what {
            let is_taken = self.names.contains(&name.to_ascii_lowercase());
            return Ok(is_taken.then_some("would take a name of dockgate's own container"));
        }
        if let What::Network(name) | What::Made(Made::BuildNetwork(name)) = what {
            // The host's own is no network that has containers on it.
            if name == "host" {
                return Ok(None);
            }
            let network = ask::network(known, network_name(name))?;
            return Ok(network.containers.contains(&self.id).then_some(NETWORK));
        }
        if let What::Made(Made::Tag(name)) = what {
            let tagged = Reference::parse(name).ok();
            return Ok((tagged.is_some() && tagged == self.image).then_some(IMAGE));
        }
        if let What::Volume(name) = what {
            return Ok(self.volumes.contains(name).then_some(VOLUME));
        }
        // Whoever may write the root has the host; and what is read from above others have too.
        let is_mounted = |(path, is_writable): &(String, bool)| {
            let is_above = |own: &String| *is_writable && path != "/" && is_in(own, path);
            let mut paths = self.paths.iter();
            paths.any(|own| is_in(path, own) || is_above(own))
        };
        if mounted(what).iter().any(is_mounted) {
            return Ok(Some(PATH));
        }
        if let (What::Service(name), Some(own)) = (what, &self.service) {
            let is_own = ask::service(known, name)?.id == *own;
            return Ok(is_own.then_some("would reach dockgate's own service"));
        }
        Ok(None)
    }
}

const JOINS: &str = "would join dockgate's own container";
const REACHES: &str = "would reach dockgate's own container";
const IMAGE: &str = "would give another image the name of dockgate's own";
const PATH: &str = "would mount what is mounted in dockgate's own container";
const VOLUME: &str = "would mount a volume of dockgate's own container";
const NETWORK: &str = "would join a network of dockgate's own container: make another network";

/// The paths of the host that would be mounted, each clean, and whether to be written.
fn mounted(what: &What) -> Vec<(String, bool)> {
    if let What::Bind { path, is_writable } = what {
        return vec![(cleaned(path), *is_writable)];
    }
    let mut paths = Vec::new();
    if let What::Made(Made::VolumeOption { value, .. }) = what {
        // The kernel is handed it as it stands, and other options of it than the device hold paths too: of an
        // overlay the lower folders, in which a backslash says nothing.
        for value in [value.clone(), value.replace('\\', "")] {
            paths.push((cleaned(&value), true));
            let parts = value.split([',', ':', '=']);
            paths.extend(parts.map(|part| (cleaned(part), true)));
        }
    }
    paths
}

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
