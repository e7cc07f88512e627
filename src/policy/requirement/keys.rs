//! The key of a policy that grants each need, and what would have to stand under it.

use std::borrow::Cow;

use super::{Block, Made, What, Within};
use crate::policy::objects::POLICY_LABEL;

impl What {
    /// The block and the key within it that grant it, if any does.
    #[must_use]
    pub fn key(&self) -> Option<(Block, &'static str)> {
        let key = match self {
            Self::Addresses => "addresses",
            Self::Bind { .. } => "binds",
            Self::Capability(_) => "capabilities",
            Self::Config(_) => "configs",
            Self::Device(_) => "devices",
            Self::Env(_) => "env.allow",
            Self::Gpus => "gpus",
            Self::Group(_) => "groups",
            Self::HostNamespace(_) => "host_namespaces",
            Self::Image(_) => "images",
            Self::Join(_) => "join",
            Self::Label { .. } | Self::Mark { .. } => "labels.forbid",
            Self::Limits(_) => "limits",
            Self::LogDriver(_) => "log_drivers",
            Self::Made(made) => return Some(made.key()),
            Self::Name(_) | Self::NewId(..) | Self::Reach(..) | Self::Rename { .. } => return None,
            Self::Network(_) | Self::Start(_) => "networks",
            Self::OomProtected => "oom_protected",
            Self::Port(_) => "ports",
            Self::Privileged => "privileged",
            Self::Project { .. } => "projects",
            Self::Replaces => "replaces",
            Self::Restart(_) => "restart",
            Self::Rollback => "rollback",
            Self::Runtime(_) => "runtimes",
            Self::Secret(_) => "secrets",
            Self::SecurityOption(_) => "security_opt",
            Self::Sysctl(_) => "sysctls",
            Self::TmpfsOption(_) => "tmpfs_options",
            Self::Unchanged => "unchanged",
            Self::Unnamed(block) => return Some((*block, "unrestricted")),
            Self::User(_) => "users",
            Self::SwarmVolume(_) | Self::Volume(_) => "volumes",
            Self::Within(within) => return Some(within.key()),
        };
        Some((Block::Create, key))
    }

    /// What would have to stand under the key; `None` where that is `true`. Values of the environment
    /// and arguments of commands are left out. A client chose it, as long as it is.
    #[must_use]
    pub fn value(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Capability(text)
            | Self::Config(text)
            | Self::Device(text)
            | Self::Group(text)
            | Self::Image(text)
            | Self::Join(text)
            | Self::LogDriver(text)
            | Self::Name(text)
            | Self::NewId(_, text)
            | Self::Network(text)
            | Self::Reach(_, text)
            | Self::Restart(text)
            | Self::Runtime(text)
            | Self::Secret(text)
            | Self::SecurityOption(text)
            | Self::Start(text)
            | Self::SwarmVolume(text)
            | Self::Sysctl(text)
            | Self::TmpfsOption(text)
            | Self::User(text)
            | Self::Volume(text) => text.into(),
            Self::Bind { path, access } => format!("{path}:{}", access.mode()).into(),
            Self::Env(variable) => (&*variable.name).into(),
            Self::Project { name, .. } | Self::Rename { name, .. } => (&**name).into(),
            Self::HostNamespace(name) => (*name).into(),
            Self::Label { key, .. } => (&**key).into(),
            Self::Mark { .. } => POLICY_LABEL.into(),
            Self::Limits(limits) => limits.to_string().into(),
            Self::Made(made) => return made.value(),
            Self::Port(port) => port.to_string().into(),
            Self::Within(within) => return within.value(),
            Self::Addresses
            | Self::Gpus
            | Self::OomProtected
            | Self::Privileged
            | Self::Replaces
            | Self::Rollback
            | Self::Unchanged
            | Self::Unnamed(_) => return None,
        })
    }
}

impl What {
    /// The container that a key of a policy would have to name.
    pub(crate) fn container_mut(&mut self) -> Option<&mut String> {
        if let Self::Join(name)
        | Self::Made(Made::Connect(name))
        | Self::Within(
            Within::ArchiveInto(name) | Within::ExecInto(name) | Within::Watch(name),
        ) = self
        {
            Some(name)
        } else {
            None
        }
    }

    /// The block that decides who may be entered, where it is about that.
    pub(crate) fn entered(&self) -> Option<Block> {
        if let Self::Within(within) = self {
            within.entered()
        } else {
            None
        }
    }
}

