//! Whether a new container is the one that it replaces, with another version of its image.
//!
//! An updater removes a container and creates it again from what inspecting it showed. The new one may have what the
//! old one had, but only all of it and with nothing changed, so that nobody can get a container's privileges for
//! another program.

pub(super) mod sameness;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::answers::{self, Answer, Answers, Lookup, NeedsLookup};
use super::objects::Container;
use super::request::Request;
use crate::docker::{Document, Json, Reference};
use sameness::{is_nothing, is_same, is_within, member, members, texts};

/// Whether a request asks only for what the container that it replaces had.
pub(super) fn is_replacement(request: &Request<'_>, known: &Answers) -> Result<bool, NeedsLookup> {
    Ok(replaced(request, known)?.is_some())
}

/// The container that a request replaces, if it asks only for what that one had.
pub(super) fn replaced<'k>(
    request: &Request<'_>,
    known: &'k Answers,
) -> Result<Option<&'k Container>, NeedsLookup> {
    let compared = compared(request, known)?;
    Ok(compared.and_then(|(old, _)| old))
}

/// Where a container, or its endpoint on a network, differs from the one that it replaces; `None` if it replaces none.
pub(super) fn differences(
    request: &Request<'_>,
    known: &Answers,
) -> Result<Option<Vec<String>>, NeedsLookup> {
    let compared = compared(request, known)?;
    Ok(compared.map(|(_, differences)| differences))
}

type Compared<'k> = Option<(Option<&'k Container>, Vec<String>)>;

/// The differences that are the fewest, and the container that is replaced if there are none.
fn compared<'k>(request: &Request<'_>, known: &'k Answers) -> Result<Compared<'k>, NeedsLookup> {
    let Some(body) = &request.body else {
        return Ok(None);
    };
    let is_create = request.call.judged().body == Some(Document::Container);
    let Some(name) = name(request, body, known)? else {
        return Ok(None);
    };
    let Answer::Containers(olds) = known.need(&Lookup::Predecessor(name))? else {
        return Ok(None);
    };
    // A new container without a name can replace any of them: it gets its name afterwards.
    let mut least: Option<Vec<String>> = None;
    let newest = newest(body, olds);
    for old in newest.iter().rev() {
        let mut differences = if is_create {
            body_differences(body, old)
        } else {
            endpoint_differences(request, body, old)
        };
        if is_create && joins_as_before(body, old, known)? {
            differences.retain(|difference| difference != NETWORK_MODE);
        }
        if differences.is_empty() && is_create {
            differences = unlike_now(body, old, known)?;
        }
        if differences.is_empty() {
            return Ok(Some((Some(&**old), differences)));
        }
        let is_least = |least: &Vec<String>| differences.len() < least.len();
        if least.as_ref().is_none_or(is_least) {
            least = Some(differences);
        }
    }
    if newest.len() < olds.len() {
        let least = least.get_or_insert_default();
        least.insert(0, TOO_LARGE.to_owned());
    }
    Ok(least.map(|least| (None, least)))
}

/// The name of the container that is created, or connected to or disconnected from a network; `None` for other
/// requests.
fn name(
    request: &Request<'_>,
    body: &Json,
    known: &Answers,
) -> Result<Option<String>, NeedsLookup> {
    Ok(match request.call.judged().body {
        Some(Document::Container) => {
            let name = request.call.query.first("name").unwrap_or_default();
            Some(name.trim_start_matches('/').to_owned())
        }
        Some(Document::Endpoint | Document::Leaving) => {
            let name = body.text_at("Container").trim_start_matches('/');
            Some(answers::container(known, name)?.name.clone())
        }
        Some(
            Document::ConfigOrSecret
            | Document::ContainerUpdate
            | Document::Exec
            | Document::ExecStart
            | Document::ImageConfig
            | Document::Network
            | Document::Service
            | Document::ServiceUpdate
            | Document::Volume
            | Document::VolumeUpdate,
        )
        | None => None,
    })
}

/// Where an endpoint on a network differs from the one that the old container had there.
fn endpoint_differences(request: &Request<'_>, body: &Json, old: &Container) -> Vec<String> {
    let network = request.call.object().unwrap_or_default();
    if is_joined(
        body.at("EndpointConfig"),
        networks_of(old).get(network).copied(),
    ) {
        return Vec::new();
    }
    vec!["EndpointConfig".to_owned()]
}

