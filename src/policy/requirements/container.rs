//! What a container asks for as a whole: what is there by being left out, and what an existing one has.

use std::collections::HashSet;

use super::collector::{ANY_NUMBER, NOT_PLAIN, Requirements, must_be_plain, unclear};
use super::{field, network};
use crate::docker::body::{FieldMeaning, asked, host_config};
use crate::docker::mount::Access;
use crate::docker::{ApiVersion, Document, Json, Operation};
use crate::policy::keys::Key;
use crate::policy::objects::Container;
use crate::policy::reason::Denial;
use crate::policy::requirement::{Requirement, Touch, What};
use crate::policy::value::{Limits, Value};

/// What is asked for by fields that say something by not being there.
pub(super) fn whole(requirements: &mut Requirements, body: &Json) -> Result<(), Denial> {
    let text = |key: &str| body.get(key).and_then(Json::text).unwrap_or_default();
    if requirements.describes(Document::Container) {
        let nothing = Json::Null;
        let host = body.get("HostConfig").unwrap_or(&nothing);
        joined_network(requirements, host)?;
        requirements.push("User", Key::User.asks(text("User")));
        if text("Image").is_empty() {
            // The daemon makes one all the same, of no files, which an upload can bring.
            requirements.push("Image", Key::Image.asks(String::new()));
        }
        requirements.push("HostConfig", limits(host, false, requirements.version));
        let (host, domain) = (text("Hostname"), text("Domainname"));
        requirements.takes_name("Hostname", host)?;
        requirements.takes_name("Domainname", domain)?;
        if !host.is_empty() && !domain.is_empty() {
            requirements.takes_name("Domainname", &format!("{host}.{domain}"))?;
        }
    } else if requirements.describes(Document::ContainerUpdate) {
        requirements.push("the body", limits(body, true, requirements.version));
    } else if requirements.describes(Document::Exec) {
        requirements.push("User", Key::ExecUser.asks(text("User")));
    } else if requirements.describes(Document::Network) && text("Driver").is_empty() {
        requirements.push("Driver", Key::NetworkDriver.asks("bridge"));
    } else if requirements.describes(Document::Volume) && text("Driver").is_empty() {
        requirements.push("Driver", Key::VolumeDriver.asks("local"));
    } else if requirements.describes_service() {
        service(requirements, body);
        hostname(requirements, body)?;
    }
    Ok(())
}

fn joined_network(requirements: &mut Requirements, host: &Json) -> Result<(), Denial> {
    let path = "HostConfig.NetworkMode";
    let mode = host
        .get("NetworkMode")
        .and_then(Json::text)
        .unwrap_or_default();
    if let Some(container) = mode.strip_prefix("container:") {
        return requirements.named(path, container, Key::Join);
    }
    if !mode.is_empty() {
        return network::join(requirements, path, mode);
    }
    // The daemon puts a container that names no network on its own; Podman even where networks are disabled.
    network::join(requirements, path, "default")
}

fn limits(of: &Json, is_change: bool, version: Option<ApiVersion>) -> What {
    let number = |key: &str| of.get(key).and_then(Json::integer);
    let some = |key: &str| number(key).unwrap_or_default();
    let quota = some("CpuQuota");
    let period = Some(some("CpuPeriod")).filter(|period| *period > 0);
    // The daemon's default period is a tenth of a second, in microseconds.
    let by_quota = quota.saturating_mul(1_000_000_000) / period.unwrap_or(100_000);
    // Of a container that is there the other of the two stays, and may be anything.
    let is_half = is_change && (quota != 0) != period.is_some();
    let is_read = is_change || ApiVersion::NANO_CPUS.is_read_under(version);
    let nano_cpus = match Some(some("NanoCpus"))
        .filter(|_| is_read)
        .unwrap_or_default()
    {
        0 if is_half => NO_LIMIT,
        0 => by_quota,
        nano_cpus => nano_cpus,
    };
    let limits = Limits {
        is_change,
        memory: some("Memory"),
        memory_and_swap: some("MemorySwap"),
        nano_cpus,
        pids: number("PidsLimit"),
    };
    What::Key(Key::Limits, Value::Limits(limits))
}

/// A number of processors that is within no limit.
const NO_LIMIT: i64 = -1;

fn service(requirements: &mut Requirements, body: &Json) {
    let nothing = Json::Null;
    let task = body.get("TaskTemplate").unwrap_or(&nothing);
    let container = task.get("ContainerSpec").unwrap_or(&nothing);
    let limits = task
        .get("Resources")
        .and_then(|resources| resources.get("Limits"))
        .unwrap_or(&nothing);
    let number = |key: &str| limits.get(key).and_then(Json::integer);
    let user = container
        .get("User")
        .and_then(Json::text)
        .unwrap_or_default();
    let is_read = ApiVersion::SERVICE_PIDS.is_read_under(requirements.version);
    let limits = Limits {
        is_change: false,
        memory: number("MemoryBytes").unwrap_or_default(),
        memory_and_swap: 0,
        nano_cpus: number("NanoCPUs").unwrap_or_default(),
        pids: number("Pids").filter(|_| is_read),
    };
    requirements.push("TaskTemplate.ContainerSpec.User", Key::User.asks(user));
    requirements.push(
        "TaskTemplate.Resources.Limits",
        What::Key(Key::Limits, Value::Limits(limits)),
    );
    let has_networks = |of: &Json| of.get("Networks").is_some_and(|it| !it.items().is_empty());
    if !has_networks(body) && !has_networks(task) {
        requirements.push("TaskTemplate.Networks", Key::Network.asks("@default"));
    }
}

