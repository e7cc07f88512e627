//! The things that a body can ask for. The list is closed: a policy has a rule for each.

/// Makes the enum and its list of members in the same order.
macro_rules! meanings {
    ($($(#[$doc:meta])* $name:ident: $opens:literal,)+) => {
        /// What a checked field asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum FieldMeaning { $($(#[$doc])* $name),+ }

        impl FieldMeaning {
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            /// Whether this field makes an existing container more than an ordinary one, so that anyone who enters
            /// it gains something.
            ///
            /// Mounts do not count, because Dockgate reads them from the mounted paths, and neither does the
            /// network mode, which is read as a whole. On hosts with cgroups v1 every container has the host's
            /// cgroup namespace. Entering a container does not give anyone its limits, restart policy, links,
            /// ports, logs or runtime.
            pub(crate) fn opens(self) -> bool {
                match self { $(Self::$name => $opens),+ }
            }
        }
    };
}

meanings! {
    // meaning: whether anyone who enters a container with it gains something

    /// Names under which other containers find this one.
    Aliases: false,
    /// Settings for the container's runtime. Podman's containers all have some.
    Annotations: false,
    /// Volumes without a name, which are made by the volume driver.
    AnonymousVolumes: false,
    /// Host paths and volumes in the short form.
    Binds: false,
    CapabilityAdd: true,
    CgroupNamespace: false,
    CgroupParent: true,
    /// The command to run in an existing container, with its arguments.
    Command: false,
    /// The options of a network, copied from another network or offered to others.
    ConfigFrom: false,
    Configs: false,
    /// An existing container.
    Container: false,
    DeviceCgroupRules: true,
    /// GPUs and similar devices.
    DeviceRequests: true,
    Devices: true,
    /// IP and MAC addresses on a network.
    EndpointAddresses: false,
    /// Options for the driver of a network to join.
    EndpointOptions: false,
    Environment: false,
    ExposedPorts: false,
    /// Disconnects a container even if the daemon does not know it.
    Force: false,
    Groups: true,
    Image: false,
    /// The driver that assigns a network's addresses, and its options.
    Ipam: false,
    IpcNamespace: true,
    /// Labels, which other programs read and act on.
    Labels: false,
    /// A limit on a resource, or a larger share of it.
    Limit: false,
    Links: false,
    LogDriver: false,
    /// Hidden kernel paths; an empty array hides none.
    MaskedPaths: true,
    /// Mounts in the long form.
    Mounts: false,
    Name: false,
    /// The driver of a network.
    NetworkDriver: false,
    /// The network namespace, or a network.
    NetworkMode: false,
    /// Options for the driver of a new network.
    NetworkOptions: false,
    /// Networks to join: a name or an id, or an object with names or ids as keys.
    Networks: false,
    /// How early the kernel kills it when memory runs out.
    OomPriority: false,
    PidNamespace: true,
    /// Which nodes of the swarm run it.
    Placement: false,
    Ports: false,
    /// All capabilities, and for a container all devices too.
    Privileged: true,
    /// Read-only kernel paths; an empty array makes none read-only.
    ReadonlyPaths: true,
    /// How many tasks a service has.
    Replicas: false,
    Restart: false,
    /// What the swarm does when an update fails.
    Rollback: false,
    Runtime: false,
    Secrets: false,
    /// Options of the kernel's security modules.
    SecurityOptions: true,
    /// How long the daemon waits for it to stop.
    StopTimeout: false,
    Subnets: false,
    /// A network's role in the swarm.
    SwarmNetwork: false,
    Sysctls: true,
    /// The kind of a task: a container, or something else.
    TaskRuntime: false,
    /// Memory mounts with options.
    Tmpfs: true,
    User: false,
    UserNamespace: true,
    UtsNamespace: true,
    /// The driver of volumes.
    VolumeDriver: false,
    /// Options for the driver of a new volume.
    VolumeOptions: false,
    /// Containers whose volumes it mounts.
    VolumesFrom: false,
    WorkingDirectory: false,
}
