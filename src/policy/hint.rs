//! What to write for a need to be granted.
//!
//! A hint that is followed to the letter grants the need: a test follows every one. Its parts are joined by
//! ` and `, and each is `add VALUE to KEY`, `set KEY = VALUE` or `take VALUE out of KEY`. What no key can grant
//! is for the client to change: `have the client …`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::blocks::pattern::leads_up;
use super::blocks::{Blocks, Users, Variables};
use crate::docker::json::{quoted, shortened};
use crate::docker::path::is_clean;
use crate::docker::reference::is_on_host;
use crate::docker::{Object, Reference};
use crate::policy::requirement::{
    Block, EVERY_VERSION, Limits, Made, RESERVED, Requirement, Variable, What, Within,
};

/// What a policy says of what is hinted at.
#[derive(Clone, Copy)]
pub struct Hints<'a> {
    /// Its blocks.
    pub blocks: &'a Blocks,
    /// The container that is entered, where it has more than they give one.
    pub entered: Option<&'a Entered>,
}

/// A container that is entered and has more than a policy gives one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// Its name.
    pub name: String,
    /// What that is; nothing where it cannot be read.
    pub has: Vec<Requirement>,
}

impl Hints<'_> {
    /// What to write for a need to be granted that is not; `None` where nothing helps.
    #[must_use]
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what has no words of its own has those of its key"
    )]
    pub fn way(&self, what: &What) -> Option<String> {
        if let What::NewId(Object::Volume, _) = what {
            return Some([CLIENT, "give the volume a name that does not read as an id"].concat());
        }
        let (block, name) = what.key()?;
        let key = format!("{}.{name}", block.name());
        Some(match what {
            What::Mark { .. } => return None,
            What::Label { key, .. } if key.starts_with(RESERVED) => return None,
            What::Label { key, .. } => self.label(key),
            What::Limits(limits) => self.limits(limits),
            What::Env(variable) => variable_way(variable, &self.blocks.create.env, true, "create"),
            What::Within(Within::ExecEnv(variable)) => {
                let exec = &self.blocks.exec;
                variable_way(variable, &exec.env, exec.commands.is_none(), "exec")
            }
            What::Within(Within::IntoPrivileged(block)) => self.into(*block),
            What::Within(Within::Command(argv)) => command(argv, &key),
            What::Start(_) => format!("name every network that it is on now in {key}"),
            What::Made(Made::VolumeOption { key: option, .. }) if is_option(what) => {
                let option = quoted(&[shortened(option), "="].concat());
                // It may hold the password of a file server.
                format!("add {option} with its value to {key}")
            }
            What::Made(Made::Tag(name)) if name == "*" => {
                format!("set {key} = [\"*\"] (which names a tar holds is not read)")
            }
            _ => match what.value() {
                None => format!("set {key} = true"),
                Some(value) => self.entry(what, &value, &key),
            },
        })
    }

    /// What to write for a value that is an entry of its key, if it can be one.
    fn entry(&self, what: &What, value: &str, key: &str) -> String {
        if value.is_empty() {
            return format!("{CLIENT}name one of {key}");
        }
        let entry = match for_key(what, value) {
            Ok(entry) => entry,
            Err(change) => return format!("{CLIENT}{change}"),
        };
        if shortened(&entry).len() < entry.len() {
            return format!("add it, whole, to {key}");
        }
        let shown = quoted(&entry);
        let more = self.beside(key);
        if let What::Made(Made::Pull(name) | Made::Push(name)) = what
            && is_on_host(name)
        {
            return format!(
                "add {shown} to {key} (a registry on the host itself must be named, and then all others too)"
            );
        }
        format!("add {shown} to {key}{more}")
    }

    /// What holds without a key, where that holds: a list that is written takes its place.
    fn beside(&self, key: &str) -> &'static str {
        let Blocks {
            create,
            images,
            networks,
            volumes,
            ..
        } = self.blocks;
        let (joined, mounted, tags) = (&create.networks, &create.volumes, &images.tags);
        let is_own_alone = |own: bool, other: bool| own && !other;
        match key {
            "create.networks"
                if is_own_alone(joined.own, joined.project)
                    && joined.default
                    && joined.names.is_empty() =>
            {
                ", beside \"@default\" and \"@own\""
            }
            "create.volumes"
                if is_own_alone(mounted.own, mounted.project)
                    && mounted.new
                    && mounted.names.is_empty() =>
            {
                ", beside \"@own\" and \"@new\""
            }
            "images.tags" if tags.own && tags.new && tags.names.is_empty() => {
                ", beside \"@own\" and \"@new\""
            }
            "networks.containers" if networks.containers.are_own() => ", beside \"@own\"",
            "networks.drivers" if networks.drivers.are(&["bridge", "overlay"]) => {
                ", beside \"bridge\" and \"overlay\""
            }
            "volumes.drivers" if volumes.drivers.are(&["local"]) => ", beside \"local\"",
            _ => "",
        }
    }

    fn label(&self, key: &str) -> String {
        let labels = &self.blocks.create.labels;
        if labels.stamps().any(|(stamped, _)| stamped == key) {
            let key = quoted(shortened(key));
            return format!(
                "take {key} out of create.labels.stamp, which sets it to another value"
            );
        }
        taken_out(labels.forbidden(key), "create.labels.forbid")
    }

    fn limits(&self, limits: &Limits) -> String {
        let beyond = self.blocks.create.limits.beyond(limits);
        let mut keys: Vec<_> = beyond.iter().map(|beyond| beyond.key).collect();
        keys.dedup();
        let keys = keys.join(" and ");
        format!("have the client set less, or raise {keys} in create.limits or leave it out")
    }

    /// The narrowest keys that grant what a container has that is entered, or the one that grants all of it.
    fn into(&self, block: Block) -> String {
        let has = self.entered.map_or(&[][..], |entered| &entered.has);
        // What it has no client can change any more.
        let is_narrow =
            |what: &What, way: &str| !matches!(what, What::Unnamed(_)) && !way.starts_with(CLIENT);
        let ways = has.iter().map(|requirement| {
            let way = self.way(&requirement.what)?;
            is_narrow(&requirement.what, &way).then_some(way)
        });
        match ways.collect::<Option<Vec<_>>>() {
            Some(mut ways) if !ways.is_empty() => {
                ways.dedup();
                ways.join(" and ")
            }
            Some(_) | None => format!("set {}.into_privileged = true", block.name()),
        }
    }
}

