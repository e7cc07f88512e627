//! Whether a policy's blocks grant a need.

mod chosen;
mod shortfall;

use super::blocks::pattern::leads_up;
use super::blocks::{Blocks, References, Selectors, Texts};
use crate::docker::mount::Access;
use crate::docker::path::is_clean;
use crate::docker::reference::is_on_host;
use crate::docker::{Operation, Reference};
use crate::policy::answers;
use crate::policy::answers::{Answer, Answers, Lookup, NeedsLookup};
use crate::policy::objects::{Container, IMAGE_LABEL, POLICY_LABEL};
use crate::policy::requirement::{Block, EVERY_VERSION, Made, Requirement, What, Within};
use crate::policy::requirements::{is_reserved, opened};
use crate::policyfile::file::Policy;

/// A policy's blocks, and what is known of what they are asked about.
pub struct Checker<'a> {
    /// The policy's mark, which what is made through it bears.
    pub policy: &'a str,
    /// Its blocks.
    pub blocks: &'a Blocks,
    /// Whether it puts containers on networks.
    pub joins: bool,
    /// Whether it sends images to their registries.
    pub pushes: bool,
    /// What was looked up.
    pub known: &'a Answers,
}

type Granted = Result<bool, NeedsLookup>;

impl<'a> Checker<'a> {
    /// What a policy says on this ground.
    #[must_use]
    pub fn of(policy: &'a Policy, known: &'a Answers) -> Self {
        Self {
            policy: policy.mark(),
            blocks: policy.blocks(),
            joins: policy.has(Operation::ContainerCreate) || policy.has(Operation::NetworkConnect),
            pushes: policy.has(Operation::ImagePush),
            known,
        }
    }

    /// Needs as a policy would have to name them: containers and networks by what they are called, or as
    /// its own, with what an object has that is used. What was not looked up stays as it is, unless
    /// `must_know` asks for it.
    ///
    /// # Errors
    ///
    /// Something must be looked up, or is not there.
    pub fn resolve_names(
        &self,
        requirements: &[Requirement],
        must_know: bool,
    ) -> Result<Vec<Requirement>, NeedsLookup> {
        let mut told = Vec::with_capacity(requirements.len());
        for requirement in requirements {
            match self.resolve_name(requirement) {
                Ok(more) => told.extend(more),
                Err(lookup_needed) if must_know => return Err(lookup_needed),
                Err(_) => told.push(requirement.clone()),
            }
        }
        Ok(told)
    }

    fn resolve_name(&self, requirement: &Requirement) -> Result<Vec<Requirement>, NeedsLookup> {
        let path = &requirement.path;
        let told = |what: What| Requirement {
            path: path.clone(),
            what,
        };
        if let What::Network(name) = &requirement.what
            && name != "@default"
        {
            let network = answers::network(self.known, name)?;
            let joined = self.as_named(&network);
            return Ok(joined.map(told).into_iter().collect());
        }
        if let What::Volume(name) = &requirement.what {
            let Some(volume) = answers::volume(self.known, name)? else {
                return Ok(vec![told(What::Volume("@new".to_owned()))]);
            };
            let is_own = self.is_own_volume(name, &volume)?;
            let named = told(What::Volume(named(is_own, name)));
            if self.is_good_volume(&volume) {
                return Ok(vec![named]);
            }
            let driver = told(Made::VolumeDriver(volume.driver.clone()).into());
            let options = volume.options.iter().cloned();
            let options =
                options.map(|(key, value)| told(Made::VolumeOption { key, value }.into()));
            return Ok([named, driver].into_iter().chain(options).collect());
        }
        let mut requirement = requirement.clone();
        let entered = requirement.what.entered();
        let Some(name) = requirement.what.container_mut() else {
            return Ok(vec![requirement]);
        };
        let container = answers::container(self.known, name)?;
        let is_own = container.label(POLICY_LABEL) == Some(self.policy);
        *name = named(is_own, &container.name);
        // What was made through the policy has nothing but what its record tells of.
        let is_ordinary = entered.is_none() || is_own || self.is_ordinary(&container)?;
        let more = entered.filter(|_| !is_ordinary);
        let more = more.map(|block| told(Within::IntoPrivileged(block).into()));
        Ok([requirement].into_iter().chain(more).collect())
    }
}

fn named(is_own: bool, name: &str) -> String {
    if is_own { "@own" } else { name }.to_owned()
}

