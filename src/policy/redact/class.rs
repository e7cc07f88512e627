//! The classes of values that can be hidden, as they are written in `redact`.

use crate::docker::closed::closed;
use crate::policyfile::spelling::did_you_mean;

closed! {
    /// A class of values that can be hidden.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    Class, by name {
        /// Commands with their arguments, health checks and their output, and the steps that built an image.
        Commands = "commands",
        /// The content of the swarm's configs.
        ConfigData = "config-data",
        /// The values of environment variables.
        Env = "env",
        /// The host's name, addresses, paths, proxies and registries.
        Host = "host",
        /// The values of labels and annotations.
        Labels = "labels",
        /// Paths on the host that are mounted into containers.
        Mounts = "mounts",
        /// The swarm's join tokens, unlock key and certificates.
        SwarmTokens = "swarm-tokens",
        /// The options of drivers: of volumes, networks and logs.
        VolumeOptions = "volume-options",
    }
}

/// One entry of `redact`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// All environment variables, or all whose names do not match this.
    Env(Option<String>),
    /// The labels whose keys match.
    Labels(String),
    /// A class without patterns.
    Other(Class),
}

/// Why an entry is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHidden {
    #[error("write \"env\", or \"env:keep=VIRTUAL_*\" to show some variables")]
    Env,
    #[error("write \"labels:\" with a pattern for the keys, such as \"labels:*\"")]
    Labels,
    #[error("{} has no patterns: write \"{}\"", .0.name(), .0.name())]
    Pattern(Class),
    #[error("unknown class{hint}", hint = did_you_mean(.0, Class::ALL.iter().map(|class| class.name())))]
    Unknown(String),
}

/// What entries look like, as a regular expression for the schema.
pub(crate) const SHAPE: &str =
    r"^(commands|config-data|env|env:keep=.+|host|labels:.+|mounts|swarm-tokens|volume-options)$";

impl Hidden {
    pub(crate) fn parse(text: &str) -> Result<Self, BadHidden> {
        let (name, pattern) = match text.split_once(':') {
            Some((name, pattern)) => (name, Some(pattern)),
            None => (text, None),
        };
        let class = Class::named(name).ok_or_else(|| BadHidden::Unknown(name.to_owned()))?;
        match (class, pattern) {
            (Class::Env, None) => Ok(Self::Env(None)),
            (Class::Env, Some(rest)) => {
                let kept = rest.strip_prefix("keep=").filter(|kept| !kept.is_empty());
                kept.map(|kept| Self::Env(Some(kept.to_owned())))
                    .ok_or(BadHidden::Env)
            }
            (Class::Labels, pattern) => pattern
                .filter(|pattern| !pattern.is_empty())
                .map(|pattern| Self::Labels(pattern.to_owned()))
                .ok_or(BadHidden::Labels),
            (
                Class::Commands
                | Class::ConfigData
                | Class::Host
                | Class::Mounts
                | Class::SwarmTokens
                | Class::VolumeOptions,
                None,
            ) => Ok(Self::Other(class)),
            (_, Some(_)) => Err(BadHidden::Pattern(class)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_classes_with_their_patterns() {
        for (text, want) in [
            ("env", Hidden::Env(None)),
            (
                "env:keep=VIRTUAL_*",
                Hidden::Env(Some("VIRTUAL_*".to_owned())),
            ),
            ("labels:com.*", Hidden::Labels("com.*".to_owned())),
            ("labels:a:b", Hidden::Labels("a:b".to_owned())),
            ("swarm-tokens", Hidden::Other(Class::SwarmTokens)),
        ] {
            assert_eq!(Hidden::parse(text), Ok(want), "{text}");
        }
        for (text, want) in [
            ("", "unknown class"),
            ("ENV", "unknown class: did you mean \"env\"?"),
            ("enf", "unknown class: did you mean \"env\"?"),
            (
                "env:",
                "write \"env\", or \"env:keep=VIRTUAL_*\" to show some variables",
            ),
            (
                "env:keep=",
                "write \"env\", or \"env:keep=VIRTUAL_*\" to show some variables",
            ),
            (
                "env:VIRTUAL_*",
                "write \"env\", or \"env:keep=VIRTUAL_*\" to show some variables",
            ),
            (
                "labels",
                "write \"labels:\" with a pattern for the keys, such as \"labels:*\"",
            ),
            ("host:x", "host has no patterns: write \"host\""),
        ] {
            assert_eq!(Hidden::parse(text).unwrap_err().to_string(), want, "{text}");
        }
    }
}