/// The difference that may be only another spelling of the same container.
const NETWORK_MODE: &str = "HostConfig.NetworkMode";

/// Whether a new container joins the network of the same container as the old one. Engines show that container's id.
/// Updaters write its name, because they may have recreated it before: then it must be on the same networks.
fn joins_as_before(body: &Json, old: &Container, known: &Answers) -> Result<bool, NeedsLookup> {
    let joined = (joined(body.at("HostConfig")), joined(&old.host_config));
    let (Some(name), Some(id)) = joined else {
        return Ok(false);
    };
    if name == id {
        return Ok(true);
    }
    let name = name.strip_prefix('/').unwrap_or(name).to_owned();
    let Answer::Container(now) = known.need(&Lookup::Container(name))? else {
        return Ok(false);
    };
    if now.id == id {
        return Ok(true);
    }
    let removed = known.need(&Lookup::Predecessor(now.name.clone()))?;
    let Answer::Containers(removed) = removed else {
        return Ok(false);
    };
    let mut removed = removed.iter();
    Ok(removed.any(|removed| removed.id == id && has_network_of(now, removed)))
}

/// The container whose network this one joins.
fn joined<'j>(host_config: &'j Json<'_>) -> Option<&'j str> {
    host_config
        .text_at("NetworkMode")
        .strip_prefix("container:")
}

/// Whether a container was recreated on the networks of the old one. Then a container that joined the old one's network
/// may join the new one's.
fn has_network_of(new: &Container, old: &Container) -> bool {
    let mode = |of: &Container| network(of.host_config.at("NetworkMode")).to_owned();
    let networks = networks_of(old);
    let mut endpoints = new.networks.members().iter();
    mode(new) == mode(old)
        && is_of_repository(new.config.at("Image"), old.config.at("Image"))
        && endpoints.all(|(name, endpoint)| {
            let was = networks.get(&**name);
            was.is_some_and(|was| endpoint.at("NetworkID") == was.at("NetworkID"))
        })
}

/// Why a replacement with no differences is still denied: the old container is running, or the request leaves out
/// something that the image does not say.
fn unlike_now(body: &Json, old: &Container, known: &Answers) -> Result<Vec<String>, NeedsLookup> {
    let now = known.need(&Lookup::Container(old.id.clone()))?;
    if matches!(now, Answer::Container(now) if now.is_running) {
        return Ok(vec![
            "the old container is still running: stop it first".to_owned(),
        ]);
    }
    let lost = left_out(body, old, &Json::Null);
    if lost.is_empty() || old.image.is_empty() {
        return Ok(lost);
    }
    if let Answer::Image(image) = known.need(&Lookup::Image(old.image.clone()))? {
        return Ok(left_out(body, old, &image.config));
    }
    Ok(lost)
}

/// The difference that is reported when a request was not compared with every container that it could replace.
const TOO_LARGE: &str = "it was compared only with the containers that were removed last, because comparing has a \
                         limit: give it the name of the container that it replaces, or recreate that one first";

/// How many values of bodies and containers are compared for one verdict. A container has a few hundred.
const MOST_COMPARED: usize = 64 * 1024;

/// The newest of the removed containers, as many as may be compared with a body. A client can make both sides large,
/// and skipping a container only denies.
fn newest<'o>(body: &Json, olds: &'o [Arc<Container>]) -> &'o [Arc<Container>] {
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

/// How many values a value contains, including itself.
fn size(value: &Json) -> usize {
    1 + match value {
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => 0,
        Json::List(values) => values.iter().map(size).sum(),
        Json::Object(members) => members.iter().map(|(_, value)| size(value)).sum(),
    }
}

