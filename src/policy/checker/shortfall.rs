//! What of a need a policy does not grant, as a key of the policy would have to name it.
//!
//! Nothing is looked up for it: what is not known yet stays as the client wrote it.

use std::sync::Arc;

use super::{Checker, named};
use crate::docker::Object;
use crate::policy::answers;
use crate::policy::answers::NeedsLookup;
use crate::policy::hint::Entered;
use crate::policy::keys::{Check, Key};
use crate::policy::names::{reads_as_id, varies};
use crate::policy::objects::{Container, Network, POLICY_LABEL};
use crate::policy::requirement::{Requirement, Touch, What};
use crate::policy::requirements::opened;
use crate::policy::shortfall::Shortfall;

impl Checker<'_> {
    /// Adds what would have to be allowed for a requirement to be, if it is not.
    ///
    /// # Errors
    ///
    /// As of [`Self::allows`].
    pub(crate) fn shortfall(
        &self,
        requirement: &Requirement,
        shortfall: &mut Shortfall<'_>,
    ) -> Result<(), NeedsLookup> {
        if self.allows(requirement)? {
            return Ok(());
        }
        let found = &mut shortfall.requirements;
        let What::Key(key, value) = &requirement.what else {
            found.push(requirement.clone());
            return Ok(());
        };
        let of = |what: What| requirement.with(what);
        let name = value.text().unwrap_or_default();
        match key.row().check {
            Check::Network => match answers::network(self.known, name) {
                Ok(network) => found.extend(self.as_named(&network).map(of)),
                Err(_) => found.push(requirement.clone()),
            },
            Check::Start => match self.unfit_networks(name) {
                networks if networks.is_empty() => found.push(requirement.clone()),
                networks => found.extend(networks.into_iter().map(of)),
            },
            Check::Volume => found.extend(self.of_volume(name).into_iter().map(of)),
            Check::Container | Check::Entered => {
                self.of_container(requirement, *key, name, shortfall);
            }
            Check::Label
            | Check::Project
            | Check::Push
            | Check::Runtime
            | Check::Tag
            | Check::Value => found.push(requirement.clone()),
        }
        Ok(())
    }

    /// A network as a policy would have to name it; `None` for one that is no network.
    pub(super) fn as_named(&self, network: &Network) -> Option<What> {
        let is_own = network.labels.policy() == Some(self.policy);
        match network.driver.as_str() {
            "host" => Some(Key::HostNamespace.asks("network")),
            _ if network.is_none() => None,
            _ if network.is_default() => Some(Key::Network.asks("@default")),
            _ => Some(Key::Network.asks(named(is_own, &network.name))),
        }
    }

    /// The networks that a container would be put on and that it may not be put on.
    fn unfit_networks(&self, container: &str) -> Vec<What> {
        let Ok(container) = answers::container(self.known, container) else {
            return Vec::new();
        };
        let names = container.joined_networks();
        let unfit = names.filter(|name| matches!(self.may_start_on(name), Ok(false)));
        unfit
            .filter_map(|name| match answers::network(self.known, name) {
                Ok(network) => self.as_named(&network),
                Err(_) => Some(Key::Network.asks("@default")),
            })
            .collect()
    }

    /// What keeps a volume from being mounted: its name, or how it was made.
    fn of_volume(&self, name: &str) -> Vec<What> {
        let volume = match answers::volume(self.known, name) {
            Ok(Some(volume)) => volume,
            // Whatever a policy says, nothing new is called so.
            Ok(None) if reads_as_id(name) => {
                return vec![Touch::NewId(Object::Volume, name.to_owned()).into()];
            }
            Ok(None) | Err(_) => return vec![Key::Volume.asks(name)],
        };
        let mut lacks = Vec::new();
        if !matches!(self.is_chosen_volume(name, &volume), Ok(true)) {
            let is_own = matches!(self.is_own_volume(name, &volume), Ok(true));
            lacks.push(Key::Volume.asks(super::named(is_own, name)));
        }
        let volumes = &self.blocks.volumes;
        if !self.is_good_volume(&volume) {
            if !volumes.drivers.has(&volume.driver) {
                lacks.push(Key::VolumeDriver.asks(&*volume.driver));
            }
            let options = volume.options.iter();
            let options = options.filter(|(key, value)| !volumes.options.covers(key, value));
            lacks.extend(options.map(|(key, value)| Key::VolumeOption.option(key, value)));
        }
        lacks
    }

    /// What keeps a container from being entered, watched or joined: which one it is, or what it has.
    fn of_container(
        &self,
        requirement: &Requirement,
        key: Key,
        name: &str,
        shortfall: &mut Shortfall<'_>,
    ) {
        let Ok(container) = answers::container(self.known, name) else {
            return shortfall.requirements.push(requirement.clone());
        };
        let of = |what: What| requirement.with(what);
        let named = of(key.asks(self.chosen_by(&container)));
        if key.row().check == Check::Container {
            return shortfall.requirements.push(named);
        }
        let into = self.blocks.setting(key).selectors();
        if into.is_some_and(|into| !into.covers(&container, self.policy)) {
            shortfall.requirements.push(named);
        }
        let (into_privileged, is_open) = self.key_into_privileged(key.block());
        if !is_open && matches!(self.is_ordinary(&container), Ok(false)) {
            shortfall.requirements.push(of(into_privileged.flag()));
            shortfall.entered = Some(self.entered(&container));
        }
    }

    /// A container that is entered, with what it has and may not have.
    fn entered(&self, container: &Arc<Container>) -> Entered {
        let name = container.name.clone();
        let Ok(opened) = opened(container) else {
            return Entered {
                name,
                has: Vec::new(),
            };
        };
        let mut has = Vec::new();
        for requirement in opened
            .iter()
            .filter(|requirement| !matches!(self.may_have(requirement), Ok(true)))
        {
            let found = if let Some(name) = requirement.what.text_of(Key::Volume) {
                let mut lacks = self.of_volume(name);
                lacks.retain(|what| what.key() != Some(Key::Volume));
                lacks
            } else if let Some(other) = requirement.what.text_of(Key::Join)
                && let Some(other) = self.known.container(other)
            {
                vec![Key::Join.asks(self.chosen_by(other))]
            } else {
                vec![requirement.what.clone()]
            };
            has.extend(found.into_iter().map(|what| requirement.with(what)));
        }
        Entered { name, has }
    }

    /// The entry that selects a container, and goes on to when it is made anew: `@own`, its name, or a label
    /// where the name is another each time.
    fn chosen_by(&self, container: &Container) -> String {
        let is_own = container.label(POLICY_LABEL) == Some(self.policy);
        if is_own || !varies(&container.name) {
            return named(is_own, &container.name);
        }
        let mut labels = container.labels();
        let label = labels.find(|(key, value)| is_lasting(key) && !varies(value));
        label.map_or_else(
            || container.name.clone(),
            |(key, value)| format!("label:{key}={value}"),
        )
    }
}

/// Whether a label says what a container is for: not who made it, and not what its image is.
fn is_lasting(key: &str) -> bool {
    const SERVICES: &[&str] = &[
        "com.docker.compose.service",
        "com.docker.swarm.service.name",
    ];
    const OF_TOOLS: &[&str] = &[
        "com.docker.",
        "desktop.docker.",
        "dockgate.",
        "org.opencontainers.",
    ];
    let is_of_tool = OF_TOOLS.iter().any(|prefix| key.starts_with(prefix));
    !key.is_empty() && !key.contains('=') && (SERVICES.contains(&key) || !is_of_tool)
}
