//! From a request to what it asks for.
//!
//! Every topic of the field tables and every operation that depends on its query is read here, once,
//! whichever way a client spells it. What cannot be read in one way is refused here, before any
//! policy is asked.

mod container;
mod device;
mod query;

use super::ask::{Known, Unsettled, exec};
use super::facts::is_full_id;
use super::need::{Block, Need, RESERVED, Variable, What};
use super::reason::{Denial, Reason};
use crate::docker::body::{Asked, Topic, asked, table};
use crate::docker::mount::{self, BadMount, Mount, Source};
use crate::docker::target::is_name;
use crate::docker::{Call, Effect, Json, Operation};

pub use container::opened;

/// What keeps the needs of a request from being known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The request is refused, whatever a policy says.
    Refused(Denial),
    /// Something must be looked up, or is not there.
    Unsettled(Unsettled),
}

impl From<Unsettled> for Obstacle {
    fn from(unsettled: Unsettled) -> Self {
        Self::Unsettled(unsettled)
    }
}

impl From<Denial> for Obstacle {
    fn from(denial: Denial) -> Self {
        Self::Refused(denial)
    }
}

/// What a request asks for.
///
/// # Errors
///
/// It is spelled in a way that has two readings, or something must be looked up first.
pub fn needs(call: &Call, body: Option<&Json>, known: &Known) -> Result<Vec<Need>, Obstacle> {
    let Some(operation) = call.operation() else {
        return Ok(Vec::new());
    };
    let mut needs = Needs {
        operation,
        found: Vec::new(),
    };
    needs.of_path(call, known)?;
    query::read(&mut needs, call)?;
    if let (Some(body), Some(table)) = (body, table(operation)) {
        for asked in asked(body, table) {
            needs.of_field(&asked)?;
        }
        container::whole(&mut needs, body)?;
    }
    Ok(needs.found)
}

/// The needs found so far.
struct Needs {
    operation: Operation,
    found: Vec<Need>,
}

/// A request that no policy can grant, as it has two readings.
fn unclear(path: &str, why: &str) -> Denial {
    Denial::new(Reason::BadBody, format!("{path} {why}"))
}

impl Needs {
    fn push(&mut self, path: impl Into<String>, what: What) {
        let path = path.into();
        self.found.push(Need { path, what });
    }

    /// A container that something names.
    fn named(&mut self, path: &str, name: &str, what: fn(String) -> What) -> Result<(), Denial> {
        // The daemon takes a slash before a name for the same.
        let name = name.strip_prefix('/').unwrap_or(name);
        if !is_name(name) {
            return Err(unclear(path, "names no container"));
        }
        self.push(path, what(name.to_owned()));
        Ok(())
    }

    /// What stands in the path.
    fn of_path(&mut self, call: &Call, known: &Known) -> Result<(), Obstacle> {
        let Some(object) = call.object() else {
            return Ok(());
        };
        let name = object.to_owned();
        match self.operation {
            Operation::ContainerExec => {
                self.push("the container", What::Reach(name.clone()));
                self.push("the container", What::ExecInto(name));
            }
            Operation::PutContainerArchive => {
                self.push("the container", What::Reach(name.clone()));
                self.push("the container", What::ArchiveInto(name));
            }
            Operation::ExecStart => self.of_exec(&*exec(known, object)?),
            Operation::NetworkConnect => self.network("the network", &name)?,
            Operation::ServiceUpdate | Operation::ServiceDelete => {
                self.push("the service", What::Service(name));
            }
            Operation::ImagePush => self.push("the image", What::Push(name)),
            operation if reaches_container(operation) => {
                self.push("the container", What::Reach(name));
            }
            _ => {}
        }
        Ok(())
    }

    /// What a start runs: the exec that was made ready is judged again.
    fn of_exec(&mut self, exec: &super::facts::Exec) {
        debug_assert!(is_full_id(&exec.container), "an answer has been checked");
        self.push("the exec's container", What::Reach(exec.container.clone()));
        self.push(
            "the exec's container",
            What::ExecInto(exec.container.clone()),
        );
        self.push("the exec's command", What::Command(exec.command.clone()));
        self.push("the exec's user", What::ExecUser(exec.user.clone()));
        if exec.is_privileged {
            self.push("the exec's privilege", What::ExecPrivileged);
        }
    }

