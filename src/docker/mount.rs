//! A mount, in any of the API's formats.
//!
//! The source of a bind is cleaned and sent in that form, so that the path that is checked is the path that is
//! mounted. Podman joins the parts of a mount into one text, as on its command line, and parses that again: no part
//! may contain the separators.
//!
//! Source: `daemon/volume/mounts/linux_parser.go` of moby/moby;
//! `pkg/api/handlers/compat/containers_create.go` of containers/podman.

mod access;

pub use access::Access;
pub(crate) use access::is_on_mount_below;

use std::borrow::Cow;

use super::closed::is_listed;
use super::json::{Json, Member};
use super::path::{cleaned, is_clean, is_literal};
use super::target::is_name;

/// What is mounted, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount<'a> {
    pub(crate) source: Source<'a>,
    /// What the container can do with it; changing its labels counts as writing.
    pub(crate) access: Access,
    /// Whether mounts made in the container also appear on the host.
    pub(crate) is_shared: bool,
}

/// The source of a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// A clean path on the host.
    Host(Cow<'a, str>),
    /// A volume. If none has this name, the driver and options are used to make it.
    Volume {
        /// If missing, a volume is made for only this container.
        name: Option<&'a str>,
        driver: Option<&'a str>,
        options: &'a [Member<'a>],
        /// The labels of a new volume.
        labels: &'a [Member<'a>],
    },
    /// Memory, with those of its options that need permission.
    Memory(Vec<&'a str>),
    /// The files of an image.
    Image(&'a str),
}

/// Why a mount is rejected whatever the policy says. Some texts end in the daemon's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadMount {
    #[error("has a consistency that is neither cached, consistent, default nor delegated")]
    Consistency,
    #[error("has a mode that the daemon does not know")]
    Mode,
    #[error("has options of another mount type")]
    Options,
    #[error("is not of the form source:target[:mode]")]
    Parts,
    #[error("has a target that does not begin with `/`: mount path must be absolute")]
    Relative,
    #[error("has `/` as its target: destination can't be '/'")]
    Root,
    #[error(
        "has a source that is not a clean absolute path: write it without `..`, backslash or, in the long form, a comma"
    )]
    Source,
    #[error("has a subpath that is not within its source")]
    Subpath,
    #[error(
        "has a target that is not a clean absolute path: write it without `..`, backslash, `:`, `,` or `*`"
    )]
    Target,
    /// A swarm node would fill it in.
    #[error(
        "has a template, which the swarm fills in only after this check: write the value itself"
    )]
    Template,
    #[error("has a type that is neither bind, volume, tmpfs nor image")]
    Type,
    #[error(
        "has a source that is not a valid volume name. If you intended to pass a host directory, use absolute path"
    )]
    VolumeName,
}

/// The modes of the short form.
const MODES: &str =
    "cached consistent delegated nocopy private ro rprivate rshared rslave rw shared slave z Z";
/// The values for propagation and consistency in the long form.
const PROPAGATIONS: &str = "private rprivate rshared rslave shared slave";
const CONSISTENCIES: &str = "cached consistent default delegated";

/// Parses the short form: `source:target[:mode]`, or only a target for a volume without a name.
pub(crate) fn short(text: &str) -> Result<Mount<'_>, BadMount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, mode) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] if !is_listed(target, MODES) => (Some(*source), *target, ""),
        [source, target, mode] => (Some(*source), *target, *mode),
        _ => return Err(BadMount::Parts),
    };
    if text.contains("{{") {
        return Err(BadMount::Template);
    }
    check_target(target)?;
    let modes: Vec<&str> = mode.split(',').filter(|mode| !mode.is_empty()).collect();
    if !modes.iter().all(|mode| is_listed(mode, MODES)) {
        return Err(BadMount::Mode);
    }
    let has = |mode: &str| modes.contains(&mode);
    let source = match source {
        Some("") => return Err(BadMount::Parts),
        Some(path) if path.starts_with('/') => Source::Host(host_path(path)?),
        name => volume(name, &Json::Null)?,
    };
    let is_read_only = has("ro") && !has("z") && !has("Z");
    Ok(Mount {
        access: access(&source, is_read_only, false),
        source,
        is_shared: has("shared") || has("rshared"),
    })
}

