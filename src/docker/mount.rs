//! A mount, in whichever of the API's spellings it came.
//!
//! The source of a bind is cleaned, and sent so: what is compared with a rule is what is mounted. Podman joins the parts of a mount to one text, as its command line has it, and
//! reads that again: no part may hold what separates them there.
//!
//! Source: `daemon/volume/mounts/linux_parser.go` of moby/moby;
//! `pkg/api/handlers/compat/containers_create.go` of containers/podman.

mod access;

pub use access::{Access, is_on_mount_below};

use std::borrow::Cow;

use super::json::{Json, Member};
use super::path::{cleaned, is_clean, is_literal};
use super::target::is_name;

/// What is mounted, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// Where it comes from.
    pub source: Source<'a>,
    /// What can be done with it; changing its labels counts as writing.
    pub access: Access,
    /// Whether mounts made in the container come out on the host.
    pub is_shared: bool,
}

/// Where a mount comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// A path of the host, clean.
    Host(Cow<'a, str>),
    /// A volume, new where there is none of the name; with the driver and the options that a new one
    /// gets.
    Volume {
        /// Without one it is made for this container alone.
        name: Option<&'a str>,
        /// The driver's name, if one is asked for.
        driver: Option<&'a str>,
        /// The options for the driver.
        options: &'a [Member<'a>],
        /// The labels of a new one.
        labels: &'a [Member<'a>],
    },
    /// Memory, with what of its options opens something.
    Memory(Vec<&'a str>),
    /// An image's files.
    Image(&'a str),
}

/// Why a mount is refused by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMount {
    /// Who sees a change first, which no engine on Linux regards.
    #[error("has a consistency that is neither cached, consistent, default nor delegated")]
    Consistency,
    /// The mode behind the last colon.
    #[error("has a mode that the daemon does not know")]
    Mode,
    /// Options that belong to another type.
    #[error("has options of another type than its own")]
    Options,
    /// Neither two nor three parts, or an empty one.
    #[error("is no source:target[:mode]")]
    Parts,
    /// A target that is no absolute path. The end are the daemon's own words.
    #[error("has a target that begins without `/`: mount path must be absolute")]
    Relative,
    /// The root as a target. The end are the daemon's own words.
    #[error("has the root as a target: destination can't be '/'")]
    Root,
    /// A host path with a second spelling.
    #[error(
        "has a source that is not a clean absolute path: write it without `..`, backslash or, in the long form, a comma"
    )]
    Source,
    /// A path within a volume or an image.
    #[error("has a subpath that is not within its source")]
    Subpath,
    /// A target with a second reading.
    #[error(
        "has a target that is not a clean absolute path: write it without `..`, backslash, `:`, `,` or `*`"
    )]
    Target,
    /// A template, which a node of a swarm would fill in.
    #[error("has a template, which is filled in only after it was judged: write it out")]
    Template,
    /// A type that is not known.
    #[error("has a type that is neither bind, volume, tmpfs nor image")]
    Type,
    /// The name of no volume. The daemon gives the same advice in the same words.
    #[error(
        "has a source that is not a valid volume name. If you intended to pass a host directory, use absolute path"
    )]
    VolumeName,
}

/// The modes that the daemon knows in the short form.
const MODES: &[&str] = &[
    "cached",
    "consistent",
    "delegated",
    "nocopy",
    "private",
    "ro",
    "rprivate",
    "rshared",
    "rslave",
    "rw",
    "shared",
    "slave",
    "z",
    "Z",
];

/// Reads the short form: `source:target[:mode]`, or a target alone for a volume without a name.
///
/// # Errors
///
/// It is not cleanly spelled.
pub fn short(text: &str) -> Result<Mount<'_>, BadMount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, mode) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] if !MODES.contains(target) => (Some(*source), *target, ""),
        [source, target, mode] => (Some(*source), *target, *mode),
        _ => return Err(BadMount::Parts),
    };
    if text.contains("{{") {
        return Err(BadMount::Template);
    }
    check_target(target)?;
    let modes: Vec<&str> = mode.split(',').filter(|mode| !mode.is_empty()).collect();
    if !modes.iter().all(|mode| MODES.contains(mode)) {
        return Err(BadMount::Mode);
    }
    let has = |mode: &str| modes.contains(&mode);
    let source = match source {
        Some("") => return Err(BadMount::Parts),
        Some(path) if path.starts_with('/') => Source::Host(host_path(path)?),
        name => volume(name, None)?,
    };
    let is_read_only = has("ro") && !has("z") && !has("Z");
    Ok(Mount {
        access: access(&source, is_read_only, false),
        source,
        is_shared: has("shared") || has("rshared"),
    })
}

