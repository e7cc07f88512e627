//! What a container asks for as a whole: by leaving fields out, or by what an existing one has.

use std::collections::HashSet;

use super::collector::{ANY_NUMBER, NOT_PLAIN, Read, Requirements, must_be_plain, unclear};
use super::{field, network};
use crate::docker::body::{FieldMeaning, asked, host_config};
use crate::docker::mount::Access;
use crate::docker::{ApiVersion, Document, Json, Operation};
use crate::policy::keys::Key;
use crate::policy::objects::Container;
use crate::policy::reason::Denial;
use crate::policy::requirement::{Requirement, Touch, What};
use crate::policy::value::{Limits, Value};

/// Reads the fields that also mean something if they are left out.
pub(super) fn whole(requirements: &mut Requirements, body: &Json) -> Read {
    networks(requirements, body)?;
    if requirements.describes(Document::Container) {
        requirements.push("User", Key::User.asks(body.text_at("User")));
        if body.text_at("Image").is_empty() {
            // The daemon still creates a container, without files, and an upload can add them.
            requirements.push("Image", Key::Image.asks(""));
        }
        let limits = limits(body.at("HostConfig"), false, requirements.version);
        requirements.push("HostConfig", limits);
        let (host, domain) = (body.text_at("Hostname"), body.text_at("Domainname"));
        requirements.takes_name("Hostname", host)?;
        requirements.takes_name("Domainname", domain)?;
        if !host.is_empty() && !domain.is_empty() {
            requirements.takes_name("Domainname", &format!("{host}.{domain}"))?;
        }
    } else if requirements.describes(Document::ContainerUpdate) {
        requirements.push("the body", limits(body, true, requirements.version));
    } else if requirements.describes(Document::Exec) {
        requirements.push("User", Key::ExecUser.asks(body.text_at("User")));
    } else if requirements.describes(Document::Network) && body.text_at("Driver").is_empty() {
        requirements.push("Driver", Key::NetworkDriver.asks("bridge"));
    } else if requirements.describes(Document::Volume) && body.text_at("Driver").is_empty() {
        requirements.push("Driver", Key::VolumeDriver.asks("local"));
    } else if requirements.describes_service() {
        service(requirements, body);
        hostname(requirements, body)?;
    }
    Ok(())
}

/// Reads the networks that are joined if the body does not name one.
pub(super) fn networks(requirements: &mut Requirements, body: &Json) -> Read {
    let names_one = |of: &Json| !of.at("Networks").items().is_empty();
    if requirements.describes(Document::Container) {
        joined_network(requirements, body.at("HostConfig").text_at("NetworkMode"))?;
    } else if requirements.describes_service()
        && !names_one(body)
        && !names_one(body.at("TaskTemplate"))
    {
        requirements.push("TaskTemplate.Networks", Key::Network.asks("@default"));
    }
    Ok(())
}

fn joined_network(requirements: &mut Requirements, mode: &str) -> Read {
    let path = "HostConfig.NetworkMode";
    match mode.strip_prefix("container:") {
        Some(container) => requirements.named(path, container, Key::Join),
        // The daemon connects a container without a network to its default one; Podman even if networks are disabled.
        None if mode.is_empty() => network::join(requirements, path, "default"),
        None => network::join(requirements, path, mode),
    }
}

fn limits(of: &Json, is_change: bool, version: Option<ApiVersion>) -> What {
    let some = |key: &str| of.at(key).integer().unwrap_or_default();
    let quota = some("CpuQuota");
    let period = Some(some("CpuPeriod")).filter(|period| *period > 0);
    // The daemon's default period is a tenth of a second, in microseconds.
    let by_quota = quota.saturating_mul(1_000_000_000) / period.unwrap_or(100_000);
    // In an update the other of the two values stays, and it can be anything.
    let is_half = is_change && (quota != 0) != period.is_some();
    let is_read = is_change || ApiVersion::NANO_CPUS.is_read_under(version);
    let nano_cpus = match some("NanoCpus") {
        nano_cpus if is_read && nano_cpus != 0 => nano_cpus,
        _ if is_half => NO_LIMIT,
        _ => by_quota,
    };
    let limits = Limits {
        is_change,
        memory: some("Memory"),
        memory_and_swap: some("MemorySwap"),
        nano_cpus,
        pids: of.at("PidsLimit").integer(),
    };
    What::Key(Key::Limits, Value::Limits(limits))
}