/// Parses the long form, the API's `Mount` object.
pub(crate) fn long<'a>(mount: &'a Json<'a>) -> Result<Mount<'a>, BadMount> {
    let text = |key: &str| mount.at(key).text().unwrap_or_default();
    let (source, kind) = (text("Source"), text("Type"));
    if source.contains("{{") || text("Target").contains("{{") {
        return Err(BadMount::Template);
    }
    check_target(text("Target"))?;
    // Older engines silently drop the options of other types.
    let is_of_other =
        |(key, owner): &(&str, &str)| kind != *owner && !mount.at(key).members().is_empty();
    if OPTIONS.iter().any(is_of_other) {
        return Err(BadMount::Options);
    }
    let source = match kind {
        // Podman separates the parts of a long form with commas.
        "bind" | "image" if source.contains(',') => return Err(BadMount::Source),
        "bind" => Source::Host(host_path(source)?),
        "volume" => {
            let name = Some(source).filter(|name| !name.is_empty());
            volume(name, mount.at("VolumeOptions"))?
        }
        "tmpfs" if source.is_empty() => {
            let rows = mount.at("TmpfsOptions").at("Options").items().iter();
            let options = rows.flat_map(Json::texts);
            Source::Memory(opening(options.flat_map(|option| option.split(','))))
        }
        "image" => {
            check_subpath(mount.at("ImageOptions"))?;
            Source::Image(source)
        }
        _ => return Err(BadMount::Type),
    };
    let options = mount.at("BindOptions");
    let propagation = options.at("Propagation").text().unwrap_or_default();
    if !propagation.is_empty() && !is_listed(propagation, PROPAGATIONS) {
        return Err(BadMount::Mode);
    }
    let consistency = text("Consistency");
    if !consistency.is_empty() && !is_listed(consistency, CONSISTENCIES) {
        return Err(BadMount::Consistency);
    }
    let is_read_only = mount.at("ReadOnly").is_true();
    let is_non_recursive = options.at("ReadOnlyNonRecursive").is_true();
    Ok(Mount {
        access: access(&source, is_read_only, is_non_recursive),
        source,
        is_shared: matches!(propagation, "shared" | "rshared"),
    })
}

/// The options of each type in the long form.
const OPTIONS: &[(&str, &str)] = &[
    ("BindOptions", "bind"),
    ("ImageOptions", "image"),
    ("TmpfsOptions", "tmpfs"),
    ("VolumeOptions", "volume"),
];

/// What the container can do with a mount. Only paths on the host bring mounts below them along.
fn access(source: &Source<'_>, is_read_only: bool, is_non_recursive: bool) -> Access {
    match source {
        _ if !is_read_only => Access::Write,
        Source::Host(path) => Access::read_only(path, is_non_recursive),
        Source::Volume { .. } | Source::Memory(_) | Source::Image(_) => Access::Read,
    }
}

/// The options of a memory mount, separated by commas, that undo the daemon's own or are unknown.
pub(crate) fn opening<'a>(options: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let known = "gid mode nodev noexec nosuid nr_blocks nr_inodes ro rw size uid";
    let is_harmless = |option: &&str| {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let is_value_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'%';
        (name.is_empty() || is_listed(name, known)) && value.bytes().all(is_value_byte)
    };
    options.filter(|option| !is_harmless(option)).collect()
}

/// Whether options of the local driver make a volume in memory, which is not a path on the host.
pub(crate) fn is_memory<'a>(options: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
    let (mut kind, mut device) = (None, None);
    for (key, value) in options {
        match key {
            "device" => device = Some(value),
            "o" if opening(value.split(',')).is_empty() => {}
            "type" => kind = Some(value),
            _ => return false,
        }
    }
    kind == Some("tmpfs") && device == Some("tmpfs")
}

/// A path on the host, cleaned.
fn host_path(path: &str) -> Result<Cow<'_, str>, BadMount> {
    let clean = path.starts_with('/').then(|| cleaned(path));
    clean.filter(|path| is_clean(path)).ok_or(BadMount::Source)
}

/// The short form of a host mount with its source cleaned, unless it is clean already.
pub(crate) fn clean_short(text: &str) -> Option<String> {
    let (source, rest) = text.split_once(':').filter(|_| text.starts_with('/'))?;
    (!is_clean(source)).then(|| format!("{}:{rest}", cleaned(source)))
}

/// Checks the path in the container where something is mounted.
pub(crate) fn check_target(target: &str) -> Result<(), BadMount> {
    // It is sent as it is, because nothing is compared with it and every engine cleans it in the
    // same way.
    let clean = cleaned(target);
    if !target.starts_with('/') {
        Err(BadMount::Relative)
    } else if clean == "/" {
        Err(BadMount::Root)
    } else if is_literal(&clean) {
        Ok(())
    } else {
        Err(BadMount::Target)
    }
}

fn volume<'a>(name: Option<&'a str>, options: &'a Json<'a>) -> Result<Source<'a>, BadMount> {
    if !name.is_none_or(is_name) {
        return Err(BadMount::VolumeName);
    }
    check_subpath(options)?;
    let driver = options.at("DriverConfig");
    let (options_of_driver, labels) = (driver.at("Options"), options.at("Labels"));
    let mut values = [options_of_driver, labels]
        .into_iter()
        .flat_map(Json::members);
    if values.any(|(_, value)| value.text().is_some_and(|text| text.contains("{{"))) {
        return Err(BadMount::Template);
    }
    Ok(Source::Volume {
        name,
        driver: driver.at("Name").text().filter(|name| !name.is_empty()),
        options: options_of_driver.members(),
        labels: labels.members(),
    })
}

/// Checks a path within a volume or an image. It must be as clean as a path from the root.
fn check_subpath(options: &Json) -> Result<(), BadMount> {
    let subpath = options.at("Subpath").text().unwrap_or_default();
    if subpath.is_empty() || is_literal(&format!("/{subpath}")) {
        Ok(())
    } else {
        Err(BadMount::Subpath)
    }
}

#[cfg(test)]
mod tests;