/// Reads the long form, an object of the API's `Mount`.
///
/// # Errors
///
/// It is not cleanly spelled.
pub fn long<'a>(mount: &'a Json<'a>) -> Result<Mount<'a>, BadMount> {
    let text = |key: &str| mount.get(key).and_then(Json::text).unwrap_or_default();
    let (source, kind) = (text("Source"), text("Type"));
    if source.contains("{{") || text("Target").contains("{{") {
        return Err(BadMount::Template);
    }
    check_target(text("Target"))?;
    check_options(mount, kind)?;
    let source = match kind {
        // Podman separates the parts of a long form by commas.
        "bind" | "image" if source.contains(',') => return Err(BadMount::Source),
        "bind" => Source::Host(host_path(source)?),
        "volume" => volume(
            Some(source).filter(|name| !name.is_empty()),
            mount.get("VolumeOptions"),
        )?,
        "tmpfs" if source.is_empty() => Source::Memory(memory_options(mount)),
        "image" => {
            check_subpath(mount.get("ImageOptions"))?;
            Source::Image(source)
        }
        _ => return Err(BadMount::Type),
    };
    let of_bind = |key: &str| {
        mount
            .get("BindOptions")
            .and_then(|options| options.get(key))
    };
    let propagation = of_bind("Propagation").and_then(Json::text);
    if !propagation.is_none_or(|mode| PROPAGATIONS.contains(&mode)) {
        return Err(BadMount::Mode);
    }
    if !CONSISTENCIES.contains(&text("Consistency")) {
        return Err(BadMount::Consistency);
    }
    let is_read_only = mount.get("ReadOnly").is_some_and(Json::is_true);
    let is_non_recursive = of_bind("ReadOnlyNonRecursive").is_some_and(Json::is_true);
    Ok(Mount {
        access: access(&source, is_read_only, is_non_recursive),
        source,
        is_shared: matches!(propagation, Some("shared" | "rshared")),
    })
}

/// What can be done with a mount. Of what is no path of the host, nothing comes along.
fn access(source: &Source<'_>, is_read_only: bool, is_non_recursive: bool) -> Access {
    match source {
        _ if !is_read_only => Access::Write,
        Source::Host(path) => Access::read_only(path, is_non_recursive),
        Source::Volume { .. } | Source::Memory(_) | Source::Image(_) => Access::Read,
    }
}

const CONSISTENCIES: &[&str] = &["", "cached", "consistent", "default", "delegated"];

const PROPAGATIONS: &[&str] = &[
    "", "private", "rprivate", "rshared", "rslave", "shared", "slave",
];

/// What of a memory mount's options, joined by commas, undoes what the daemon sets, or is none that is known.
pub fn opening<'a>(options: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let is_harmless = |option: &&str| {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let known = [
            "",
            "gid",
            "mode",
            "nodev",
            "noexec",
            "nosuid",
            "nr_blocks",
            "nr_inodes",
            "ro",
            "rw",
            "size",
            "uid",
        ];
        known.contains(&name)
            && value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'%')
    };
    options.filter(|option| !is_harmless(option)).collect()
}

/// Whether options of the local driver make a volume of memory, which is no path of the host.
pub fn is_memory<'a>(options: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
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
#[must_use]
pub fn clean_short(text: &str) -> Option<String> {
    let (source, rest) = text.split_once(':').filter(|_| text.starts_with('/'))?;
    (!is_clean(source)).then(|| format!("{}:{rest}", cleaned(source)))
}

/// Checks the path in the container at which something is mounted.
///
/// # Errors
///
/// It is not cleanly spelled, or is the root.
pub fn check_target(target: &str) -> Result<(), BadMount> {
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

fn volume<'a>(
    name: Option<&'a str>,
    options: Option<&'a Json<'a>>,
) -> Result<Source<'a>, BadMount> {
    if !name.is_none_or(is_name) {
        return Err(BadMount::VolumeName);
    }
    check_subpath(options)?;
    let driver = options.and_then(|options| options.get("DriverConfig"));
    let members = |of: Option<&'a Json<'a>>, key| {
        of.and_then(|it| it.get(key)).map_or(&[][..], Json::members)
    };
    let driver_name = driver
        .and_then(|driver| driver.get("Name"))
        .and_then(Json::text);
    let options_of_driver = members(driver, "Options");
    let labels = members(options, "Labels");
    let has_template =
        |(_, value): &Member<'_>| value.text().is_some_and(|text| text.contains("{{"));
    if options_of_driver.iter().chain(labels).any(has_template) {
        return Err(BadMount::Template);
    }
    Ok(Source::Volume {
        name,
        driver: driver_name.filter(|name| !name.is_empty()),
        options: options_of_driver,
        labels,
    })
}

/// The options of a type stand beside that type alone; older engines drop the others silently.
fn check_options(mount: &Json, kind: &str) -> Result<(), BadMount> {
    for (key, belongs_to) in [
        ("BindOptions", "bind"),
        ("ImageOptions", "image"),
        ("TmpfsOptions", "tmpfs"),
        ("VolumeOptions", "volume"),
    ] {
        if mount.get(key).is_some_and(|it| !it.members().is_empty()) && kind != belongs_to {
            return Err(BadMount::Options);
        }
    }
    Ok(())
}

fn check_subpath(options: Option<&Json>) -> Result<(), BadMount> {
    let subpath = options
        .and_then(|options| options.get("Subpath"))
        .and_then(Json::text)
        .unwrap_or_default();
    // As a path below a root it must be clean.
    if subpath.is_empty() || is_literal(&format!("/{subpath}")) {
        Ok(())
    } else {
        Err(BadMount::Subpath)
    }
}

fn memory_options<'a>(mount: &'a Json<'a>) -> Vec<&'a str> {
    let options = mount
        .get("TmpfsOptions")
        .and_then(|options| options.get("Options"));
    let rows = options.map_or(&[][..], Json::items);
    let words = rows.iter().flat_map(Json::texts);
    opening(words.flat_map(|word| word.split(',')))
}

#[cfg(test)]
mod tests;
