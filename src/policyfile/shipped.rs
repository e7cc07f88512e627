//! The built-in policies, one file each in `policies/`.
//!
//! A policy for a client has the client's name. If one of its features needs more, that is another policy, which
//! extends the first and is named after both: `dozzle`, `dozzle-actions`.

/// Generates the list of names and texts from the names. Each line has those of one client.
macro_rules! shipped {
    ($($name:literal)+) => {
        /// Each policy's name and text.
        pub const ALL: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../policies/", $name, ".toml")))),+];
    };
}

shipped! {
    "acme-companion" "acme-companion-exec" "acme-companion-restart" "acme-companion-signal"
    "agent"
    "alloy" "alloy-resource-detection"
    "ansible" "ansible-build" "ansible-compose" "ansible-exec" "ansible-images" "ansible-prune"
        "ansible-swarm"
    "arcane" "arcane-images" "arcane-prune" "arcane-read-only" "arcane-swarm" "arcane-terminal"
        "arcane-volumes"
    "autoheal" "autoheal-all"
    "beszel" "beszel-logs"
    "caddy-docker-proxy" "caddy-docker-proxy-ingress" "caddy-docker-proxy-swarm"
    "cadvisor" "cadvisor-images"
    "ci-runner"
    "compose" "compose-build" "compose-control" "compose-cp" "compose-exec" "compose-logs"
        "compose-publish" "compose-remove" "compose-stats"
    "crowdsec" "crowdsec-swarm"
    "cup" "cup-swarm"
    "datadog-agent" "datadog-agent-logs" "datadog-agent-stats"
    "default"
    "devcontainers" "devcontainers-compose"
    "diun" "diun-swarm"
    "docker-cli-build" "docker-cli-exec" "docker-cli-ps" "docker-cli-ps-details" "docker-cli-run"
        "docker-cli-run-api-socket"
    "docker-gen" "docker-gen-notify"
    "docker-rollout" "docker-rollout-create"
    "docker-volume-backup" "docker-volume-backup-exec" "docker-volume-backup-manager"
        "docker-volume-backup-stop" "docker-volume-backup-swarm"
    "dockge" "dockge-build" "dockge-terminal"
    "dozzle" "dozzle-actions" "dozzle-deploy" "dozzle-shell" "dozzle-update" "dozzle-update-swarm"
    "fluent-bit"
    "forgejo-runner" "forgejo-runner-build"
    "gitea-runner" "gitea-runner-build"
    "gitlab-runner" "gitlab-runner-helper-image" "gitlab-runner-network"
    "glances"
    "homarr" "homarr-actions" "homarr-logs" "homarr-remove"
    "homepage" "homepage-swarm"
    "komodo-periphery" "komodo-periphery-login" "komodo-periphery-prune"
        "komodo-periphery-read-only" "komodo-periphery-swarm" "komodo-periphery-terminals"
    "netdata"
    "nginx-proxy"
    "ofelia" "ofelia-netresearch" "ofelia-netresearch-run" "ofelia-netresearch-service" "ofelia-run"
        "ofelia-service"
    "portainer" "portainer-agent" "portainer-agent-edge" "portainer-agent-swarm" "portainer-console"
        "portainer-images" "portainer-read-only" "portainer-swarm" "portainer-unpacker"
    "prometheus-docker-sd"
    "prometheus-swarm-sd"
    "promtail"
    "read-only"
    "ryuk"
    "sablier" "sablier-pause" "sablier-scale" "sablier-swarm"
    "shepherd" "shepherd-autoclean" "shepherd-login"
    "swarm-cronjob" "swarm-cronjob-registry"
    "telegraf-docker" "telegraf-docker-log" "telegraf-docker-storage" "telegraf-docker-swarm"
    "testcontainers-dotnet" "testcontainers-dotnet-build" "testcontainers-dotnet-files"
        "testcontainers-dotnet-volumes"
    "testcontainers-go" "testcontainers-go-build" "testcontainers-go-files" "testcontainers-go-volumes"
    "testcontainers-java" "testcontainers-java-build" "testcontainers-java-files"
    "traefik" "traefik-swarm"
    "tugtainer" "tugtainer-actions" "tugtainer-hooks" "tugtainer-prune"
    "uptime-kuma"
    "vector"
    "watchtower" "watchtower-all" "watchtower-cleanup" "watchtower-hooks" "watchtower-label-enable"
        "watchtower-nickfedor" "watchtower-nickfedor-all" "watchtower-nickfedor-cleanup"
        "watchtower-nickfedor-halt" "watchtower-nickfedor-hooks" "watchtower-nickfedor-label-enable"
    "woodpecker-agent"
    "wud" "wud-prune" "wud-trigger"
    "yacht" "yacht-prune" "yacht-read-only"
    "zabbix-agent2"
}

/// The project that a built-in policy says it is based on, such as `traefik/traefik`.
pub(crate) fn project(name: &str) -> Option<&'static str> {
    let mut lines = text(name)?.lines();
    let source = lines.find_map(|line| line.strip_prefix("# Based on "))?;
    source.split(' ').next()
}

/// The text of a built-in policy.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    ALL.iter()
        .find(|(shipped, _)| *shipped == name)
        .map(|(_, text)| *text)
}

#[cfg(test)]
mod tests;
