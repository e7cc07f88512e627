//! What mounts ask for, whichever way they are spelled.

use super::super::reason::Denial;
use super::field::label_members;
use super::{Requirements, SERVICES, unclear};
use crate::docker::body::Asked;
use crate::docker::json::Member;
use crate::docker::mount::{self, BadMount, Mount, Source};
use crate::policy::requirement::{Block, Made, What};

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
            let bind = What::Bind {
                path: source.to_string(),
                access: mount.access,
            };
            requirements.push(path, bind);
        }
        Source::Image(image) => requirements.push(path, What::Image((*image).to_owned())),
        Source::Memory(options) => memory(requirements, path, options),
        Source::Volume {
            name,
            driver,
            options,
            labels,
        } => {
            if let Some(name) = name {
                let name = (*name).to_owned();
                let is_of_swarm = requirements.is_for(SERVICES);
                requirements.push(
                    path,
                    if is_of_swarm {
                        What::SwarmVolume(name)
                    } else {
                        What::Volume(name)
                    },
                );
            }
            if let Some(driver) = driver {
                requirements.push(path, Made::VolumeDriver((*driver).to_owned()));
            }
            driver_options(requirements, path, options);
            label_members(requirements, path, labels)?;
        }
    }
    if mount.is_shared {
        requirements.push(path, What::Unnamed(Block::Create));
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
        requirements.push(path, What::TmpfsOption((*option).to_owned()));
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a reader")]
pub(super) fn volume_driver(
    requirements: &mut Requirements,
    asked: &Asked<'_>,
) -> Result<(), Denial> {
    let driver = asked.value.text().unwrap_or_default();
    requirements.push(&*asked.path, Made::VolumeDriver(driver.to_owned()));
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a reader")]
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
        let (key, value) = (key.to_string(), value.text().unwrap_or_default().to_owned());
        requirements.push(path, Made::VolumeOption { key, value });
    }
}
