//! What a request asks for beyond its operation, one by one, whatever any policy says of it.
//!
//! A need is what a policy would have to grant, named by the key that grants it. The judgement is no
//! more than whether all of them are granted, and the record tells what a client needs with the same
//! values. None of them holds a secret.

use std::fmt;

use crate::docker::json::shortened;

/// Something that is asked for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Where in the body or the query it stands, as `HostConfig.Privileged`.
    pub path: String,
    /// What it is.
    pub what: What,
}

/// The blocks of a policy that narrow what its operations grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// `[archive]`
    Archive,
    /// `[build]`
    Build,
    /// `[create]`
    Create,
    /// `[exec]`
    Exec,
    /// `[images]`
    Images,
    /// `[networks]`
    Networks,
    /// `[volumes]`
    Volumes,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A fixed address on a network.
    Addresses,
    /// Files to be written into this container.
    ArchiveInto(String),
    /// The path in the container to which files are written.
    ArchivePath(String),
    /// A path of the host.
    Bind {
        /// Clean and absolute.
        path: String,
        /// Whether it can be written.
        is_writable: bool,
    },
    /// The network that a build runs in.
    BuildNetwork(String),
    /// A context that the daemon is to fetch.
    BuildRemote(String),
    /// A capability that is added, without `CAP_`, in capitals.
    Capability(String),
    /// The program and arguments of an exec.
    Command(Vec<String>),
    /// A config of the swarm.
    Config(String),
    /// A container to be put on or off a network.
    Connect(String),
    /// A device: its path with the permissions, a rule of the cgroup, or a name of CDI.
    Device(String),
    /// A variable of a container's environment.
    Env(Variable),
    /// A variable of an exec's environment.
    ExecEnv(Variable),
    /// The container that an exec runs in.
    ExecInto(String),
    /// Every capability for an exec.
    ExecPrivileged,
    /// The user of an exec, empty for the container's.
    ExecUser(String),
    /// The directory of an exec.
    ExecWorkdir(String),
    /// GPUs.
    Gpus,
    /// A further group of the user.
    Group(String),
    /// A namespace of the host.
    HostNamespace(&'static str),
    /// An image to run.
    Image(String),
    /// An image to be made of a tar or an address.
    Import,
    /// A container whose namespaces, volumes or names are taken over.
    Join(String),
    /// A label.
    Label {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
    /// What the container may use at the most.
    Limits(Limits),
    /// Where the output goes.
    LogDriver(String),
    /// A name by which others find it. Nothing but Dockgate's own is refused.
    Name(String),
    /// A network to be joined; `@default` is the daemon's own.
    Network(String),
    /// Who makes a network.
    NetworkDriver(String),
    /// An option for a network's driver.
    NetworkOption {
        /// Its name.
        key: String,
        /// Its value.
        value: String,
    },
    /// Ports of the host.
    Port(Port),
    /// All capabilities and devices.
    Privileged,
    /// An image to be fetched.
    Pull(String),
    /// An image to be sent away.
    Push(String),
    /// A container that the operation is about. Nothing but Dockgate's own is refused.
    Reach(String),
    /// What restarts it.
    Restart(String),
    /// To go back to an earlier state that was not judged.
    Rollback,
    /// The runtime.
    Runtime(String),
    /// A secret of the swarm.
    Secret(String),
    /// An option of the kernel's security modules, as `key=value`.
    SecurityOption(String),
    /// A service that the operation is about. Nothing but Dockgate's own is refused.
    Service(String),
    /// The addresses of a network that is made.
    Subnet(String),
    /// A setting of the kernel.
    Sysctl(String),
    /// A name that an image gets.
    Tag(String),
    /// An option of a memory mount that undoes what the daemon sets.
    TmpfsOption(String),
    /// What no key grants but the block's `unrestricted`.
    Unnamed(Block),
    /// The user, empty for the image's.
    User(String),
    /// A named volume.
    Volume(String),
    /// Who makes a volume.
    VolumeDriver(String),
    /// An option for a volume's driver.
    VolumeOption {
        /// Its name.
        key: String,
        /// Its value.
        value: String,
    },
}

/// A variable of the environment. Its value is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Variable").field(&self.name).finish()
    }
}