impl Within {
    /// The block that decides who may be entered, where it is about that.
    fn entered(&self) -> Option<Block> {
        match self {
            Self::ArchiveInto(_) => Some(Block::Archive),
            Self::ExecInto(_) => Some(Block::Exec),
            // Of one that is entered, or of one that is only watched.
            Self::ArchivePath(_)
            | Self::Command(_)
            | Self::ExecEnv(_)
            | Self::ExecPrivileged
            | Self::ExecUser(_)
            | Self::ExecWorkdir(_)
            | Self::IntoPrivileged(_)
            | Self::PsArgs(_)
            | Self::Watch(_) => None,
        }
    }

    fn key(&self) -> (Block, &'static str) {
        match self {
            Self::ArchiveInto(_) => (Block::Archive, "into"),
            Self::ArchivePath(_) => (Block::Archive, "paths"),
            Self::Command(_) => (Block::Exec, "commands"),
            Self::ExecEnv(_) => (Block::Exec, "env.allow"),
            Self::ExecInto(_) | Self::Watch(_) => (Block::Exec, "into"),
            Self::ExecPrivileged => (Block::Exec, "privileged"),
            Self::ExecUser(_) => (Block::Exec, "users"),
            Self::PsArgs(_) => (Block::Exec, "ps_args"),
            Self::ExecWorkdir(_) => (Block::Exec, "workdirs"),
            Self::IntoPrivileged(block) => (*block, "into_privileged"),
        }
    }

    fn value(&self) -> Option<Cow<'_, str>> {
        let text = match self {
            Self::ArchiveInto(text)
            | Self::ArchivePath(text)
            | Self::ExecInto(text)
            | Self::ExecUser(text)
            | Self::ExecWorkdir(text)
            | Self::PsArgs(text)
            | Self::Watch(text) => text,
            Self::Command(argv) => argv.first().map_or("", String::as_str),
            Self::ExecEnv(variable) => &variable.name,
            Self::ExecPrivileged | Self::IntoPrivileged(_) => return None,
        };
        Some(text.into())
    }
}

impl Made {
    fn key(&self) -> (Block, &'static str) {
        match self {
            Self::BuildNetwork(_) => (Block::Build, "networks"),
            Self::BuildRemote(_) => (Block::Build, "remotes"),
            Self::Connect(_) => (Block::Networks, "containers"),
            Self::Import => (Block::Images, "import"),
            Self::NetworkDriver(_) => (Block::Networks, "drivers"),
            Self::NetworkOption { .. } => (Block::Networks, "options"),
            Self::Pull(_) => (Block::Images, "pull"),
            Self::Push(_) => (Block::Images, "push"),
            Self::Subnet(_) => (Block::Networks, "subnets"),
            Self::Tag(_) => (Block::Images, "tags"),
            Self::VolumeDriver(_) => (Block::Volumes, "drivers"),
            Self::VolumeOption { .. } => (Block::Volumes, "options"),
        }
    }

    fn value(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::BuildNetwork(text)
            | Self::Connect(text)
            | Self::NetworkDriver(text)
            | Self::Pull(text)
            | Self::Push(text)
            | Self::Subnet(text)
            | Self::Tag(text)
            | Self::VolumeDriver(text) => text.into(),
            Self::BuildRemote(address) => without_secrets(address).into(),
            Self::NetworkOption { key, value } => format!("{key}={value}").into(),
            // Options of volumes hold passwords of file servers.
            Self::VolumeOption { key, .. } => format!("{key}=*").into(),
            Self::Import => return None,
        })
    }
}

/// An address with `*` for the two parts of it that hold tokens: what stands before the host, and the
/// query.
fn without_secrets(address: &str) -> String {
    let (address, query) = match address.split_once('?') {
        Some((address, _)) => (address, "?*"),
        None => (address, ""),
    };
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match host.rsplit_once('@') {
        Some((_, host)) if !scheme.is_empty() => format!("{scheme}://*@{host}{path}{query}"),
        Some(_) | None => format!("{address}{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_could_be_a_token() {
        for (address, shown) in [
            ("https://example.com/a.git", "https://example.com/a.git"),
            (
                "https://t0ken@example.com/a.git#main",
                "https://*@example.com/a.git#main",
            ),
            (
                "https://u:p@ss@example.com/a@b",
                "https://*@example.com/a@b",
            ),
            ("https://example.com?t=s3cret", "https://example.com?*"),
            (
                "https://u:p@example.com/a?t=s3cret#x",
                "https://*@example.com/a?*",
            ),
            ("git@example.com:acme/a.git", "git@example.com:acme/a.git"),
        ] {
            assert_eq!(
                Made::BuildRemote(address.to_owned()).value().as_deref(),
                Some(shown),
                "{address}"
            );
        }
    }
}
