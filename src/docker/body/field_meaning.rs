//! What a body can ask for. The list is closed: a policy has a rule for each.

/// Makes the list, and its members in one order.
macro_rules! meanings {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// What a judged field asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FieldMeaning { $($(#[$doc])+ $name),+ }

        impl FieldMeaning {
            /// Every topic.
            pub const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

meanings! {
    /// Names under which other containers find this one.
    Aliases,
    /// Volumes without a name, which the volume driver makes.
    AnonymousVolumes,
    /// Host paths and volumes in the short form.
    Binds,
    /// Capabilities that are added.
    CapabilityAdd,
    /// The cgroup namespace.
    CgroupNamespace,
    /// A cgroup to be under.
    CgroupParent,
    /// The program that is run in a container that is there, and its arguments.
    Command,
    /// A network's options taken over from another network, or offered to others.
    ConfigFrom,
    /// Configs of the swarm.
    Configs,
    /// A container that is there already.
    Container,
    /// Rules for devices of the cgroup.
    DeviceCgroupRules,
    /// GPUs and the like.
    DeviceRequests,
    /// Devices of the host.
    Devices,
    /// The addresses, on a network and of its hardware.
    EndpointAddresses,
    /// Options for the driver of a network that is joined.
    EndpointOptions,
    /// Environment.
    Environment,
    /// Ports of the container that others may reach.
    ExposedPorts,
    /// To disconnect a container that the daemon does not know.
    Force,
    /// Further groups of the user.
    Groups,
    /// The image.
    Image,
    /// Who hands out a network's addresses, and its options.
    Ipam,
    /// The IPC namespace.
    IpcNamespace,
    /// Labels, which other programs that read the API act on.
    Labels,
    /// A limit on a resource, or a larger share of it.
    Limit,
    /// Links to other containers.
    Links,
    /// The log driver and its options.
    LogDriver,
    /// Paths of the kernel that are hidden; an empty array hides none.
    MaskedPaths,
    /// Mounts in the long form.
    Mounts,
    /// The name of what is made.
    Name,
    /// Who makes a network.
    NetworkDriver,
    /// The network namespace, or a network.
    NetworkMode,
    /// Options for the driver of a network that is made.
    NetworkOptions,
    /// Networks that are joined: a name or an id, or an object that has such for keys.
    Networks,
    /// Whether others are killed before it when memory runs out.
    OomPriority,
    /// The process namespace.
    PidNamespace,
    /// Which nodes of the swarm are chosen.
    Placement,
    /// Ports of the host.
    Ports,
    /// Every capability, and for a container every device too.
    Privileged,
    /// Paths of the kernel that are read-only; an empty array leaves none so.
    ReadonlyPaths,
    /// How many tasks a service has.
    Replicas,
    /// What restarts it.
    Restart,
    /// What an update that fails goes back to.
    Rollback,
    /// The runtime.
    Runtime,
    /// Secrets of the swarm.
    Secrets,
    /// Options of the kernel's security modules.
    SecurityOptions,
    /// How long the daemon waits for it to end.
    StopTimeout,
    /// The address ranges of a network.
    Subnets,
    /// What a network is to the swarm.
    SwarmNetwork,
    /// Settings of the kernel.
    Sysctls,
    /// What a task is: a container, or something else.
    TaskRuntime,
    /// Memory mounts with options.
    Tmpfs,
    /// The user.
    User,
    /// The user namespace.
    UserNamespace,
    /// The host name's namespace.
    UtsNamespace,
    /// Who makes volumes.
    VolumeDriver,
    /// Options for the driver of a volume that is made.
    VolumeOptions,
    /// Containers whose volumes are taken over.
    VolumesFrom,
    /// The directory that the program starts in.
    WorkingDirectory,
}

impl FieldMeaning {
    /// Whether a field of an existing container's `HostConfig` makes it more than an ordinary one, so that
    /// whoever enters it gets more. Whoever adds a topic decides it here.
    #[must_use]
    pub fn opens(self) -> bool {
        match self {
            Self::CapabilityAdd
            | Self::CgroupParent
            | Self::DeviceCgroupRules
            | Self::DeviceRequests
            | Self::Devices
            | Self::Groups
            | Self::IpcNamespace
            | Self::MaskedPaths
            | Self::PidNamespace
            | Self::Privileged
            | Self::ReadonlyPaths
            | Self::SecurityOptions
            | Self::Sysctls
            | Self::Tmpfs
            | Self::UserNamespace
            | Self::UtsNamespace => true,
            // Read from what is mounted in fact.
            Self::AnonymousVolumes
            | Self::Binds
            | Self::Mounts
            | Self::VolumeDriver
            | Self::VolumesFrom
            // Read as a whole: which namespace of the network it is in.
            | Self::NetworkMode
            // The daemon gives every container the host's one where the host has cgroups v1.
            | Self::CgroupNamespace
            // What it may use, what restarts it, where its output goes, who finds it, and by what it is
            // run: whoever enters it gets nothing of that.
            | Self::Limit
            | Self::Links
            | Self::LogDriver
            | Self::OomPriority
            | Self::Ports
            | Self::Restart
            | Self::Runtime
            // Of no container's `HostConfig`.
            | Self::Aliases
            | Self::Command
            | Self::ConfigFrom
            | Self::Configs
            | Self::Container
            | Self::EndpointAddresses
            | Self::EndpointOptions
            | Self::Environment
            | Self::ExposedPorts
            | Self::Force
            | Self::Image
            | Self::Ipam
            | Self::Labels
            | Self::Name
            | Self::NetworkDriver
            | Self::NetworkOptions
            | Self::Networks
            | Self::Placement
            | Self::Replicas
            | Self::Rollback
            | Self::Secrets
            | Self::StopTimeout
            | Self::Subnets
            | Self::SwarmNetwork
            | Self::TaskRuntime
            | Self::User
            | Self::VolumeOptions
            | Self::WorkingDirectory => false,
        }
    }
}
