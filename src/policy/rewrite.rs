//! Changes a request before it is sent: names become the ids of the objects that were judged, and what engines would
//! read differently is made explicit.
//!
//! What an engine stores and shows stays as the client wrote it, because clients compare it and send it back:
//! `NetworkMode`, the keys of `EndpointsConfig`, `VolumesFrom` and `Links`. A network's id is added next to its name,
//! where every engine prefers it. A container's name is locked while the request is on its way, see
//! [`names`](super::names). A name that could be the beginning of an id gets the slash with which engines show it.

use super::about::{container_id, network_id, object_id};
use super::names::is_hex;
use super::request::Request;
use super::stamp;
use crate::docker::body::{are_masked_by_engines, are_read_only_by_engines};
use crate::docker::mount::clean_short;
use crate::docker::network::is_user_defined;
use crate::docker::path::cleaned;
use crate::docker::{Block, Call, Document, Json, Operation, Parameters, Subject, ps};
use crate::policy::answers::{self, Answers};
use crate::policy::objects::is_full_id;
use crate::policy::owner::Owner;
use crate::policy::scope::Images;
use crate::policyfile::file::Policy;

/// The request to send: with the ids of the judged objects, and with the labels of the new object.
pub(crate) fn request<'a>(
    mut request: Request<'a>,
    policy: &Policy,
    owner: Option<Owner<'_>>,
    known: &Answers,
) -> Request<'a> {
    let Request { call, body, .. } = &mut request;
    let judged = call.judged();
    let updated = policy.scope.as_ref();
    let updated = updated.and_then(|_| stamp::Updated::of(call, known));
    if let Some(updated) = &updated {
        updated.pin(&mut call.query);
    }
    // Between the verdict and its use, a name can move to another object.
    if !known.is_empty() {
        path(call, known);
        query(call, known);
    }
    explicit_query(call, policy);
    if let Some(body) = body {
        if !known.is_empty() {
            containers(body, known);
            networks(call, body, known);
        }
        explicit_body(judged.body, body);
        let rules = (&policy.blocks, policy.scope.as_deref());
        stamp::labels(judged, body, owner, rules, updated.as_ref());
    }
    let scope = policy.scope.as_ref();
    let limits_images = scope.is_some_and(|scope| scope.images == Images::Scoped);
    // In a scope, the mark says which images the client may change, also where the policy checks nothing else.
    if scope.is_some() || judged.block.is_some_and(|block| policy.judges(block)) {
        stamp::image(call, policy.owner());
    }
    if judged.query == Parameters::Build && limits_images {
        // Otherwise a build could begin with any image that the engine has, or use the steps of others' builds. The
        // registry gives the client what it may have.
        call.query.put("nocache", "1");
        call.query.put("pull", "1");
    }
    request
}

fn path(call: &mut Call, known: &Answers) {
    if let Some(id) = object_id(call, known)
        && let Subject::Operation { names, .. } = &mut call.subject
        && let Some(name) = names.first_mut()
    {
        *name = id;
    }
}

fn query(call: &mut Call, known: &Answers) {
    let parameters = call.judged().query;
    let query = &mut call.query;
    if parameters == Parameters::Commit {
        let name = query.first("container").unwrap_or_default();
        if let Some(id) = container_id(known, name) {
            query.set("container", &id);
        }
    } else if parameters == Parameters::Build {
        let mode = query.first("networkmode").unwrap_or_default();
        if let Some(mode) = with_id(mode, known).or_else(|| network_id(known, mode)) {
            query.set("networkmode", &mode);
        }
    }
}

/// A namespace's mode, with the id of the container that it names.
fn with_id(mode: &str, known: &Answers) -> Option<String> {
    let id = container_id(known, mode.strip_prefix("container:")?)?;
    Some(format!("container:{id}"))
}

/// Replaces the texts for which `to` has another text.
fn change<'j, 'a: 'j>(
    values: impl IntoIterator<Item = &'j mut Json<'a>>,
    to: impl Fn(&str) -> Option<String>,
) {
    for value in values {
        if let Json::Text(text) = value
            && let Some(changed) = to(text)
        {
            *text = changed.into();
        }
    }
}

/// Replaces the containers that a body names.
fn containers(body: &mut Json, known: &Answers) {
    change(body.get_mut("Container"), |name| container_id(known, name));
    let Some(host) = body.get_mut("HostConfig") else {
        return;
    };
    for key in ["IpcMode", "NetworkMode", "PidMode"] {
        change(host.get_mut(key), |mode| with_id(mode, known));
    }
    for key in ["Links", "VolumesFrom"] {
        change(host.items_mut(&[key]), |text| with_whole_name(text, known));
    }
}

/// Makes sure that the name before the colon means the container that was judged, even if that is gone by then. With a
/// slash before it, an engine reads it only as a name, never as the beginning of an id.
fn with_whole_name(text: &str, known: &Answers) -> Option<String> {
    let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
    let container = answers::container(known, name)
        .ok()
        .filter(|_| is_hex(name))?;
    Some(if container.name == name {
        format!("/{text}")
    } else {
        format!("{}{rest}", container.id)
    })
}