/// A number of processors that exceeds every limit.
const NO_LIMIT: i64 = -1;

fn service(requirements: &mut Requirements, body: &Json) {
    let task = body.at("TaskTemplate");
    let user = task.at("ContainerSpec").text_at("User");
    requirements.push("TaskTemplate.ContainerSpec.User", Key::User.asks(user));
    let limits = task.at("Resources").at("Limits");
    let number = |key: &str| limits.at(key).integer();
    let is_read = ApiVersion::SERVICE_PIDS.is_read_under(requirements.version);
    let limits = Limits {
        is_change: false,
        memory: number("MemoryBytes").unwrap_or_default(),
        memory_and_swap: 0,
        nano_cpus: number("NanoCPUs").unwrap_or_default(),
        pids: number("Pids").filter(|_| is_read),
    };
    let limits = What::Key(Key::Limits, Value::Limits(limits));
    requirements.push("TaskTemplate.Resources.Limits", limits);
}

/// Reads the host name of a service's tasks. A node fills in its templates for each task.
fn hostname(requirements: &mut Requirements, body: &Json) -> Read {
    let path = "TaskTemplate.ContainerSpec.Hostname";
    let container = body.at("TaskTemplate").at("ContainerSpec");
    let mut rest = container.text_at("Hostname");
    if rest.contains(ANY_NUMBER) {
        return Err(unclear(path, NOT_PLAIN));
    }
    let mut name = String::new();
    while let Some((before, template)) = rest.split_once("{{") {
        let unknown = || unclear(path, UNKNOWN_TEMPLATE);
        let (field, after) = template.split_once("}}").ok_or_else(unknown)?;
        name.push_str(before);
        match field.trim() {
            ".Service.Name" => name.push_str(body.text_at("Name")),
            ".Task.Slot" => name.push(ANY_NUMBER),
            // No client can choose these.
            ".Node.Hostname" | ".Node.ID" | ".Service.ID" | ".Task.ID" => name.push('x'),
            _ => return Err(unknown()),
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

const UNKNOWN_TEMPLATE: &str = "has a template that could become any name: use only {{.Service.Name}}, {{.Service.ID}}, {{.Task.Slot}}, {{.Task.ID}}, {{.Node.Hostname}} or {{.Node.ID}}";

/// Podman sets annotations in every container.
const ANNOTATIONS: &str = "Annotations";

/// What an existing container can have beyond an ordinary one: privileges, namespaces of the host or of other
/// containers, added capabilities, devices, host paths, and volumes, which can be host paths too.
pub(crate) fn opened(container: &Container) -> Result<Vec<Requirement>, Denial> {
    let mut requirements = Requirements {
        operation: Operation::ContainerCreate,
        version: None,
        object: None,
        found: Vec::new(),
    };
    for asked in asked(&container.host_config, host_config()) {
        // A field that no policy can allow could do anything.
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
    let (path, mode) = (
        "HostConfig.NetworkMode",
        container.host_config.text_at("NetworkMode"),
    );
    if mode == "host" {
        requirements.push(path, Key::HostNamespace.asks("network"));
    } else if let Some(other) = mode.strip_prefix("container:") {
        // The other container's network can be the host's.
        requirements.named(path, other, Key::Join)?;
    }
    let non_recursive = non_recursive(container);
    for mount in container.mounts.items() {
        match mount.text_at("Type") {
            "bind" => {
                let source = mount.text_at("Source");
                let access = if mount.at("RW").is_true() {
                    Access::Write
                } else {
                    Access::read_only(source, non_recursive.contains(source))
                };
                requirements.push("Mounts", What::bind(source, access));
            }
            "volume" if mount.text_at("Driver") == "local" => {
                requirements.push("Mounts", Key::Volume.asks(mount.text_at("Name")));
            }
            "volume" => {
                requirements.push("Mounts", Key::VolumeDriver.asks(mount.text_at("Driver")));
            }
            "tmpfs" | "image" => {}
            _ => return Err(unclear("Mounts", "has a mount of an unknown type")),
        }
    }
    Ok(requirements.found)
}

/// The host paths that the container has mounted read-only, but with other mounts below them still writable.
fn non_recursive(container: &Container) -> HashSet<&str> {
    let mounts = container.host_config.at("Mounts").items().iter();
    let said = mounts.filter(|mount| mount.at("BindOptions").at("ReadOnlyNonRecursive").is_true());
    said.map(|mount| mount.text_at("Source")).collect()
}