/// What a hint begins with that no policy can follow.
const CLIENT: &str = "have the client ";

/// A value as the entry of its key that grants it, or what the client must do for it to be one.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most values are entries as they are"
)]
fn for_key(what: &What, value: &str) -> Result<String, &'static str> {
    let entry = match what {
        What::Bind { path, access } => path_entry(path, &[":", access.mode()].concat()),
        What::Within(Within::ArchivePath(path)) if !is_clean(path) => {
            return Err("write it without `..` and backslash, or leave archive.paths out");
        }
        What::Within(Within::ArchivePath(path)) => path_entry(path, ":rw"),
        What::Within(Within::ExecWorkdir(path)) if !is_clean(path) => {
            return Err("start in an absolute path without `..`, `.`, `//` and a slash at its end");
        }
        What::Within(Within::ExecWorkdir(path)) => {
            path_entry(path, if path.contains(':') { ":ro" } else { "" })
        }
        What::Image(name) if Reference::parse(name).is_err() => {
            return Err(
                "name the image, such as alpine:3.20, and add that to create.images: no key allows an id",
            );
        }
        What::Made(Made::Pull(name) | Made::Push(name)) if !is_reference(name) => {
            return Err(
                "send a reference that images.pull and images.push can have, such as alpine:3.20",
            );
        }
        What::Made(Made::Tag(name)) if Reference::of_tag(name).is_none() => {
            return Err("give the image a valid name");
        }
        What::User(user) | What::Within(Within::ExecUser(user)) if !Users::is_entry(user) => {
            return Err(
                "send the number of the user, and add that: the image decides what a name means",
            );
        }
        What::Port(port) if !port.address.is_empty() && port.address.parse::<IpAddr>().is_err() => {
            return Err("send an IP address for the port");
        }
        What::Made(Made::Subnet(subnet)) => {
            as_range(subnet).ok_or("send an address range, such as 10.200.0.0/24")?
        }
        What::Made(Made::NetworkOption { .. } | Made::VolumeOption { .. }) if !is_option(what) => {
            return Err(
                "leave the option out (no entry has a `=` in its name or a `..` in its value)",
            );
        }
        What::Made(Made::BuildRemote(address)) if leads_up(address) => {
            return Err("send an address without `..`");
        }
        What::Image(_) | What::Made(Made::Pull(_) | Made::Push(_) | Made::Tag(_)) => {
            of_hub(value).unwrap_or_else(|| value.to_owned())
        }
        _ => value.to_owned(),
    };
    // What begins so is a word of the policy's, and no name.
    let is_word = WORDS.contains(&&*entry) || !entry.starts_with('@');
    Ok(if is_word {
        entry
    } else {
        entry.replacen('@', "?", 1)
    })
}

