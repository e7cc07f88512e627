//! What the fields of a body ask for, one by one.

use super::collector::{Field, Read, Requirements};
use super::{device, mounts, network};
use crate::docker::body::{Asked, FieldMeaning, are_masked_by_engines, are_read_only_by_engines};
use crate::docker::json::{printable, quoted, shortened};
use crate::docker::mount::BadMount;
use crate::docker::network::is_network_name;
use crate::docker::target::is_name;
use crate::docker::{Document, Json, Object};
use crate::policy::keys::Key;
use crate::policy::names::{READS_AS_ID, is_whole_id, reads_as_id, reads_as_swarm_id};
use crate::policy::requirement::{Touch, What};
use crate::policy::value::{Value, Variable};

/// Reads a field that is checked.
pub(super) fn read(requirements: &mut Requirements, asked: &Asked<'_>) -> Read {
    let field = &mut Field {
        requirements,
        path: &asked.path,
        value: asked.value,
    };
    if let Some(meaning) = asked.meaning {
        return read_meaning(field, meaning);
    }
    field.unnamed();
    Ok(())
}

/// Reads a field by its meaning. `Force`, `Placement` and `Replicas` have no effect on the host.
fn read_meaning(field: &mut Field<'_>, meaning: FieldMeaning) -> Read {
    match meaning {
        FieldMeaning::Aliases => aliases(field)?,
        FieldMeaning::Annotations => by_name(field, Key::Annotation)?,
        FieldMeaning::AnonymousVolumes => mounts::anonymous(field)?,
        FieldMeaning::Binds => mounts::short(field)?,
        FieldMeaning::CapabilityAdd => device::capabilities(field),
        FieldMeaning::CgroupNamespace => namespace(field, "cgroup")?,
        FieldMeaning::CgroupParent | FieldMeaning::ConfigFrom => field.unnamed(),
        FieldMeaning::Command => command(field),
        FieldMeaning::Configs => names(field, "ConfigName", Key::Config),
        FieldMeaning::Container => network::container(field)?,
        FieldMeaning::DeviceCgroupRules => field.texts(Key::Device),
        FieldMeaning::DeviceRequests => device::requests(field),
        FieldMeaning::Devices => device::devices(field)?,
        FieldMeaning::EndpointAddresses => field.push(Key::Addresses.flag()),
        FieldMeaning::EndpointOptions => network::options(field, Key::EndpointOption),
        FieldMeaning::Environment => environment(field)?,
        FieldMeaning::ExposedPorts => device::exposed(field)?,
        FieldMeaning::Force | FieldMeaning::Placement | FieldMeaning::Replicas
        // Read with the whole body, because leaving one of these out means something too.
        | FieldMeaning::NetworkMode | FieldMeaning::User => {}
        FieldMeaning::Groups => field.texts(Key::Group),
        FieldMeaning::Image => image(field),
        FieldMeaning::Ipam => network::ipam(field),
        FieldMeaning::IpcNamespace => namespace(field, "ipc")?,
        FieldMeaning::Labels => field.labels(field.value.members())?,
        FieldMeaning::Limit => device::limit(field)?,
        FieldMeaning::Links => links(field)?,
        FieldMeaning::LogDriver => device::log_driver(field),
        FieldMeaning::MaskedPaths => hidden(field, are_masked_by_engines),
        FieldMeaning::Mounts => mounts::long(field)?,
        FieldMeaning::Name => name(field)?,
        FieldMeaning::NetworkDriver => field.texts(Key::NetworkDriver),
        FieldMeaning::NetworkOptions => network::options(field, Key::NetworkOption),
        FieldMeaning::Networks => network::networks(field)?,
        FieldMeaning::OomPriority => oom_priority(field),
        FieldMeaning::PidNamespace => namespace(field, "pid")?,
        FieldMeaning::Ports => device::ports(field)?,
        FieldMeaning::Privileged => privileged(field),
        FieldMeaning::ReadonlyPaths => hidden(field, are_read_only_by_engines),
        FieldMeaning::Restart => device::restart(field),
        FieldMeaning::Rollback => rollback(field),
        FieldMeaning::Runtime => field.texts(Key::Runtime),
        FieldMeaning::Secrets => names(field, "SecretName", Key::Secret),
        FieldMeaning::SecurityOptions => device::security(field),
        FieldMeaning::StopTimeout => stop_timeout(field),
        FieldMeaning::Subnets => network::subnets(field),
        FieldMeaning::SwarmNetwork => network::of_swarm(field),
        FieldMeaning::Sysctls => by_name(field, Key::Sysctl)?,
        FieldMeaning::TaskRuntime => task_runtime(field),
        FieldMeaning::Tmpfs => mounts::tmpfs(field)?,
        FieldMeaning::UserNamespace => namespace(field, "user")?,
        FieldMeaning::UtsNamespace => namespace(field, "uts")?,
        FieldMeaning::VolumeDriver => mounts::volume_driver(field),
        FieldMeaning::VolumeOptions => mounts::driver_options(field, field.value.members()),
        FieldMeaning::VolumesFrom => joined(field)?,
        FieldMeaning::WorkingDirectory => working_directory(field),
    }
    Ok(())
}

