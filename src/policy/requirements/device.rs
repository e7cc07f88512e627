//! Fields of a container that have their own syntax.

use super::collector::{Field, Read};
use crate::docker::Json;
use crate::docker::path::is_literal;
use crate::policy::keys::Key;
use crate::policy::requirement::What;
use crate::policy::value::{Port, Value};

/// The capabilities that every container has.
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

pub(super) fn capabilities(field: &mut Field<'_>) {
    for text in field.value.texts() {
        let name = text.to_ascii_uppercase();
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        if !ORDINARY.contains(&name) {
            field.push(Key::Capability.asks(name));
        }
    }
}

pub(super) fn devices(field: &mut Field<'_>) -> Read {
    for device in field.value.items() {
        let (host, inside) = (
            device.text_at("PathOnHost"),
            device.text_at("PathInContainer"),
        );
        if !is_literal(host) || !(inside.is_empty() || is_literal(inside)) {
            return Err(field.unclear(NO_DEVICE));
        }
        let permissions = match device.text_at("CgroupPermissions") {
            // The daemon's default.
            "" => "rwm",
            permissions if permissions.bytes().all(|letter| b"rwm".contains(&letter)) => {
                permissions
            }
            _ => return Err(field.unclear("has permissions other than r, w and m")),
        };
        field.push(Key::Device.asks(format!("{host}:{permissions}")));
    }
    Ok(())
}

/// Checks that limits name only devices and process limits. Their values are read with the whole container.
pub(super) fn limit(field: &Field<'_>) -> Read {
    let is_word = |name: &str| name.bytes().all(|letter| letter.is_ascii_alphabetic());
    for of_device in field.value.items() {
        let path = of_device.at("Path").text();
        if path.is_some_and(|device| !is_literal(device)) {
            return Err(field.unclear(NO_DEVICE));
        }
        if !is_word(of_device.text_at("Name")) {
            return Err(field.unclear("has a limit whose name is not a word such as nofile"));
        }
    }
    Ok(())
}

/// Reads ports of the container, which are the keys of an object.
pub(super) fn exposed(field: &Field<'_>) -> Read {
    let mut ports = field.value.members().iter();
    let are_ports = ports.all(|(port, _)| is_port(port));
    are_ports
        .then_some(())
        .ok_or_else(|| field.unclear(NO_PORT))
}

/// Whether a text is a port or a range of ports, with or without a protocol.
fn is_port(text: &str) -> bool {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocols = ["sctp", "tcp", "udp"];
    let is_protocol = protocols.iter().any(|it| it.eq_ignore_ascii_case(protocol));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    is_protocol && !ports.is_empty() && ports.split('-').all(is_number) && range(ports).is_some()
}

const NO_DEVICE: &str =
    "has a device that is not a plain absolute path: write it without `..`, `//`, `:`, `,` or `*`";
const NO_PORT: &str = "has an invalid port: write it like 80, 80/tcp or 8000-8010/udp";

pub(super) fn requests(field: &mut Field<'_>) {
    let is_of_gpu =
        |set: &Json| set.texts().next().is_some() && set.texts().all(|name| GPU.contains(&name));
    for request in field.value.items() {
        let has_options = !request.at("Options").members().is_empty();
        let (sets, devices) = (request.at("Capabilities").items(), request.at("DeviceIDs"));
        match request.text_at("Driver") {
            // Without a device, the driver decides what it gives.
            "cdi" if !has_options && sets.is_empty() && !devices.items().is_empty() => {
                for name in devices.texts() {
                    field.push(Key::Device.asks(name));
                }
            }
            "" | "amd" | "nvidia"
                if !has_options && !sets.is_empty() && sets.iter().all(is_of_gpu) =>
            {
                field.push(Key::Gpus.flag());
            }
            _ => field.push(Key::CreateUnrestricted.flag()),
        }
    }
}

/// The capabilities of GPU drivers.
const GPU: &[&str] = &[
    "compat32", "compute", "display", "gpu", "graphics", "ngx", "nvidia", "utility", "video",
];