/// Adds the ids of the networks that a body names. If no engine shows the name later, the id replaces it.
fn networks(call: &Call, body: &mut Json, known: &Answers) {
    let document = call.judged().body;
    if document == Some(Document::Container) {
        endpoints(body, known);
    } else if document == Some(Document::Endpoint)
        && let Some(id) = call.object().filter(|name| is_full_id(name))
        && let Some(endpoint) = body.get_or_insert("EndpointConfig")
    {
        // Without an id here, the engine looks up the name of the path's network again.
        endpoint.set("NetworkID", Json::Text(id.to_owned().into()));
    }
    // The networks of a service's tasks. The docker command line also sends their ids.
    for path in [&["Networks"][..], &["TaskTemplate", "Networks"]] {
        for attachment in body.items_mut(path) {
            change(attachment.get_mut("Target"), |target| {
                network_id(known, target)
            });
        }
    }
}

/// The path in a container's body to the networks that it joins.
const ENDPOINTS: &[&str] = &["NetworkingConfig", "EndpointsConfig"];

/// Adds the ids of a new container's networks. Without an endpoint, an engine creates one with the network's name.
fn endpoints(body: &mut Json, known: &Answers) {
    let text = |id: String| Json::Text(id.into());
    let mode = body.at("HostConfig").text_at("NetworkMode");
    let joined = answers::network(known, mode)
        .ok()
        .filter(|_| is_user_defined(mode));
    let endpoints = body.at("NetworkingConfig").at("EndpointsConfig");
    if let (Some(network), []) = (joined, endpoints.members())
        && !body.at("NetworkDisabled").is_true()
        && let Some(networking) = body.get_or_insert("NetworkingConfig")
        && let Some(endpoints) = networking.get_or_insert("EndpointsConfig")
        && let Some(endpoint) = endpoints.get_or_insert(&network.name)
    {
        endpoint.set("NetworkID", text(network.id.clone()));
        return;
    }
    for (name, endpoint) in body.members_mut(ENDPOINTS) {
        match network_id(known, name) {
            Some(id) => endpoint.set("NetworkID", text(id)),
            // The engine's own networks are found by name. An id that was not judged is removed.
            None => endpoint.remove(&["NetworkID"]),
        }
    }
}

/// Makes the query explicit. Podman attaches every stream that the query does not name, and accepts only its own
/// booleans. The path of an upload is sent as it was judged.
fn explicit_query(call: &mut Call, policy: &Policy) {
    let (operation, parameters) = (call.operation(), call.judged().query);
    let query = &mut call.query;
    if operation == Some(Operation::ContainerAttach) {
        for key in ["logs", "stderr", "stdout", "stream"] {
            if query.first(key).is_some() {
                query.state(key, query.is_true(key));
            }
        }
        query.state("stdin", query.is_true("stdin"));
    } else if parameters == Parameters::Processes {
        if let Some(arguments) = query.first("ps_args").and_then(ps::harmless) {
            query.set("ps_args", &arguments);
        }
    } else if parameters == Parameters::Archive
        && policy.judges(Block::Archive)
        && policy.blocks.archive.paths.is_some()
        // The daemon rejects an upload without a path.
        && let Some(path) = query.first("path").filter(|path| !path.is_empty())
    {
        let path = cleaned(path).into_owned();
        query.set("path", &path);
    }
}

fn explicit_body(document: Option<Document>, body: &mut Json) {
    if document == Some(Document::Network) {
        // Otherwise Docker before 25 creates a second network with the same name, and the name becomes ambiguous.
        match body.get_mut("CheckDuplicate") {
            Some(stated) => *stated = Json::Bool(true),
            None => body.set("CheckDuplicate", Json::Bool(true)),
        }
    }
    for path in [&["HostConfig"][..], &["TaskTemplate", "ContainerSpec"]] {
        if let Some(of) = body.at_mut(path) {
            sources(of);
        }
    }
    // The daemon fills these in itself. Clients send them back from an inspection, and Podman would read them as a
    // request for this address.
    let filled_in = ["GlobalIPv6Address", "IPAddress"];
    if let Some(endpoint) = body.get_mut("EndpointConfig") {
        endpoint.remove(&filled_in);
    }
    for (_, endpoint) in body.members_mut(ENDPOINTS) {
        endpoint.remove(&filled_in);
    }
    if document == Some(Document::Container)
        && let Some(host) = body.get_mut("HostConfig")
        && !host.at("Privileged").is_true()
    {
        // An engine creates such a list itself, and its list can hide more.
        if are_masked_by_engines(host.at("MaskedPaths")) {
            host.remove(&["MaskedPaths"]);
        }
        if are_read_only_by_engines(host.at("ReadonlyPaths")) {
            host.remove(&["ReadonlyPaths"]);
        }
    }
}

/// Sends the mounted host paths as they were judged.
fn sources(of: &mut Json) {
    change(of.items_mut(&["Binds"]), clean_short);
    for mount in of.items_mut(&["Mounts"]) {
        if mount.text_at("Type") == "bind" {
            change(mount.get_mut("Source"), |path| {
                Some(cleaned(path).into_owned())
            });
        }
    }
}

#[cfg(test)]
mod tests;