impl Checker<'_> {
    /// Whether a need is granted.
    ///
    /// # Errors
    ///
    /// What it names must be looked up, or is not there.
    pub fn allows(&self, requirement: &Requirement) -> Granted {
        let Some((block, _)) = requirement.what.key() else {
            // Dockgate's own container and names were held against it already.
            return Ok(true);
        };
        Ok(self.blocks.is_lifted(block) || self.grants_by_key(&requirement.what)?)
    }

    fn grants_by_key(&self, what: &What) -> Granted {
        let create = &self.blocks.create;
        Ok(match what {
            What::Addresses => create.addresses,
            What::Bind { path, access } => create.binds.covers(path, *access),
            What::Capability(name) => has_capability(&create.capabilities, name),
            What::Config(name) => create.configs.covers(name),
            What::Device(name) => create.devices.has(name) || self.has_device(name),
            What::Env(variable) => create.env.covers(variable, true),
            What::Gpus => create.gpus,
            What::Group(name) => create.groups.has(name),
            What::HostNamespace(name) => create.host_namespaces.has(name),
            What::Image(name) => is_within(create.images.as_ref(), name),
            What::Join(name) => self.selects(&create.join, name)?,
            What::Label { key, value } => self.labels(key, value),
            What::Limits(limits) => create.limits.covers(limits),
            What::Mark { service, policy } => self.may_mark(service, policy)?,
            What::LogDriver(name) => create.log_drivers.has(name),
            What::Made(made) => self.made(made)?,
            What::Network(name) => self.network(name)?,
            What::OomProtected => create.oom_protected,
            What::Port(port) => create.ports.as_ref().is_none_or(|ports| ports.covers(port)),
            What::Privileged => create.privileged,
            What::Project {
                label,
                name,
                service,
            } => self.project(label, name, service.as_deref())?,
            What::Restart(name) => create.restart.as_ref().is_none_or(|names| names.has(name)),
            What::Replaces => create.replaces,
            What::Rollback => create.rollback,
            What::Runtime(name) => create.runtimes.has(name) || self.is_default_runtime(name)?,
            What::Secret(name) => create.secrets.covers(name),
            What::SecurityOption(option) => create.security_opt.covers(option),
            What::Start(name) => self.starts(name)?,
            What::Sysctl(name) => create.sysctls.covers(name),
            What::TmpfsOption(option) => create.tmpfs_options.has(option),
            What::Unchanged => create.unchanged,
            What::Unnamed(_) => false,
            What::User(user) => create.users.as_ref().is_none_or(|users| users.covers(user)),
            What::SwarmVolume(name) => create.volumes.names.covers(name),
            What::Volume(name) => self.volume(name)?,
            What::Within(within) => self.within(within)?,
            What::Name(_) | What::NewId(..) | What::Reach(..) | What::Rename { .. } => true,
        })
    }

    /// What is done within a container that is there.
    fn within(&self, what: &Within) -> Granted {
        let (archive, exec) = (&self.blocks.archive, &self.blocks.exec);
        Ok(match what {
            Within::ArchiveInto(name) => {
                self.enters(name, archive.into.as_ref(), archive.into_privileged)?
            }
            Within::ArchivePath(path) => archive
                .paths
                .as_ref()
                .is_none_or(|paths| is_clean(path) && paths.covers(path, Access::Write)),
            Within::Command(argv) => exec.commands.as_ref().is_none_or(|it| it.covers(argv)),
            Within::ExecEnv(variable) => exec.env.covers(variable, exec.commands.is_none()),
            Within::ExecInto(name) => {
                self.enters(name, exec.into.as_ref(), exec.into_privileged)?
            }
            Within::ExecPrivileged => exec.privileged,
            Within::ExecUser(user) => exec.users.as_ref().is_none_or(|users| users.covers(user)),
            Within::PsArgs(arguments) => exec.ps_args.covers(arguments),
            Within::Watch(name) => match &exec.into {
                Some(into) => self.selects(into, name)?,
                None => true,
            },
            Within::IntoPrivileged(Block::Archive) => archive.into_privileged,
            Within::IntoPrivileged(_) => exec.into_privileged,
            Within::ExecWorkdir(path) => exec
                .workdirs
                .as_ref()
                .is_none_or(|paths| paths.covers(path, Access::Read)),
        })
    }

    /// What is made besides containers, or moved.
    fn made(&self, what: &Made) -> Granted {
        let Blocks {
            build,
            images,
            networks,
            volumes,
            ..
        } = self.blocks;
        Ok(match what {
            Made::BuildNetwork(mode) => build.networks.has(mode),
            Made::BuildRemote(remote) => !leads_up(remote) && build.remotes.covers(remote),
            Made::Connect(name) => self.selects(&networks.containers, name)?,
            Made::Import => images.import,
            Made::NetworkDriver(name) => networks.drivers.has(name),
            Made::NetworkOption { key, value } => {
                HARMLESS_NETWORK_OPTIONS.contains(&key.as_str())
                    || networks.options.covers(key, value)
            }
            Made::Pull(name) => moves(images.pull.as_ref(), name),
            // A build that pushes is a way to push, and no policy that only builds asked for it.
            Made::Push(name) => {
                (self.pushes || images.push.is_some()) && moves(images.push.as_ref(), name)
            }
            Made::Subnet(subnet) => networks.subnets.covers(subnet),
            Made::Tag(name) => self.tag(name)?,
            Made::VolumeDriver(name) => volumes.drivers.has(name),
            Made::VolumeOption { key, value } => volumes.options.covers(key, value),
        })
    }

    /// Whether a service may have a mark: the policy's own, or one that it has.
    ///
    /// # Errors
    ///
    /// The service must be looked up, or is not there.
    pub fn may_mark(&self, service: &str, policy: &str) -> Granted {
        let is_own = policy == self.policy;
        Ok(is_own
            || answers::service(self.known, service)?
                .labels
                .has(POLICY_LABEL, policy))
    }

    fn labels(&self, key: &str, value: &str) -> bool {
        if is_reserved(key) {
            // Labels that came with an image are sent back, and say nothing of a container.
            let is_of_image = key == IMAGE_LABEL || value.is_empty();
            return is_of_image || (key == POLICY_LABEL && value == self.policy);
        }
        self.blocks.create.labels.covers(key, value)
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
        let container = answers::container(self.known, name)?;
        Ok(selectors.covers(&container, self.policy))
    }

    /// Whether a container may be entered: one that has more than the policy would give one only where
    /// that is granted too.
    fn enters(&self, name: &str, into: Option<&Selectors>, may_be_privileged: bool) -> Granted {
        if into.is_none() && may_be_privileged {
            return Ok(true);
        }
        let container = answers::container(self.known, name)?;
        let is_selected = into.is_none_or(|into| into.covers(&container, self.policy));
        Ok(is_selected && (may_be_privileged || self.is_ordinary(&container)?))
    }

    /// Whether a container has nothing that the policy would not give a new one.
    fn is_ordinary(&self, container: &Container) -> Granted {
        let Ok(opened) = opened(container) else {
            return Ok(false);
        };
        for requirement in &opened {
            if !self.may_have(requirement)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a container that is entered may have this.
    fn may_have(&self, requirement: &Requirement) -> Granted {
        if let What::Volume(name) = &requirement.what {
            // They may have any name, but be no paths of the host.
            let volume = answers::volume(self.known, name)?;
            return Ok(volume.is_none_or(|volume| self.is_good_volume(&volume)));
        }
        Ok(self.blocks.is_lifted(Block::Create) || self.grants_by_key(&requirement.what)?)
    }

    /// Whether a container may be put on its networks as they are now: since it was made through the
    /// policy, others may have got the names of those that it has no id of.
    fn starts(&self, name: &str) -> Granted {
        if !self.joins {
            return Ok(true);
        }
        let container = answers::container(self.known, name)?;
        if container.label(POLICY_LABEL) != Some(self.policy) {
            return Ok(true);
        }
        for name in container.joined_networks() {
            if !self.may_start_on(name)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn may_start_on(&self, network: &str) -> Granted {
        let is_default = network == "bridge" && self.blocks.create.networks.default;
        Ok(matches!(network, "host" | "none") || is_default || self.network(network)?)
    }

    fn is_default_runtime(&self, name: &str) -> Granted {
        let lookup = Lookup::DefaultRuntime;
        match self.known.answer(&lookup) {
            Some(Answer::Text(default)) => Ok(**default == *name),
            Some(_) => Err(NeedsLookup::Missing(lookup)),
            None => Err(NeedsLookup::Ask(lookup)),
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

fn has_capability(granted: &Texts, name: &str) -> bool {
    granted.has_ignoring_case(name) || granted.has_ignoring_case(&["CAP_", name].concat())
}

/// Whether an image that is fetched or sent away, in one version or in every one, is among those that a
/// key names. Without the key it is any but one of the host itself.
fn moves(references: Option<&References>, name: &str) -> bool {
    references.map_or_else(
        || !is_on_host(name),
        |references| match name.strip_suffix(EVERY_VERSION) {
            Some(name) => {
                Reference::parse(name).is_ok_and(|it| references.cover_every_version(&it))
            }
            None => is_within(Some(references), name),
        },
    )
}

/// Whether an image is one of those that a key names; what could be an id is none.
fn is_within(references: Option<&References>, name: &str) -> bool {
    let is_covered = |references: &References| {
        Reference::parse(name).is_ok_and(|reference| references.covers(&reference))
    };
    references.is_none_or(is_covered)
}
