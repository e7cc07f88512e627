//! Whether a container is the one that it takes the place of, with another version of its image.
//!
//! An updater takes a container away and makes it again from its inspection. It is granted what the old
//! one had as a whole and with nothing changed, so that nobody can get a container's privileges for
//! another program.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::docker::{Json, Reference};
use crate::policy::objects::Container;

/// How many values of bodies and containers are compared for one verdict. A container has a few hundred.
pub const MOST_COMPARED: usize = 64 * 1024;

/// The newest of the containers that were taken away, as many as are compared with a body. A client can make
/// both sides large, and skipping a container only denies.
#[must_use]
pub fn newest<'o>(body: &Json, olds: &'o [Arc<Container>]) -> &'o [Arc<Container>] {
    let of_body = size(body);
    let mut compared = 0;
    let fitting = olds.iter().rev().take_while(|old| {
        let parts = [&old.config, &old.host_config, &old.networks];
        compared += of_body + parts.map(size).iter().sum::<usize>();
        compared <= MOST_COMPARED
    });
    let skipped = olds.len() - fitting.count();
    olds.get(skipped..).unwrap_or_default()
}

/// How many values a value has in it, itself among them.
fn size(value: &Json) -> usize {
    1 + match value {
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => 0,
        Json::List(values) => values.iter().map(size).sum(),
        Json::Object(members) => members.iter().map(|(_, value)| size(value)).sum(),
    }
}

/// Where a new container is not the one that it takes the place of; empty if it is.
#[must_use]
pub fn differences(body: &Json, old: &Container) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in body.members() {
        let was = old.config.get(key);
        let is_same = match &**key {
            "HostConfig" => {
                host_config(value, &old.host_config, &mut found);
                true
            }
            "NetworkingConfig" => {
                let endpoints = value.get("EndpointsConfig").map_or(&[][..], Json::members);
                let networks = networks_of(old);
                for (network, endpoint) in endpoints {
                    if !is_joined(endpoint, networks.get(&**network).copied()) {
                        found.push(format!("NetworkingConfig.EndpointsConfig.{network}"));
                    }
                }
                true
            }
            "Image" => is_of_repository(value, was),
            // Their order is not their meaning, as that of a command's words is.
            "Env" => texts(Some(value)).is_subset(&texts(was)),
            "MacAddress" => is_within(value, was) || has_address(value, old),
            _ => is_within(value, was),
        };
        if !is_same {
            found.push(key.to_string());
        }
    }
    if body.get("Image").is_none() {
        found.push("Image".to_owned());
    }
    if body.get("HostConfig").is_none() {
        host_config(&Json::Null, &old.host_config, &mut found);
    }
    found
}

/// What updaters leave out where the old image says the same, as the new one is to say it then.
const SAID_BY_IMAGES: &[&str] = &[
    "Cmd",
    "Entrypoint",
    "Env",
    "Healthcheck",
    "Labels",
    "StopSignal",
    "User",
    "WorkingDir",
];

/// What the old container had of its own, beyond what its image says, and the new one does not have.
#[must_use]
pub fn left_out(body: &Json, old: &Container, image: &Json) -> Vec<String> {
    let is_kept = |key: &str| {
        let (new, was, said) = (body.get(key), old.config.get(key), image.get(key));
        match (key, was) {
            ("Env", was @ Some(_)) => {
                let kept: HashSet<_> = texts(new).union(&texts(said)).copied().collect();
                texts(was).is_subset(&kept)
            }
            (_, Some(Json::Object(had))) => {
                let (new, said) = (members(new), members(said));
                had.iter().all(|(key, value)| {
                    let is_in =
                        |of: &HashMap<&str, &Json>| is_same(of.get(&**key).copied(), Some(value));
                    is_nothing(value) || is_in(&new) || is_in(&said)
                })
            }
            (_, was) => is_none(was) || is_same(new, was) || (is_none(new) && is_same(was, said)),
        }
    };
    let shortfall = SAID_BY_IMAGES.iter().filter(|key| !is_kept(key));
    shortfall.map(|key| (*key).to_owned()).collect()
}

/// Whether a container may be put on a network as the old one was.
#[must_use]
pub fn joins(network: &str, endpoint: &Json, old: &Container) -> bool {
    is_joined(endpoint, networks_of(old).get(network).copied())
}

/// The networks that a container was on, by their names and ids.
fn networks_of(old: &Container) -> HashMap<&str, &Json<'static>> {
    let mut networks = HashMap::new();
    for (name, was) in old.networks.members() {
        #[cfg(test)]
        tests::count();
        let id = was.get("NetworkID").and_then(Json::text);
        for key in [Some(&**name), id].into_iter().flatten() {
            networks.entry(key).or_insert(was);
        }
    }
    networks
}

