//! Checks networks, volumes, projects and image names: by name, or by whether they belong to the policy.

use super::{Checker, Granted, Missing, named};
use crate::docker::Object;
use crate::docker::mount::is_memory;
use crate::docker::reference::Reference;
use crate::policy::answers;
use crate::policy::answers::{Answer, Lookup, NeedsLookup};
use crate::policy::keys::Key;
use crate::policy::names::is_whole_id;
use crate::policy::objects::{Labels, Listed, Network, PROJECT_LABELS, Volume};
use crate::policy::owner::POLICY_LABEL;
use crate::policy::requirement::{Touch, What};
use crate::policy::value::Value;

impl Checker<'_> {
    /// What prevents connecting a container to a network.
    pub(super) fn network(&self, name: &str) -> Result<Option<What>, NeedsLookup> {
        let granted = &self.blocks.create.networks;
        if name == "@default" {
            return Ok((!granted.default).then(|| Key::Network.asks(name)));
        }
        let network = answers::network(self.known, name)?;
        // A client can also name the networks `host` and `none` by their ids. `none` needs no key.
        let is_allowed = if network.driver == "host" {
            self.blocks.create.host_namespaces.has("network")
        } else {
            network.is_none()
                || (granted.own && network.labels.are_of(self.owner))
                || granted.names.covers(&network.name)
                || (granted.default && network.is_default())
                || (granted.project && self.is_of_project(&network.labels)?)
        };
        Ok(if is_allowed {
            None
        } else {
            self.as_named(&network)
        })
    }

    /// A network in the form in which a policy would name it; `None` for the network `none`.
    pub(super) fn as_named(&self, network: &Network) -> Option<What> {
        let is_own = network.labels.are_of(self.owner);
        match network.driver.as_str() {
            "host" => Some(Key::HostNamespace.asks("network")),
            _ if network.is_none() => None,
            _ if network.is_default() => Some(Key::Network.asks("@default")),
            _ => Some(Key::Network.asks(named(is_own, &network.name))),
        }
    }

    /// What prevents connecting a container to its networks as they are now. If it has only the name of a network,
    /// another network can have got that name since the container was created through the policy.
    pub(super) fn starts(&self, name: &str) -> Missing {
        let mut missing = Vec::new();
        if !self.joins {
            return Ok(missing);
        }
        let container = answers::container(self.known, name)?;
        if !container.is_of(self.owner) {
            return Ok(missing);
        }
        for network in container.joined_networks() {
            let is_default = network == "bridge" && self.blocks.create.networks.default;
            if is_default || matches!(network, "host" | "none") {
                continue;
            }
            match self.network(network) {
                Err(lookup) if missing.is_empty() => return Err(lookup),
                Ok(what) => missing.extend(what),
                Err(_) => {}
            }
        }
        Ok(missing)
    }

    /// What prevents mounting a volume: its name, or how it was created.
    pub(super) fn volume(&self, name: &str) -> Missing {
        let volumes = &self.blocks.create.volumes;
        // Audit records use these words.
        match name {
            "@new" if volumes.new => return Ok(Vec::new()),
            "@own" if volumes.own => return Ok(Vec::new()),
            "@new" | "@own" => return Ok(vec![Key::Volume.asks(name)]),
            _ => {}
        }
        let is_named = volumes.names.covers(name);
        let Some(volume) = answers::volume(self.known, name)? else {
            // The daemon gives such names to volumes without one, so no policy allows it.
            let missing = if is_whole_id(name) {
                Some(Touch::NewId(Object::Volume, name.to_owned()).into())
            } else {
                (!is_named && !volumes.new).then(|| Key::Volume.asks(name))
            };
            return Ok(missing.into_iter().collect());
        };
        let mut missing = Vec::new();
        let is_chosen = is_named
            || (volumes.new && self.known.has_made(name))
            || (volumes.own && self.is_own_volume(name, &volume)?)
            || (volumes.project && self.is_of_project(&volume.labels)?);
        if !is_chosen {
            let is_own = matches!(self.is_own_volume(name, &volume), Ok(true));
            missing.push(Key::Volume.asks(named(is_own, name)));
        }
        missing.extend(self.made_otherwise(&volume));
        Ok(missing)
    }

    /// Whether a volume was created through the policy, or only containers that were created through it use it.
    pub(super) fn is_own_volume(&self, name: &str, volume: &Volume) -> Granted {
        if volume.labels.are_of(self.owner) {
            return Ok(true);
        }
        // A volume without a name has no label of Dockgate's.
        if volume.labels.get(POLICY_LABEL).is_some() || !is_whole_id(name) {
            return Ok(false);
        }
        let users = answers::list(self.known, Lookup::UsersOf(name.to_owned()))?;
        let is_own = |user: &Listed| user.labels.are_of(self.owner);
        Ok(!users.is_empty() && users.iter().all(is_own))
    }

    /// The driver and options of a volume that the policy does not allow.
    pub(super) fn made_otherwise(&self, volume: &Volume) -> Vec<What> {
        let volumes = &self.blocks.volumes;
        let pairs = || volume.options.iter().map(|(key, value)| (&**key, &**value));
        if volumes.unrestricted || (volume.driver == "local" && is_memory(pairs())) {
            return Vec::new();
        }
        let is_driver = volumes.drivers.has(&volume.driver);
        let driver = (!is_driver).then(|| Key::VolumeDriver.asks(&*volume.driver));
        let options = pairs().filter(|(key, value)| !volumes.options.covers(key, value));
        let options = options.map(|(key, value)| Key::VolumeOption.option(key, value));
        driver.into_iter().chain(options).collect()
    }

    /// Whether a new object may belong to a project. An updated service may stay in its project.
    pub(super) fn project(&self, value: &Value) -> Granted {
        let Value::Project {
            label,
            name,
            updated,
        } = value
        else {
            return Ok(false);
        };
        if let Some(updated) = updated
            && self.has_label(updated, label, name)?
        {
            return Ok(true);
        }
        let projects = &self.blocks.create.projects;
        if projects.names.covers(name) || !(projects.own || projects.new) {
            return Ok(projects.names.covers(name));
        }
        let mut is_new = true;
        for kind in [Object::Container, Object::Network, Object::Volume] {
            let labeled = Lookup::Labeled(kind, format!("{label}={name}"));
            for member in answers::list(self.known, labeled)?.iter() {
                is_new = false;
                if !projects.own || !member.labels.are_of(self.owner) {
                    return Ok(false);
                }
            }
        }
        Ok(projects.new || !is_new)
    }

    fn is_of_project(&self, labels: &Labels) -> Granted {
        for label in PROJECT_LABELS {
            if let Some(name) = labels.get(label) {
                let (name, updated) = (name.to_owned(), None);
                return self.project(&Value::Project {
                    label,
                    name,
                    updated,
                });
            }
        }
        Ok(false)
    }

    /// Whether an image may get a name: the policy lists it, or no image has it, or the image that has it got it
    /// through the policy.
    pub(super) fn tag(&self, name: &str) -> Granted {
        let tags = &self.blocks.images.tags;
        // The names in a tar are not known before it is read.
        if name == "*" {
            return Ok(tags.names.cover_all());
        }
        let Some(name) = Reference::of_tag(name) else {
            return Ok(false);
        };
        if tags.names.covers(&name) || !(tags.own || tags.new) {
            return Ok(tags.names.covers(&name));
        }
        let name = name.to_string();
        let Answer::Image(image) = self.known.need(&Lookup::Tag(name.clone()))? else {
            return Ok(tags.new);
        };
        if !tags.own || image.was_made_as(&name, self.owner) {
            return Ok(tags.own);
        }
        let moved = Lookup::Moved {
            owner: self.owner.of_image(),
            name,
        };
        let image_moved = self.known.need(&moved)?;
        Ok(matches!(image_moved, Answer::Text(id) if **id == *image.id))
    }
}

#[cfg(test)]
mod tests;