/// What a container may use. Zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Whether an existing container's limits are changed: what is not set then stays.
    pub is_change: bool,
    /// In bytes.
    pub memory: i64,
    /// Memory and swap, in bytes; -1 is no limit.
    pub memory_and_swap: i64,
    /// In billionths of a processor.
    pub nano_cpus: i64,
    /// Processes; -1 is no limit, and so is 0 where it is set.
    pub pids: Option<i64>,
    /// Whether it is spared when memory runs out.
    pub is_spared: bool,
}

/// Ports of the host that lead into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The host's address, empty for all of them.
    pub address: String,
    /// The first port; 0 is one that the daemon picks.
    pub from: u16,
    /// The last port.
    pub to: u16,
}

impl Block {
    /// Its name in a policy file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Build => "build",
            Self::Create => "create",
            Self::Exec => "exec",
            Self::Images => "images",
            Self::Networks => "networks",
            Self::Volumes => "volumes",
        }
    }
}

impl What {
    /// The block and the key within it that grant it, if any does.
    #[must_use]
    pub fn key(&self) -> Option<(Block, &'static str)> {
        use Block::{Archive, Build, Create, Exec, Images, Networks, Volumes};
        Some(match self {
            Self::Addresses => (Create, "addresses"),
            Self::ArchiveInto(_) => (Archive, "into"),
            Self::ArchivePath(_) => (Archive, "paths"),
            Self::Bind { .. } => (Create, "binds"),
            Self::BuildNetwork(_) => (Build, "networks"),
            Self::BuildRemote(_) => (Build, "remotes"),
            Self::Capability(_) => (Create, "capabilities"),
            Self::Command(_) => (Exec, "commands"),
            Self::Config(_) => (Create, "configs"),
            Self::Connect(_) => (Networks, "containers"),
            Self::Device(_) => (Create, "devices"),
            Self::Env(_) => (Create, "env.allow"),
            Self::ExecEnv(_) => (Exec, "env.allow"),
            Self::ExecInto(_) => (Exec, "into"),
            Self::ExecPrivileged => (Exec, "privileged"),
            Self::ExecUser(_) => (Exec, "users"),
            Self::ExecWorkdir(_) => (Exec, "workdirs"),
            Self::Gpus => (Create, "gpus"),
            Self::Group(_) => (Create, "groups"),
            Self::HostNamespace(_) => (Create, "host_namespaces"),
            Self::Image(_) => (Create, "images"),
            Self::Import => (Images, "import"),
            Self::Join(_) => (Create, "join"),
            Self::Label { .. } => (Create, "labels.forbid"),
            Self::Limits(_) => (Create, "limits"),
            Self::LogDriver(_) => (Create, "log_drivers"),
            Self::Network(_) => (Create, "networks"),
            Self::NetworkDriver(_) => (Networks, "drivers"),
            Self::NetworkOption { .. } => (Networks, "options"),
            Self::Port(_) => (Create, "ports"),
            Self::Privileged => (Create, "privileged"),
            Self::Pull(_) => (Images, "pull"),
            Self::Push(_) => (Images, "push"),
            Self::Restart(_) => (Create, "restart"),
            Self::Rollback => (Create, "rollback"),
            Self::Runtime(_) => (Create, "runtimes"),
            Self::Secret(_) => (Create, "secrets"),
            Self::SecurityOption(_) => (Create, "security_opt"),
            Self::Subnet(_) => (Networks, "subnets"),
            Self::Sysctl(_) => (Create, "sysctls"),
            Self::Tag(_) => (Images, "tags"),
            Self::TmpfsOption(_) => (Create, "tmpfs_options"),
            Self::Unnamed(block) => (*block, "unrestricted"),
            Self::User(_) => (Create, "users"),
            Self::Volume(_) => (Create, "volumes"),
            Self::VolumeDriver(_) => (Volumes, "drivers"),
            Self::VolumeOption { .. } => (Volumes, "options"),
            Self::Name(_) | Self::Reach(_) | Self::Service(_) => return None,
        })
    }

