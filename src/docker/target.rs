//! The spelling of a request target: version prefix, path, query.
//!
//! Nothing is normalized: a path that another parser could understand differently is rejected, so that the checked
//! path is the one that is sent. [`classify`](super::classify()) finds the operation for a target.
//!
//! Source: RFC 9112 section 3.2; RFC 3986 section 6.2.2 for why spellings differ; gorilla/mux as the daemon
//! configures it, which decodes once, cleans the path, and answers with 301 if that changed it.

use std::fmt;

use super::json::{quoted, shortened};
use super::query::{BadQuery, Query};

/// A target in its only accepted spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// The API version that the client asked for, if any.
    pub(crate) version: Option<ApiVersion>,
    /// The path after the version, with its leading `/`. Under `/images`, `/plugins` and `/distribution` it may have
    /// the escapes `%2F`, `%3A` and `%40`, under `/networks` any escapes; elsewhere none.
    pub(crate) path: &'a str,
    pub(crate) query: Query,
}

/// An API version: `1.45`, or Podman's three parts, `5.4.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
    /// The third part, which only Podman's own API has.
    pub(crate) patch: Option<u16>,
}

/// Why a target is rejected: the first rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTarget {
    #[error("the path has the byte {0:#04x}, which no path of the Docker API has")]
    Byte(u8),
    #[error("the path has a `.` or `..` segment: remove it")]
    DotSegment,
    #[error("the path is empty: send one, such as /containers/json")]
    Empty,
    #[error(
        "the path has an empty segment: write a container's name without its slash, `web` not `/web`"
    )]
    EmptySegment,
    #[error("the path has a `%` escape: only image, plugin and network names may have one")]
    Escape,
    #[error(
        "`{0}` is not a valid name or id: use letters, digits, `_`, `.` and `-`, and begin with a letter or digit"
    )]
    Name(String),
    #[error(
        "{} is not accepted as the name of a network, because it is empty, hidden or ambiguous: use the network's id instead",
        quoted(shortened(.0))
    )]
    NetworkName(String),
    #[error(
        "`{0}` is not a valid image or plugin reference: use letters, digits and `_.-:@`, in parts separated by `/`"
    )]
    Reference(String),
    #[error("the target does not begin with `/`: send only the path, without scheme and host")]
    NotOriginForm,
    #[error(
        "the path is longer than {} bytes: use a shorter name or an id",
        Target::MAX_PATH
    )]
    TooLong,
    #[error("the path ends in `/`: remove it")]
    TrailingSlash,
    #[error("the version prefix is not of the form `v1.45`")]
    Version,
    #[error(
        "API version {asked} is older than {least}, the oldest that is accepted: use a newer client{}",
        if *asked >= ApiVersion::LEAST { ", or lower `api_min`" } else { "" }
    )]
    VersionTooOld {
        asked: ApiVersion,
        /// The setting `api_min`.
        least: ApiVersion,
    },
    #[error(transparent)]
    Query(#[from] BadQuery),
}

impl<'a> Target<'a> {
    /// The longest accepted path, in bytes.
    const MAX_PATH: usize = 4096;

