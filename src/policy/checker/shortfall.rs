//! What of a need a policy does not grant, as a key of the policy would have to name it.
//!
//! Nothing is looked up for it: what is not known yet stays as the client wrote it.

use std::sync::Arc;

use super::{Checker, named};
use crate::docker::Object;
use crate::policy::answers;
use crate::policy::answers::NeedsLookup;
use crate::policy::hint::Entered;
use crate::policy::names::{reads_as_id, varies};
use crate::policy::objects::{Container, Network, POLICY_LABEL};
use crate::policy::requirement::{Block, Made, Requirement, What, Within};
use crate::policy::requirements::opened;
use crate::policy::shortfall::Shortfall;

impl Checker<'_> {
    /// Adds what would have to be granted for a need to be, if it is not.
    ///
    /// # Errors
    ///
    /// As of [`Self::allows`].
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what has no form of its own is named as it is"
    )]
    pub(crate) fn shortfall(
        &self,
        requirement: &Requirement,
        shortfall: &mut Shortfall<'_>,
    ) -> Result<(), NeedsLookup> {
        if self.allows(requirement)? {
            return Ok(());
        }
        let of = |what: What| Requirement {
            path: requirement.path.clone(),
            what,
        };
        match &requirement.what {
            What::Network(name) => match answers::network(self.known, name) {
                Ok(network) => shortfall
                    .requirements
                    .extend(self.as_named(&network).map(of)),
                Err(_) => shortfall.requirements.push(requirement.clone()),
            },
            What::Start(name) => {
                let networks = self.unfit_networks(name).into_iter();
                let found = shortfall.requirements.len();
                shortfall.requirements.extend(networks.map(of));
                if shortfall.requirements.len() == found {
                    shortfall.requirements.push(requirement.clone());
                }
            }
            What::Volume(name) => shortfall
                .requirements
                .extend(self.of_volume(name).into_iter().map(of)),
            _ => self.of_container(requirement, shortfall),
        }
        Ok(())
    }

    /// A network as a policy would have to name it; `None` for one that is no network.
    pub(super) fn as_named(&self, network: &Network) -> Option<What> {
        let is_own = network.labels.policy() == Some(self.policy);
        match network.driver.as_str() {
            "host" => Some(What::HostNamespace("network")),
            _ if network.is_none() => None,
            _ if network.is_default() => Some(What::Network("@default".to_owned())),
            _ => Some(What::Network(named(is_own, &network.name))),
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
                Err(_) => Some(What::Network("@default".to_owned())),
            })
            .collect()
    }

    /// What keeps a volume from being mounted: its name, or how it was made.
    fn of_volume(&self, name: &str) -> Vec<What> {
        let named = What::Volume(name.to_owned());
        let volume = match answers::volume(self.known, name) {
            Ok(Some(volume)) => volume,
            // Whatever a policy says, nothing new is called so.
            Ok(None) if reads_as_id(name) => {
                return vec![What::NewId(Object::Volume, name.to_owned())];
            }
            Ok(None) | Err(_) => return vec![named],
        };
        let is_chosen = self.is_chosen_volume(name, &volume);
        let mut lacks = Vec::new();
        if !matches!(is_chosen, Ok(true)) {
            let is_own = matches!(self.is_own_volume(name, &volume), Ok(true));
            lacks.push(What::Volume(super::named(is_own, name)));
        }
        let volumes = &self.blocks.volumes;
        if !self.is_good_volume(&volume) {
            if !volumes.drivers.has(&volume.driver) {
                lacks.push(Made::VolumeDriver(volume.driver.clone()).into());
            }
            let options = volume.options.iter();
            let options = options.filter(|(key, value)| !volumes.options.covers(key, value));
            lacks.extend(options.map(|(key, value)| {
                let (key, value) = (key.clone(), value.clone());
                Made::VolumeOption { key, value }.into()
            }));
        }
        lacks
    }

    /// What keeps a container from being entered, watched or joined: which one it is, or what it has.
    fn of_container(&self, requirement: &Requirement, shortfall: &mut Shortfall<'_>) {
        let mut named = requirement.clone();
        let entered = requirement.what.entered();
        let container = match named.what.container_mut() {
            Some(name) => match answers::container(self.known, name) {
                Ok(container) => {
                    *name = self.chosen_by(&container);
                    container
                }
                Err(_) => return shortfall.requirements.push(requirement.clone()),
            },
            None => return shortfall.requirements.push(named),
        };
        let Some(block) = entered else {
            return shortfall.requirements.push(named);
        };
        let (into, is_open) = if block == Block::Archive {
            let archive = &self.blocks.archive;
            (archive.into.as_ref(), archive.into_privileged)
        } else {
            let exec = &self.blocks.exec;
            (exec.into.as_ref(), exec.into_privileged)
        };
        if into.is_some_and(|into| !into.covers(&container, self.policy)) {
            shortfall.requirements.push(named);
        }
        if !is_open && matches!(self.is_ordinary(&container), Ok(false)) {
            let (path, what) = (
                requirement.path.clone(),
                Within::IntoPrivileged(block).into(),
            );
            shortfall.requirements.push(Requirement { path, what });
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
            let path = || requirement.path.clone();
            let found = if let What::Volume(name) = &requirement.what {
                let lacks = self.of_volume(name).into_iter();
                lacks
                    .filter(|what| !matches!(what, What::Volume(_)))
                    .collect()
            } else if let What::Join(other) = &requirement.what
                && let Some(other) = self.known.container(other)
            {
                vec![What::Join(self.chosen_by(other))]
            } else {
                vec![requirement.what.clone()]
            };
            has.extend(
                found
                    .into_iter()
                    .map(|what| Requirement { path: path(), what }),
            );
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