/// Whether an image that is moved, in one version or in every one, can be an entry.
fn is_reference(name: &str) -> bool {
    Reference::parse(name.strip_suffix(EVERY_VERSION).unwrap_or(name)).is_ok()
}

/// An image of Docker Hub as an entry names it, where the registry is written out.
fn of_hub(name: &str) -> Option<String> {
    let rest = name.strip_prefix("index.").unwrap_or(name);
    let rest = rest.strip_prefix("docker.io/")?;
    let library = if rest.contains('/') { "" } else { "library/" };
    Some(["docker.io/", library, rest].concat())
}

/// What is not a name in a list of names.
const WORDS: &[&str] = &["@default", "@new", "@own", "@project"];

/// A path, or the folder that it is in where an entry cannot name it alone.
fn path_entry(path: &str, mode: &str) -> String {
    match path.split_once('*') {
        Some((before, _)) => {
            let folder = before.rsplit_once('/').map_or("", |(folder, _)| folder);
            [folder, "/**", mode].concat()
        }
        None => [path, mode].concat(),
    }
}

fn as_range(subnet: &str) -> Option<String> {
    let range = subnet.parse::<IpNet>();
    let range = range.or_else(|_| subnet.parse::<IpAddr>().map(IpNet::from));
    range.ok().map(|range| range.to_string())
}

/// Whether an option of a driver can be an entry of its key.
fn is_option(what: &What) -> bool {
    if let What::Made(Made::NetworkOption { key, value } | Made::VolumeOption { key, value }) = what
    {
        !key.contains('=') && !key.is_empty() && !leads_up(value)
    } else {
        false
    }
}

/// What to write for a variable, where it is forbidden and where it is only not among those that are allowed.
fn variable_way(variable: &Variable, of: &Variables, otherwise: bool, block: &str) -> String {
    let mut ways = Vec::new();
    if of.forbids(&variable.name) {
        ways.push(taken_out(
            of.forbidding(&variable.name),
            &format!("{block}.env.forbid"),
        ));
    }
    if !of.allows(variable, otherwise) {
        let name = quoted(shortened(&variable.name));
        ways.push(format!("add {name} to {block}.env.allow"));
    }
    ways.join(" and ")
}

/// What to write for what these patterns forbid.
fn taken_out(patterns: impl Iterator<Item = String>, key: &str) -> String {
    let taken = patterns.map(|pattern| format!("take {} out of {key}", quoted(&pattern)));
    taken.collect::<Vec<_>>().join(" and ")
}

/// What to write for a command. Its arguments may hold secrets, and a denial is on record.
fn command(argv: &[String], key: &str) -> String {
    let program = argv.first().map(|program| quoted(shortened(program)));
    match (program, argv.len()) {
        (None, _) => format!("{CLIENT}name a program"),
        (Some(program), 1) => format!("add [{program}] to {key}"),
        (Some(program), 2) => format!("add a list of {program} and its argument to {key}"),
        (Some(program), count) => {
            format!(
                "add a list of {program} and its {} arguments to {key}",
                count - 1
            )
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
