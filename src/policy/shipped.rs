//! The policies that are built into the binary, one file each in `policies/`.

/// Makes the list of names and texts from the names.
macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        /// Each policy's name and text.
        pub const ALL: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../policies/", $name, ".toml")))),+];
    };
}

shipped![
    "agent",
    "autoheal",
    "ci-runner",
    "default",
    "docker-cli-build",
    "docker-cli-exec",
    "docker-cli-run",
    "dozzle",
    "homepage",
    "prometheus-docker-sd",
    "read-only",
    "testcontainers-go",
    "testcontainers-java",
    "traefik",
    "traefik-swarm",
    "watchtower",
    "watchtower-nickfedor",
];

/// The text of a shipped policy.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    ALL.iter()
        .find(|(shipped, _)| *shipped == name)
        .map(|(_, text)| *text)
}
