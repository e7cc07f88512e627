//! Whether a policy's blocks grant a need.

use super::ask::{self, Answer, Known, Lookup, Unsettled};
use super::blocks::{Blocks, Selectors};
use super::facts::{Container, Network, POLICY_LABEL};
use super::need::{Block, Need, What};
use super::needs::{is_reserved, opened};
use crate::docker::Reference;

/// A policy's blocks, and what is known of what they are asked about.
pub struct Cover<'a> {
    /// The policy's name, which what is made through it bears.
    pub policy: &'a str,
    /// Its blocks.
    pub blocks: &'a Blocks,
    /// What was looked up.
    pub known: &'a Known,
}

type Granted = Result<bool, Unsettled>;

impl Cover<'_> {
    /// Whether a need is granted.
    ///
    /// # Errors
    ///
    /// What it names must be looked up, or is not there.
    pub fn grants(&self, need: &Need) -> Granted {
        let Some((block, _)) = need.what.key() else {
            // Dockgate's own container and names were held against it already.
            return Ok(true);
        };
        Ok(self.is_lifted(block) || self.grants_by_key(&need.what)?)
    }

    fn is_lifted(&self, block: Block) -> bool {
        let blocks = self.blocks;
        match block {
            Block::Archive => blocks.archive.unrestricted,
            Block::Build => blocks.build.unrestricted,
            Block::Create => blocks.create.unrestricted,
            Block::Exec => blocks.exec.unrestricted,
            Block::Images => blocks.images.unrestricted,
            Block::Networks => blocks.networks.unrestricted,
            Block::Volumes => blocks.volumes.unrestricted,
        }
    }

    fn grants_by_key(&self, what: &What) -> Granted {
        let create = &self.blocks.create;
        Ok(match what {
            What::Addresses => create.addresses,
            What::Bind { path, is_writable } => create.binds.covers(path, *is_writable),
            What::Capability(name) => {
                let prefixed = ["CAP_", name].concat();
                create.capabilities.has_ignoring_case(name)
                    || create.capabilities.has_ignoring_case(&prefixed)
            }
            What::Config(name) => create.configs.cover(name),
            What::Device(name) => create.devices.has(name) || self.has_device(name),
            What::Env(variable) => create.env.cover(variable, true),
            What::Gpus => create.gpus,
            What::Group(name) => create.groups.has(name),
            What::HostNamespace(name) => create.host_namespaces.has(name),
            What::Image(name) => create
                .images
                .as_ref()
                .is_none_or(|images| covers(images, name)),
            What::Join(name) => self.selects(&create.join, name)?,
            What::Label { key, value } => self.labels(key, value),
            What::Limits(limits) => create.limits.covers(limits),
            What::LogDriver(name) => create.log_drivers.has(name),
            What::Network(name) => self.network(name)?,
            What::Port(port) => create.ports.as_ref().is_none_or(|ports| ports.covers(port)),
            What::Privileged => create.privileged,
            What::Restart(name) => create
                .restart
                .as_ref()
                .is_none_or(|restart| restart.has(name)),
            What::Rollback => create.rollback,
            What::Runtime(name) => create.runtimes.has(name) || self.is_default_runtime(name)?,
            What::Secret(name) => create.secrets.cover(name),
            What::SecurityOption(option) => create.security_opt.cover(option),
            What::Sysctl(name) => create.sysctls.cover(name),
            What::TmpfsOption(option) => create.tmpfs_options.has(option),
            What::User(user) => create.users.as_ref().is_none_or(|users| users.cover(user)),
            What::Volume(name) => self.volume(name)?,
            What::ArchiveInto(_)
            | What::ArchivePath(_)
            | What::Command(_)
            | What::ExecEnv(_)
            | What::ExecInto(_)
            | What::ExecPrivileged
            | What::ExecUser(_)
            | What::ExecWorkdir(_) => self.within(what)?,
            What::BuildNetwork(_)
            | What::BuildRemote(_)
            | What::Connect(_)
            | What::Import
            | What::NetworkDriver(_)
            | What::NetworkOption { .. }
            | What::Pull(_)
            | What::Push(_)
            | What::Subnet(_)
            | What::Tag(_)
            | What::VolumeDriver(_)
            | What::VolumeOption { .. } => self.made(what)?,
            What::Unnamed(_) => false,
            What::Name(_) | What::Reach(_) | What::Service(_) => true,
        })
    }

    /// What is done within a container that is there.
    fn within(&self, what: &What) -> Granted {
        let (archive, exec) = (&self.blocks.archive, &self.blocks.exec);
        Ok(match what {
            What::ArchiveInto(name) => {
                self.enters(name, archive.into.as_ref(), archive.into_privileged)?
            }
            What::ArchivePath(path) => archive
                .paths
                .as_ref()
                .is_none_or(|paths| paths.covers(path, true)),
            What::Command(argv) => exec
                .commands
                .as_ref()
                .is_none_or(|commands| commands.cover(argv)),
            What::ExecEnv(variable) => exec.env.cover(variable, exec.commands.is_none()),
            What::ExecInto(name) => self.enters(name, exec.into.as_ref(), exec.into_privileged)?,
            What::ExecPrivileged => exec.privileged,
            What::ExecUser(user) => exec.users.as_ref().is_none_or(|users| users.cover(user)),
            What::ExecWorkdir(path) => exec
                .workdirs
                .as_ref()
                .is_none_or(|paths| paths.covers(path, false)),
            _ => false,
        })
    }

    /// What is made besides containers, or moved.
    fn made(&self, what: &What) -> Granted {
        let Blocks {
            build,
            images,
            networks,
            volumes,
            ..
        } = self.blocks;
        let within = |patterns: &Option<_>, name: &str| {
            patterns
                .as_ref()
                .is_none_or(|patterns| covers(patterns, name))
        };
        Ok(match what {
            What::BuildNetwork(mode) => build.networks.has(mode),
            What::BuildRemote(remote) => build.remotes.cover(remote),
            What::Connect(name) => self.selects(&networks.containers, name)?,
            What::Import => images.import,
            What::NetworkDriver(name) => networks.drivers.has(name),
            What::NetworkOption { key, value } => {
                HARMLESS_NETWORK_OPTIONS.contains(&key.as_str())
                    || networks.options.cover(key, value)
            }
            What::Pull(name) => within(&images.pull, name),
            What::Push(name) => within(&images.push, name),
            What::Subnet(subnet) => networks.subnets.covers(subnet),
            // Which names a tar holds is known only when it was read.
            What::Tag(name) if name == "*" => images.tags.is_none(),
            What::Tag(name) => within(&images.tags, name),
            What::VolumeDriver(name) => volumes.drivers.has(name),
            What::VolumeOption { key, value } => volumes.options.cover(key, value),
            _ => false,
        })
    }

    fn labels(&self, key: &str, value: &str) -> bool {
        if is_reserved(key) {
            return key == POLICY_LABEL && value == self.policy;
        }
        self.blocks.create.labels.cover(key, value)
    }

    /// Devices are granted with all permissions, or with those that stand behind a colon.
    fn has_device(&self, asked: &str) -> bool {
        let Some((path, asked)) = asked
            .rsplit_once(':')
            .filter(|(path, _)| path.starts_with('/'))
        else {
            return false;
        };
        let devices = &self.blocks.create.devices;
        devices.has(path)
            || devices.iter().any(|granted| {
                granted
                    .rsplit_once(':')
                    .is_some_and(|(granted_path, granted)| {
                        granted_path == path && asked.chars().all(|letter| granted.contains(letter))
                    })
            })
    }

    fn selects(&self, selectors: &Selectors, name: &str) -> Granted {
        let container = ask::container(self.known, name)?;
        Ok(selectors.cover(&container, self.policy))
    }

    /// Whether a container may be entered, one that is more than an ordinary one only where that is
    /// granted too.
    fn enters(&self, name: &str, into: Option<&Selectors>, may_be_privileged: bool) -> Granted {
        if into.is_none() && may_be_privileged {
            return Ok(true);
        }
        let container = ask::container(self.known, name)?;
        if !into.is_none_or(|into| into.cover(&container, self.policy)) {
            return Ok(false);
        }
        Ok(may_be_privileged || self.is_ordinary(&container)?)
    }

    /// Whether a container has nothing that the defaults of `[create]` would not give it.
    fn is_ordinary(&self, container: &Container) -> Granted {
        let Ok(opened) = opened(container) else {
            return Ok(false);
        };
        for need in &opened {
            match &need.what {
                What::Volume(name) if is_plain_volume(self.known, name)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    fn network(&self, name: &str) -> Granted {
        let granted = &self.blocks.create.networks;
        if name == "@default" {
            return Ok(granted.default);
        }
        let network: &Network = &*ask::network(self.known, name)?;
        // The host's own has an id too.
        if network.driver == "host" {
            return Ok(self.blocks.create.host_namespaces.has("network"));
        }
        let is_own = network.policy.as_deref() == Some(self.policy);
        Ok((granted.own && is_own)
            || granted.names.cover(&network.name)
            || (network.name == "bridge" && granted.default))
    }

    fn volume(&self, name: &str) -> Granted {
        let names = &self.blocks.create.volumes;
        Ok(names.as_ref().is_none_or(|names| names.cover(name)) && self.is_good_volume(name)?)
    }

    /// Whether a volume is new, or was made in a way that the policy grants.
    fn is_good_volume(&self, name: &str) -> Granted {
        let Some(volume) = ask::volume(self.known, name)? else {
            return Ok(true);
        };
        let volumes = &self.blocks.volumes;
        let mut options = volume.options.iter();
        Ok(volumes.unrestricted
            || (volumes.drivers.has(&volume.driver)
                && options.all(|(key, value)| volumes.options.cover(key, value))))
    }

    fn is_default_runtime(&self, name: &str) -> Granted {
        let lookup = Lookup::DefaultRuntime;
        match self.known.answer(&lookup) {
            Some(Answer::Text(default)) => Ok(**default == *name),
            Some(_) => Err(Unsettled::Missing(lookup)),
            None => Err(Unsettled::Ask(lookup)),
        }
    }
}

/// Options of networks that concern what is on them alone.
const HARMLESS_NETWORK_OPTIONS: &[&str] = &[
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.container_iface_prefix",
    "com.docker.network.driver.mtu",
    "encrypted",
];

fn is_plain_volume(known: &Known, name: &str) -> Granted {
    let volume = ask::volume(known, name)?;
    Ok(volume.is_some_and(|volume| volume.driver == "local" && volume.options.is_empty()))
}

/// Whether an image is one of those that a key names; what could be an id is none.
fn covers(references: &super::blocks::References, name: &str) -> bool {
    Reference::parse(name).is_ok_and(|reference| references.cover(&reference))
}
