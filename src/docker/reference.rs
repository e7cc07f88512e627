//! A reference to an image, with the parts that the daemon adds to a short one.
//!
//! Source: `distribution/reference`, `ParseNormalizedNamed` and `TagNameOnly`.

use std::fmt;
use std::net::IpAddr;

use super::closed::is_listed;

/// An image: its repository, and a tag or digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// With its registry, such as `docker.io/library/nginx`.
    pub repository: String,
    /// The tag or digest.
    pub version: Version,
}

/// Which image of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// The image that currently has the tag.
    Tag(String),
    /// The image with this digest, `sha256:` and 64 digits; a tag next to it is ignored.
    Digest(String),
}

/// Why a text is not a valid reference to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadReference {
    #[error("could be the id of any image: write the image's name, with its tag")]
    Id,
    #[error("is not a valid image reference: write it as registry/repository:tag")]
    Spelling,
}

/// The registry of a name that does not have one.
const HUB: &str = "docker.io";
const DIGEST: &str = "sha256:";
/// The number of digits of an SHA-256 digest.
const DIGITS: usize = 64;
const MAX_TAG: usize = 128;
const MAX_NAME: usize = 255;

impl Reference {
    /// Parses a reference and adds the missing parts.
    ///
    /// Shape: `[registry/]repository[:tag][@sha256:digest]`.
    pub(crate) fn parse(text: &str) -> Result<Self, BadReference> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A port is followed by the path.
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            Some(_) | None => (name, None),
        };
        let is_bare = digest.is_none() && tag.is_none() && !name.contains('/');
        if (is_bare && is_hex(name)) || (name == "sha256" && tag.is_some_and(is_hex)) {
            return Err(BadReference::Id);
        }
        let repository = repository(name).ok_or(BadReference::Spelling)?;
        if !(tag.is_none_or(is_tag) && digest.is_none_or(is_digest)) {
            return Err(BadReference::Spelling);
        }
        let version = match digest {
            Some(digest) => Version::Digest(digest.to_owned()),
            None => Version::Tag(tag.unwrap_or("latest").to_owned()),
        };
        Ok(Self {
            repository,
            version,
        })
    }

    /// Parses the new name of an image. Here a name without a tag is never an id.
    pub(crate) fn of_tag(text: &str) -> Option<Self> {
        let last = text.rsplit('/').next().unwrap_or_default();
        let tag = if last.contains(':') { "" } else { ":latest" };
        let reference = Self::parse(&[text, tag].concat()).ok()?;
        matches!(reference.version, Version::Tag(_)).then_some(reference)
    }
}

/// Whether the registry in an image's name is on this host, or in the link-local address range. Anyone who can
/// make the daemon ask it can find out which ports are open there.
pub(crate) fn is_on_host(name: &str) -> bool {
    let Some((registry, _)) = name.split_once('/') else {
        return false;
    };
    let host = match registry.strip_prefix('[') {
        Some(address) => address.split([']', '%']).next().unwrap_or_default(),
        None => registry.split(':').next().unwrap_or_default(),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if let Ok(address) = host.parse::<IpAddr>() {
        return is_own(address);
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    // Some resolvers accept `127.1` and `0x7f000001` as addresses.
    let is_number = last.starts_with(|first: char| first.is_ascii_digit())
        && (last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit()));
    let is_registry = registry.contains(['.', ':']);
    (is_number && is_registry) || last == "localhost" || is_listed(&host, HOST_NAMES)
}

fn is_own(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local() || v4.octets().first() == Some(&0),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

/// Names of the host, in addition to `localhost` and the names below it.
const HOST_NAMES: &str = "gateway.docker.internal host.containers.internal host.docker.internal ip6-localhost \
    ip6-loopback localhost.localdomain";

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Version::Tag(tag) => write!(f, "{}:{tag}", self.repository),
            Version::Digest(digest) => write!(f, "{}@{digest}", self.repository),
        }
    }
}

/// A name with its registry.
fn repository(name: &str) -> Option<String> {
    if name.len() > MAX_NAME {
        return None;
    }
    let is_registry = |first: &str| {
        first.contains(['.', ':']) || first == "localhost" || first.to_ascii_lowercase() != first
    };
    let (registry, path) = match name.split_once('/') {
        Some(("index.docker.io", path)) => (HUB, path),
        Some((first, path)) if is_registry(first) => (first, path),
        Some(_) | None => (HUB, name),
    };
    let is_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        ends.iter().all(|byte| byte.is_some_and(is_name))
            && bytes
                .iter()
                .all(|byte| is_name(byte) || b"._-".contains(byte))
    };
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let (host, port) = registry.split_once(':').unwrap_or((registry, "0"));
    let is_good = !(host.is_empty() || port.is_empty())
        && host.bytes().all(is_host_byte)
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && path.split('/').all(is_part);
    let library = if registry == HUB && !path.contains('/') {
        "library/"
    } else {
        ""
    };
    is_good.then(|| format!("{registry}/{library}{path}"))
}

fn is_hex(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    !text.is_empty() && text.bytes().all(is_digit)
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.bytes().next().is_some_and(is_word)
        && tag.len() <= MAX_TAG
        && tag
            .bytes()
            .all(|byte| is_word(byte) || b".-".contains(&byte))
}

fn is_digest(digest: &str) -> bool {
    let digits = digest.strip_prefix(DIGEST);
    digits.is_some_and(|digits| digits.len() == DIGITS && is_hex(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_what_a_short_reference_leaves_out() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, want) in [
            ("nginx", "docker.io/library/nginx:latest".to_owned()),
            ("nginx:1.27", "docker.io/library/nginx:1.27".to_owned()),
            ("grafana/loki", "docker.io/grafana/loki:latest".to_owned()),
            (
                "index.docker.io/library/a",
                "docker.io/library/a:latest".to_owned(),
            ),
            ("localhost/a", "localhost/a:latest".to_owned()),
            ("host:5000/a/b:1", "host:5000/a/b:1".to_owned()),
            (
                "registry.example/a/b-c_d.e",
                "registry.example/a/b-c_d.e:latest".to_owned(),
            ),
            ("Upper/a", "Upper/a:latest".to_owned()),
            ("cafe:1", "docker.io/library/cafe:1".to_owned()),
            (
                &format!("a@{digest}"),
                format!("docker.io/library/a@{digest}"),
            ),
            (
                &format!("a:1@{digest}"),
                format!("docker.io/library/a@{digest}"),
            ),
        ] {
            assert_eq!(
                Reference::parse(text).map(|it| it.to_string()),
                Ok(want),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_possible_ids_and_invalid_references() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, want) in [
            ("cafe", BadReference::Id),
            ("0123456789ab", BadReference::Id),
            (&*digest, BadReference::Id),
            ("", BadReference::Spelling),
            ("NGINX", BadReference::Spelling),
            ("a//b", BadReference::Spelling),
            ("a/../b", BadReference::Spelling),
            ("/a", BadReference::Spelling),
            ("a:", BadReference::Spelling),
            ("a:b:c", BadReference::Spelling),
            ("a@sha256:12", BadReference::Spelling),
            ("a b", BadReference::Spelling),
            ("a\n", BadReference::Spelling),
            ("é", BadReference::Spelling),
        ] {
            assert_eq!(Reference::parse(text), Err(want), "{text}");
        }
    }
}
