//! What each image-swap variable opens, derived from the table of operations.
//!
//! The images match regular expressions against paths; here a variable names the first segment of
//! the paths that it opens, or operations. Where that differs, `docs/migration.md` says so, and
//! `tests/dialects` compares every request with HAProxy's own verdict.
//!
//! Source: the HAProxy configurations of Tecnativa's docker-socket-proxy 0.4 and LinuxServer's
//! docker-socket-proxy of August 2026.

mod openers;

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

/// The rules of one dialect.
pub(super) struct Rules {
    /// Operations that stay shut, whatever opens them, until their variable is on.
    pub(super) gates: &'static [Switch],
    /// Operations that a variable opens without their section's.
    pub(super) actions: &'static [Switch],
    /// Whether an action needs `POST`, as everything that is not GET or HEAD does.
    pub(super) actions_need_post: bool,
    /// Whether Podman's own paths have variables.
    pub(super) has_podman: bool,
    /// What a denial says of paths outside of the table.
    pub(super) way_to_paths: &'static str,
}

/// Whether a variable is on.
pub(super) type On<'a> = &'a dyn Fn(&str) -> bool;

/// One thing that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// An operation.
    Operation(Operation),
    /// A raw path, as policies write it.
    Path(String),
    /// A raw path and all below it.
    Below(String),
}

const fn section(variable: &'static str, segment: &'static str, default: bool) -> Section {
    Section {
        variable,
        segment,
        default,
    }
}

/// The same in every dialect.
pub(super) const SECTIONS: &[Section] = &[
    section("AUTH", "auth", false),
    section("BUILD", "build", false),
    section("COMMIT", "commit", false),
    section("CONFIGS", "configs", false),
    section("CONTAINERS", "containers", false),
    section("DISTRIBUTION", "distribution", false),
    section("EVENTS", "events", true),
    section("EXEC", "exec", false),
    section("GRPC", "grpc", false),
    section("IMAGES", "images", false),
    section("INFO", "info", false),
    section("NETWORKS", "networks", false),
    section("NODES", "nodes", false),
    section("PING", "_ping", true),
    section("PLUGINS", "plugins", false),
    section("SECRETS", "secrets", false),
    section("SERVICES", "services", false),
    section("SESSION", "session", false),
    section("SWARM", "swarm", false),
    section("SYSTEM", "system", false),
    section("TASKS", "tasks", false),
    section("VERSION", "version", true),
    section("VOLUMES", "volumes", false),
];

/// Podman's own paths, `/libpod/` before each.
pub(super) const PODMAN_SECTIONS: &[Section] = &[
    section("LIBPOD_CONTAINERS", "containers", false),
    section("LIBPOD_EVENTS", "events", false),
    section("LIBPOD_EXEC", "exec", false),
    section("LIBPOD_GENERATE", "generate", false),
    section("LIBPOD_IMAGES", "images", false),
    section("LIBPOD_INFO", "info", false),
    section("LIBPOD_MANIFESTS", "manifests", false),
    section("LIBPOD_NETWORKS", "networks", false),
    section("LIBPOD_PING", "_ping", true),
    section("LIBPOD_PLAY", "play", false),
    section("LIBPOD_PODS", "pods", false),
    section("LIBPOD_SECRETS", "secrets", false),
    section("LIBPOD_SYSTEM", "system", false),
    section("LIBPOD_VERSION", "version", true),
    section("LIBPOD_VOLUMES", "volumes", false),
];

const fn switch(
    variable: &'static str,
    operations: &'static [Operation],
    podman: &'static [&'static str],
) -> Switch {
    Switch {
        variable,
        operations,
        podman,
    }
}

const CLASSIC_ACTIONS: &[Switch] = &[
    switch(
        "ALLOW_RESTARTS",
        &[
            Operation::ContainerStop,
            Operation::ContainerRestart,
            Operation::ContainerKill,
        ],
        &[],
    ),
    switch("ALLOW_START", &[Operation::ContainerStart], &[]),
    switch("ALLOW_STOP", &[Operation::ContainerStop], &[]),
];

/// Tecnativa's, as it is up to version 0.5.
pub(super) const TECNATIVA: Rules = Rules {
    gates: &[],
    actions: CLASSIC_ACTIONS,
    actions_need_post: true,
    has_podman: false,
    way_to_paths: "no variable of this dialect opens it; Podman's paths have some in DOCKGATE_DIALECT=linuxserver",
};