/// Where a new container differs from the one that it replaces.
fn body_differences(body: &Json, old: &Container) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in body.members() {
        let was = old.config.at(key);
        let is_same = match &**key {
            "HostConfig" => {
                host_config(value, &old.host_config, &mut found);
                true
            }
            "NetworkingConfig" => {
                let networks = networks_of(old);
                for (network, endpoint) in value.at("EndpointsConfig").members() {
                    if !is_joined(endpoint, networks.get(&**network).copied()) {
                        found.push(format!("NetworkingConfig.EndpointsConfig.{network}"));
                    }
                }
                true
            }
            "Image" => is_of_repository(value, was),
            // Unlike the words of a command, variables mean the same in any order.
            "Env" => texts(value).is_subset(&texts(was)),
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

/// What updaters leave out if the old image says the same, so that the new image can say it.
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

/// What the old container had beyond what its image says, and the new one does not have.
fn left_out(body: &Json, old: &Container, image: &Json) -> Vec<String> {
    let is_kept = |key: &str| {
        let (new, was, said) = (body.at(key), old.config.at(key), image.at(key));
        if key == "Env" {
            let kept: HashSet<_> = texts(new).union(&texts(said)).copied().collect();
            return texts(was).is_subset(&kept);
        }
        if let Json::Object(had) = was {
            let (new, said) = (members(new), members(said));
            return had.iter().all(|(key, value)| {
                is_nothing(value)
                    || is_same(member(&new, key), value)
                    || is_same(member(&said, key), value)
            });
        }
        is_nothing(was) || is_same(new, was) || (is_nothing(new) && is_same(was, said))
    };
    let shortfall = SAID_BY_IMAGES.iter().filter(|key| !is_kept(key));
    shortfall.map(|key| (*key).to_owned()).collect()
}

/// The endpoints of a container, by the names and the ids of their networks.
fn networks_of(old: &Container) -> HashMap<&str, &Json<'static>> {
    let mut networks = HashMap::new();
    for (name, was) in old.networks.members() {
        #[cfg(test)]
        tests::count();
        for key in [Some(&**name), was.at("NetworkID").text()]
            .into_iter()
            .flatten()
        {
            networks.entry(key).or_insert(was);
        }
    }
    networks
}

/// Whether an endpoint on a network is the one that the old container had there.
fn is_joined(endpoint: &Json, was: Option<&Json>) -> bool {
    let Some(was) = was else {
        return false;
    };
    endpoint.members().iter().all(|(key, value)| match &**key {
        "Aliases" | "DNSNames" => {
            let mut had = texts(was.at("Aliases"));
            had.extend(texts(was.at("DNSNames")));
            texts(value).is_subset(&had)
        }
        "DriverOpts" | "GwPriority" | "IPAMConfig" | "Links" | "MacAddress" | "NetworkID" => {
            is_nothing(value) || is_same(value, was.at(key))
        }
        // The daemon fills in the others.
        _ => true,
    })
}

/// Every setting in `HostConfig` must be what it was, left out or not.
fn host_config(new: &Json, old: &Json, found: &mut Vec<String>) {
    let (new, old) = (members(new), members(old));
    let keys: BTreeSet<_> = new.keys().chain(old.keys()).copied().collect();
    for key in keys {
        let (new, old) = (member(&new, key), member(&old, key));
        let is_same = match key {
            "Links" => links(new) == links(old),
            "NetworkMode" => network(new) == network(old),
            // Updaters leave these out because some kernels reject them. They give the container nothing.
            "MemorySwappiness" | "OomKillDisable" => true,
            // Without a list the daemon uses its own, and an empty list hides nothing.
            "MaskedPaths" | "ReadonlyPaths" => new == old || new.is_null(),
            _ => is_same(new, old),
        };
        if !is_same {
            found.push(format!("HostConfig.{key}"));
        }
    }
}

/// A link as a client sends it, and as the daemon shows it: `/db:/web/alias`.
fn links<'j>(value: &'j Json<'_>) -> Vec<(&'j str, &'j str)> {
    let link = |text: &'j str| {
        let (name, alias) = text.split_once(':').unwrap_or((text, text));
        let alias = alias.rsplit('/').next().unwrap_or_default();
        (name.trim_start_matches('/'), alias)
    };
    value.texts().map(link).collect()
}

fn network<'j>(value: &'j Json<'_>) -> &'j str {
    match value.text().unwrap_or_default() {
        "" | "bridge" => "default",
        name => name,
    }
}

fn is_of_repository(new: &Json, old: &Json) -> bool {
    let (Some(new), Some(old)) = (new.text(), old.text()) else {
        return false;
    };
    let repository = |text| Reference::parse(text).map(|reference| reference.repository);
    new == old || repository(new).is_ok_and(|new| repository(old) == Ok(new))
}

fn has_address(value: &Json, old: &Container) -> bool {
    let mut endpoints = old.networks.members().iter();
    endpoints.any(|(_, endpoint)| endpoint.get("MacAddress") == Some(value))
}

#[cfg(test)]
mod tests;
