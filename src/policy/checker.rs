//! Whether a policy's blocks allow what is asked for.

mod chosen;
mod shortfall;

use super::answers::{self, Answer, Answers, Lookup, NeedsLookup};
use super::keys::setting::Setting;
use super::keys::{Blocks, Check, Key};
use super::objects::{Container, IMAGE_LABEL, POLICY_LABEL};
use super::requirement::{Requirement, What};
use super::requirements::{is_reserved, opened};
use super::value::Value;
use crate::docker::Block;
use crate::docker::Operation;
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
        let of = |what: What| requirement.with(what);
        let What::Key(key, Value::Text(name)) = &requirement.what else {
            return Ok(vec![requirement.clone()]);
        };
        match key.row().check {
            Check::Network if name != "@default" => {
                let network = answers::network(self.known, name)?;
                Ok(self.as_named(&network).map(of).into_iter().collect())
            }
            Check::Volume => {
                let Some(volume) = answers::volume(self.known, name)? else {
                    return Ok(vec![of(key.asks("@new"))]);
                };
                let is_own = self.is_own_volume(name, &volume)?;
                let mut found = vec![of(key.asks(named(is_own, name)))];
                if !self.is_good_volume(&volume) {
                    found.push(of(Key::VolumeDriver.asks(&*volume.driver)));
                    let options = volume.options.iter();
                    let options = options.map(|(key, value)| Key::VolumeOption.option(key, value));
                    found.extend(options.map(of));
                }
                Ok(found)
            }
            check @ (Check::Container | Check::Entered) => {
                let container = answers::container(self.known, name)?;
                let is_own = container.label(POLICY_LABEL) == Some(self.policy);
                let mut found = vec![of(key.asks(named(is_own, &container.name)))];
                // What was made through the policy has nothing but what its record says.
                if check == Check::Entered && !is_own && !self.is_ordinary(&container)? {
                    found.push(of(self.key_into_privileged(key.block()).0.flag()));
                }
                Ok(found)
            }
            Check::Label
            | Check::Network
            | Check::Project
            | Check::Push
            | Check::Runtime
            | Check::Start
            | Check::Tag
            | Check::Value => Ok(vec![requirement.clone()]),
        }
    }
}

fn named(is_own: bool, name: &str) -> String {
    if is_own { "@own" } else { name }.to_owned()
}

impl Checker<'_> {
    /// Whether a requirement is allowed.
    ///
    /// # Errors
    ///
    /// What it names must be looked up, or is not there.
    pub fn allows(&self, requirement: &Requirement) -> Granted {
        match &requirement.what {
            What::Key(key, value) => {
                Ok(self.blocks.is_lifted(key.block()) || self.allows_value(*key, value)?)
            }
            // Dockgate's own container and names were held against it already.
            What::Touch(_) => Ok(true),
        }
    }

    fn allows_value(&self, key: Key, value: &Value) -> Granted {
        let setting = self.blocks.setting(key);
        let text = value.text().unwrap_or_default();
        match key.row().check {
            Check::Value => Ok(setting.allows(value)),
            Check::Container => match setting.selectors() {
                Some(into) => {
                    let container = answers::container(self.known, text)?;
                    Ok(into.covers(&container, self.policy))
                }
                None => Ok(true),
            },
            Check::Entered => self.enters(key, text),
            Check::Label => self.label(value),
            Check::Network => self.network(text),
            Check::Project => self.project(value),
            // A build that pushes is a way to push, and no policy that only builds asked for it.
            Check::Push => {
                Ok((self.pushes || self.blocks.images.push.is_set()) && setting.allows(value))
            }
            Check::Runtime => Ok(setting.allows(value) || self.is_default_runtime(text)?),
            Check::Start => self.starts(text),
            Check::Tag => self.tag(text),
            Check::Volume => self.volume(text),
        }
    }

    fn label(&self, label: &Value) -> Granted {
        let Value::Label {
            key,
            value,
            service,
        } = label
        else {
            return Ok(false);
        };
        if let Some(service) = service {
            return self.may_mark(service, value);
        }
        if is_reserved(key) {
            // Labels that came with an image are sent back, and say nothing of a container.
            let is_of_image = key == IMAGE_LABEL || value.is_empty();
            return Ok(is_of_image || (key == POLICY_LABEL && value == self.policy));
        }
        Ok(self.blocks.create.labels.allows(label))
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

    /// The key that lets containers be entered that are no ordinary ones, and whether it does.
    fn key_into_privileged(&self, block: Block) -> (Key, bool) {
        if block == Block::Archive {
            let archive = &self.blocks.archive;
            (Key::ArchiveIntoPrivileged, archive.into_privileged)
        } else {
            (Key::ExecIntoPrivileged, self.blocks.exec.into_privileged)
        }
    }

    /// Whether a container may be entered: one that has more than the policy would give one only where
    /// that is granted too.
    fn enters(&self, key: Key, name: &str) -> Granted {
        let into = self.blocks.setting(key).selectors();
        let (_, may_be_privileged) = self.key_into_privileged(key.block());
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
        match &requirement.what {
            What::Key(Key::Volume, name) => {
                // They may have any name, but be no paths of the host.
                let volume = answers::volume(self.known, name.text().unwrap_or_default())?;
                Ok(volume.is_none_or(|volume| self.is_good_volume(&volume)))
            }
            What::Key(key, value) => {
                Ok(self.blocks.is_lifted(Block::Create) || self.allows_value(*key, value)?)
            }
            What::Touch(_) => Ok(true),
        }
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