/// Tecnativa's, less what nobody expects of a variable called `CONTAINERS`: files, standard input,
/// images, tokens, keys and payloads.
pub(super) const HARDENED: Rules = Rules {
    gates: &[
        switch(
            "ALLOW_ARCHIVE",
            &[Operation::ContainerArchive, Operation::ContainerArchiveInfo],
            &[],
        ),
        switch("ALLOW_EXPORT", &[Operation::ContainerExport], &[]),
        switch(
            "ALLOW_ATTACH_WS",
            &[Operation::ContainerAttachWebsocket],
            &[],
        ),
        switch(
            "ALLOW_IMAGE_EXPORT",
            &[Operation::ImageGet, Operation::ImageGetAll],
            &[],
        ),
        switch(
            "ALLOW_SWARM_SECRETS",
            &[Operation::SwarmInspect, Operation::SwarmUnlockkey],
            &[],
        ),
        switch(
            "ALLOW_CONFIG_DATA",
            &[Operation::ConfigInspect, Operation::ConfigList],
            &[],
        ),
        switch(
            "ALLOW_SERVICE_LOGS",
            &[Operation::ServiceLogs, Operation::TaskLogs],
            &[],
        ),
    ],
    ..TECNATIVA
};

/// LinuxServer's since August 2026.
pub(super) const LINUXSERVER: Rules = Rules {
    gates: &[
        switch(
            "ALLOW_ARCHIVE",
            &[
                Operation::ContainerArchive,
                Operation::ContainerArchiveInfo,
                Operation::PutContainerArchive,
            ],
            &["archive"],
        ),
        switch(
            "ALLOW_CHANGES",
            &[Operation::ContainerChanges],
            &["changes"],
        ),
        switch("ALLOW_EXPORT", &[Operation::ContainerExport], &["export"]),
        switch("ALLOW_LOGS", &[Operation::ContainerLogs], &["logs"]),
        switch("ALLOW_TOP", &[Operation::ContainerTop], &["top"]),
    ],
    actions: &[
        switch("ALLOW_PAUSE", &[Operation::ContainerPause], &["pause"]),
        switch(
            "ALLOW_RESTARTS",
            &[
                Operation::ContainerStop,
                Operation::ContainerRestart,
                Operation::ContainerKill,
            ],
            &["stop", "restart", "kill"],
        ),
        switch("ALLOW_START", &[Operation::ContainerStart], &["start"]),
        switch("ALLOW_STOP", &[Operation::ContainerStop], &["stop"]),
        switch(
            "ALLOW_UNPAUSE",
            &[Operation::ContainerUnpause],
            &["unpause"],
        ),
    ],
    actions_need_post: false,
    has_podman: true,
    way_to_paths: "Podman's paths are opened by LIBPOD_* and POST, and some of them stay shut until ALLOW_ARCHIVE, ALLOW_CHANGES, \
                   ALLOW_EXPORT, ALLOW_LOGS or ALLOW_TOP is 1",
};

/// The methods that `POST` opens besides GET and HEAD.
const UNSAFE_METHODS: &[&str] = &["DELETE", "POST", "PUT"];
const SAFE_METHODS: &[&str] = &["GET", "HEAD"];
/// What of Podman has actions and gates, and what begins the actions' own variables, which
/// LinuxServer's documents name no more.
const PODMAN_OBJECTS: &[(&str, &str)] = &[
    ("containers", "LIBPOD_ALLOW_"),
    ("pods", "LIBPOD_ALLOW_POD_"),
];

impl Rules {
    /// Everything that is open, and what stays shut below that.
    pub(super) fn judge(&self, on: On<'_>) -> (Vec<Opened>, Vec<Opened>) {
        let operations = Operation::ALL.iter().copied();
        let mut open: Vec<_> = operations
            .filter(|operation| self.opens(*operation, on))
            .map(Opened::Operation)
            .collect();
        if !self.has_podman {
            return (open, Vec::new());
        }
        open.extend(self.podman_actions(on));
        open.extend(podman_sections(on));
        (open, self.podman_gates(on))
    }

    /// Whether an operation is open: the rules in the images' own order.
    fn opens(&self, operation: Operation, on: On<'_>) -> bool {
        let is_about = |switch: &&Switch| switch.operations.contains(&operation);
        let is_shut = self
            .gates
            .iter()
            .filter(is_about)
            .any(|gate| !on(gate.variable));
        let has_action = self
            .actions
            .iter()
            .filter(is_about)
            .any(|action| on(action.variable));
        let may_by_method = is_safe(operation) || on("POST");
        let has_section = || section_of(operation).is_some_and(|section| on(section.variable));
        !is_shut
            && (has_action && (may_by_method || !self.actions_need_post)
                || may_by_method && has_section())
    }

    /// The fewest variables that are off and would together open an operation.
    pub(super) fn missing(&self, operation: Operation, on: On<'_>) -> Vec<&'static str> {
        let is_about = |switch: &&Switch| switch.operations.contains(&operation);
        let gate = self.gates.iter().find(is_about);
        // Of several the last is the most special, and opens the least.
        let action = self.actions.iter().rfind(is_about);
        let action = action.map(|action| (action.variable, self.actions_need_post));
        let section = section_of(operation).map(|section| (section.variable, true));
        let ways = action.into_iter().chain(section);
        let missing = ways.map(|(opener, needs_post)| {
            let post = (needs_post && !is_safe(operation)).then_some("POST");
            let gate = gate.map(|gate| gate.variable);
            let needed = gate.into_iter().chain([opener]).chain(post);
            needed.filter(|variable| !on(variable)).collect::<Vec<_>>()
        });
        missing.min_by_key(Vec::len).unwrap_or_default()
    }

    /// The section's variable that the operations of a switch need besides.
    pub(super) fn section_of_gate(&self, variable: &str) -> Option<&'static str> {
        let gate = self.gates.iter().find(|gate| gate.variable == variable)?;
        let section = section_of(*gate.operations.first()?)?;
        Some(section.variable)
    }

