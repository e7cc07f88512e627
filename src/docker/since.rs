//! The fields that older API versions ignore although a verdict can rest on them.
//!
//! Most fields ask for more than an ordinary container has; a version that ignores one of those does no
//! harm. The fields here ask for less: whoever sends one under a version that ignores it gets more than
//! was judged.
//!
//! Source: `adjustForAPIVersion` in `daemon/server/router/swarm` and `daemon/server/router/container` of
//! moby/moby.

use super::target::ApiVersion;

/// A field by which a client asks for less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrowing {
    /// `NanoCpus` of a container.
    NanoCpus,
    /// `Limits.Pids` of a service.
    ServicePids,
}

impl Narrowing {
    /// The API version that has it first.
    const fn since(self) -> ApiVersion {
        match self {
            Self::NanoCpus => ApiVersion::docker(25),
            Self::ServicePids => ApiVersion::docker(41),
        }
    }

    /// Whether it is read under the version in a path. Without one an engine takes its own highest, which is
    /// at least that of the oldest engine that is supported.
    #[must_use]
    pub fn is_read(self, version: Option<ApiVersion>) -> bool {
        version.unwrap_or(OLDEST_ENGINE) >= self.since()
    }
}

/// The highest version of Docker 20.10, and of Podman.
const OLDEST_ENGINE: ApiVersion = ApiVersion::docker(41);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_from_its_version_on() {
        for (field, version, want) in [
            (Narrowing::NanoCpus, "1.24", false),
            (Narrowing::NanoCpus, "1.25", true),
            (Narrowing::ServicePids, "1.40", false),
            (Narrowing::ServicePids, "1.41", true),
            (Narrowing::ServicePids, "1.51", true),
        ] {
            let is_read = field.is_read(ApiVersion::parse(version));
            assert_eq!(is_read, want, "{field:?} under {version}");
        }
        assert!(Narrowing::ServicePids.is_read(None));
    }
}
