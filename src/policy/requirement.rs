//! What a request asks for beyond its operation, one by one, whatever any policy says of it.
//!
//! A need is what a policy would have to grant, named by the key that grants it. The judgement is no
//! more than whether all of them are granted, and the record tells what a client needs with the same
//! values. None of them holds a secret.

mod keys;

use std::fmt;

use crate::docker::Object;
use crate::docker::mount::Access;

pub use crate::docker::Block;

/// Something that is asked for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Where in the body or the query it stands, as `HostConfig.Privileged`.
    pub path: String,
    /// What it is.
    pub what: What,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A fixed address on a network.
    Addresses,
    /// A path of the host.
    Bind {
        /// Clean and absolute.
        path: String,
        /// What can be done with it.
        access: Access,
    },
    /// A capability that is added, without `CAP_`, in capitals.
    Capability(String),
    /// A config of the swarm.
    Config(String),
    /// A device: its path with the permissions, a rule of the cgroup, or a name of CDI.
    Device(String),
    /// A variable of a container's environment.
    Env(Variable),
    /// GPUs.
    Gpus,
    /// A further group of the user.
    Group(String),
    /// A namespace of the host.
    HostNamespace(&'static str),
    /// An image to run.
    Image(String),
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
    /// The mark of a policy on a service that is updated.
    Mark {
        /// The service.
        service: String,
        /// The policy.
        policy: String,
    },
    /// A name by which others find it. Nothing but Dockgate's own is refused.
    Name(String),
    /// A name that reads as an id, given to an object of this kind. It is denied if one is found by it.
    NewId(Object, String),
    /// A network to be joined; `@default` is the daemon's own.
    Network(String),
    /// To be spared when memory runs out.
    OomProtected,
    /// Ports of the host.
    Port(Port),
    /// All capabilities and devices.
    Privileged,
    /// A project of compose, or a stack of the swarm, that what is made belongs to.
    Project {
        /// The label that says so.
        label: &'static str,
        /// The project.
        name: String,
        /// The service that is updated, which may be in the project already.
        service: Option<String>,
    },
    /// An object that the operation is about: its kind, and its name or id. Nothing but Dockgate's own
    /// is refused.
    Reach(Object, String),
    /// Another name for a container that is there.
    Rename {
        /// The container.
        container: String,
        /// Its new name.
        name: String,
    },
    /// What the container before it had, and no more.
    Replaces,
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
    /// A container that is started, and put on its networks.
    Start(String),
    /// A named volume on whichever machine of the swarm a task runs.
    SwarmVolume(String),
    /// A setting of the kernel.
    Sysctl(String),
    /// An option of a memory mount that undoes what the daemon sets.
    TmpfsOption(String),
    /// What no key grants but the block's `unrestricted`.
    Unnamed(Block),
    /// What a service that is updated has already, and no more.
    Unchanged,
    /// The user, empty for the image's.
    User(String),
    /// A named volume.
    Volume(String),
    /// Something within a container that is there.
    Within(Within),
    /// Something that is made besides containers, or moved.
    Made(Made),
}

/// What is done within a container that is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Within {
    /// Files to be written into this container.
    ArchiveInto(String),
    /// The path in the container to which files are written.
    ArchivePath(String),
    /// The program and arguments of an exec.
    Command(Vec<String>),
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
    /// Arguments of `ps` that may show more than a list of processes.
    PsArgs(String),
    /// The container whose output is attached to.
    Watch(String),
    /// A container that is entered, by what this block is about, and is no ordinary one.
    IntoPrivileged(Block),
}

/// What is made besides containers, or moved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Made {
    /// The network that a build runs in.
    BuildNetwork(String),
    /// A context that the daemon is to fetch.
    BuildRemote(String),
    /// A container to be put on or off a network.
    Connect(String),
    /// An image to be made of a tar or an address.
    Import,
    /// Who makes a network.
    NetworkDriver(String),
    /// An option for a network's driver.
    NetworkOption {
        /// Its name.
        key: String,
        /// Its value.
        value: String,
    },
    /// An image to be fetched; [`EVERY_VERSION`] stands behind one that has no version.
    Pull(String),
    /// An image to be sent away; [`EVERY_VERSION`] stands behind one that has no version.
    Push(String),
    /// The addresses of a network that is made.
    Subnet(String),
    /// A name that an image gets.
    Tag(String),
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
#[derive(Clone, PartialEq, Eq, Hash)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Whether an existing container's limits are changed: what is not set then stays.
    pub is_change: bool,
    /// In bytes.
    pub memory: i64,
    /// Memory and swap, in bytes; -1 is no limit.
    pub memory_and_swap: i64,
    /// In billionths of a processor; less than 0 is no limit.
    pub nano_cpus: i64,
    /// Processes; -1 is no limit, and so is 0 where it is set.
    pub pids: Option<i64>,
}

/// Ports of the host that lead into a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    /// The host's address, empty for all of them.
    pub address: String,
    /// The first port; 0 is one that the daemon picks.
    pub from: u16,
    /// The last port.
    pub to: u16,
}

impl From<Within> for What {
    fn from(within: Within) -> Self {
        Self::Within(within)
    }
}

impl From<Made> for What {
    fn from(made: Made) -> Self {
        Self::Made(made)
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
        write!(f, "memory {memory}, ")?;
        if cpus < 0 {
            write!(f, "cpus -1")?;
        } else {
            write!(f, "cpus {}.{:09}", cpus / NANO, cpus % NANO)?;
        }
        write!(f, ", pids {}", self.pids.unwrap_or_default())?;
        if self.memory_and_swap != 0 {
            write!(f, ", swap {}", self.memory_and_swap)?;
        }
        Ok(())
    }
}

const NANO: i64 = 1_000_000_000;

/// What stands behind the name of an image of which every version is meant.
pub const EVERY_VERSION: &str = ":*";

/// What the labels begin with that no client can set.
pub const RESERVED: &str = "dockgate.";
