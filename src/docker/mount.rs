//! A mount, in whichever of the API's spellings it came.
//!
//! The source of a bind is cleaned, and sent so: what is compared with a rule is what is mounted. Podman joins the parts
//! of a mount to one text, as its command line has it, and reads that again: no part may hold what separates them there.
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
    /// What can be done with it; changing its labels counts as writing.
    pub(crate) access: Access,
    /// Whether mounts made in the container come out on the host.
    pub(crate) is_shared: bool,
}

/// Where a mount comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// A path of the host, clean.
    Host(Cow<'a, str>),
    /// A volume, new if there is none of the name; with the driver and the options that a new one gets.
    Volume {
        /// Without one it is made for this container alone.
        name: Option<&'a str>,
        driver: Option<&'a str>,
        options: &'a [Member<'a>],
        /// The labels of a new one.
        labels: &'a [Member<'a>],
    },
    /// Memory, with what of its options opens something.
    Memory(Vec<&'a str>),
    /// An image's files.
    Image(&'a str),
}

/// Why a mount is refused by itself. Some texts end in the daemon's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadMount {
    #[error("has a consistency that is neither cached, consistent, default nor delegated")]
    Consistency,
    #[error("has a mode that the daemon does not know")]
    Mode,
    #[error("has options of another type than its own")]
    Options,
    #[error("is no source:target[:mode]")]
    Parts,
    #[error("has a target that begins without `/`: mount path must be absolute")]
    Relative,
    #[error("has the root as a target: destination can't be '/'")]
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
    /// A node of a swarm would fill it in.
    #[error("has a template, which is filled in only after it was judged: write it out")]
    Template,
    #[error("has a type that is neither bind, volume, tmpfs nor image")]
    Type,
    #[error(
        "has a source that is not a valid volume name. If you intended to pass a host directory, use absolute path"
    )]
    VolumeName,
}

/// The modes that the daemon knows in the short form.
const MODES: &str =
    "cached consistent delegated nocopy private ro rprivate rshared rslave rw shared slave z Z";
/// What the long form may have as its propagation, and as its consistency.
const PROPAGATIONS: &str = "private rprivate rshared rslave shared slave";
const CONSISTENCIES: &str = "cached consistent default delegated";

/// Reads the short form: `source:target[:mode]`, or a target alone for a volume without a name.
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

/// Reads the long form, an object of the API's `Mount`.
pub(crate) fn long<'a>(mount: &'a Json<'a>) -> Result<Mount<'a>, BadMount> {
    let text = |key: &str| mount.at(key).text().unwrap_or_default();
    let (source, kind) = (text("Source"), text("Type"));
    if source.contains("{{") || text("Target").contains("{{") {
        return Err(BadMount::Template);
    }
    check_target(text("Target"))?;
    // Older engines drop the options of another type silently.
    let is_of_other =
        |(key, owner): &(&str, &str)| kind != *owner && !mount.at(key).members().is_empty();
    if OPTIONS.iter().any(is_of_other) {
        return Err(BadMount::Options);
    }
    let source = match kind {
        // Podman separates the parts of a long form by commas.
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

/// The options of each type of the long form.
const OPTIONS: &[(&str, &str)] = &[
    ("BindOptions", "bind"),
    ("ImageOptions", "image"),
    ("TmpfsOptions", "tmpfs"),
    ("VolumeOptions", "volume"),
];

/// What can be done with a mount. Of what is no path of the host, nothing comes along.
fn access(source: &Source<'_>, is_read_only: bool, is_non_recursive: bool) -> Access {
    match source {
        _ if !is_read_only => Access::Write,
        Source::Host(path) => Access::read_only(path, is_non_recursive),
        Source::Volume { .. } | Source::Memory(_) | Source::Image(_) => Access::Read,
    }
}

/// What of a memory mount's options, joined by commas, undoes what the daemon sets, or is none that is known.
pub(crate) fn opening<'a>(options: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let known = "gid mode nodev noexec nosuid nr_blocks nr_inodes ro rw size uid";
    let is_harmless = |option: &&str| {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let is_value_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'%';
        (name.is_empty() || is_listed(name, known)) && value.bytes().all(is_value_byte)
    };
    options.filter(|option| !is_harmless(option)).collect()
}

/// Whether options of the local driver make a volume of memory, which is no path of the host.
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

/// A path of the host, cleaned.
fn host_path(path: &str) -> Result<Cow<'_, str>, BadMount> {
    let clean = path.starts_with('/').then(|| cleaned(path));
    clean.filter(|path| is_clean(path)).ok_or(BadMount::Source)
}

/// The short form of a mount of the host with its source cleaned, if it is not clean already.
pub(crate) fn clean_short(text: &str) -> Option<String> {
    let (source, rest) = text.split_once(':').filter(|_| text.starts_with('/'))?;
    (!is_clean(source)).then(|| format!("{}:{rest}", cleaned(source)))
}

/// Checks the path in the container at which something is mounted.
pub(crate) fn check_target(target: &str) -> Result<(), BadMount> {
    // Nothing is compared with it, so it is sent as it is, and every engine cleans it alike.
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

/// Checks the path within a volume or an image, which must be clean as one below a root.
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
