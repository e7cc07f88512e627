//! Which parts of a body lead out of a container, found in what the daemon reads from it.
//!
//! It does not know how bodies are checked. Each test is written from what the daemon does with the
//! field, so it is a second opinion.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "everything else is harmless"
)]

use std::collections::BTreeMap;

use super::*;

/// The dangers that the daemon would find in the sent bytes; empty if they are harmless.
pub(crate) fn dangers(operation: Operation, sent: &str) -> Vec<String> {
    let table = table(operation).unwrap();
    let mut found = Vec::new();
    for has_pointers in [false, true] {
        let Ok(Go::Struct(body)) = (Reader { has_pointers }).read(sent, table) else {
            // What the daemon rejects has no effect.
            continue;
        };
        let mut dangers = Dangers { found: &mut found };
        match operation {
            Operation::ContainerCreate => dangers.container(&body),
            Operation::ContainerExec => dangers.exec(&body),
            Operation::ContainerUpdate => dangers.resources(&body),
            Operation::NetworkConnect => dangers.endpoint(of(&body, "EndpointConfig")),
            Operation::NetworkCreate => dangers.network(&body),
            Operation::ServiceCreate | Operation::ServiceUpdate => dangers.service(&body),
            Operation::VolumeCreate => dangers.volume(&body),
            Operation::VolumeUpdate => dangers.unless("Spec", body.is_empty()),
            _ => {}
        }
    }
    if operation == Operation::ContainerCreate {
        beside_host_config(sent, &mut found);
    }
    found
}

/// Engines up to 26.1 also read the fields of `HostConfig` one level above.
fn beside_host_config(sent: &str, found: &mut Vec<String>) {
    // What the daemon rejects has no effect.
    let Ok(Loose::Object(members)) = serde_json::from_str(sent) else {
        return;
    };
    let of_host: Vec<_> = crate::docker::body::tests::tables::fields(host_config())
        .iter()
        .map(|field| field.name)
        .collect();
    let strays = members
        .iter()
        .filter(|(key, _)| of_host.iter().any(|name| folded(key) == folded(name)));
    found.extend(strays.map(|(key, _)| format!("{key} next to HostConfig")));
    let host = members.iter().filter(|(key, _)| key == "HostConfig");
    if !matches!(host.collect::<Vec<_>>()[..], [(_, Loose::Object(_))]) {
        found.push("no HostConfig, or several".to_owned());
    }
}

type Fields = BTreeMap<&'static str, Go>;

static NONE: Fields = Fields::new();

fn of<'a>(fields: &'a Fields, key: &str) -> &'a Fields {
    match fields.get(key) {
        Some(Go::Struct(fields)) => fields,
        _ => &NONE,
    }
}

fn text<'a>(fields: &'a Fields, key: &str) -> &'a str {
    match fields.get(key) {
        Some(Go::Text(text)) => text,
        _ => "",
    }
}

fn list<'a>(fields: &'a Fields, key: &str) -> &'a [Go] {
    match fields.get(key) {
        Some(Go::List(values, _)) => values,
        _ => &[],
    }
}

fn texts_of<'a>(fields: &'a Fields, key: &str) -> Vec<&'a str> {
    let values = list(fields, key).iter();
    values
        .map(|value| match value {
            Go::Text(text) => text.as_str(),
            _ => "",
        })
        .collect()
}

fn map<'a>(fields: &'a Fields, key: &str) -> Vec<(&'a str, &'a Go)> {
    match fields.get(key) {
        Some(Go::Map(members)) => members
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .collect(),
        _ => Vec::new(),
    }
}

fn is_set(fields: &Fields, key: &str) -> bool {
    fields.get(key) == Some(&Go::Bool(true))
}

fn is_empty(fields: &Fields, key: &str) -> bool {
    match fields.get(key) {
        None | Some(Go::Nil | Go::Bool(false)) => true,
        Some(Go::Text(text)) => text.is_empty(),
        Some(Go::List(values, _)) => values.is_empty(),
        Some(Go::Map(members)) => members.is_empty(),
        Some(Go::Struct(members)) => members.keys().all(|key| is_empty(members, key)),
        Some(Go::Number(number)) => number == "0",
        Some(Go::Bool(true)) => false,
    }
}

struct Dangers<'a> {
    found: &'a mut Vec<String>,
}