/// The host name of a service's tasks, in which a node fills in what belongs to the task.
fn hostname(requirements: &mut Requirements, body: &Json) -> Result<(), Denial> {
    let path = "TaskTemplate.ContainerSpec.Hostname";
    let container = body
        .get("TaskTemplate")
        .and_then(|task| task.get("ContainerSpec"));
    let hostname = container.and_then(|container| container.get("Hostname"));
    let mut rest = hostname.and_then(Json::text).unwrap_or_default();
    let service = body.get("Name").and_then(Json::text).unwrap_or_default();
    if rest.contains(ANY_NUMBER) {
        return Err(unclear(path, NOT_PLAIN));
    }
    let mut name = String::new();
    while let Some((before, template)) = rest.split_once("{{") {
        let (field, after) = template
            .split_once("}}")
            .ok_or_else(|| unclear(path, UNKNOWN_TEMPLATE))?;
        name.push_str(before);
        match field.trim() {
            ".Service.Name" => name.push_str(service),
            ".Task.Slot" => name.push(ANY_NUMBER),
            // No client chooses it.
            ".Node.Hostname" | ".Node.ID" | ".Service.ID" | ".Task.ID" => name.push('x'),
            _ => return Err(unclear(path, UNKNOWN_TEMPLATE)),
        }
        rest = after;
    }
    name.push_str(rest);
    if !name.is_empty() {
        must_be_plain(path, &name.replace(ANY_NUMBER, "0"))?;
        requirements.push(path, Touch::Name(name));
    }
    Ok(())
}

const UNKNOWN_TEMPLATE: &str = "has a template that could become any name: write no other than {{.Service.Name}}, {{.Service.ID}}, {{.Task.Slot}}, {{.Task.ID}}, {{.Node.Hostname}} and {{.Node.ID}}";

/// Podman sets some in every container.
const ANNOTATIONS: &str = "Annotations";

/// What of an existing container is more than an ordinary one has: privileges, namespaces of the host
/// or of others, added capabilities, devices, host paths, and its volumes, which may be host paths too.
///
/// # Errors
///
/// Its inspection cannot be read.
pub(crate) fn opened(container: &Container) -> Result<Vec<Requirement>, Denial> {
    let mut requirements = Requirements {
        operation: Operation::ContainerCreate,
        version: None,
        object: None,
        found: Vec::new(),
    };
    for asked in asked(&container.host_config, host_config()) {
        // What no policy can grant may be anything.
        let opens = asked
            .meaning
            .map_or(asked.path != ANNOTATIONS, FieldMeaning::opens);
        if opens {
            field::read(&mut requirements, &asked)?;
        }
    }
    for key in host_config().unknown(&container.host_config) {
        requirements.push(format!("HostConfig.{key}"), Key::CreateUnrestricted.flag());
    }
    let mode = container.host_config.get("NetworkMode");
    let (path, mode) = ("HostConfig.NetworkMode", mode.and_then(Json::text));
    match mode.map(|mode| (mode, mode.strip_prefix("container:"))) {
        Some(("host", _)) => requirements.push(path, Key::HostNamespace.asks("network")),
        // What the other has may be the host's.
        Some((_, Some(other))) => requirements.named(path, other, Key::Join)?,
        Some((_, None)) | None => {}
    }
    let non_recursive = non_recursive(container);
    for mount in container.mounts.items() {
        let text = |key: &str| mount.get(key).and_then(Json::text).unwrap_or_default();
        let source = text("Source").to_owned();
        match text("Type") {
            "bind" => {
                let access = if mount.get("RW").is_some_and(Json::is_true) {
                    Access::Write
                } else {
                    Access::read_only(&source, non_recursive.contains(&*source))
                };
                requirements.push("Mounts", What::bind(source, access));
            }
            "volume" if text("Driver") == "local" => {
                requirements.push("Mounts", Key::Volume.asks(text("Name")));
            }
            "volume" => requirements.push("Mounts", Key::VolumeDriver.asks(text("Driver"))),
            "tmpfs" | "image" => {}
            _ => return Err(unclear("Mounts", "has a mount of an unknown type")),
        }
    }
    Ok(requirements.found)
}

/// The paths that a container was made with a read-only mount of that leaves what is mounted below them
/// writable.
fn non_recursive(container: &Container) -> HashSet<&str> {
    let mounts = container.host_config.get("Mounts");
    let mounts = mounts.map_or(&[][..], Json::items).iter();
    let said = mounts.filter(|mount| {
        let options = mount.get("BindOptions");
        let said = options.and_then(|options| options.get("ReadOnlyNonRecursive"));
        said.is_some_and(Json::is_true)
    });
    said.filter_map(|mount| mount.get("Source").and_then(Json::text))
        .collect()
}