/// Whether a place on a network is the one that the old container had there.
fn is_joined(endpoint: &Json, was: Option<&Json>) -> bool {
    let Some(was) = was else {
        return false;
    };
    endpoint.members().iter().all(|(key, value)| match &**key {
        "Aliases" | "DNSNames" => {
            let mut had = texts(was.get("Aliases"));
            had.extend(texts(was.get("DNSNames")));
            texts(Some(value)).is_subset(&had)
        }
        "DriverOpts" | "GwPriority" | "IPAMConfig" | "Links" | "MacAddress" | "NetworkID" => {
            is_nothing(value) || is_same(Some(value), was.get(key))
        }
        // What the daemon fills in itself.
        _ => true,
    })
}

/// Every setting of the host's side must be what it was, left out or not.
fn host_config(new: &Json, old: &Json, found: &mut Vec<String>) {
    let (new, old) = (members(Some(new)), members(Some(old)));
    let keys: BTreeSet<_> = new.keys().chain(old.keys()).copied().collect();
    for key in keys {
        let (new, old) = (new.get(key).copied(), old.get(key).copied());
        let is_same = match key {
            "Links" => links(new) == links(old),
            "NetworkMode" => network(new) == network(old),
            // Updaters leave out what some kernels refuse; it is no grant.
            "MemorySwappiness" | "OomKillDisable" => true,
            // Here nothing is the daemon's own list, and an empty one hides nothing.
            "MaskedPaths" | "ReadonlyPaths" => new == old || matches!(new, None | Some(Json::Null)),
            _ => is_same(new, old),
        };
        if !is_same {
            found.push(format!("HostConfig.{key}"));
        }
    }
}

/// A link as a client sends it, and as the daemon shows it: `/db:/web/alias`.
fn links(value: Option<&Json>) -> Vec<(String, String)> {
    let link = |text: &str| {
        let (name, alias) = text.split_once(':').unwrap_or((text, text));
        let alias = alias.rsplit('/').next().unwrap_or_default();
        (name.trim_start_matches('/').to_owned(), alias.to_owned())
    };
    value.into_iter().flat_map(Json::texts).map(link).collect()
}

fn network<'a>(value: Option<&'a Json<'a>>) -> &'a str {
    match value.and_then(Json::text).unwrap_or_default() {
        "" | "bridge" => "default",
        name => name,
    }
}

/// Whether two values say the same: the order of an object's members says nothing, nor does a member
/// that is nothing.
pub(crate) fn is_same(new: Option<&Json>, old: Option<&Json>) -> bool {
    #[cfg(test)]
    tests::count();
    match (new, old) {
        (new @ Some(Json::Object(_)), old @ Some(Json::Object(_))) => {
            let (new, old) = (members(new), members(old));
            // Each once: twice at every level would be beyond all bounds in a few dozen of them.
            let only_old = old.keys().filter(|key| !new.contains_key(*key));
            let mut keys = new.keys().chain(only_old);
            keys.all(|key| is_same(new.get(key).copied(), old.get(key).copied()))
        }
        (Some(Json::List(values)), Some(Json::List(had))) if values.len() == had.len() => {
            let mut pairs = values.iter().zip(had);
            pairs.all(|(new, old)| is_same(Some(new), Some(old)))
        }
        (new, old) => new == old || (is_none(new) && is_none(old)),
    }
}

/// The texts of a list, of which the order says nothing. Both sides may be long, and a client has both of
/// them in its hand, so that they are never compared one by one.
fn texts<'j>(value: Option<&'j Json<'_>>) -> HashSet<&'j str> {
    value.into_iter().flat_map(Json::texts).collect()
}

/// The members of an object by their keys, for the same reason.
fn members<'j, 'a>(value: Option<&'j Json<'a>>) -> HashMap<&'j str, &'j Json<'a>> {
    let members = value.map_or(&[][..], Json::members).iter();
    members.map(|(key, value)| (&**key, value)).collect()
}

fn is_none(value: Option<&Json>) -> bool {
    value.is_none_or(is_nothing)
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::Bool(true) => false,
        Json::Number(number) => number == "0",
        Json::Text(text) => text.is_empty(),
        Json::List(values) => values.iter().all(is_nothing),
        Json::Object(members) => members.iter().all(|(_, value)| is_nothing(value)),
    }
}

/// Whether a value is the old one or a part of it: updaters leave out what the image says itself.
fn is_within(new: &Json, old: Option<&Json>) -> bool {
    if is_nothing(new) || is_same(Some(new), old) {
        return true;
    }
    let old = members(old);
    let mut members = new.members().iter();
    matches!(new, Json::Object(_))
        && members.all(|(key, value)| is_same(Some(value), old.get(&**key).copied()))
}

fn is_of_repository(new: &Json, old: Option<&Json>) -> bool {
    let text = |value: Option<&Json>| value.and_then(Json::text).map(str::to_owned);
    let (Some(new), Some(old)) = (text(Some(new)), text(old)) else {
        return false;
    };
    let repository = |text: &str| Reference::parse(text).map(|reference| reference.repository);
    new == old || repository(&new).is_ok_and(|new| repository(&old) == Ok(new))
}

fn has_address(value: &Json, old: &Container) -> bool {
    let mut endpoints = old.networks.members().iter();
    endpoints.any(|(_, endpoint)| endpoint.get("MacAddress") == Some(value))
}

#[cfg(test)]
mod tests;