    /// What a judged or refused field of a body asks for.
    fn of_field(&mut self, asked: &Asked<'_>) -> Result<(), Denial> {
        let Asked { path, topic, value } = asked;
        let Some(topic) = topic else {
            self.push(path, What::Unnamed(self.block()));
            return Ok(());
        };
        match topic {
            Topic::Aliases => self.texts(path, value, What::Name),
            Topic::AnonymousVolumes | Topic::Limit | Topic::Placement | Topic::Replicas => {}
            Topic::Binds => return self.mounts(path, value.texts().map(mount::short)),
            Topic::CapabilityAdd => device::capabilities(self, path, value),
            Topic::CgroupNamespace => self.namespace(path, value, "cgroup")?,
            Topic::CgroupParent | Topic::ConfigFrom | Topic::EndpointOptions => {
                self.push(path, What::Unnamed(self.block()));
            }
            Topic::Command => {
                let argv = value.texts().map(str::to_owned).collect();
                self.push(path, What::Command(argv));
            }
            Topic::Configs => self.names_of(path, value, "ConfigName", What::Config),
            Topic::Container => {
                let name = value.text().unwrap_or_default();
                self.named(path, name, What::Reach)?;
                self.named(path, name, What::Connect)?;
            }
            Topic::DeviceCgroupRules => self.texts(path, value, What::Device),
            Topic::DeviceRequests => device::requests(self, path, value),
            Topic::Devices => device::devices(self, path, value)?,
            Topic::EndpointAddresses => self.push(path, What::Addresses),
            Topic::Environment => self.environment(path, value),
            // The container is looked up, so the daemon knows it.
            Topic::Force => {}
            Topic::Groups => self.texts(path, value, What::Group),
            Topic::Image if self.operation != Operation::ImageCommit => {
                self.texts(path, value, What::Image);
            }
            // An image that is made says of itself what it was made from.
            Topic::Image => {}
            Topic::Ipam => self.ipam(path, value),
            Topic::IpcNamespace => self.namespace(path, value, "ipc")?,
            Topic::Labels => self.labels(path, value)?,
            Topic::Links => {
                for link in value.texts() {
                    let name = link.split(':').next().unwrap_or_default();
                    self.named(path, name, What::Join)?;
                }
            }
            Topic::LogDriver => device::log_driver(self, path, value),
            Topic::MaskedPaths => device::hidden(self, path, value, device::MASKED),
            Topic::Mounts => return self.mounts(path, value.items().iter().map(mount::long)),
            Topic::Name => self.own_name(path, value)?,
            Topic::NetworkDriver => self.texts(path, value, What::NetworkDriver),
            // Read together with the networks, as none at all is one too.
            Topic::NetworkMode => {}
            Topic::NetworkOptions => {
                for (key, option) in value.members() {
                    let (key, value) = (key.clone(), option.text().unwrap_or_default().to_owned());
                    self.push(path, What::NetworkOption { key, value });
                }
            }
            Topic::Networks => self.networks(path, value)?,
            Topic::PidNamespace => self.namespace(path, value, "pid")?,
            Topic::Ports => device::ports(self, path, value)?,
            Topic::Privileged if self.operation == Operation::ContainerExec => {
                self.push(path, What::ExecPrivileged);
            }
            Topic::Privileged => self.push(path, What::Privileged),
            Topic::ReadonlyPaths => device::hidden(self, path, value, device::READ_ONLY),
            Topic::Restart => device::restart(self, path, value),
            Topic::Rollback if value.text() == Some("rollback") => {
                self.push(path, What::Rollback);
            }
            Topic::Rollback => {}
            Topic::Runtime => self.texts(path, value, What::Runtime),
            Topic::Secrets => self.names_of(path, value, "SecretName", What::Secret),
            Topic::SecurityOptions => device::security(self, path, value),
            Topic::Subnets => self.subnets(path, value),
            Topic::SwarmNetwork => {
                if path == "Ingress" {
                    self.push(path, What::Unnamed(Block::Networks));
                }
            }
            Topic::Sysctls => {
                for (name, _) in value.members() {
                    self.push(path, What::Sysctl(name.clone()));
                }
            }
            Topic::TaskRuntime if value.text() == Some("container") => {}
            Topic::TaskRuntime => self.push(path, What::Unnamed(Block::Create)),
            Topic::Tmpfs => {
                for (_, options) in value.members() {
                    let options = options.text().unwrap_or_default().split(',');
                    self.tmpfs(path, mount::opening(options));
                }
            }
            // Read with the whole container, as none at all is one too.
            Topic::User => {}
            Topic::UserNamespace => self.namespace(path, value, "user")?,
            Topic::UtsNamespace => self.namespace(path, value, "uts")?,
            Topic::VolumeDriver => self.volume_driver(path, value.text()),
            Topic::VolumeOptions => self.volume_options(path, value.members()),
            Topic::VolumesFrom => {
                for from in value.texts() {
                    let name = from.split(':').next().unwrap_or_default();
                    self.named(path, name, What::Join)?;
                }
            }
            Topic::WorkingDirectory => self.working_directory(path, value),
        }
        Ok(())
    }