    /// What would have to stand under the key, `true` where it is no list. Values of the environment
    /// and arguments of commands are left out.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::ArchiveInto(text)
            | Self::ArchivePath(text)
            | Self::BuildNetwork(text)
            | Self::BuildRemote(text)
            | Self::Capability(text)
            | Self::Config(text)
            | Self::Connect(text)
            | Self::Device(text)
            | Self::ExecInto(text)
            | Self::ExecUser(text)
            | Self::ExecWorkdir(text)
            | Self::Group(text)
            | Self::Image(text)
            | Self::Join(text)
            | Self::LogDriver(text)
            | Self::Name(text)
            | Self::Network(text)
            | Self::NetworkDriver(text)
            | Self::Pull(text)
            | Self::Push(text)
            | Self::Reach(text)
            | Self::Restart(text)
            | Self::Runtime(text)
            | Self::Secret(text)
            | Self::SecurityOption(text)
            | Self::Service(text)
            | Self::Subnet(text)
            | Self::Sysctl(text)
            | Self::Tag(text)
            | Self::TmpfsOption(text)
            | Self::User(text)
            | Self::Volume(text)
            | Self::VolumeDriver(text) => shortened(text).to_owned(),
            Self::HostNamespace(name) => (*name).to_owned(),
            Self::Bind { path, is_writable } => {
                format!("{path}:{}", if *is_writable { "rw" } else { "ro" })
            }
            Self::Command(argv) => argv
                .first()
                .map_or("", |program| shortened(program))
                .to_owned(),
            Self::Env(variable) | Self::ExecEnv(variable) => shortened(&variable.name).to_owned(),
            Self::Label { key, .. } => shortened(key).to_owned(),
            Self::NetworkOption { key, value } => {
                format!("{}={}", shortened(key), shortened(value))
            }
            // Options of volumes hold passwords of file servers.
            Self::VolumeOption { key, .. } => format!("{}=*", shortened(key)),
            Self::Port(port) => port.to_string(),
            Self::Limits(limits) => limits.to_string(),
            Self::Addresses
            | Self::ExecPrivileged
            | Self::Gpus
            | Self::Import
            | Self::Privileged
            | Self::Rollback
            | Self::Unnamed(_) => "true".to_owned(),
        }
    }

    /// What to write for it to be granted.
    #[must_use]
    pub fn way(&self) -> Option<String> {
        let (block, key) = self.key()?;
        let (block, value) = (block.name(), self.value());
        Some(match self {
            Self::Addresses
            | Self::ExecPrivileged
            | Self::Gpus
            | Self::Import
            | Self::Privileged
            | Self::Rollback
            | Self::Unnamed(_) => format!("set {block}.{key} = true"),
            Self::Limits(_) => format!("set it within {block}.{key}"),
            Self::Label { .. } => format!("leave it out of {block}.{key}"),
            Self::Command(_) => format!("add its arguments to {block}.{key}"),
            _ => format!("add \"{value}\" to {block}.{key}"),
        })
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.address.contains(':') {
            write!(f, "[{}]:", self.address)?;
        } else if !self.address.is_empty() {
            write!(f, "{}:", self.address)?;
        }
        write!(f, "{}", self.from)?;
        if self.to == self.from {
            Ok(())
        } else {
            write!(f, "-{}", self.to)
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (memory, cpus) = (self.memory, self.nano_cpus);
        write!(
            f,
            "memory {memory}, cpus {}.{:09}",
            cpus / NANO,
            cpus % NANO
        )?;
        write!(f, ", pids {}", self.pids.unwrap_or_default())
    }
}

const NANO: i64 = 1_000_000_000;

/// What the labels begin with that no client can set.
pub const RESERVED: &str = "dockgate.";
