//! What mounts ask for, however they are written.

use super::collector::{Field, Read};
use crate::docker::json::Member;
use crate::docker::mount::{self, BadMount, Mount, Source};
use crate::policy::keys::Key;
use crate::policy::requirement::What;

pub(super) fn short(field: &mut Field<'_>) -> Read {
    each(field, field.value.texts().map(mount::short))
}

pub(super) fn long(field: &mut Field<'_>) -> Read {
    each(field, field.value.items().iter().map(mount::long))
}

fn each<'a>(
    field: &mut Field<'_>,
    mounts: impl Iterator<Item = Result<Mount<'a>, BadMount>>,
) -> Read {
    for (place, mount) in mounts.enumerate() {
        let path = &format!("{}[{place}]", field.path);
        let requirements = &mut *field.requirements;
        let field = &mut Field {
            requirements,
            path,
            ..*field
        };
        let mount = mount.map_err(|bad| field.unclear(&bad.to_string()))?;
        one(field, &mount)?;
    }
    Ok(())
}

fn one(field: &mut Field<'_>, mount: &Mount<'_>) -> Read {
    match &mount.source {
        Source::Host(source) => field.push(What::bind(&**source, mount.access)),
        Source::Image(image) => field.push(Key::Image.asks(*image)),
        Source::Memory(options) => memory(field, options),
        Source::Volume {
            name,
            driver,
            options,
            labels,
        } => {
            if let Some(name) = name {
                let is_of_swarm = field.is_of_service();
                let key = if is_of_swarm {
                    Key::SwarmVolume
                } else {
                    Key::Volume
                };
                field.push(key.asks(*name));
            }
            if let Some(driver) = driver {
                field.push(Key::VolumeDriver.asks(*driver));
            }
            driver_options(field, options);
            field.labels(labels)?;
        }
    }
    if mount.is_shared {
        field.push(Key::CreateUnrestricted.flag());
    }
    Ok(())
}

/// Checks volumes without a name. Their driver is another field. Podman reads each as the short form of a mount.
pub(super) fn anonymous(field: &Field<'_>) -> Read {
    let mut targets = field.value.members().iter();
    targets.try_for_each(|(target, _)| check_target(field, target))
}

fn check_target(field: &Field<'_>, target: &str) -> Read {
    mount::check_target(target).map_err(|bad| field.unclear(&bad.to_string()))
}

pub(super) fn tmpfs(field: &mut Field<'_>) -> Read {
    for (target, options) in field.value.members() {
        check_target(field, target)?;
        let options = options.text().unwrap_or_default().split(',');
        memory(field, &mount::opening(options));
    }
    Ok(())
}

fn memory(field: &mut Field<'_>, options: &[&str]) {
    for option in options {
        field.push(Key::TmpfsOption.asks(*option));
    }
}

pub(super) fn volume_driver(field: &mut Field<'_>) {
    let driver = field.value.text().unwrap_or_default();
    field.push(Key::VolumeDriver.asks(driver));
}

/// Reads the options of a volume's driver. A volume in memory with a size limit gives no more than a tmpfs mount.
pub(super) fn driver_options(field: &mut Field<'_>, options: &[Member<'_>]) {
    let pairs = options
        .iter()
        .map(|(key, value)| (&**key, value.text().unwrap_or_default()));
    if !mount::is_memory(pairs.clone()) {
        for (key, value) in pairs {
            field.push(Key::VolumeOption.option(key, value));
        }
    }
}