    /// Parses a request target.
    ///
    /// Shape: `[/v<major>.<minor>]/<segment>[/<segment>...][?<query>]`, origin form only.
    pub(crate) fn parse(target: &'a str) -> Result<Self, BadTarget> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if !path.starts_with('/') {
            return Err(BadTarget::NotOriginForm);
        }
        if path == "/" {
            return Err(BadTarget::Empty);
        }
        if path.len() > Self::MAX_PATH {
            return Err(BadTarget::TooLong);
        }
        if let Some(byte) = path.bytes().find(|byte| !is_path_byte(*byte)) {
            return Err(BadTarget::Byte(byte));
        }
        let (version, path) = split_version(path)?;
        check_segments(path)?;
        Ok(Self {
            version,
            path,
            query: Query::parse(query)?,
        })
    }

    /// Checks that the version is not older than the minimum. Podman's own API is compared separately.
    pub(crate) fn check_version(&self, least: ApiVersion) -> Result<(), BadTarget> {
        let is_libpod = || self.segments().next() == Some(LIBPOD);
        match self.version {
            Some(asked) if asked < least && !is_libpod() => {
                Err(BadTarget::VersionTooOld { asked, least })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The segments of the path, still escaped.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.path.split('/').skip(1)
    }
}

impl ApiVersion {
    /// The lowest version that the settings accept. Before it, starting a container could include a
    /// host configuration.
    pub const LEAST: Self = Self::docker(24);

    /// The first version that reads `NanoCpus` of a container. It asks for less, as
    /// [`SERVICE_PIDS`](Self::SERVICE_PIDS) does: an older version ignores it, and the client would get more than
    /// was checked.
    ///
    /// Source: `adjustForAPIVersion` in `daemon/server/router/container` and `daemon/server/router/swarm` of moby/moby.
    pub const NANO_CPUS: Self = Self::docker(25);
    /// The first version that reads `Limits.Pids` of a service.
    pub const SERVICE_PIDS: Self = Self::docker(41);
    /// The highest version of the oldest supported engines: Docker 20.10, and Podman.
    const OF_OLDEST_ENGINE: Self = Self::docker(41);

    /// Whether a field that this version introduces is read when a path has that version; without a version, an
    /// engine uses its highest.
    pub(crate) fn is_read_under(self, version: Option<Self>) -> bool {
        version.unwrap_or(Self::OF_OLDEST_ENGINE) >= self
    }

    /// Docker's API version 1 with this minor number.
    pub(crate) const fn docker(minor: u16) -> Self {
        Self {
            major: 1,
            minor,
            patch: None,
        }
    }

    /// Parses `1.45` or `5.4.2`: decimal numbers without leading zeros, each at most 65535.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(decimal);
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = match parts.next() {
            None => None,
            Some(patch) => Some(patch?),
        };
        parts.next().is_none().then_some(Self {
            major,
            minor,
            patch,
        })
    }

    /// Appends it as written. The formatter takes many times as long.
    pub(crate) fn render(self, to: &mut String) {
        push_decimal(self.major, to);
        for part in [Some(self.minor), self.patch].into_iter().flatten() {
            to.push('.');
            push_decimal(part, to);
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.render(&mut text);
        f.write_str(&text)
    }
}

/// Whether a text can be the name or id of an object other than an image or plugin.
pub(crate) fn is_name(text: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(is_name_byte)
}

/// Whether a text may be the name of an image, plugin or repository.
pub(super) fn is_reference(text: &str) -> bool {
    let is_part_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-:@".contains(&byte);
    text.split('/').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.bytes().all(is_part_byte)
    })
}

/// Whether names under this first segment may have escapes: those of networks, and references. A test compares this
/// with the table's objects.
pub(super) fn may_have_escapes(first_segment: &str) -> bool {
    matches!(
        first_segment,
        "images" | "plugins" | "distribution" | NETWORKS
    )
}

/// The first segment of the network operations.
pub(super) const NETWORKS: &str = "networks";

/// The first segment of Podman's own API, the only one whose version has three parts.
const LIBPOD: &str = "libpod";

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,=:@".contains(&byte)
}

pub(super) fn split_version(path: &str) -> Result<(Option<ApiVersion>, &str), BadTarget> {
    let Some(versioned) = path
        .strip_prefix("/v")
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return Ok((None, path));
    };
    let end = versioned.find('/').unwrap_or(versioned.len());
    let (text, path) = versioned.split_at_checked(end).ok_or(BadTarget::Version)?;
    let version = ApiVersion::parse(text).ok_or(BadTarget::Version)?;
    let is_libpod = || path.split('/').nth(1) == Some(LIBPOD);
    if version.patch.is_some() && !is_libpod() || path.is_empty() {
        return Err(BadTarget::Version);
    }
    Ok((Some(version), path))
}

fn check_segments(path: &str) -> Result<(), BadTarget> {
    // Most segments are short, so looking at each byte is faster than searching.
    let mut segments = path
        .as_bytes()
        .split(|byte| *byte == b'/')
        .skip(1)
        .peekable();
    let has_escapes = path.bytes().any(|byte| byte == b'%');
    let first = || path.split('/').nth(1).unwrap_or_default();
    let may_escape = !has_escapes || may_have_escapes(first());
    while let Some(segment) = segments.next() {
        match segment {
            // A trailing slash: `classify` knows the only path that has one.
            b"" if segments.peek().is_none() => {}
            b"" => return Err(BadTarget::EmptySegment),
            b"." | b".." => return Err(BadTarget::DotSegment),
            _ if !may_escape && segment.contains(&b'%') => return Err(BadTarget::Escape),
            _ => {}
        }
    }
    Ok(())
}

fn push_decimal(number: u16, to: &mut String) {
    if number >= 10 {
        push_decimal(number / 10, to);
    }
    to.extend(char::from_digit(u32::from(number % 10), 10));
}

fn decimal(text: &str) -> Option<u16> {
    let is_canonical = text == "0" || !text.starts_with(['0', '+']);
    is_canonical.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests;