fn command(field: &mut Field<'_>) {
    let argv = field.value.texts().map(str::to_owned).collect();
    field.push(What::Key(Key::Command, Value::Argv(argv)));
}

fn image(field: &mut Field<'_>) {
    // In an image's own configuration, this only says which image it was created from.
    if !field.is_of(Document::ImageConfig) {
        field.texts(Key::Image);
    }
}

/// Reads swarm configs and secrets by their names, which must be sent along with their ids.
fn names(field: &mut Field<'_>, key_of_name: &str, key: Key) {
    for member in field.value.items() {
        field.push(key.asks(member.text_at(key_of_name)));
    }
}

fn environment(field: &mut Field<'_>) -> Read {
    let is_exec = field.is_of(Document::Exec);
    let needs_value = field.is_of(Document::Container) || field.is_of(Document::ImageConfig);
    for variable in field.value.texts() {
        let (name, value) = match variable.split_once('=') {
            Some(parts) => parts,
            // Docker unsets the variable, Podman copies its own. In an exec, Podman does not do this.
            None if !variable.is_empty() && needs_value => {
                return Err(field.unclear(&format!(
                    "has {} without a value, and some engines fill it in from their own environment: write NAME=value, or leave it out",
                    quoted(shortened(variable))
                )));
            }
            None => (variable, ""),
        };
        if name.is_empty() {
            let variable = printable(shortened(variable));
            let why = format!("has an invalid environment variable: {variable}: write NAME=value");
            return Err(field.unclear(&why));
        }
        // A node also fills in templates in the value, but policies check names.
        if name.contains("{{") && field.is_of_service() {
            return Err(field.unclear(&BadMount::Template.to_string()));
        }
        let is_odd = |letter: char| letter == '*' || letter.is_whitespace() || letter.is_control();
        if name.contains(is_odd) {
            let why = "has a variable with a `*`, a space or a control character in its name: write NAME=value";
            return Err(field.unclear(why));
        }
        let (name, value) = (name.to_owned(), value.to_owned());
        let key = if is_exec { Key::ExecEnv } else { Key::Env };
        field.push(What::Key(key, Value::Variable(Variable { name, value })));
    }
    Ok(())
}

fn aliases(field: &mut Field<'_>) -> Read {
    let mut aliases = field.value.texts();
    aliases.try_for_each(|alias| field.takes_name(alias))
}

/// Reads other containers, each with the name under which this one finds it, such as `db:alias` or `/db:/web/alias`.
fn links(field: &mut Field<'_>) -> Read {
    joined(field)?;
    for (_, alias) in field.value.texts().filter_map(|link| link.split_once(':')) {
        let alias = match alias.strip_prefix('/') {
            Some(path) => path.rsplit('/').next().unwrap_or_default(),
            None => alias,
        };
        field.takes_name(alias)?;
    }
    Ok(())
}

fn joined(field: &mut Field<'_>) -> Read {
    let mut names = field
        .value
        .texts()
        .filter_map(|text| text.split(':').next());
    names.try_for_each(|name| field.named(name, Key::Join))
}

