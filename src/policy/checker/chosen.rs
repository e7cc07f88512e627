//! Whether a policy's blocks allow a network, a volume, a project or an image's name: by its name, or by
//! what it is to the policy.

use super::{Checker, Granted};
use crate::docker::Object;
use crate::docker::mount::is_memory;
use crate::docker::reference::Reference;
use crate::policy::answers;
use crate::policy::answers::{Answer, Lookup, NeedsLookup};
use crate::policy::names::reads_as_id;
use crate::policy::objects::{Labels, PROJECT_LABELS, Volume};
use crate::policy::value::Value;

impl Checker<'_> {
    pub(super) fn network(&self, name: &str) -> Granted {
        let granted = &self.blocks.create.networks;
        if name == "@default" {
            return Ok(granted.default);
        }
        let network = answers::network(self.known, name)?;
        // The host's own has an id too.
        if network.driver == "host" {
            return Ok(self.blocks.create.host_namespaces.has("network"));
        }
        // So has the one that is none, which takes no key by its name.
        if network.is_none() {
            return Ok(true);
        }
        let is_own = network.labels.policy() == Some(self.policy);
        Ok((granted.own && is_own)
            || granted.names.covers(&network.name)
            || (granted.default && network.is_default())
            || (granted.project && self.is_of_project(&network.labels)?))
    }

    pub(super) fn volume(&self, name: &str) -> Granted {
        let volumes = &self.blocks.create.volumes;
        // As the record tells of it.
        match name {
            "@new" => return Ok(volumes.new),
            "@own" => return Ok(volumes.own),
            _ => {}
        }
        let is_named = volumes.names.covers(name);
        let Some(volume) = answers::volume(self.known, name)? else {
            // Whoever sees the name of a new one takes it for another's id.
            return Ok((is_named || volumes.new) && !reads_as_id(name));
        };
        Ok(self.is_chosen_volume(name, &volume)? && self.is_good_volume(&volume))
    }

    /// Whether a volume that is there may be mounted, however it was made.
    pub(super) fn is_chosen_volume(&self, name: &str, volume: &Volume) -> Granted {
        let volumes = &self.blocks.create.volumes;
        Ok(volumes.names.covers(name)
            || (volumes.new && self.known.has_made(name))
            || (volumes.own && self.is_own_volume(name, volume)?)
            || (volumes.project && self.is_of_project(&volume.labels)?))
    }

    /// Whether a volume was made through the policy, or for containers that were, and is used by no others.
    pub(super) fn is_own_volume(&self, name: &str, volume: &Volume) -> Granted {
        if volume.labels.policy() == Some(self.policy) {
            return Ok(true);
        }
        // What is made without a name bears no label of Dockgate's.
        if volume.labels.policy().is_some() || !reads_as_id(name) {
            return Ok(false);
        }
        let users = answers::marks(self.known, Lookup::UsersOf(name.to_owned()))?;
        let is_own = |mark: &Option<String>| mark.as_deref() == Some(self.policy);
        Ok(!users.is_empty() && users.iter().all(is_own))
    }

    /// Whether a volume was made in a way that the policy grants.
    pub(super) fn is_good_volume(&self, volume: &Volume) -> bool {
        let volumes = &self.blocks.volumes;
        let pairs = || volume.options.iter().map(|(key, value)| (&**key, &**value));
        let is_local = volume.driver == "local";
        volumes.unrestricted
            || (is_local && is_memory(pairs()))
            || (volumes.drivers.has(&volume.driver)
                && pairs().all(|(key, value)| volumes.options.covers(key, value)))
    }

    /// Whether what is made may belong to a project. A service that is updated may stay in the one that it
    /// is in.
    pub(super) fn project(&self, value: &Value) -> Granted {
        let Value::Project {
            label,
            name,
            service,
        } = value
        else {
            return Ok(false);
        };
        if let Some(service) = service
            && answers::service(self.known, service)?
                .labels
                .has(label, name)
        {
            return Ok(true);
        }
        let projects = &self.blocks.create.projects;
        if projects.names.covers(name) || !(projects.own || projects.new) {
            return Ok(projects.names.covers(name));
        }
        let mut is_new = true;
        for kind in [Object::Container, Object::Network, Object::Volume] {
            let labelled = Lookup::Labelled(kind, format!("{label}={name}"));
            for mark in answers::marks(self.known, labelled)?.iter() {
                is_new = false;
                if !projects.own || mark.as_deref() != Some(self.policy) {
                    return Ok(false);
                }
            }
        }
        Ok(projects.new || !is_new)
    }

    fn is_of_project(&self, labels: &Labels) -> Granted {
        for label in PROJECT_LABELS {
            if let Some(name) = labels.get(label) {
                let (name, service) = (name.to_owned(), None);
                return self.project(&Value::Project {
                    label,
                    name,
                    service,
                });
            }
        }
        Ok(false)
    }

    /// Whether an image may get a name: one that no other image has, or that an image has which was made
    /// through the policy or got it through Dockgate.
    pub(super) fn tag(&self, name: &str) -> Granted {
        let tags = &self.blocks.images.tags;
        // Which names a tar holds is known only when it was read.
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
        let lookup = Lookup::Tag(name.clone());
        let image = match self.known.answer(&lookup) {
            Some(Answer::Image(image)) => image,
            Some(_) => return Ok(tags.new),
            None => return Err(NeedsLookup::Ask(lookup)),
        };
        if !tags.own || image.was_made_as(&name, self.policy) {
            return Ok(tags.own);
        }
        let moved = Lookup::Moved {
            policy: self.policy.to_owned(),
            name,
        };
        match self.known.answer(&moved) {
            Some(Answer::Text(id)) => Ok(**id == *image.id),
            Some(_) => Ok(false),
            None => Err(NeedsLookup::Ask(moved)),
        }
    }
}

#[cfg(test)]
mod tests;
