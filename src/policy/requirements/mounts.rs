//! What mounts ask for, whichever way they are spelled.

#![expect(clippy::unnecessary_wraps, reason = "the shape of a reader")]

use super::collector::{Requirements, unclear};
use super::labels::label_members;
use crate::docker::body::Asked;
use crate::docker::json::Member;
use crate::docker::mount::{self, BadMount, Mount, Source};
use crate::policy::keys::Key;
use crate::policy::reason::Denial;
use crate::policy::requirement::What;

pub(super) fn short(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    each(
        requirements,
        &asked.path,
        asked.value.texts().map(mount::short),
    )
}

pub(super) fn long(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    each(
        requirements,
        &asked.path,
        asked.value.items().iter().map(mount::long),
    )
}

fn each<'a>(
    requirements: &mut Requirements,
    path: &str,
    mounts: impl Iterator<Item = Result<Mount<'a>, BadMount>>,
) -> Result<(), Denial> {
    for (place, mount) in mounts.enumerate() {
        let path = format!("{path}[{place}]");
        let mount = mount.map_err(|bad| unclear(&path, &bad.to_string()))?;
        one(requirements, &path, &mount)?;
    }
    Ok(())
}

fn one(requirements: &mut Requirements, path: &str, mount: &Mount<'_>) -> Result<(), Denial> {
    match &mount.source {
        Source::Host(source) => {
            requirements.push(path, What::bind(&**source, mount.access));
        }
        Source::Image(image) => requirements.push(path, Key::Image.asks(*image)),
        Source::Memory(options) => memory(requirements, path, options),
        Source::Volume {
            name,
            driver,
            options,
            labels,
        } => {
            if let Some(name) = name {
                let is_of_swarm = requirements.describes_service();
                let key = if is_of_swarm {
                    Key::SwarmVolume
                } else {
                    Key::Volume
                };
                requirements.push(path, key.asks(*name));
            }
            if let Some(driver) = driver {
                requirements.push(path, Key::VolumeDriver.asks(*driver));
            }
            driver_options(requirements, path, options);
            label_members(requirements, path, labels)?;
        }
    }
    if mount.is_shared {
        requirements.push(path, Key::CreateUnrestricted.flag());
    }
    Ok(())
}

/// Volumes without a name. Their driver is a field of its own; Podman reads each as the short form of a mount.
pub(super) fn anonymous(_: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let mut targets = asked.value.members().iter();
    targets.try_for_each(|(target, _)| check_target(asked, target))
}

fn check_target(asked: &Asked<'_>, target: &str) -> Result<(), Denial> {
    let checked = mount::check_target(target);
    checked.map_err(|bad| unclear(&asked.path, &bad.to_string()))
}

pub(super) fn tmpfs(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    for (target, options) in asked.value.members() {
        check_target(asked, target)?;
        let options = options.text().unwrap_or_default().split(',');
        memory(requirements, &asked.path, &mount::opening(options));
    }
    Ok(())
}

fn memory(requirements: &mut Requirements, path: &str, options: &[&str]) {
    for option in options {
        requirements.push(path, Key::TmpfsOption.asks(*option));
    }
}

pub(super) fn volume_driver(
    requirements: &mut Requirements,
    asked: &Asked<'_>,
) -> Result<(), Denial> {
    let driver = asked.value.text().unwrap_or_default();
    requirements.push(&*asked.path, Key::VolumeDriver.asks(driver));
    Ok(())
}

pub(super) fn volume_options(
    requirements: &mut Requirements,
    asked: &Asked<'_>,
) -> Result<(), Denial> {
    driver_options(requirements, &asked.path, asked.value.members());
    Ok(())
}

/// Options of a volume's driver. Memory of a bounded size is no more than a memory mount is.
fn driver_options(requirements: &mut Requirements, path: &str, options: &[Member<'_>]) {
    let pairs = options
        .iter()
        .map(|(key, value)| (&**key, value.text().unwrap_or_default()));
    if mount::is_memory(pairs) {
        return;
    }
    for (key, value) in options {
        let value = value.text().unwrap_or_default();
        requirements.push(path, Key::VolumeOption.option(&**key, value));
    }
}
