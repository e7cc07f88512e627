//! What the fields of a body ask for, topic by topic.

#![expect(clippy::unnecessary_wraps, reason = "the shape of a reader")]

use super::collector::{Requirements, unclear};
use super::labels::labels;
use super::{device, mounts, network};
use crate::docker::body::{Asked, FieldMeaning, are_masked_by_engines, are_read_only_by_engines};
use crate::docker::json::{printable, quoted, shortened};
use crate::docker::mount::BadMount;
use crate::docker::network::is_network_name;
use crate::docker::target::is_name;
use crate::docker::{Document, Json, Object};
use crate::policy::keys::Key;
use crate::policy::names::{READS_AS_ID, is_whole_id, reads_as_id, reads_as_swarm_id};
use crate::policy::reason::Denial;
use crate::policy::requirement::{Touch, What};
use crate::policy::value::{Value, Variable};

/// Reads one field.
type Reader = fn(&mut Requirements, &Asked<'_>) -> Result<(), Denial>;

/// Reads a judged or refused field.
pub(super) fn read(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    match asked.meaning {
        Some(meaning) => reader(meaning)(requirements, asked),
        None => unnamed(requirements, asked),
    }
}

fn reader(meaning: FieldMeaning) -> Reader {
    match meaning {
        FieldMeaning::Aliases => aliases,
        FieldMeaning::Binds => mounts::short,
        FieldMeaning::CapabilityAdd => device::capabilities,
        FieldMeaning::CgroupNamespace => |requirements, asked| namespace(requirements, asked, "cgroup"),
        FieldMeaning::CgroupParent | FieldMeaning::ConfigFrom | FieldMeaning::EndpointOptions => unnamed,
        FieldMeaning::Command => command,
        FieldMeaning::Configs => |requirements, asked| names(requirements, asked, "ConfigName", Key::Config),
        FieldMeaning::Container => network::container,
        FieldMeaning::DeviceCgroupRules => |requirements, asked| texts(requirements, asked, Key::Device),
        FieldMeaning::DeviceRequests => device::requests,
        FieldMeaning::Devices => device::devices,
        FieldMeaning::EndpointAddresses => |requirements, asked| flag(requirements, asked, Key::Addresses),
        FieldMeaning::Environment => environment,
        FieldMeaning::Groups => |requirements, asked| texts(requirements, asked, Key::Group),
        FieldMeaning::Image => image,
        FieldMeaning::Ipam => network::ipam,
        FieldMeaning::IpcNamespace => |requirements, asked| namespace(requirements, asked, "ipc"),
        FieldMeaning::Labels => labels,
        FieldMeaning::AnonymousVolumes => mounts::anonymous,
        FieldMeaning::ExposedPorts => device::exposed,
        // Of no weight to the host: whoever is taken off a network is looked up.
        FieldMeaning::Force | FieldMeaning::Placement | FieldMeaning::Replicas
        // Read as wholes: that one of these is missing says something too.
        | FieldMeaning::NetworkMode | FieldMeaning::User => nothing,
        FieldMeaning::Limit => device::limit,
        FieldMeaning::Links => links,
        FieldMeaning::LogDriver => device::log_driver,
        FieldMeaning::MaskedPaths => |requirements, asked| device::hidden(requirements, asked, are_masked_by_engines),
        FieldMeaning::Mounts => mounts::long,
        FieldMeaning::Name => name,
        FieldMeaning::NetworkDriver => |requirements, asked| texts(requirements, asked, Key::NetworkDriver),
        FieldMeaning::NetworkOptions => network::options,
        FieldMeaning::Networks => network::networks,
        FieldMeaning::OomPriority => oom_priority,
        FieldMeaning::PidNamespace => |requirements, asked| namespace(requirements, asked, "pid"),
        FieldMeaning::Ports => device::ports,
        FieldMeaning::Privileged => privileged,
        FieldMeaning::ReadonlyPaths => |requirements, asked| device::hidden(requirements, asked, are_read_only_by_engines),
        FieldMeaning::Restart => device::restart,
        FieldMeaning::Rollback => rollback,
        FieldMeaning::Runtime => |requirements, asked| texts(requirements, asked, Key::Runtime),
        FieldMeaning::Secrets => |requirements, asked| names(requirements, asked, "SecretName", Key::Secret),
        FieldMeaning::SecurityOptions => device::security,
        FieldMeaning::StopTimeout => stop_timeout,
        FieldMeaning::Subnets => network::subnets,
        FieldMeaning::SwarmNetwork => network::of_swarm,
        FieldMeaning::Sysctls => sysctls,
        FieldMeaning::TaskRuntime => task_runtime,
        FieldMeaning::Tmpfs => mounts::tmpfs,
        FieldMeaning::UserNamespace => |requirements, asked| namespace(requirements, asked, "user"),
        FieldMeaning::UtsNamespace => |requirements, asked| namespace(requirements, asked, "uts"),
        FieldMeaning::VolumeDriver => mounts::volume_driver,
        FieldMeaning::VolumesFrom => joined,
        FieldMeaning::VolumeOptions => mounts::volume_options,
        FieldMeaning::WorkingDirectory => working_directory,
    }
}

fn nothing(_: &mut Requirements, _: &Asked<'_>) -> Result<(), Denial> {
    Ok(())
}

/// What no key grants.
fn unnamed(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let unrestricted = match requirements.judged().body {
        Some(Document::Exec) => Key::ExecUnrestricted,
        Some(Document::Network) => Key::NetworksUnrestricted,
        Some(Document::Volume | Document::VolumeUpdate) => Key::VolumesUnrestricted,
        Some(
            Document::Container
            | Document::ContainerUpdate
            | Document::Endpoint
            | Document::ExecStart
            | Document::ImageConfig
            | Document::Leaving
            | Document::Service
            | Document::ServiceUpdate,
        )
        | None => Key::CreateUnrestricted,
    };
    requirements.push(&*asked.path, unrestricted.flag());
    Ok(())
}

fn flag(requirements: &mut Requirements, asked: &Asked<'_>, key: Key) -> Result<(), Denial> {
    requirements.push(&*asked.path, key.flag());
    Ok(())
}

/// A text, or each of several.
fn texts(requirements: &mut Requirements, asked: &Asked<'_>, key: Key) -> Result<(), Denial> {
    for text in asked.value.text().into_iter().chain(asked.value.texts()) {
        requirements.push(&*asked.path, key.asks(text));
    }
    Ok(())
}

fn command(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let argv = asked.value.texts().map(str::to_owned).collect();
    requirements.push(&*asked.path, What::Key(Key::Command, Value::Argv(argv)));
    Ok(())
}

/// Configs and secrets of the swarm, by the names that must go with their ids.
fn names(
    requirements: &mut Requirements,
    asked: &Asked<'_>,
    field: &str,
    key: Key,
) -> Result<(), Denial> {
    for member in asked.value.items() {
        let name = member.get(field).and_then(Json::text).unwrap_or_default();
        requirements.push(&*asked.path, key.asks(name));
    }
    Ok(())
}

fn environment(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let is_exec = requirements.describes(Document::Exec);
    for variable in asked.value.texts() {
        let (name, value) = match variable.split_once('=') {
            Some(parts) => parts,
            // Docker unsets it, Podman copies its own. An exec of Podman's has no such thing.
            None if !variable.is_empty()
                && (requirements.describes(Document::Container)
                    || requirements.describes(Document::ImageConfig)) =>
            {
                return Err(unclear(&asked.path, &no_value(variable)));
            }
            None => (variable, ""),
        };
        if name.is_empty() {
            let variable = printable(shortened(variable));
            let why = format!("has an invalid environment variable: {variable}: write NAME=value");
            return Err(unclear(&asked.path, &why));
        }
        // A node fills in the value too, but rules are of the names.
        if name.contains("{{") && requirements.describes_service() {
            return Err(unclear(&asked.path, &BadMount::Template.to_string()));
        }
        let is_odd = |letter: char| letter == '*' || letter.is_whitespace() || letter.is_control();
        if name.contains(is_odd) {
            let why = "has a name with a `*`, a space or a control character: write NAME=value";
            return Err(unclear(&asked.path, why));
        }
        let (name, value) = (name.to_owned(), value.to_owned());
        let variable = Variable { name, value };
        let key = if is_exec { Key::ExecEnv } else { Key::Env };
        requirements.push(&*asked.path, What::Key(key, Value::Variable(variable)));
    }
    Ok(())
}

/// The refusal of a variable without a value.
fn no_value(name: &str) -> String {
    let name = quoted(shortened(name));
    format!(
        "has {name} without a value, which some engines fill in from their own environment: write NAME=value, or leave it out"
    )
}

fn image(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    // What an image says of itself, that it was made from another, grants nothing.
    if requirements.describes(Document::ImageConfig) {
        return Ok(());
    }
    texts(requirements, asked, Key::Image)
}

fn aliases(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let mut aliases = asked.value.texts();
    aliases.try_for_each(|alias| requirements.takes_name(&asked.path, alias))
}

/// Other containers, each with the name by which this one finds it, as `db:alias` or `/db:/web/alias`.
fn links(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    joined(requirements, asked)?;
    let aliases = asked.value.texts().filter_map(|link| link.split_once(':'));
    for (_, alias) in aliases {
        let alias = match alias.strip_prefix('/') {
            Some(path) => path.rsplit('/').next().unwrap_or_default(),
            None => alias,
        };
        requirements.takes_name(&asked.path, alias)?;
    }
    Ok(())
}

fn joined(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    for text in asked.value.texts() {
        let name = text.split(':').next().unwrap_or_default();
        requirements.named(&asked.path, name, Key::Join)?;
    }
    Ok(())
}

/// The name of what is made.
fn name(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let name = asked.value.text().unwrap_or_default();
    let is_network = requirements.describes(Document::Network);
    if is_network && !is_network_name(name) {
        return Err(unclear(&asked.path, network::NOT_A_NETWORK));
    }
    if !is_network && !is_name(name) {
        let why = "must begin with a letter or digit and have nothing but letters, digits, `_`, `.` and `-`";
        return Err(unclear(&asked.path, why));
    }
    let is_of_swarm = requirements.describes_service();
    if is_whole_id(name) {
        return Err(unclear(&asked.path, READS_AS_ID));
    }
    if is_of_swarm && (reads_as_id(name) || reads_as_swarm_id(name)) {
        requirements.push(&*asked.path, Touch::NewId(Object::Service, name.to_owned()));
    } else if is_network && reads_as_id(name) {
        requirements.push(&*asked.path, Touch::NewId(Object::Network, name.to_owned()));
    }
    if is_of_swarm {
        requirements.takes_name(&asked.path, name)?;
    } else if is_network {
        // What is on a network is found by its name with that of the network behind it.
        requirements.push(&*asked.path, Touch::Name(format!(".{name}")));
    }
    Ok(())
}

fn namespace(
    requirements: &mut Requirements,
    asked: &Asked<'_>,
    name: &'static str,
) -> Result<(), Denial> {
    let mode = asked.value.text().unwrap_or_default();
    let may_join = matches!(name, "ipc" | "pid");
    match (mode, mode.strip_prefix("container:")) {
        ("host", _) => {
            requirements.push(&*asked.path, Key::HostNamespace.asks(name));
            Ok(())
        }
        (_, Some(container)) if may_join => requirements.named(&asked.path, container, Key::Join),
        ("none" | "shareable", _) if name == "ipc" => Ok(()),
        ("private", _) if matches!(name, "cgroup" | "ipc") => Ok(()),
        _ => unnamed(requirements, asked),
    }
}

fn privileged(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    if requirements.describes(Document::Exec) {
        return flag(requirements, asked, Key::ExecPrivileged);
    }
    flag(requirements, asked, Key::Privileged)
}

fn rollback(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    match asked.value.text() {
        Some("continue" | "pause") => Ok(()),
        Some(_) | None => flag(requirements, asked, Key::Rollback),
    }
}

/// The kernel is told to kill others first.
fn oom_priority(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let is_lowered = asked.value.integer().is_some_and(|score| score > 0);
    if is_lowered {
        return Ok(());
    }
    flag(requirements, asked, Key::OomProtected)
}

/// The daemon waits so long before it kills a container, at its own end too; less than 0 is for ever.
fn stop_timeout(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let most = if requirements.describes_service() {
        LONGEST_STOP * 1_000_000_000
    } else {
        LONGEST_STOP
    };
    match asked.value.integer() {
        Some(timeout) if (0..=most).contains(&timeout) => Ok(()),
        Some(_) | None => unnamed(requirements, asked),
    }
}

/// In seconds.
const LONGEST_STOP: i64 = 3600;

fn sysctls(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    for (name, _) in asked.value.members() {
        if name.contains('=') {
            return Err(unclear(&asked.path, "has a setting with a `=` in its name"));
        }
        requirements.push(&*asked.path, Key::Sysctl.asks(&**name));
    }
    Ok(())
}

fn task_runtime(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    match asked.value.text() {
        Some("container") => Ok(()),
        Some(_) | None => unnamed(requirements, asked),
    }
}

/// A directory to start in. The kernel's own directories lead to what the daemon has open.
fn working_directory(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let directory = asked.value.text().unwrap_or_default();
    let mut parts = directory.split('/');
    if parts.any(|part| matches!(part, ".." | "proc")) {
        return unnamed(requirements, asked);
    }
    if requirements.describes(Document::Exec) {
        requirements.push(&*asked.path, Key::ExecWorkdir.asks(directory));
    }
    Ok(())
}