pub(super) fn log_driver(field: &mut Field<'_>) {
    let value = field.value;
    // A service has other names for these two fields than a container.
    let name = [value.text_at("Type"), value.text_at("Name")].concat();
    let options = ["Config", "Options"].map(|key| value.at(key).members());
    let mut options = options.into_iter().flatten();
    match name.as_str() {
        // Without a name it is the daemon's default. Whichever that is, these options do not name a file or an address.
        "" | "json-file" | "local" if options.all(|(key, _)| LOG_OPTIONS.contains(&&**key)) => {}
        "" | "json-file" | "local" => field.push(Key::CreateUnrestricted.flag()),
        _ => field.push(Key::LogDriver.asks(name)),
    }
}

/// Options that decide what is logged, but not where.
const LOG_OPTIONS: &[&str] = &[
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

pub(super) fn ports(field: &mut Field<'_>) -> Read {
    let at = |address: &str, (from, to)| {
        let address = address.to_owned();
        What::Key(Key::Port, Value::Port(Port { address, from, to }))
    };
    if field.value.is_true() {
        field.push(at("", (0, 0)));
    }
    // A service's ports.
    for port in field.value.items() {
        let published = port.at("PublishedPort").integer().unwrap_or_default();
        let number = u16::try_from(published);
        let number = number.map_err(|_| field.unclear("has a port above 65535"))?;
        field.push(at("", (number, number)));
    }
    for (port, bindings) in field.value.members() {
        if !is_port(port) {
            return Err(field.unclear(NO_PORT));
        }
        if bindings.items().is_empty() {
            field.push(at("", (0, 0)));
        }
        for binding in bindings.items() {
            let address = binding.text_at("HostIp");
            let is_address = address.is_empty() || address.parse::<std::net::IpAddr>().is_ok();
            let ports = range(binding.text_at("HostPort")).filter(|_| is_address);
            let ports = ports
                .ok_or_else(|| field.unclear("has a binding without an IP address and a port"))?;
            let is_any = matches!(address, "0.0.0.0" | "::");
            field.push(at(if is_any { "" } else { address }, ports));
        }
    }
    Ok(())
}

fn range(text: &str) -> Option<(u16, u16)> {
    if text.is_empty() {
        return Some((0, 0));
    }
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from <= to).then_some((from, to))
}

pub(super) fn restart(field: &mut Field<'_>) {
    let value = field.value;
    match [value.text_at("Name"), value.text_at("Condition")]
        .concat()
        .as_str()
    {
        "" | "no" | "none" => {}
        name => field.push(Key::Restart.asks(name)),
    }
}

/// Options of the kernel's security modules. For a container they are texts, for a service an object.
pub(super) fn security(field: &mut Field<'_>) {
    let value = field.value;
    for text in value.texts() {
        let (key, value) = text.split_once(['=', ':']).unwrap_or((text, ""));
        match (key, value) {
            ("no-new-privileges", "" | "true") => {}
            (key, "") => field.push(Key::SecurityOption.asks(key)),
            (key, value) => field.push(Key::SecurityOption.asks(format!("{key}={value}"))),
        }
    }
    if value.members().is_empty() {
        return;
    }
    let module = field.path.rsplit('.').next().unwrap_or_default();
    let option = match (module, value.text_at("Mode")) {
        ("AppArmor" | "Seccomp", "" | "default") if value.text_at("Profile").is_empty() => return,
        ("AppArmor", "disabled") => "apparmor=unconfined".to_owned(),
        ("Seccomp", "unconfined") => "seccomp=unconfined".to_owned(),
        ("Seccomp", _) => "seccomp=custom".to_owned(),
        ("SELinuxContext", _) if value.at("Disable").is_true() => "label=disable".to_owned(),
        ("SELinuxContext", _) => "label=custom".to_owned(),
        (module, mode) => format!("{}={mode}", module.to_ascii_lowercase()),
    };
    field.push(Key::SecurityOption.asks(option));
}
