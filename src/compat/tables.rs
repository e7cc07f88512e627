//! What each image-swap variable is about, derived from the table of operations.
//!
//! The images match regular expressions against paths; here a variable names the first segment of
//! the paths that it opens, or operations. Where that differs, `docs/migration.md` says so, and
//! `tests/dialects` compares every request with HAProxy's own verdict.
//!
//! Source: the HAProxy configurations of Tecnativa's docker-socket-proxy 0.4 and LinuxServer's
//! docker-socket-proxy of August 2026.

use crate::config::Dialect;
use crate::docker::Operation;

/// A variable that opens every operation below one first segment, as far as methods go.
pub(super) struct Section {
    pub(super) variable: &'static str,
    /// The first segment of the paths.
    pub(super) segment: &'static str,
    /// What holds when the variable is not set.
    pub(super) default: bool,
}

/// A variable and the operations that it is about.
pub(super) struct Switch {
    pub(super) variable: &'static str,
    pub(super) operations: &'static [Operation],
    /// The last segments of Podman's own paths that it is about, below a container or a pod.
    pub(super) podman: &'static [&'static str],
}
pub(super) struct DialectTable {
    /// Operations that stay blocked until their variable is on, whatever else allows them.
    pub(super) gates: &'static [Switch],
    /// Operations that a variable opens without their section's. Of several the last is the most special.
    pub(super) actions: &'static [Switch],
    /// Whether an action needs `POST`, as everything that is not GET or HEAD does.
    pub(super) actions_need_post: bool,
    /// Whether Podman's own paths have variables.
    pub(super) has_podman: bool,
    /// What a denial says of paths outside of the table.
    pub(super) way_to_paths: &'static str,
}

/// Makes a table of sections. A row is a variable, a segment, and whether it is on when it is not set.
macro_rules! sections {
    ($($variable:ident $segment:literal $default:literal;)+) => {
        &[$(Section {
            variable: stringify!($variable),
            segment: $segment,
            default: $default,
        }),+]
    };
}

/// Makes a table of switches. A row is a variable, its operations, and its segments of Podman's.
macro_rules! switches {
    ($($variable:ident: $($operation:ident)+ $(, $podman:literal)*;)+) => {
        &[$(Switch {
            variable: stringify!($variable),
            operations: &[$(Operation::$operation),+],
            podman: &[$($podman),*],
        }),+]
    };
}

/// The same in every dialect.
pub(super) const SECTIONS: &[Section] = sections! {
    AUTH "auth" false;
    BUILD "build" false;
    COMMIT "commit" false;
    CONFIGS "configs" false;
    CONTAINERS "containers" false;
    DISTRIBUTION "distribution" false;
    EVENTS "events" true;
    EXEC "exec" false;
    GRPC "grpc" false;
    IMAGES "images" false;
    INFO "info" false;
    NETWORKS "networks" false;
    NODES "nodes" false;
    PING "_ping" true;
    PLUGINS "plugins" false;
    SECRETS "secrets" false;
    SERVICES "services" false;
    SESSION "session" false;
    SWARM "swarm" false;
    SYSTEM "system" false;
    TASKS "tasks" false;
    VERSION "version" true;
    VOLUMES "volumes" false;
};

/// Podman's own paths, `/libpod/` before each.
pub(super) const PODMAN_SECTIONS: &[Section] = sections! {
    LIBPOD_CONTAINERS "containers" false;
    LIBPOD_EVENTS "events" false;
    LIBPOD_EXEC "exec" false;
    LIBPOD_GENERATE "generate" false;
    LIBPOD_IMAGES "images" false;
    LIBPOD_INFO "info" false;
    LIBPOD_MANIFESTS "manifests" false;
    LIBPOD_NETWORKS "networks" false;
    LIBPOD_PING "_ping" true;
    LIBPOD_PLAY "play" false;
    LIBPOD_PODS "pods" false;
    LIBPOD_SECRETS "secrets" false;
    LIBPOD_SYSTEM "system" false;
    LIBPOD_VERSION "version" true;
    LIBPOD_VOLUMES "volumes" false;
};

/// What of Podman has actions and gates, and what begins the actions' own variables, which
/// LinuxServer's documents name no more.
pub(super) const PODMAN_OBJECTS: &[(&str, &str)] = &[
    ("containers", "LIBPOD_ALLOW_"),
    ("pods", "LIBPOD_ALLOW_POD_"),
];

