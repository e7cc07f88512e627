//! The fields of a container: its creation, update and commit, and an exec in it.
//!
//! Harmless fields affect only the container itself: its program, names, resolver and health check,
//! and the rights that it gives up.
//!
//! Source: `api/types/container` and `api/types/blkiodev` of moby/moby.

use std::sync::LazyLock;

use super::network::NETWORKING_CONFIG;
use super::table::{Class, Field, Shape, Table, Zero, or, shape, tables};
use super::volume::{EMPTY, MOUNT};
use crate::docker::body::field_meaning::FieldMeaning;

tables! {
    /// `ContainerCreate`. Engines up to 26.1 also read the fields of `HostConfig` at this level, so
    /// none of them may ever be ignored here.
    CONTAINER_CREATE embeds CONFIG {
        HostConfig               (HOST_CONFIG)          Harmless;
        NetworkingConfig         (NETWORKING_CONFIG)    Harmless;
        // Older releases of docker-java leak credentials here that belong in a header.
        authConfig               Any                    Ignored;
        // dockerode, docker-java and Docker.DotNet repeat the query here.
        name                     Any                    Ignored;
        platform                 Any                    Ignored; // dockerode, Docker.DotNet
    }

    /// `ImageCommit`: the config of the image, which containers made from it start with. Fields in which
    /// clients repeat the query are ignored.
    IMAGE_COMMIT embeds CONFIG {
        DisableNetwork           Any                    Ignored; // docker-java
        Memory                   Any                    Ignored; // docker-java
        MemorySwap               Any                    Ignored; // docker-java
        PortSpecs                Any                    Ignored; // docker-java
        RepositoryName           Any                    Ignored; // Docker.DotNet
        author                   Any                    Ignored; // dockerode, docker-java, Docker.DotNet
        changes                  Any                    Ignored; // dockerode, Docker.DotNet
        comment                  Any                    Ignored; // dockerode, Docker.DotNet
        container                Any                    Ignored; // dockerode
        containerId              Any                    Ignored; // docker-java, Docker.DotNet
        message                  Any                    Ignored; // docker-java
        pause                    Any                    Ignored; // dockerode, Docker.DotNet
        repo                     Any                    Ignored; // dockerode
        repository               Any                    Ignored; // docker-java
        tag                      Any                    Ignored; // dockerode, docker-java, Docker.DotNet
    }

    /// `ContainerUpdate`.
    CONTAINER_UPDATE embeds RESOURCES {
        Context                  Any                    Ignored; // go-dockerclient's own
        RestartPolicy            (RESTART_POLICY)       Judged(Restart);
    }

    /// `ContainerExec`.
    CONTAINER_EXEC {
        AttachStderr             Bool                   Harmless;
        AttachStdin              Bool                   Harmless;
        AttachStdout             Bool                   Harmless;
        Cmd                      [Text]                 Judged(Command);
        ConsoleSize              [Integer]              Harmless;
        Container                Any                    Ignored; // docker-py, go-dockerclient repeat the path
        Detach                   Any                    Ignored; // the docker command line, as in the start
        DetachKeys               Text                   Harmless;
        Env                      [Text]                 Judged(Environment);
        Privileged               Bool                   Judged(Privileged);
        Tty                      Bool                   Harmless;
        User                     Text                   Judged(User);
        WorkingDir               Text                   Judged(WorkingDirectory);
        containerId              Any                    Ignored; // docker-java repeats the path
        id                       Any                    Ignored; // Portainer, before its views used React
    }

    /// `ExecStart`. The command was set when the exec was created; Docker.DotNet before 4.0 repeats it
    /// here, go-dockerclient adds its own streams, and dockerode its own options.
    EXEC_START {
        AttachStderr             Any                    Ignored; // Docker.DotNet
        AttachStdin              Any                    Ignored; // Docker.DotNet
        AttachStdout             Any                    Ignored; // Docker.DotNet
        Cmd                      Any                    Ignored; // Docker.DotNet
        ConsoleSize              [Integer]              Harmless;
        Detach                   Bool                   Harmless;
        DetachKeys               Any                    Ignored; // Docker.DotNet
        Env                      Any                    Ignored; // Docker.DotNet
        ErrorStream              Any                    Ignored; // go-dockerclient
        InputStream              Any                    Ignored; // go-dockerclient
        OutputCapacity           Any                    Ignored; // bollard: the size of its own buffer
        OutputStream             Any                    Ignored; // go-dockerclient
        Privileged               Any                    Ignored; // Docker.DotNet
        RawTerminal              Any                    Ignored; // go-dockerclient
        Tty                      Bool                   Harmless;
        User                     Any                    Ignored; // Docker.DotNet
        WorkingDir               Any                    Ignored; // Docker.DotNet
        hijack                   Any                    Ignored; // dockerode
        stdin                    Any                    Ignored; // dockerode
    }

    /// Fields that mean the same on any host.
    CONFIG {
        ArgsEscaped              Bool                   Harmless;
        AttachStderr             Bool                   Harmless;
        AttachStdin              Bool                   Harmless;
        AttachStdout             Bool                   Harmless;
        Cmd                      TextOrTexts            Harmless;
        Domainname               Text                   Harmless;
        Entrypoint               TextOrTexts            Harmless;
        Env                      [Text]                 Judged(Environment);
        ExposedPorts             {(EMPTY)}              Judged(ExposedPorts);
        Healthcheck              (HEALTHCHECK)          Harmless;
        Hostname                 Text                   Harmless;
        Image                    Text                   Judged(Image);
        Labels                   {Text}                 Judged(Labels);
        MacAddress               Text                   Judged(EndpointAddresses);
        NetworkDisabled          Bool                   Harmless;
        OnBuild                  [Text]                 Harmless;
        OpenStdin                Bool                   Harmless;
        Shell                    TextOrTexts            Harmless;
        StdinOnce                Bool                   Harmless;
        StopSignal               Text                   Harmless;
        StopTimeout              Integer                Judged(StopTimeout);
        Tty                      Bool                   Harmless;
        User                     Text                   Judged(User);
        Volumes                  {(EMPTY)}              Judged(AnonymousVolumes);
        WorkingDir               Text                   Judged(WorkingDirectory);
    }

    /// Fields that depend on the host.
    HOST_CONFIG embeds RESOURCES {
        Annotations              {Text}                 Judged(Annotations);
        AutoRemove               Bool                   Harmless;
        Binds                    [Text]                 Judged(Binds);
        CapAdd                   [Text]                 Judged(CapabilityAdd);
        CapDrop                  [Text]                 Harmless;
        // Only in API 1.40, where it replaces both of the above.
        Capabilities             [Text]                 Refused, Meant;
        Cgroup                   Text                   Refused;
        CgroupnsMode             Text                   Judged(CgroupNamespace);
        ConsoleSize              [Integer]              Harmless;
        ContainerIDFile          Text                   Harmless;
        Dns                      [Text]                 Harmless;
        DnsOptions               [Text]                 Harmless;
        DnsSearch                [Text]                 Harmless;
        ExtraHosts               [Text]                 Harmless;
        GroupAdd                 [Text]                 Judged(Groups);
        IpcMode                  Text                   Judged(IpcNamespace);
        Isolation                Text                   Harmless;
        Links                    [Text]                 Judged(Links);
        LogConfig                (LOG_CONFIG)           Judged(LogDriver);
        MaskedPaths              [Text]                 Judged(MaskedPaths), Meant;
        Mounts                   [(MOUNT)]              Judged(Mounts);
        NetworkMode              Text                   Judged(NetworkMode);
        OomScoreAdj              Integer                Judged(OomPriority);
        PidMode                  Text                   Judged(PidNamespace);
        PortBindings             {[(PORT_BINDING)]}     Judged(Ports);
        Privileged               Bool                   Judged(Privileged);
        PublishAllPorts          Bool                   Judged(Ports);
        ReadonlyPaths            [Text]                 Judged(ReadonlyPaths), Meant;
        ReadonlyRootfs           Bool                   Harmless;
        RestartPolicy            (RESTART_POLICY)       Judged(Restart);
        Runtime                  Text                   Judged(Runtime);
        SecurityOpt              [Text]                 Judged(SecurityOptions);
        ShmSize                  Integer                Judged(Limit);
        StorageOpt               {Text}                 Judged(Limit);
        Sysctls                  {Text}                 Judged(Sysctls);
        Tmpfs                    {Text}                 Judged(Tmpfs);
        UTSMode                  Text                   Judged(UtsNamespace);
        UsernsMode               Text                   Judged(UserNamespace);
        VolumeDriver             Text                   Judged(VolumeDriver);
        VolumesFrom              [Text]                 Judged(VolumesFrom);
    }

    /// The resources that a container may use, for creation and update.
    RESOURCES {
        BlkioDeviceReadBps       [(DEVICE_RATE)]        Judged(Limit);
        BlkioDeviceReadIOps      [(DEVICE_RATE)]        Judged(Limit);
        BlkioDeviceWriteBps      [(DEVICE_RATE)]        Judged(Limit);
        BlkioDeviceWriteIOps     [(DEVICE_RATE)]        Judged(Limit);
        BlkioWeight              Integer                Judged(Limit);
        BlkioWeightDevice        [(DEVICE_WEIGHT)]      Judged(Limit);
        CgroupParent             Text                   Judged(CgroupParent);
        CpuCount                 Integer                Judged(Limit);
        CpuPercent               Integer                Judged(Limit);
        CpuPeriod                Integer                Judged(Limit);
        CpuQuota                 Integer                Judged(Limit);
        CpuRealtimePeriod        Integer                Judged(Limit);
        CpuRealtimeRuntime       Integer                Judged(Limit);
        CpuShares                Integer                Judged(Limit);
        CpusetCpus               Text                   Judged(Limit);
        CpusetMems               Text                   Judged(Limit);
        DeviceCgroupRules        [Text]                 Judged(DeviceCgroupRules);
        DeviceRequests           [(DEVICE_REQUEST)]     Judged(DeviceRequests);
        Devices                  [(DEVICE)]             Judged(Devices);
        DiskQuota                Integer                Judged(Limit);
        IOMaximumBandwidth       Integer                Judged(Limit);
        IOMaximumIOps            Integer                Judged(Limit);
        Init                     Bool                   Harmless;
        KernelMemory             Integer                Judged(Limit);
        KernelMemoryTCP          Integer                Judged(Limit);
        Memory                   Integer                Judged(Limit);
        MemoryReservation        Integer                Judged(Limit);
        MemorySwap               Integer                Judged(Limit);
        MemorySwappiness         Integer                Judged(Limit), Meant;
        NanoCpus                 Integer                Judged(Limit);
        OomKillDisable           Bool                   Judged(OomPriority);
        PidsLimit                Integer                Judged(Limit), Meant;
        Ulimits                  [(ULIMIT)]             Judged(Limit);
    }

    /// The health check of a container or a service.
    HEALTHCHECK {
        Interval                 Integer                Harmless;
        Retries                  Integer                Harmless;
        StartInterval            Integer                Harmless;
        StartPeriod              Integer                Harmless;
        Test                     [Text]                 Harmless;
        Timeout                  Integer                Harmless;
    }

    /// A process limit of a container or a service.
    ULIMIT {
        Hard                     Integer                Part;
        Name                     Text                   Part;
        Soft                     Integer                Part;
    }

    DEVICE {
        CgroupPermissions        Text                   Part;
        PathInContainer          Text                   Part;
        PathOnHost               Text                   Part;
    }

    DEVICE_REQUEST {
        Capabilities             [[Text]]               Part;
        Count                    Integer                Part;
        DeviceIDs                [Text]                 Part;
        Driver                   Text                   Part;
        Options                  {Text}                 Part;
    }

    DEVICE_RATE {
        Path                     Text                   Part;
        Rate                     Integer                Part;
    }

    DEVICE_WEIGHT {
        Path                     Text                   Part;
        Weight                   Integer                Part;
    }

    LOG_CONFIG {
        Config                   {Text}                 Part;
        Type                     Text                   Part;
    }

    PORT_BINDING {
        HostIp                   Text                   Part;
        HostPort                 Text                   Part;
    }

    RESTART_POLICY {
        MaximumRetryCount        Integer                Part;
        Name                     Text                   Part;
    }
}
