//! Finds what a policy's blocks do not allow in a request, each in the form in which the denying key could allow it. A
//! request is allowed if nothing is found. Remedies use the same values.

mod chosen;

use super::answers::{self, Answer, Answers, Lookup, NeedsLookup};
use super::hint::{Entered, Shortfall};
use super::keys::setting::Setting;
use super::keys::{Blocks, Check, Key};
use super::names::varies;
use super::objects::{Container, Labels};
use super::owner::{IMAGE_LABEL, Owner};
use super::requirement::{Requirement, What};
use super::requirements::{is_reserved, opened};
use super::value::Value;
use crate::docker::{Block, Object, Operation};
use crate::policyfile::file::Policy;

/// A policy's blocks, and what is known about the objects that they are asked about.
pub(crate) struct Checker<'a> {
    owner: Owner<'a>,
    blocks: &'a Blocks,
    /// Whether the policy allows connecting containers to networks.
    joins: bool,
    /// Whether the policy allows pushing images.
    pushes: bool,
    /// What was looked up.
    known: &'a Answers,
}

type Granted = Result<bool, NeedsLookup>;

/// What the policy would also have to allow; empty if it allows everything.
type Missing = Result<Vec<What>, NeedsLookup>;

impl<'a> Checker<'a> {
    /// The checker for a policy, with these answers.
    pub(crate) fn of(policy: &'a Policy, known: &'a Answers) -> Self {
        Self {
            owner: policy.owner(),
            blocks: &policy.blocks,
            joins: policy.has(Operation::ContainerCreate) || policy.has(Operation::NetworkConnect),
            pushes: policy.has(Operation::ImagePush),
            known,
        }
    }

    /// Requirements in the form in which a policy would name them: containers and networks by their names or as `@own`,
    /// and the parts of an object that is used. What was not looked up stays as it is, unless `must_know` is set.
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

    /// `None` if the client's name stays.
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
                let is_own = container.is_of(self.owner);
                found.push(key.asks(named(is_own, &container.name)));
                // A container that was created through the policy has only what its audit record lists.
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
    /// Adds what the policy does not allow of a requirement. Nothing is looked up only to name what is denied anyway:
    /// an unknown object keeps the client's name.
    pub(crate) fn check(
        &self,
        requirement: &Requirement,
        shortfall: &mut Shortfall<'_>,
    ) -> Result<(), NeedsLookup> {
        // Whether it touches Dockgate's own container or names was checked before.
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
            // A build can push. A policy that allows only builds does not allow that.
            Check::Push => {
                (self.pushes || self.blocks.images.push.is_set()) && setting.allows(value)
            }
            Check::Runtime => {
                // If another runtime is filled in, naming the default one would be a way around it.
                let is_filled_in = self.blocks.create.fill.runtime.is_some();
                setting.allows(value) || (!is_filled_in && self.is_default_runtime(text)?)
            }
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
            updated,
        } = label
        else {
            return Ok(false);
        };
        if let Some(updated) = updated {
            return self.may_mark(updated, key, value);
        }
        if is_reserved(key) {
            // Clients send back labels that came with an image. They mean nothing on a container.
            let is_of_image = key == IMAGE_LABEL || value.is_empty();
            return Ok(is_of_image || self.owner.may_set(key, value));
        }
        Ok(self.blocks.create.labels.allows(label))
    }

    /// Whether an updated object may have a label that says whose it is: the owner's own, or the one that it has already.
    pub(crate) fn may_mark(&self, updated: &(Object, String), key: &str, value: &str) -> Granted {
        Ok(self.owner.may_set(key, value) || self.has_label(updated, key, value)?)
    }

    /// Whether a service, config or secret has a label.
    fn has_label(&self, (kind, name): &(Object, String), key: &str, value: &str) -> Granted {
        let has = |labels: &Labels| labels.has(key, value);
        Ok(if *kind == Object::Service {
            has(&answers::service(self.known, name)?.labels)
        } else {
            has(&answers::swarm_object(self.known, *kind, name)?.labels)
        })
    }

    /// The key that allows entering containers that are not ordinary ones, and whether it does.
    fn key_into_privileged(&self, block: Block) -> (Key, bool) {
        if block == Block::Archive {
            let archive = &self.blocks.archive;
            (Key::ArchiveIntoPrivileged, archive.into_privileged)
        } else {
            (Key::ExecIntoPrivileged, self.blocks.exec.into_privileged)
        }
    }

    /// The entry that would select the container, if no entry does.
    fn selects(&self, key: Key, container: &Container) -> Vec<What> {
        match self.blocks.setting(key).selectors() {
            Some(selectors) if !selectors.covers(container, self.owner) => {
                vec![key.asks(self.chosen_by(container))]
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// What prevents entering a container: the policy does not select it, or it has something that the policy does not
    /// allow for a new one.
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

    /// The container, if it has something that the policy does not allow for a new one.
    fn entered(&self, container: &Container) -> Result<Option<Entered>, NeedsLookup> {
        let (name, mut has) = (container.name.clone(), Vec::new());
        let Ok(opened) = opened(container) else {
            return Ok(Some(Entered { name, has }));
        };
        for requirement in &opened {
            match self.not_given(&requirement.what) {
                Err(lookup) if has.is_empty() => return Err(lookup),
                // It is unknown how the volume was created.
                Err(_) if requirement.what.key() == Some(Key::Volume) => {}
                Err(_) => has.push(requirement.clone()),
                Ok(missing) => has.extend(missing.into_iter().map(|what| requirement.with(what))),
            }
        }
        Ok((!has.is_empty()).then_some(Entered { name, has }))
    }

    /// What the policy would not allow for a new container.
    fn not_given(&self, what: &What) -> Missing {
        match what {
            What::Key(Key::Volume, name) => {
                // A volume may have any name, but must not be a path of the host.
                let volume = answers::volume(self.known, name.text().unwrap_or_default())?;
                Ok(volume.map_or_else(Vec::new, |volume| self.made_otherwise(&volume)))
            }
            What::Key(key, value) if !self.blocks.is_lifted(Block::Create) => {
                self.missing(*key, value, &mut None)
            }
            What::Key(..) | What::Touch(_) => Ok(Vec::new()),
        }
    }

    /// The entry that selects a container and still does after the container is recreated: `@own`, its name, or a label
    /// if the name changes each time.
    fn chosen_by(&self, container: &Container) -> String {
        let is_own = container.is_of(self.owner);
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

/// Whether a label says what a container is for, and not who created it or what its image is.
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
