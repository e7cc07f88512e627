//! The fields of volumes, and of mounts.
//!
//! Source: `api/types/volume` and `api/types/mount` of moby/moby.

use std::sync::LazyLock;

use super::table::{Class, Field, Shape, Table, Zero, or, shape, tables};
use crate::docker::body::field_meaning::FieldMeaning;

tables! {
    /// An object whose only information is that it is present.
    EMPTY {}

    /// `VolumeCreate`.
    VOLUME_CREATE {
        // Makes a cluster volume, and hands its secrets to a plugin; so does an empty object.
        ClusterVolumeSpec        (CLUSTER_VOLUME)       Refused, Meant;
        Driver                   Text                   Judged(VolumeDriver);
        DriverOpts               {Text}                 Judged(VolumeOptions);
        Labels                   {Text}                 Judged(Labels);
        Mountpoint               Any                    Ignored; // dockerode's tests, copied from an inspection
        Name                     Text                   Judged(Name);
    }

    /// `VolumeUpdate`, which only exists for cluster volumes.
    VOLUME_UPDATE {
        Spec                     (CLUSTER_VOLUME)       Refused, Meant;
        Version                  Any                    Ignored; // the Go client, which also sends it in the query
    }

    /// The long form of a mount, for a container or a service.
    MOUNT {
        BindOptions              (BIND_OPTIONS)         Part;
        // Not in the API's documents; the docker command line sends it for a cluster volume.
        ClusterOptions           (EMPTY)                Part;
        Consistency              Text                   Part;
        ImageOptions             (IMAGE_OPTIONS)        Part;
        ReadOnly                 Bool                   Part;
        Source                   Text                   Part;
        Target                   Text                   Part;
        TmpfsOptions             (TMPFS_OPTIONS)        Part;
        Type                     Text                   Part;
        VolumeOptions            (VOLUME_OPTIONS)       Part;
    }

    BIND_OPTIONS {
        CreateMountpoint         Bool                   Part;
        NonRecursive             Bool                   Part;
        Propagation              Text                   Part;
        ReadOnlyForceRecursive   Bool                   Part;
        ReadOnlyNonRecursive     Bool                   Part;
    }

    IMAGE_OPTIONS {
        Subpath                  Text                   Part;
    }

    TMPFS_OPTIONS {
        Mode                     Integer                Part;
        Options                  [[Text]]               Part;
        SizeBytes                Integer                Part;
    }

    VOLUME_OPTIONS {
        DriverConfig             (DRIVER)               Part;
        Labels                   {Text}                 Part;
        NoCopy                   Bool                   Part;
        Subpath                  Text                   Part;
    }

    /// The name and options of a driver, also of a service's log driver.
    DRIVER {
        Name                     Text                   Part;
        Options                  {Text}                 Part;
    }

    CLUSTER_VOLUME embeds CLUSTER_VOLUME_NEEDS {
        AccessMode               (ACCESS_MODE)          Part;
        Group                    Text                   Part;
    }

    /// The documents have the embedded fields here, the daemon has them one level above.
    ACCESS_MODE embeds CLUSTER_VOLUME_NEEDS {
        BlockVolume              (EMPTY)                Part;
        MountVolume              (MOUNT_VOLUME)         Part;
        Scope                    Text                   Part;
        Sharing                  Text                   Part;
    }

    CLUSTER_VOLUME_NEEDS {
        AccessibilityRequirements (TOPOLOGY_REQUIREMENT) Part;
        Availability             Text                   Part;
        CapacityRange            (CAPACITY_RANGE)       Part;
        Secrets                  [(CLUSTER_VOLUME_SECRET)] Part;
    }

    MOUNT_VOLUME {
        FsType                   Text                   Part;
        MountFlags               [Text]                 Part;
    }

    TOPOLOGY_REQUIREMENT {
        Preferred                [(TOPOLOGY)]           Part;
        Requisite                [(TOPOLOGY)]           Part;
    }

    TOPOLOGY {
        Segments                 {Text}                 Part;
    }

    CAPACITY_RANGE {
        LimitBytes               Integer                Part;
        RequiredBytes            Integer                Part;
    }

    CLUSTER_VOLUME_SECRET {
        Key                      Text                   Part;
        Secret                   Text                   Part;
    }
}