    /// The block that what has no key of its own belongs to.
    fn block(&self) -> Block {
        match self.operation {
            Operation::NetworkCreate => Block::Networks,
            Operation::VolumeCreate | Operation::VolumeUpdate => Block::Volumes,
            Operation::ContainerExec => Block::Exec,
            _ => Block::Create,
        }
    }

    /// A text, or each of several.
    fn texts(&mut self, path: &str, value: &Json, what: fn(String) -> What) {
        for text in value.text().into_iter().chain(value.texts()) {
            self.push(path, what(text.to_owned()));
        }
    }

    fn mounts<'a>(
        &mut self,
        path: &str,
        mounts: impl Iterator<Item = Result<Mount<'a>, BadMount>>,
    ) -> Result<(), Denial> {
        for (place, mount) in mounts.enumerate() {
            let path = format!("{path}[{place}]");
            let mount = mount.map_err(|bad| unclear(&path, &bad.to_string()))?;
            self.mount(&path, &mount)?;
        }
        Ok(())
    }

    fn mount(&mut self, path: &str, mount: &Mount<'_>) -> Result<(), Denial> {
        let is_writable = mount.is_writable;
        match &mount.source {
            Source::Host(source) => {
                let source = (*source).to_owned();
                let bind = What::Bind {
                    path: source,
                    is_writable,
                };
                self.push(path, bind);
            }
            Source::Image(image) => self.push(path, What::Image((*image).to_owned())),
            Source::Memory(options) => self.tmpfs(path, options.clone()),
            Source::Volume {
                name,
                driver,
                options,
                labels,
            } => {
                if let Some(name) = name {
                    self.push(path, What::Volume((*name).to_owned()));
                }
                self.volume_driver(path, *driver);
                self.volume_options(path, options);
                self.label_members(path, labels)?;
            }
        }
        if mount.is_shared {
            self.push(path, What::Unnamed(Block::Create));
        }
        Ok(())
    }

    fn tmpfs(&mut self, path: &str, options: Vec<&str>) {
        for option in options {
            self.push(path, What::TmpfsOption(option.to_owned()));
        }
    }

    fn volume_driver(&mut self, path: &str, driver: Option<&str>) {
        let driver = driver.filter(|driver| !driver.is_empty());
        self.found.extend(driver.map(|driver| Need {
            path: path.to_owned(),
            what: What::VolumeDriver(driver.to_owned()),
        }));
    }

    fn volume_options(&mut self, path: &str, options: &[(String, Json)]) {
        for (key, value) in options {
            let (key, value) = (key.clone(), value.text().unwrap_or_default().to_owned());
            self.push(path, What::VolumeOption { key, value });
        }
    }

    fn environment(&mut self, path: &str, value: &Json) {
        let what = if self.operation == Operation::ContainerExec {
            What::ExecEnv
        } else {
            What::Env
        };
        for variable in value.texts() {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            let (name, value) = (name.to_owned(), value.to_owned());
            self.push(path, what(Variable { name, value }));
        }
    }

    fn labels(&mut self, path: &str, value: &Json) -> Result<(), Denial> {
        self.label_members(path, value.members())
    }

    fn label_members(&mut self, path: &str, labels: &[(String, Json)]) -> Result<(), Denial> {
        for (key, value) in labels {
            let value = value.text().unwrap_or_default();
            if value.contains("{{") && self.is_of_service() {
                return Err(unclear(path, &BadMount::Template.to_string()));
            }
            let (key, value) = (key.clone(), value.to_owned());
            self.push(path, What::Label { key, value });
        }
        Ok(())
    }

    fn is_of_service(&self) -> bool {
        matches!(
            self.operation,
            Operation::ServiceCreate | Operation::ServiceUpdate
        )
    }

    /// The name of what is made.
    fn own_name(&mut self, path: &str, value: &Json) -> Result<(), Denial> {
        let name = value.text().unwrap_or_default();
        match self.operation {
            Operation::VolumeCreate | Operation::NetworkCreate if !is_name(name) => {
                return Err(unclear(
                    path,
                    "must begin with a letter or digit and have nothing but letters, digits, `_`, `.` and `-`",
                ));
            }
            Operation::ServiceCreate | Operation::ServiceUpdate => {
                self.push(path, What::Name(name.to_owned()));
            }
            _ => {}
        }
        Ok(())
    }

    /// Configs and secrets of the swarm; one is found by its id, and its name is only told.
    fn names_of(&mut self, path: &str, value: &Json, key: &str, what: fn(String) -> What) {
        for member in value.items() {
            let name = member.get(key).and_then(Json::text).unwrap_or_default();
            self.push(path, what(name.to_owned()));
        }
    }

    fn namespace(&mut self, path: &str, value: &Json, name: &'static str) -> Result<(), Denial> {
        let mode = value.text().unwrap_or_default();
        let may_join = matches!(name, "ipc" | "pid");
        match (mode, mode.strip_prefix("container:")) {
            ("host", _) => self.push(path, What::HostNamespace(name)),
            (_, Some(container)) if may_join => self.named(path, container, What::Join)?,
            ("none" | "shareable", _) if name == "ipc" => {}
            ("private", _) if matches!(name, "cgroup" | "ipc") => {}
            _ => self.push(path, What::Unnamed(Block::Create)),
        }
        Ok(())
    }

    /// A network to join, by name or id.
    fn network(&mut self, path: &str, name: &str) -> Result<(), Denial> {
        match name {
            "bridge" | "default" => self.push(path, What::Network("@default".to_owned())),
            "host" => self.push(path, What::HostNamespace("network")),
            "none" => {}
            name if is_name(name) => self.push(path, What::Network(name.to_owned())),
            _ => return Err(unclear(path, "names no network")),
        }
        Ok(())
    }

    fn networks(&mut self, path: &str, value: &Json) -> Result<(), Denial> {
        for (name, _) in value.members() {
            self.network(path, name)?;
        }
        value.text().map_or(Ok(()), |name| self.network(path, name))
    }

    fn ipam(&mut self, path: &str, value: &Json) {
        if value.text() != Some("default") {
            self.push(path, What::Unnamed(Block::Networks));
        }
    }

    fn subnets(&mut self, path: &str, value: &Json) {
        for subnet in value.items() {
            for (_, address) in subnet.members() {
                self.texts(path, address, What::Subnet);
                for (_, address) in address.members() {
                    self.texts(path, address, What::Subnet);
                }
            }
        }
    }

    fn working_directory(&mut self, path: &str, value: &Json) {
        let directory = value.text().unwrap_or_default();
        let is_exec = self.operation == Operation::ContainerExec;
        // The daemon cleans it; what stays within the container has no such part.
        let leads_out = directory
            .split('/')
            .any(|part| part == ".." || part == "proc");
        if leads_out {
            self.push(path, What::Unnamed(self.block()));
        } else if is_exec {
            self.push(path, What::ExecWorkdir(directory.to_owned()));
        }
    }
}

/// Whether an operation does more to a container than to show its state or its output.
fn reaches_container(operation: Operation) -> bool {
    let spec = operation.spec();
    let is_of_container = spec
        .routes
        .iter()
        .any(|route| route.path.starts_with("/containers/{name}"));
    is_of_container && spec.effect != Effect::Read && operation != Operation::ContainerLogs
}

/// Whether a label is one that Dockgate alone sets.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED)
}
