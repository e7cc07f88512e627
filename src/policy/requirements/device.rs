//! Single fields of a container that have a language of their own.

#![expect(clippy::unnecessary_wraps, reason = "the shape of a reader")]

use super::collector::{Requirements, unclear};
use crate::docker::Json;
use crate::docker::body::Asked;
use crate::docker::path::is_literal;
use crate::policy::keys::Key;
use crate::policy::reason::Denial;
use crate::policy::requirement::What;
use crate::policy::value::{Port, Value};

/// What every container has without asking.
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

pub(super) fn capabilities(
    requirements: &mut Requirements,
    asked: &Asked<'_>,
) -> Result<(), Denial> {
    let (path, value) = (asked.path.as_str(), asked.value);
    for text in value.texts() {
        let name = text.to_ascii_uppercase();
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        if !ORDINARY.contains(&name) {
            requirements.push(path, Key::Capability.asks(name));
        }
    }
    Ok(())
}

/// A list that takes the place of the daemon's own must be one that an engine makes, which is then not sent.
pub(super) fn hidden(
    requirements: &mut Requirements,
    asked: &Asked<'_>,
    is_default: fn(&Json) -> bool,
) -> Result<(), Denial> {
    if !is_default(asked.value) {
        requirements.push(&*asked.path, Key::CreateUnrestricted.flag());
    }
    Ok(())
}

pub(super) fn devices(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let (path, value) = (asked.path.as_str(), asked.value);
    for device in value.items() {
        let text = |key: &str| device.get(key).and_then(Json::text).unwrap_or_default();
        let (host, inside) = (text("PathOnHost"), text("PathInContainer"));
        if !is_literal(host) || !(inside.is_empty() || is_literal(inside)) {
            let why = "has a device that is no clean absolute path: write it without `..`, `//`, `:`, `,` or `*`";
            return Err(unclear(path, why));
        }
        let permissions = match text("CgroupPermissions") {
            // What the daemon takes for none.
            "" => "rwm",
            permissions if permissions.bytes().all(|letter| b"rwm".contains(&letter)) => {
                permissions
            }
            _ => return Err(unclear(path, "has permissions that are not letters of rwm")),
        };
        requirements.push(path, Key::Device.asks(format!("{host}:{permissions}")));
    }
    Ok(())
}

/// Limits are read as a whole. What names a device or a limit of a process in them names it alone.
pub(super) fn limit(_: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let path = asked.path.as_str();
    for of_device in asked.value.items() {
        let text = |key: &str| of_device.get(key).and_then(Json::text);
        if text("Path").is_some_and(|device| !is_literal(device)) {
            return Err(unclear(path, "has a device that is no clean absolute path"));
        }
        let is_word = |name: &str| name.bytes().all(|letter| letter.is_ascii_alphabetic());
        if text("Name").is_some_and(|name| !is_word(name)) {
            return Err(unclear(
                path,
                "has a limit that is not a word such as nofile",
            ));
        }
    }
    Ok(())
}

/// Ports of the container, by the keys of an object.
pub(super) fn exposed(_: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let mut keys = asked.value.members().iter().map(|(key, _)| &**key);
    if keys.all(is_port) {
        Ok(())
    } else {
        Err(unclear(&asked.path, NO_PORT))
    }
}

/// Whether a text is a port or a range of ports, with a protocol or without.
fn is_port(text: &str) -> bool {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocols = ["sctp", "tcp", "udp"];
    let is_protocol = protocols.iter().any(|it| it.eq_ignore_ascii_case(protocol));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    is_protocol && !ports.is_empty() && ports.split('-').all(is_number) && range(ports).is_some()
}

const NO_PORT: &str = "has a port that is not written like 80, 80/tcp or 8000-8010/udp";

pub(super) fn requests(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let (path, value) = (asked.path.as_str(), asked.value);
    for request in value.items() {
        let driver = request
            .get("Driver")
            .and_then(Json::text)
            .unwrap_or_default();
        let items = |key: &str| request.get(key).map_or(&[][..], Json::items);
        let has_options = request
            .get("Options")
            .is_some_and(|it| !it.members().is_empty());
        let sets = items("Capabilities");
        let is_of_gpu = |set: &Json| {
            set.texts().next().is_some() && set.texts().all(|name| GPU.contains(&name))
        };
        match driver {
            // One that names no device asks for whatever the driver makes of that.
            "cdi" if !has_options && sets.is_empty() && !items("DeviceIDs").is_empty() => {
                for name in items("DeviceIDs").iter().filter_map(Json::text) {
                    requirements.push(path, Key::Device.asks(name));
                }
            }
            "" | "amd" | "nvidia"
                if !has_options && !sets.is_empty() && sets.iter().all(is_of_gpu) =>
            {
                requirements.push(path, Key::Gpus.flag());
            }
            _ => requirements.push(path, Key::CreateUnrestricted.flag()),
        }
    }
    Ok(())
}