/// Tecnativa's, as it is up to version 0.5.
const TECNATIVA: DialectTable = DialectTable {
    gates: &[],
    actions: switches! {
        ALLOW_RESTARTS: ContainerStop ContainerRestart ContainerKill;
        ALLOW_START: ContainerStart;
        ALLOW_STOP: ContainerStop;
    },
    actions_need_post: true,
    has_podman: false,
    way_to_paths: "no variable of this dialect allows it; DOCKGATE_DIALECT=linuxserver has variables for Podman's paths",
};

/// Tecnativa's, less what nobody expects of a variable called `CONTAINERS`: files, standard input,
/// images, tokens, keys and payloads.
const HARDENED: DialectTable = DialectTable {
    gates: switches! {
        ALLOW_ARCHIVE: ContainerArchive ContainerArchiveInfo;
        ALLOW_EXPORT: ContainerExport;
        ALLOW_ATTACH_WS: ContainerAttachWebsocket;
        ALLOW_IMAGE_EXPORT: ImageGet ImageGetAll;
        ALLOW_SWARM_SECRETS: SwarmInspect SwarmUnlockkey;
        ALLOW_CONFIG_DATA: ConfigInspect ConfigList;
        ALLOW_SERVICE_LOGS: ServiceLogs TaskLogs;
    },
    ..TECNATIVA
};

/// LinuxServer's since August 2026.
const LINUXSERVER: DialectTable = DialectTable {
    gates: switches! {
        ALLOW_ARCHIVE: ContainerArchive ContainerArchiveInfo PutContainerArchive, "archive";
        ALLOW_CHANGES: ContainerChanges, "changes";
        ALLOW_EXPORT: ContainerExport, "export";
        ALLOW_LOGS: ContainerLogs, "logs";
        ALLOW_TOP: ContainerTop, "top";
    },
    actions: switches! {
        ALLOW_PAUSE: ContainerPause, "pause";
        ALLOW_RESTARTS: ContainerStop ContainerRestart ContainerKill, "stop", "restart", "kill";
        ALLOW_START: ContainerStart, "start";
        ALLOW_STOP: ContainerStop, "stop";
        ALLOW_UNPAUSE: ContainerUnpause, "unpause";
    },
    actions_need_post: false,
    has_podman: true,
    way_to_paths: "Podman's paths are allowed by LIBPOD_* and POST, and some of them also need ALLOW_ARCHIVE, ALLOW_CHANGES, \
                   ALLOW_EXPORT, ALLOW_LOGS or ALLOW_TOP",
};

impl Dialect {
    pub(super) fn table(self) -> &'static DialectTable {
        match self {
            Self::Hardened => &HARDENED,
            Self::Linuxserver => &LINUXSERVER,
            Self::Tecnativa => &TECNATIVA,
        }
    }
}

impl DialectTable {
    /// The section's variable that the operations of a gate need besides.
    pub(super) fn section_of_gate(&self, variable: &str) -> Option<&'static str> {
        let gate = self.gates.iter().find(|gate| gate.variable == variable)?;
        let section = section_of(*gate.operations.first()?)?;
        Some(section.variable)
    }
}

impl Switch {
    /// An action's variable of its own for an object of Podman's.
    pub(super) fn of_podman(&self, prefix: &str) -> String {
        self.variable.replacen("ALLOW_", prefix, 1)
    }
}

/// What holds of a variable that is not set.
pub(super) fn default_of(variable: &str) -> bool {
    let mut sections = SECTIONS.iter().chain(PODMAN_SECTIONS);
    sections.any(|section| section.variable == variable && section.default)
}

/// The section whose variable opens an operation.
pub(super) fn section_of(operation: Operation) -> Option<&'static Section> {
    let path = operation.spec().routes.first()?.path;
    let first = path.split('/').nth(1)?;
    SECTIONS.iter().find(|section| section.segment == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_section_and_every_section_operations() {
        for operation in Operation::ALL {
            assert!(section_of(*operation).is_some(), "{operation}");
        }
        for section in SECTIONS {
            let mut used = Operation::ALL.iter().filter_map(|of| section_of(*of));
            let is_used = used.any(|used| used.variable == section.variable);
            assert!(is_used, "{}", section.variable);
        }
    }
}
