//! What of a request a policy's blocks do not allow, each as the key that denies it would have to allow it. The verdict
//! is whether that is nothing, and the remedies come from the same values.

mod chosen;

use super::answers::{self, Answer, Answers, Lookup, NeedsLookup};
use super::hint::{Entered, Shortfall};
use super::keys::setting::Setting;
use super::keys::{Blocks, Check, Key};
use super::names::varies;
use super::objects::{Container, IMAGE_LABEL, POLICY_LABEL};
use super::requirement::{Requirement, What};
use super::requirements::{is_reserved, opened};
use super::value::Value;
use crate::docker::{Block, Operation};
use crate::policyfile::file::Policy;

/// A policy's blocks, and what is known of what they are asked about.
pub(crate) struct Checker<'a> {
    /// The policy's mark, which what is made through it bears.
    policy: &'a str,
    blocks: &'a Blocks,
    /// Whether it puts containers on networks.
    joins: bool,
    /// Whether it sends images to their registries.
    pushes: bool,
    /// What was looked up.
    known: &'a Answers,
}

type Granted = Result<bool, NeedsLookup>;

/// What would have to be allowed besides; nothing if all is.
type Missing = Result<Vec<What>, NeedsLookup>;

impl<'a> Checker<'a> {
    /// What a policy says on this ground.
    pub(crate) fn of(policy: &'a Policy, known: &'a Answers) -> Self {
        Self {
            policy: &policy.mark,
            blocks: &policy.blocks,
            joins: policy.has(Operation::ContainerCreate) || policy.has(Operation::NetworkConnect),
            pushes: policy.has(Operation::ImagePush),
            known,
        }
    }

    /// Requirements as a policy would have to name them: containers and networks by what they are called, or as its
    /// own, with what an object has that is used. What was not looked up stays as it is, unless `must_know` asks for
    /// it.
    pub(crate) fn resolve_names(
        &self,
        requirements: &[Requirement],
        must_know: bool,
    ) -> Result<Vec<Requirement>, NeedsLookup> {
        let mut told = Vec::with_capacity(requirements.len());
        for requirement in requirements {
            let resolved = match &requirement.what {
                What::Key(key, Value::Text(name)) => self.resolve_name(*key, name),
                What::Key(..) | What::Touch(_) => Ok(None),
            };
            match resolved {
                Ok(Some(found)) => told.extend(found.into_iter().map(|it| requirement.with(it))),
                Err(lookup) if must_know => return Err(lookup),
                Ok(None) | Err(_) => told.push(requirement.clone()),
            }
        }
        Ok(told)
    }

    /// `None` for what is named as the client named it.
    fn resolve_name(&self, key: Key, name: &str) -> Result<Option<Vec<What>>, NeedsLookup> {
        let mut found = Vec::new();
        match key.row().check {
            Check::Network if name != "@default" => {
                found.extend(self.as_named(&*answers::network(self.known, name)?));
            }
            Check::Volume => {
                let Some(volume) = answers::volume(self.known, name)? else {
                    return Ok(Some(vec![key.asks("@new")]));
                };
                found.push(key.asks(named(self.is_own_volume(name, &volume)?, name)));
                if !self.made_otherwise(&volume).is_empty() {
                    found.push(Key::VolumeDriver.asks(&*volume.driver));
                    let options = volume.options.iter();
                    found.extend(options.map(|(key, value)| Key::VolumeOption.option(key, value)));
                }
            }
            check @ (Check::Container | Check::Entered) => {
                let container = answers::container(self.known, name)?;
                let is_own = container.label(POLICY_LABEL) == Some(self.policy);
                found.push(key.asks(named(is_own, &container.name)));
                // What was made through the policy has nothing but what its record says.
                if check == Check::Entered && !is_own && self.entered(&container)?.is_some() {
                    found.push(self.key_into_privileged(key.block()).0.flag());
                }
            }
            Check::Label
            | Check::Network
            | Check::Project
            | Check::Push
            | Check::Runtime
            | Check::Start
            | Check::Tag
            | Check::Value => return Ok(None),
        }
        Ok(Some(found))
    }
}

fn named(is_own: bool, name: &str) -> String {
    if is_own { "@own" } else { name }.to_owned()
}