/// Reads the name of the new object.
fn name(field: &mut Field<'_>) -> Read {
    let name = field.value.text().unwrap_or_default();
    let (is_network, is_service) = (field.is_of(Document::Network), field.is_of_service());
    let quoted = quoted(shortened(name));
    if is_network && !is_network_name(name) {
        return Err(field.unclear(&[&quoted, " ", network::NOT_A_NETWORK].concat()));
    }
    if !is_network && !is_name(name) {
        let why =
            "must begin with a letter or digit and contain only letters, digits, `_`, `.` and `-`";
        return Err(field.unclear(&[&quoted, " ", why].concat()));
    }
    if is_whole_id(name) {
        return Err(field.unclear(READS_AS_ID));
    }
    if is_service {
        if reads_as_id(name) || reads_as_swarm_id(name) {
            field.push(Touch::NewId(Object::Service, name.to_owned()));
        }
        field.takes_name(name)?;
    } else if is_network {
        if reads_as_id(name) {
            field.push(Touch::NewId(Object::Network, name.to_owned()));
        }
        // A container on a network is also found under its name followed by `.` and the network's name.
        field.push(Touch::Name(format!(".{name}")));
    }
    Ok(())
}

fn namespace(field: &mut Field<'_>, name: &str) -> Read {
    let mode = field.value.text().unwrap_or_default();
    match (mode, mode.strip_prefix("container:")) {
        ("host", _) => field.push(Key::HostNamespace.asks(name)),
        (_, Some(container)) if matches!(name, "ipc" | "pid") => {
            field.named(container, Key::Join)?;
        }
        ("none" | "shareable", _) if name == "ipc" => {}
        ("private", _) if matches!(name, "cgroup" | "ipc") => {}
        _ => field.unnamed(),
    }
    Ok(())
}

/// A list replaces the daemon's own, so it must be one that an engine itself creates. It is then not sent.
fn hidden(field: &mut Field<'_>, is_default: fn(&Json) -> bool) {
    if !is_default(field.value) {
        field.push(Key::CreateUnrestricted.flag());
    }
}

fn privileged(field: &mut Field<'_>) {
    let is_exec = field.is_of(Document::Exec);
    let key = if is_exec {
        Key::ExecPrivileged
    } else {
        Key::Privileged
    };
    field.push(key.flag());
}

fn rollback(field: &mut Field<'_>) {
    if !matches!(field.value.text(), Some("continue" | "pause")) {
        field.push(Key::Rollback.flag());
    }
}

/// Reads whether the kernel kills other processes first.
fn oom_priority(field: &mut Field<'_>) {
    let is_lowered = field.value.integer().is_some_and(|score| score > 0);
    if !is_lowered {
        field.push(Key::OomProtected.flag());
    }
}

/// How long the daemon waits before it kills a container, also when the daemon stops; less than 0 means forever.
fn stop_timeout(field: &mut Field<'_>) {
    let second = if field.is_of_service() {
        1_000_000_000
    } else {
        1
    };
    let timeout = field.value.integer();
    if timeout.is_none_or(|timeout| !(0..=LONGEST_STOP * second).contains(&timeout)) {
        field.unnamed();
    }
}

/// In seconds.
const LONGEST_STOP: i64 = 3600;

/// Settings of which a key allows the names, whatever their values.
fn by_name(field: &mut Field<'_>, key: Key) -> Read {
    for (name, _) in field.value.members() {
        if name.contains('=') {
            return Err(field.unclear("has a setting with a `=` in its name"));
        }
        field.push(key.asks(&**name));
    }
    Ok(())
}

fn task_runtime(field: &mut Field<'_>) {
    if field.value.text() != Some("container") {
        field.unnamed();
    }
}

/// Reads a directory to start in. Directories of the kernel lead to files that the daemon has open.
fn working_directory(field: &mut Field<'_>) {
    let directory = field.value.text().unwrap_or_default();
    let mut parts = directory.split('/');
    if parts.any(|part| matches!(part, ".." | "proc")) {
        field.unnamed();
    } else if field.is_of(Document::Exec) {
        field.push(Key::ExecWorkdir.asks(directory));
    }
}