impl Dangers<'_> {
    fn unless(&mut self, what: &str, is_harmless: bool) {
        if !is_harmless {
            self.found.push(what.to_owned());
        }
    }

    fn all_empty(&mut self, fields: &Fields, keys: &[&str]) {
        for key in keys {
            self.unless(key, is_empty(fields, key));
        }
    }

    fn one_of(&mut self, fields: &Fields, key: &str, harmless: &[&str]) {
        self.unless(key, harmless.contains(&text(fields, key)));
    }

    #[expect(clippy::too_many_lines, reason = "a list of dangers")]
    fn container(&mut self, body: &Fields) {
        let host = of(body, "HostConfig");
        self.unless("Privileged", !is_set(host, "Privileged"));
        for bind in texts_of(host, "Binds") {
            let source = bind.split_once(':').map_or("", |(source, _)| source);
            self.unless(
                "Binds",
                !source.contains(['/', '\\', '.']) || is_volume(source),
            );
        }
        for mount in list(host, "Mounts") {
            self.mount(mount);
        }
        for (key, harmless) in [
            ("CgroupnsMode", &["", "private"][..]),
            ("IpcMode", &["", "none", "private", "shareable"]),
            ("PidMode", &[""]),
            ("Runtime", &["", "runc"]),
            ("UTSMode", &[""]),
            ("UsernsMode", &[""]),
            ("VolumeDriver", &["", "local"]),
        ] {
            self.one_of(host, key, harmless);
        }
        let mode = text(host, "NetworkMode");
        self.unless("NetworkMode", mode != "host" && !mode.contains(':'));
        self.all_empty(
            host,
            &[
                "Annotations",
                "Cgroup",
                "Capabilities",
                "GroupAdd",
                "Links",
                "Sysctls",
                "VolumesFrom",
            ],
        );
        self.unless("Capabilities", !host.contains_key("Capabilities"));
        self.capabilities(host, "CapAdd");
        self.resources(host);
        for option in texts_of(host, "SecurityOpt") {
            let harmless = [
                "no-new-privileges",
                "no-new-privileges=",
                "no-new-privileges:",
                "no-new-privileges=true",
                "no-new-privileges:true",
            ];
            self.unless("SecurityOpt", harmless.contains(&option));
        }
        // A list replaces the daemon's own, which hides paths that its host has.
        for key in ["MaskedPaths", "ReadonlyPaths"] {
            self.unless(key, !host.contains_key(key));
        }
        self.texts_of_a_command_line(body);
        self.waits(body, "StopTimeout", 3600);
        let log = of(host, "LogConfig");
        self.one_of(log, "Type", &["", "json-file", "local"]);
        for (key, _) in map(log, "Config") {
            let leads_out = key.contains("address") || key.contains("cert") || key.contains("path");
            // The daemon's own driver can be any driver.
            let is_of_any = !text(log, "Type").is_empty() || SHAPES_LOGS.contains(&key);
            self.unless("LogConfig", is_of_any && !leads_out);
        }
        for (target, options) in map(host, "Tmpfs") {
            self.unless("Tmpfs", !target.contains([':', ',']));
            let Go::Text(options) = options else { continue };
            self.unless("Tmpfs", !options.contains(':'));
            let mut options = options.split(',');
            self.unless(
                "Tmpfs",
                !options.any(|it| ["exec", "suid", "dev"].contains(&it)),
            );
        }
        for (network, endpoint) in map(of(body, "NetworkingConfig"), "EndpointsConfig") {
            self.unless(
                "EndpointsConfig",
                network != "host" && !network.contains(':'),
            );
            if let Go::Struct(endpoint) = endpoint {
                self.endpoint(endpoint);
            }
        }
        self.all_empty(body, &["MacAddress"]);
        self.directory(body, "WorkingDir");
        self.labels(body);
    }

    /// Podman joins these to arguments of its command line, and parses them again.
    fn texts_of_a_command_line(&mut self, body: &Fields) {
        for (target, _) in map(body, "Volumes") {
            self.unless("Volumes", !target.contains([':', ',']));
        }
        for (port, _) in map(body, "ExposedPorts") {
            let is_of_a_port = |it: char| it.is_ascii_alphanumeric() || it == '/' || it == '-';
            self.unless("ExposedPorts", port.chars().all(is_of_a_port));
        }
        for variable in texts_of(body, "Env") {
            let name = variable.split_once('=').map_or("*", |(name, _)| name);
            self.unless("Env", !name.is_empty() && !name.contains(['*', ' ', '\t']));
        }
        for (key, _) in map(body, "Labels") {
            self.unless("Labels", !key.contains('='));
        }
    }

    /// The daemon waits for a container to stop, even when the daemon itself stops.
    fn waits(&mut self, of: &Fields, key: &str, most: i64) {
        if let Some(Go::Number(number)) = of.get(key) {
            let number = number.parse::<i64>();
            self.unless(key, number.is_ok_and(|it| (0..=most).contains(&it)));
        }
    }

    fn spared(&mut self, of: &Fields) {
        if let Some(Go::Number(score)) = of.get("OomScoreAdj") {
            self.unless("OomScoreAdj", !score.starts_with('-'));
        }
        self.unless("OomKillDisable", !is_set(of, "OomKillDisable"));
    }

    fn mount(&mut self, mount: &Go) {
        let Go::Struct(mount) = mount else {
            return self.unless("Mounts", false);
        };
        for key in ["Consistency", "Source", "Target"] {
            self.unless(key, !text(mount, key).contains(','));
        }
        self.one_of(mount, "Type", &["volume", "tmpfs", "image"]);
        let source = text(mount, "Source");
        self.unless(
            "Mounts.Source",
            text(mount, "Type") == "image" || source.is_empty() || is_volume(source),
        );
        let options = of(mount, "VolumeOptions");
        let driver = of(options, "DriverConfig");
        self.driver_options(driver, "Options");
        self.one_of(driver, "Name", &["", "local"]);
        for key in ["VolumeOptions", "ImageOptions"] {
            let subpath = text(of(mount, key), "Subpath");
            self.unless(
                "Subpath",
                !subpath.split('/').any(|part| part == "..") && !subpath.starts_with('/'),
            );
        }
        for row in list(of(mount, "TmpfsOptions"), "Options") {
            let Go::List(row, _) = row else { continue };
            let opens = row.iter().any(
                |it| matches!(it, Go::Text(it) if ["exec", "suid", "dev"].contains(&it.as_str())),
            );
            self.unless("TmpfsOptions", !opens);
        }
        let propagation = text(of(mount, "BindOptions"), "Propagation");
        self.unless("Propagation", !["shared", "rshared"].contains(&propagation));
    }

    /// Only memory, with a size and an owner, is certainly not a path on the host.
    fn driver_options(&mut self, of: &Fields, key: &str) {
        for (option, value) in map(of, key) {
            let Go::Text(value) = value else { continue };
            let is_memory = match option {
                "device" | "type" => value == "tmpfs",
                "o" => value.split(',').all(|option| {
                    ["size=", "mode=", "uid=", "gid=", "nr_inodes=", "nr_blocks="]
                        .iter()
                        .any(|known| option.starts_with(known))
                        || ["", "ro", "rw", "nodev", "nosuid", "noexec"].contains(&option)
                }),
                _ => false,
            };
            self.unless(key, is_memory);
        }
    }

    fn resources(&mut self, of: &Fields) {
        self.spared(of);
        self.all_empty(
            of,
            &[
                "CgroupParent",
                "DeviceCgroupRules",
                "DeviceRequests",
                "Devices",
            ],
        );
    }

    fn endpoint(&mut self, endpoint: &Fields) {
        // Podman makes a fixed address from what Docker reports.
        self.unless("IPAddress", !endpoint.contains_key("IPAddress"));
        self.all_empty(
            endpoint,
            &["DriverOpts", "IPAMConfig", "Links", "MacAddress"],
        );
        self.unless("NetworkID", text(endpoint, "NetworkID") != "host");
    }

    fn capabilities(&mut self, of: &Fields, key: &str) {
        for name in texts_of(of, key) {
            // As Go does, for any letter.
            let upper = name.to_uppercase();
            let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
            self.unless(key, ORDINARY.contains(&name));
        }
    }

    fn directory(&mut self, of: &Fields, key: &str) {
        let mut parts = text(of, key).split('/');
        self.unless(key, !parts.any(|part| ["..", "proc"].contains(&part)));
    }

    fn labels(&mut self, of: &Fields) {
        for (key, value) in map(of, "Labels") {
            let is_stamp = key == "dockgate.policy" && *value == Go::Text("p".to_owned());
            self.unless("Labels", !key.starts_with("dockgate.") || is_stamp);
        }
    }

    fn exec(&mut self, body: &Fields) {
        self.unless("Privileged", !is_set(body, "Privileged"));
        self.directory(body, "WorkingDir");
    }

    fn network(&mut self, body: &Fields) {
        self.one_of(body, "Driver", &["", "bridge", "overlay"]);
        self.all_empty(body, &["ConfigFrom", "ConfigOnly", "Ingress"]);
        let ipam = of(body, "IPAM");
        self.one_of(ipam, "Driver", &["", "default"]);
        self.all_empty(ipam, &["Options"]);
        for range in list(ipam, "Config") {
            let Go::Struct(range) = range else { continue };
            self.unless("IPAM", range.keys().all(|key| is_empty(range, key)));
        }
        for (key, _) in map(body, "Options") {
            let on_host = [
                "bridge.name",
                "host",
                "parent",
                "gateway_mode",
                "inhibit",
                "trusted",
            ];
            self.unless("Options", !on_host.iter().any(|part| key.contains(part)));
        }
        self.labels(body);
    }

    fn volume(&mut self, body: &Fields) {
        self.one_of(body, "Driver", &["", "local"]);
        self.driver_options(body, "DriverOpts");
        self.unless("ClusterVolumeSpec", !body.contains_key("ClusterVolumeSpec"));
        self.unless(
            "Name",
            text(body, "Name").is_empty() || is_volume(text(body, "Name")),
        );
        self.labels(body);
    }

    fn service(&mut self, body: &Fields) {
        let task = of(body, "TaskTemplate");
        let container = of(task, "ContainerSpec");
        self.capabilities(container, "CapabilityAdd");
        self.spared(container);
        self.waits(container, "StopGracePeriod", 3_600_000_000_000);
        for mount in list(container, "Mounts") {
            self.mount(mount);
        }
        self.all_empty(container, &["Configs", "Groups", "Secrets", "Sysctls"]);
        let privileges = of(container, "Privileges");
        self.unless("CredentialSpec", !privileges.contains_key("CredentialSpec"));
        self.one_of(of(privileges, "AppArmor"), "Mode", &["", "default"]);
        self.one_of(of(privileges, "Seccomp"), "Mode", &["", "default"]);
        self.all_empty(of(privileges, "Seccomp"), &["Profile"]);
        self.all_empty(
            of(privileges, "SELinuxContext"),
            &["Disable", "Level", "Role", "Type", "User"],
        );
        self.directory(container, "Dir");
        self.one_of(task, "Runtime", &["", "container"]);
        for key in ["PluginSpec", "NetworkAttachmentSpec"] {
            self.unless(key, !task.contains_key(key));
        }
        self.one_of(of(task, "LogDriver"), "Name", &["", "json-file", "local"]);
        for networks in [list(body, "Networks"), list(task, "Networks")] {
            for network in networks {
                let Go::Struct(network) = network else {
                    continue;
                };
                self.unless("Networks", text(network, "Target") != "host");
                self.all_empty(network, &["DriverOpts"]);
            }
        }
        for key in ["Limits", "Reservations"] {
            self.all_empty(of(of(task, "Resources"), key), &["GenericResources"]);
        }
        for key in ["UpdateConfig", "RollbackConfig"] {
            self.unless(key, text(of(body, key), "FailureAction") != "rollback");
        }
        for variable in texts_of(container, "Env") {
            let name = variable.split('=').next().unwrap();
            self.unless("Env", !name.contains("{{") && !name.contains('*'));
        }
        self.labels(body);
        self.labels(container);
    }
}

/// Texts that the daemon can only read as the name of a volume.
fn is_volume(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric())
        && characters.all(|it| it.is_ascii_alphanumeric() || "_.-".contains(it))
}

/// Capabilities that every container has.
const ORDINARY: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// A test of the second opinion itself: it finds each row that asks for a single thing, if that leads
/// out.
#[test]
fn each_row_that_leads_out_is_found() {
    let mut missed = Vec::new();
    for (_, row) in asking().filter(|(_, row)| !row.is_of_taste()) {
        let operation = operation_of(&row);
        if dangers(operation, &sent(operation, row.body)).is_empty() {
            missed.push(row.body);
        }
    }
    assert_eq!(
        missed, [""; 0],
        "the second opinion finds nothing in these rows of tests/data/hostile.txt: teach `dangers` what is dangerous in them"
    );
}

/// Options of all log drivers for how to write; none of them says where to write.
const SHAPES_LOGS: &[&str] = &[
    "compress",
    "env",
    "env-regex",
    "labels",
    "labels-regex",
    "max-buffer-size",
    "max-file",
    "max-size",
    "mode",
    "tag",
];