impl Checker<'_> {
    /// Adds what a policy would have to allow besides, for a requirement to be allowed. Nothing is looked up to name
    /// what is denied already: what is not known stays as the client wrote it.
    pub(crate) fn check(
        &self,
        requirement: &Requirement,
        shortfall: &mut Shortfall<'_>,
    ) -> Result<(), NeedsLookup> {
        // Dockgate's own container and names were held against what it touches already.
        if let What::Key(key, value) = &requirement.what
            && !self.blocks.is_lifted(key.block())
        {
            let missing = self.missing(*key, value, &mut shortfall.entered)?;
            let missing = missing.into_iter().map(|what| requirement.with(what));
            shortfall.requirements.extend(missing);
        }
        Ok(())
    }

    fn missing(&self, key: Key, value: &Value, more: &mut Option<Entered>) -> Missing {
        let setting = self.blocks.setting(key);
        let text = value.text().unwrap_or_default();
        let is_allowed = match key.row().check {
            Check::Value => setting.allows(value),
            Check::Container if setting.selectors().is_none() => true,
            Check::Container => {
                return Ok(self.selects(key, &*answers::container(self.known, text)?));
            }
            Check::Entered => return self.enters(key, text, more),
            Check::Label => self.label(value)?,
            Check::Network => return Ok(self.network(text)?.into_iter().collect()),
            Check::Project => self.project(value)?,
            // A build that pushes is a way to push, and no policy that only builds asked for it.
            Check::Push => {
                (self.pushes || self.blocks.images.push.is_set()) && setting.allows(value)
            }
            Check::Runtime => setting.allows(value) || self.is_default_runtime(text)?,
            Check::Start => return self.starts(text),
            Check::Tag => self.tag(text)?,
            Check::Volume => return self.volume(text),
        };
        Ok(if is_allowed {
            Vec::new()
        } else {
            vec![What::Key(key, value.clone())]
        })
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
    pub(crate) fn may_mark(&self, service: &str, policy: &str) -> Granted {
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

    /// The entry that would select a container, if none does.
    fn selects(&self, key: Key, container: &Container) -> Vec<What> {
        match self.blocks.setting(key).selectors() {
            Some(selectors) if !selectors.covers(container, self.policy) => {
                vec![key.asks(self.chosen_by(container))]
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// What keeps a container from being entered: which one it is, or what it has and the policy would not give a
    /// new one.
    fn enters(&self, key: Key, name: &str, more: &mut Option<Entered>) -> Missing {
        let (into_privileged, may_be_privileged) = self.key_into_privileged(key.block());
        if may_be_privileged && self.blocks.setting(key).selectors().is_none() {
            return Ok(Vec::new());
        }
        let container = answers::container(self.known, name)?;
        let mut missing = self.selects(key, &container);
        if !may_be_privileged {
            match self.entered(&container) {
                Err(lookup) if missing.is_empty() => return Err(lookup),
                Ok(Some(entered)) => {
                    missing.push(into_privileged.flag());
                    *more = Some(entered);
                }
                Ok(None) | Err(_) => {}
            }
        }
        Ok(missing)
    }

    /// A container with what it has and the policy would not give a new one, if it has such.
    fn entered(&self, container: &Container) -> Result<Option<Entered>, NeedsLookup> {
        let (name, mut has) = (container.name.clone(), Vec::new());
        let Ok(opened) = opened(container) else {
            return Ok(Some(Entered { name, has }));
        };
        for requirement in &opened {
            match self.not_given(&requirement.what) {
                Err(lookup) if has.is_empty() => return Err(lookup),
                // How a volume was made is not known then.
                Err(_) if requirement.what.key() == Some(Key::Volume) => {}
                Err(_) => has.push(requirement.clone()),
                Ok(missing) => has.extend(missing.into_iter().map(|what| requirement.with(what))),
            }
        }
        Ok((!has.is_empty()).then_some(Entered { name, has }))
    }

    /// What of this the policy would not give a new container.
    fn not_given(&self, what: &What) -> Missing {
        match what {
            What::Key(Key::Volume, name) => {
                // They may have any name, but be no paths of the host.
                let volume = answers::volume(self.known, name.text().unwrap_or_default())?;
                Ok(volume.map_or_else(Vec::new, |volume| self.made_otherwise(&volume)))
            }
            What::Key(key, value) if !self.blocks.is_lifted(Block::Create) => {
                self.missing(*key, value, &mut None)
            }
            What::Key(..) | What::Touch(_) => Ok(Vec::new()),
        }
    }

    /// The entry that selects a container, and still does after it is recreated: `@own`, its name, or a label
    /// if the name is another each time.
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

    fn is_default_runtime(&self, name: &str) -> Granted {
        let lookup = Lookup::DefaultRuntime;
        if let Answer::Text(default) = self.known.need(&lookup)? {
            return Ok(**default == *name);
        }
        Err(NeedsLookup::Missing(lookup))
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
