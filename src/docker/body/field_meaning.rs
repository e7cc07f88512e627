//! What a body can ask for. The list is closed: a policy has a rule for each.

/// Makes the list, and its members in one order.
macro_rules! meanings {
    ($($(#[$doc:meta])* $name:ident: $opens:literal,)+) => {
        /// What a judged field asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum FieldMeaning { $($(#[$doc])* $name),+ }

        impl FieldMeaning {
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            /// Whether a field of an existing container's `HostConfig` makes it more than an ordinary one, so that
            /// whoever enters it gets more.
            ///
            /// Mounts do not count, because they are read from what is mounted, and neither does the network mode,
            /// which is read as a whole. Every container has the host's cgroup namespace where the host has cgroups
            /// v1. Who enters a container gets nothing of its limits, restarts, links, ports, logs and runtime.
            pub(crate) fn opens(self) -> bool {
                match self { $(Self::$name => $opens),+ }
            }
        }
    };
}

meanings! {
    // topic: whether it opens more to whoever enters a container that has it

    /// Names under which other containers find this one.
    Aliases: false,
    /// Settings for the container's runtime. Podman's containers all have some.
    Annotations: false,
    /// Volumes without a name, which the volume driver makes.
    AnonymousVolumes: false,
    /// Host paths and volumes in the short form.
    Binds: false,
    CapabilityAdd: true,
    CgroupNamespace: false,
    CgroupParent: true,
    /// The program that is run in a container that is there, and its arguments.
    Command: false,
    /// A network's options taken over from another network, or offered to others.
    ConfigFrom: false,
    Configs: false,
    /// A container that is there already.
    Container: false,
    DeviceCgroupRules: true,
    /// GPUs and the like.
    DeviceRequests: true,
    Devices: true,
    /// The addresses, on a network and of its hardware.
    EndpointAddresses: false,
    /// Options for the driver of a network that is joined.
    EndpointOptions: false,
    Environment: false,
    ExposedPorts: false,
    /// To disconnect a container that the daemon does not know.
    Force: false,
    Groups: true,
    Image: false,
    /// Who hands out a network's addresses, and its options.
    Ipam: false,
    IpcNamespace: true,
    /// Labels, which other programs that read the API act on.
    Labels: false,
    /// A limit on a resource, or a larger share of it.
    Limit: false,
    Links: false,
    LogDriver: false,
    /// Paths of the kernel that are hidden; an empty array hides none.
    MaskedPaths: true,
    /// Mounts in the long form.
    Mounts: false,
    Name: false,
    /// Who makes a network.
    NetworkDriver: false,
    /// The network namespace, or a network.
    NetworkMode: false,
    /// Options for the driver of a network that is made.
    NetworkOptions: false,
    /// Networks that are joined: a name or an id, or an object that has such for keys.
    Networks: false,
    /// Whether others are killed before it when memory runs out.
    OomPriority: false,
    PidNamespace: true,
    /// Which nodes of the swarm are chosen.
    Placement: false,
    Ports: false,
    /// Every capability, and for a container every device too.
    Privileged: true,
    /// Paths of the kernel that are read-only; an empty array leaves none so.
    ReadonlyPaths: true,
    /// How many tasks a service has.
    Replicas: false,
    Restart: false,
    /// What an update that fails goes back to.
    Rollback: false,
    Runtime: false,
    Secrets: false,
    /// Options of the kernel's security modules.
    SecurityOptions: true,
    /// How long the daemon waits for it to end.
    StopTimeout: false,
    Subnets: false,
    /// What a network is to the swarm.
    SwarmNetwork: false,
    Sysctls: true,
    /// What a task is: a container, or something else.
    TaskRuntime: false,
    /// Memory mounts with options.
    Tmpfs: true,
    User: false,
    UserNamespace: true,
    UtsNamespace: true,
    /// Who makes volumes.
    VolumeDriver: false,
    /// Options for the driver of a volume that is made.
    VolumeOptions: false,
    /// Containers whose volumes are taken over.
    VolumesFrom: false,
    WorkingDirectory: false,
}
