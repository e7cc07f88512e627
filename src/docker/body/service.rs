//! The fields of a swarm service: its creation and update; and those of its configs and secrets.
//!
//! The swarm expands Go templates in the environment, the host name, and in the sources, targets,
//! labels and driver options of mounts. It does so on the node, after every check, so the values
//! that a rule checks there may not contain `{{`.
//!
//! Source: `api/types/swarm` of moby/moby.

use std::sync::LazyLock;

use super::container::{HEALTHCHECK, ULIMIT};
use super::table::{Class, Field, Shape, Table, Zero, or, shape, tables};
use super::volume::{DRIVER, EMPTY, MOUNT};
use crate::docker::body::field_meaning::FieldMeaning;

tables! {
    /// `ServiceUpdate`. dockerode repeats the query here, and the credentials from a header.
    SERVICE_UPDATE embeds SERVICE {
        authconfig               Any                    Ignored;
        registryAuthFrom         Any                    Ignored;
        rollback                 Any                    Ignored;
        version                  Any                    Ignored;
    }

    /// `ServiceCreate`.
    SERVICE {
        EndpointSpec             (ENDPOINT_SPEC)        Harmless;
        Labels                   {Text}                 Judged(Labels);
        Mode                     (MODE)                 Judged(Replicas), Meant;
        Name                     Text                   Judged(Name);
        Networks                 [(ATTACHMENT)]         Harmless;
        RollbackConfig           (UPDATE_CONFIG)        Harmless;
        TaskTemplate             (TASK)                 Harmless;
        UpdateConfig             (UPDATE_CONFIG)        Harmless;
    }

    /// `ConfigCreate`, `SecretCreate` and their updates, which only change labels.
    CONFIG_OR_SECRET {
        Data                     Text                   Harmless;
        // Fetches a secret's value; configs have none.
        Driver                   (DATA_DRIVER)          Harmless;
        Labels                   {Text}                 Judged(Labels);
        Name                     Text                   Judged(Name);
        // Fills in what the task that uses it has.
        Templating               (DATA_DRIVER)          Harmless;
    }

    DATA_DRIVER {
        Name                     Text                   Harmless;
        Options                  {Text}                 Harmless;
    }

    TASK {
        ContainerSpec            (CONTAINER)            Harmless;
        ForceUpdate              Integer                Harmless;
        LogDriver                (DRIVER)               Judged(LogDriver);
        // Joins an existing container to a network; only the daemon itself uses it.
        NetworkAttachmentSpec    (NETWORK_ATTACHMENT)   Refused, Meant;
        Networks                 [(ATTACHMENT)]         Harmless;
        Placement                (PLACEMENT)            Harmless;
        // Installs a plugin, which means root on every node.
        PluginSpec               (PLUGIN)               Refused, Meant;
        Resources                (RESOURCE_NEEDS)       Harmless;
        RestartPolicy            (TASK_RESTART)         Judged(Restart);
        Runtime                  Text                   Judged(TaskRuntime);
    }

    CONTAINER {
        Args                     [Text]                 Harmless;
        CapabilityAdd            [Text]                 Judged(CapabilityAdd);
        CapabilityDrop           [Text]                 Harmless;
        Command                  [Text]                 Harmless;
        Configs                  [(CONFIG_FILE)]        Judged(Configs);
        DNSConfig                (DNS_CONFIG)           Harmless;
        Dir                      Text                   Judged(WorkingDirectory);
        Env                      [Text]                 Judged(Environment);
        Groups                   [Text]                 Judged(Groups);
        Healthcheck              (HEALTHCHECK)          Harmless;
        Hostname                 Text                   Harmless;
        Hosts                    [Text]                 Harmless;
        Image                    Text                   Judged(Image);
        Init                     Bool                   Harmless;
        Isolation                Text                   Harmless;
        Labels                   {Text}                 Judged(Labels);
        Mounts                   [(MOUNT)]              Judged(Mounts);
        OomScoreAdj              Integer                Judged(OomPriority);
        OpenStdin                Bool                   Harmless;
        Privileges               (PRIVILEGES)           Harmless;
        ReadOnly                 Bool                   Harmless;
        Secrets                  [(SECRET_FILE)]        Judged(Secrets);
        StopGracePeriod          Integer                Judged(StopTimeout);
        StopSignal               Text                   Harmless;
        Sysctls                  {Text}                 Judged(Sysctls);
        TTY                      Bool                   Harmless;
        Ulimits                  [(ULIMIT)]             Judged(Limit);
        User                     Text                   Judged(User);
    }

    PRIVILEGES {
        AppArmor                 (APP_ARMOR)            Judged(SecurityOptions);
        CredentialSpec           (CREDENTIAL_SPEC)      Refused, Meant;
        NoNewPrivileges          Bool                   Harmless;
        SELinuxContext           (SELINUX_CONTEXT)      Judged(SecurityOptions);
        Seccomp                  (SECCOMP)              Judged(SecurityOptions);
    }

    APP_ARMOR {
        Mode                     Text                   Part;
    }

    CREDENTIAL_SPEC {
        Config                   Text                   Part;
        File                     Text                   Part;
        Registry                 Text                   Part;
    }

    SELINUX_CONTEXT {
        Disable                  Bool                   Part;
        Level                    Text                   Part;
        Role                     Text                   Part;
        Type                     Text                   Part;
        User                     Text                   Part;
    }

    SECCOMP {
        Mode                     Text                   Part;
        Profile                  Text                   Part;
    }

    SECRET_FILE {
        File                     (FILE)                 Part;
        SecretID                 Text                   Part;
        SecretName               Text                   Part;
    }

    CONFIG_FILE {
        ConfigID                 Text                   Part;
        ConfigName               Text                   Part;
        File                     (FILE)                 Part;
        Runtime                  (EMPTY)                Part;
    }

    FILE {
        GID                      Text                   Part;
        Mode                     Integer                Part;
        Name                     Text                   Part;
        UID                      Text                   Part;
    }

    DNS_CONFIG {
        Nameservers              [Text]                 Harmless;
        Options                  [Text]                 Harmless;
        Search                   [Text]                 Harmless;
    }

    /// A network that the tasks join.
    ATTACHMENT {
        Aliases                  [Text]                 Judged(Aliases);
        DriverOpts               {Text}                 Judged(EndpointOptions);
        Target                   Text                   Judged(Networks);
    }

    RESOURCE_NEEDS {
        Limits                   (RESOURCE_AMOUNTS)     Harmless;
        MemorySwappiness         Integer                Judged(Limit), Meant;
        Reservations             (RESOURCE_AMOUNTS)     Harmless;
        SwapBytes                Integer                Judged(Limit), Meant;
    }

    RESOURCE_AMOUNTS {
        GenericResources         [(GENERIC_RESOURCE)]   Judged(DeviceRequests);
        MemoryBytes              Integer                Judged(Limit);
        NanoCPUs                 Integer                Judged(Limit);
        Pids                     Integer                Judged(Limit);
    }

    GENERIC_RESOURCE {
        DiscreteResourceSpec     (DISCRETE_RESOURCE)    Part;
        NamedResourceSpec        (NAMED_RESOURCE)       Part;
    }

    DISCRETE_RESOURCE {
        Kind                     Text                   Part;
        Value                    Integer                Part;
    }

    NAMED_RESOURCE {
        Kind                     Text                   Part;
        Value                    Text                   Part;
    }

    PLACEMENT {
        Constraints              [Text]                 Judged(Placement);
        MaxReplicas              Integer                Harmless;
        // The platforms that the image is built for; the docker command line reads them from the
        // registry.
        Platforms                [(PLATFORM)]           Harmless;
        Preferences              [(PREFERENCE)]         Judged(Placement);
    }

    PLATFORM {
        Architecture             Text                   Harmless;
        OS                       Text                   Harmless;
    }

    PREFERENCE {
        Spread                   (SPREAD)               Part;
    }

    SPREAD {
        SpreadDescriptor         Text                   Part;
    }

    TASK_RESTART {
        Condition                Text                   Part;
        Delay                    Integer                Part;
        MaxAttempts              Integer                Part;
        Window                   Integer                Part;
    }

    /// How many tasks there are.
    MODE {
        Global                   (EMPTY)                Part;
        GlobalJob                (EMPTY)                Part;
        Replicated               (REPLICATED)           Part;
        ReplicatedJob            (REPLICATED_JOB)       Part;
    }

    REPLICATED {
        Replicas                 Integer                Part;
    }

    REPLICATED_JOB {
        MaxConcurrent            Integer                Part;
        TotalCompletions         Integer                Part;
    }

    /// How an update or a rollback proceeds.
    UPDATE_CONFIG {
        Delay                    Integer                Harmless;
        FailureAction            Text                   Judged(Rollback);
        MaxFailureRatio          Number                 Harmless;
        Monitor                  Integer                Harmless;
        Order                    Text                   Harmless;
        Parallelism              Integer                Harmless;
    }

    ENDPOINT_SPEC {
        ExposedPorts             Any                    Ignored; // dockerode's tests
        Mode                     Text                   Harmless;
        Ports                    [(PORT)]               Judged(Ports);
    }

    PORT {
        Name                     Text                   Part;
        Protocol                 Text                   Part;
        PublishMode              Text                   Part;
        PublishedPort            Integer                Part;
        TargetPort               Integer                Part;
    }

    NETWORK_ATTACHMENT {
        ContainerID              Text                   Part;
    }

    /// The daemon uses lower case, and the API's documents also list the alternatives.
    PLUGIN {
        PluginPrivilege          [(PLUGIN_PRIVILEGE)]   Part;
        disabled                 Bool                   Part;
        env                      [Text]                 Part;
        name                     Text                   Part;
        privileges               [(PLUGIN_PRIVILEGE)]   Part;
        remote                   Text                   Part;
    }

    PLUGIN_PRIVILEGE {
        description              Text                   Part;
        name                     Text                   Part;
        value                    [Text]                 Part;
    }
}
