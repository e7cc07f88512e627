//! How the keys of a policy are written, and which of them narrow what is granted without them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::replay::{MAKING, RUNNING};
use crate::docker::Operation;
use crate::docker::json::quoted;
use crate::policyfile::file::Policy;
use crate::policyfile::problem::{Library, Problem};

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Flag,
    List,
    Commands,
    Limits,
    /// A table with a list called `allow`.
    Variables,
}

pub(super) fn form(key: &str) -> Form {
    match key {
        "create.addresses"
        | "create.gpus"
        | "create.oom_protected"
        | "create.privileged"
        | "create.replaces"
        | "create.rollback"
        | "create.unchanged"
        | "exec.privileged"
        | "images.import" => Form::Flag,
        "create.limits" => Form::Limits,
        "exec.commands" => Form::Commands,
        "create.env.allow" | "exec.env.allow" => Form::Variables,
        key if key.ends_with(".into_privileged") || key.ends_with(".unrestricted") => Form::Flag,
        _ => Form::List,
    }
}

/// The operations that put containers on networks, or off them.
const JOINING: &[Operation] = &[Operation::NetworkConnect, Operation::NetworkDisconnect];

/// The keys without which everything is granted, or more than nothing, with the operations of which each
/// request is held against them. Where none of those asked for anything of theirs, they are empty lists.
pub(super) const NARROWING: &[(&str, &[Operation])] = &[
    ("archive.into", &[Operation::PutContainerArchive]),
    ("archive.paths", &[Operation::PutContainerArchive]),
    ("create.images", MAKING),
    ("create.limits", MAKING),
    ("create.networks", MAKING),
    ("create.ports", MAKING),
    ("create.restart", MAKING),
    ("create.users", MAKING),
    ("create.volumes", MAKING),
    ("exec.commands", RUNNING),
    ("exec.env.allow", RUNNING),
    ("exec.into", RUNNING),
    ("exec.users", RUNNING),
    ("exec.workdirs", RUNNING),
    ("images.pull", &[Operation::ImageCreate]),
    ("images.push", &[Operation::ImagePush]),
    ("images.tags", &[]),
    ("networks.containers", JOINING),
];

pub(super) fn is_narrowing(key: &str) -> bool {
    NARROWING.iter().any(|(narrowing, _)| *narrowing == key)
}

/// The keys whose entries are no patterns.
const EXACT: &[&str] = &[
    "build.networks",
    "create.capabilities",
    "create.devices",
    "create.groups",
    "create.host_namespaces",
    "create.log_drivers",
    "create.restart",
    "create.runtimes",
    "create.tmpfs_options",
    "networks.drivers",
    "volumes.drivers",
];

/// A value as it stands in a key's list, in TOML; `None` where it cannot, or where it would mean more there than
/// what was asked for.
pub(super) fn entry(key: &str, value: &str) -> Option<String> {
    if !is_literal(key, value) {
        return None;
    }
    let entry = match key {
        "archive.paths" => quoted(&format!("{value}:rw")),
        // A list of strings is written alike in JSON.
        "exec.commands" => value.to_owned(),
        // Without a version an image's name grants every one.
        "create.images" | "images.tags" if !has_version(value) => {
            quoted(&format!("{value}:latest"))
        }
        "networks.subnets" => {
            let address = value.parse::<IpAddr>().map(IpNet::from);
            quoted(&address.map_or_else(|_| value.to_owned(), |net| net.to_string()))
        }
        _ => quoted(value),
    };
    let (block, name) = key.split_once('.')?;
    let list = match name {
        "env.allow" => format!("env = {{ allow = [{entry}] }}"),
        name => format!("{name} = [{entry}]"),
    };
    load(&format!("[{block}]\n{list}")).is_ok().then_some(entry)
}

/// Whether the name of an image has a tag or a digest.
fn has_version(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or_default();
    last.contains([':', '@'])
}

/// Whether a key takes a value for itself alone, and not for a pattern, a folder with all that is in it, or
/// whatever has a label.
pub(super) fn is_literal(key: &str, value: &str) -> bool {
    let is_plain = |text: &str| !text.contains(['*', '?']);
    match key {
        "exec.commands" => {
            let argv: Vec<String> = serde_json::from_str(value).unwrap_or_default();
            let more = argv.last().is_none_or(|last| last == "...");
            !more && argv.iter().all(|argument| is_plain(argument))
        }
        // Every version of an image is asked for as such, and the value of an option is not recorded.
        "images.pull" | "images.push" => is_plain(value.strip_suffix(":*").unwrap_or(value)),
        "volumes.options" => is_plain(value.strip_suffix("=*").unwrap_or(value)),
        "create.users" | "exec.users" => !value.starts_with('@'),
        "exec.workdirs" => is_plain(value) && !value.ends_with(":ro") && !value.ends_with(":rw"),
        "archive.into" | "create.join" | "exec.into" | "networks.containers" => {
            is_plain(value)
                && !["label:", "project:"]
                    .iter()
                    .any(|it| value.starts_with(it))
        }
        key => EXACT.contains(&key) || is_plain(value),
    }
}

/// What holds without a key, where that is not nothing: an entry that is added must not take it away.
pub(super) const DEFAULTS: &[(&str, &[&str])] = &[
    ("create.networks", &["@default", "@own"]),
    ("networks.containers", &["@own"]),
    ("networks.drivers", &["bridge", "overlay"]),
    ("volumes.drivers", &["local"]),
];

/// Reads a learned policy, which extends nothing.
pub(super) fn load(text: &str) -> Result<Policy, Vec<Problem>> {
    struct Learned<'a>(&'a str);
    impl Library for Learned<'_> {
        fn read(&self, reference: &str) -> Result<(String, String), Problem> {
            Ok((reference.to_owned(), self.0.to_owned()))
        }
    }
    Policy::load("learned", &Learned(text))
}