/// The capabilities of a GPU's driver.
const GPU: &[&str] = &[
    "compat32", "compute", "display", "gpu", "graphics", "ngx", "nvidia", "utility", "video",
];

pub(super) fn log_driver(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let (path, value) = (asked.path.as_str(), asked.value);
    let text = |key: &str| value.get(key).and_then(Json::text).unwrap_or_default();
    // A service spells the two otherwise than a container.
    let name = [text("Type"), text("Name")].concat();
    let options = ["Config", "Options"]
        .iter()
        .filter_map(|key| value.get(key));
    let mut options = options.flat_map(Json::members);
    match name.as_str() {
        // Without a name it is the daemon's default, whichever that is: of none do these options name
        // a file or an address.
        "" | "json-file" | "local" if options.all(|(key, _)| LOG_OPTIONS.contains(&&**key)) => {}
        "" | "json-file" | "local" => requirements.push(path, Key::CreateUnrestricted.flag()),
        _ => requirements.push(path, Key::LogDriver.asks(name)),
    }
    Ok(())
}

/// Options that shape what is written and say nothing of where to.
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

pub(super) fn ports(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let (path, value) = (asked.path.as_str(), asked.value);
    let any = |from, to| {
        let address = String::new();
        What::Key(Key::Port, Value::Port(Port { address, from, to }))
    };
    if value.is_true() {
        requirements.push(path, any(0, 0));
    }
    // A service's.
    for port in value.items() {
        let published = port.get("PublishedPort").and_then(Json::integer);
        let number = u16::try_from(published.unwrap_or_default());
        let number = number.map_err(|_| unclear(path, "has a port above 65535"))?;
        requirements.push(path, any(number, number));
    }
    for (port, bindings) in value.members() {
        if !is_port(port) {
            return Err(unclear(path, NO_PORT));
        }
        if bindings.items().is_empty() {
            requirements.push(path, any(0, 0));
        }
        for binding in bindings.items() {
            let text = |key: &str| binding.get(key).and_then(Json::text).unwrap_or_default();
            let (address, ports) = (text("HostIp"), text("HostPort"));
            let is_address = address.is_empty() || address.parse::<std::net::IpAddr>().is_ok();
            let range = if is_address { range(ports) } else { None };
            let (from, to) =
                range.ok_or_else(|| unclear(path, "has a binding that is no address and port"))?;
            let address = match address {
                "0.0.0.0" | "::" => String::new(),
                address => address.to_owned(),
            };
            let port = Value::Port(Port { address, from, to });
            requirements.push(path, What::Key(Key::Port, port));
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

pub(super) fn restart(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let (path, value) = (asked.path.as_str(), asked.value);
    let text = |key: &str| value.get(key).and_then(Json::text).unwrap_or_default();
    match [text("Name"), text("Condition")].concat().as_str() {
        "" | "no" | "none" => {}
        name => requirements.push(path, Key::Restart.asks(name)),
    }
    Ok(())
}

/// Options of the kernel's security modules: a container's are texts, a service's an object.
pub(super) fn security(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let (path, value) = (asked.path.as_str(), asked.value);
    for text in value.texts() {
        let at = text.find(['=', ':']);
        let (key, value) = at.map_or((text, ""), |at| text.split_at(at));
        let value = value.get(1..).unwrap_or_default();
        match (key, value) {
            ("no-new-privileges", "" | "true") => {}
            (key, "") => requirements.push(path, Key::SecurityOption.asks(key)),
            (key, value) => {
                requirements.push(path, Key::SecurityOption.asks(format!("{key}={value}")));
            }
        }
    }
    if value.members().is_empty() {
        return Ok(());
    }
    let text = |key: &str| value.get(key).and_then(Json::text).unwrap_or_default();
    let (module, mode) = (path.rsplit('.').next().unwrap_or_default(), text("Mode"));
    let option = match (module, mode) {
        ("AppArmor" | "Seccomp", "" | "default") if text("Profile").is_empty() => return Ok(()),
        ("AppArmor", "disabled") => "apparmor=unconfined".to_owned(),
        ("Seccomp", "unconfined") => "seccomp=unconfined".to_owned(),
        ("Seccomp", _) => "seccomp=custom".to_owned(),
        ("SELinuxContext", _) if value.get("Disable").is_some_and(Json::is_true) => {
            "label=disable".to_owned()
        }
        ("SELinuxContext", _) => "label=custom".to_owned(),
        (module, mode) => format!("{}={mode}", module.to_ascii_lowercase()),
    };
    requirements.push(path, Key::SecurityOption.asks(option));
    Ok(())
}