    fn podman_actions(&self, on: On<'_>) -> Vec<Opened> {
        let mut open = Vec::new();
        for (object, prefix) in PODMAN_OBJECTS {
            for action in self.actions {
                let own = action.variable.replacen("ALLOW_", prefix, 1);
                if on(action.variable) || on(&own) {
                    let path = |last| Opened::Path(format!("POST /libpod/{object}/{{}}/{last}"));
                    open.extend(action.podman.iter().map(path));
                }
            }
        }
        open
    }

    fn podman_gates(&self, on: On<'_>) -> Vec<Opened> {
        let shut = self.gates.iter().filter(|gate| !on(gate.variable));
        let lasts = shut.flat_map(|gate| gate.podman);
        let objects =
            lasts.flat_map(|last| PODMAN_OBJECTS.iter().map(move |(object, _)| (object, last)));
        let below = |(object, last)| {
            let methods = SAFE_METHODS.iter().chain(UNSAFE_METHODS);
            methods
                .map(move |method| Opened::Below(format!("{method} /libpod/{object}/{{}}/{last}")))
        };
        objects.flat_map(below).collect()
    }

    /// Every variable that opens something.
    pub(super) fn variables(&self) -> Vec<String> {
        let switches = self.gates.iter().chain(self.actions);
        let mut variables: Vec<_> = SECTIONS
            .iter()
            .map(|section| section.variable.to_owned())
            .chain(switches.map(|switch| switch.variable.to_owned()))
            .chain(["POST".to_owned()])
            .collect();
        if self.has_podman {
            let sections = PODMAN_SECTIONS.iter();
            variables.extend(sections.map(|section| section.variable.to_owned()));
            for (_, prefix) in PODMAN_OBJECTS {
                let actions = self.actions.iter();
                variables
                    .extend(actions.map(|action| action.variable.replacen("ALLOW_", prefix, 1)));
            }
        }
        variables
    }
}

/// What holds of a variable that is not set.
pub(super) fn default_of(variable: &str) -> bool {
    let mut sections = SECTIONS.iter().chain(PODMAN_SECTIONS);
    sections.any(|section| section.variable == variable && section.default)
}

/// The section whose variable opens an operation.
fn section_of(operation: Operation) -> Option<&'static Section> {
    let path = operation.spec().routes.first()?.path;
    let first = path.split('/').nth(1)?;
    SECTIONS.iter().find(|section| section.segment == first)
}

/// Whether an operation is asked for by GET and HEAD alone. No operation has routes of both kinds.
fn is_safe(operation: Operation) -> bool {
    let mut routes = operation.spec().routes.iter();
    routes.all(|route| route.method.is_safe())
}

fn podman_sections(on: On<'_>) -> Vec<Opened> {
    let open = PODMAN_SECTIONS
        .iter()
        .filter(|section| on(section.variable));
    let by_post = if on("POST") { UNSAFE_METHODS } else { &[] };
    let below = |section: &Section| {
        let segment = section.segment;
        let methods = SAFE_METHODS.iter().chain(by_post);
        methods.map(move |method| Opened::Below(format!("{method} /libpod/{segment}")))
    };
    open.flat_map(below).collect()
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
            let is_used = Operation::ALL
                .iter()
                .filter_map(|operation| section_of(*operation));
            assert!(
                is_used
                    .into_iter()
                    .any(|used| used.variable == section.variable),
                "{}",
                section.variable
            );
        }
    }

    #[test]
    fn no_operation_has_routes_that_post_opens_beside_some_that_it_does_not() {
        for operation in Operation::ALL {
            let routes = operation.spec().routes;
            let safe = routes.iter().filter(|route| route.method.is_safe()).count();
            assert!(safe == 0 || safe == routes.len(), "{operation}");
        }
    }

    #[test]
    fn what_is_missing_opens_an_operation_and_less_of_it_does_not() {
        for rules in [&TECNATIVA, &HARDENED, &LINUXSERVER] {
            for operation in Operation::ALL.iter().copied() {
                let missing = rules.missing(operation, &|_| false);
                assert!(
                    rules.opens(operation, &|variable| missing.contains(&variable)),
                    "{operation}: {missing:?}"
                );
                for left_out in &missing {
                    let on = |variable: &str| missing.contains(&variable) && variable != *left_out;
                    assert!(!rules.opens(operation, &on), "{operation}: {left_out}");
                }
            }
        }
    }
}
