//! Changes a request before it is sent: names become the ids of the objects that were judged, and what engines would
//! read in different ways is stated.
//!
//! What an engine stores and shows again stays as the client wrote it, as clients compare it and send it
//! back: `NetworkMode`, the keys of `EndpointsConfig`, `VolumesFrom` and `Links`. A network's id goes
//! beside its name, where every engine prefers it. A container's name is held still while the request is
//! on its way, as [`names`](super::names) says; one that could be the beginning of an id gets the slash
//! that engines show it with.

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
use crate::policyfile::file::Policy;

/// A request as it is sent: with what it was evaluated by, and the labels of what it makes.
pub(crate) fn request<'a>(
    mut request: Request<'a>,
    policy: &Policy,
    mark: Option<&str>,
    known: &Answers,
) -> Request<'a> {
    let Request { call, body, .. } = &mut request;
    let judged = call.judged();
    // Between the judgement and its use a name may go to another object.
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
        stamp::labels(judged, body, mark, &policy.blocks);
    }
    if judged.block.is_some_and(|block| policy.judges(block)) {
        stamp::image(call, &policy.mark);
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

/// The mode of a namespace, with the id of the container that it names.
fn with_id(mode: &str, known: &Answers) -> Option<String> {
    let id = container_id(known, mode.strip_prefix("container:")?)?;
    Some(format!("container:{id}"))
}

/// Replaces the texts that `to` has another text for.
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

/// The containers that a body names.
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

/// Makes sure that what stands before the colon means the container that was judged, even if that is
/// gone by then: with a slash before it, an engine takes it for a name and never for the beginning of an
/// id.
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

/// Puts the ids of the networks that a body names beside their names, or in their place where nothing
/// shows them again.
fn networks(call: &Call, body: &mut Json, known: &Answers) {
    let document = call.judged().body;
    if document == Some(Document::Container) {
        endpoints(body, known);
    } else if document == Some(Document::Endpoint)
        && let Some(id) = call.object().filter(|name| is_full_id(name))
        && let Some(endpoint) = body.get_or_insert("EndpointConfig")
    {
        // The engine takes the name of the path's network again, unless there is an id here too.
        endpoint.set("NetworkID", Json::Text(id.to_owned().into()));
    }
    // Those of a service's tasks, which a client's command line names by their ids as well.
    for path in [&["Networks"][..], &["TaskTemplate", "Networks"]] {
        for attachment in body.items_mut(path) {
            change(attachment.get_mut("Target"), |target| {
                network_id(known, target)
            });
        }
    }
}

/// Where a container's body has the networks that it is put on.
const ENDPOINTS: &[&str] = &["NetworkingConfig", "EndpointsConfig"];

/// The networks of a new container. Without an endpoint, an engine makes one under the network's name.
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
            // The engine's own networks are found by their names; what was not judged by an id has none.
            None => endpoint.remove(&["NetworkID"]),
        }
    }
}

/// Says in the query what was read from it. Podman attaches everything that an attach does not name, and
/// knows no booleans but its own. The path of an upload is sent as it was judged.
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
        // Without a path the daemon denies it.
        && let Some(path) = query.first("path").filter(|path| !path.is_empty())
    {
        let path = cleaned(path).into_owned();
        query.set("path", &path);
    }
}

/// Says in the body what was read from it.
fn explicit_body(document: Option<Document>, body: &mut Json) {
    if document == Some(Document::Network) {
        // Docker before 25 makes a second network of the same name otherwise, which makes the name useless.
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
    // What the daemon fills in itself: clients send it back from an inspection, and Podman takes the address for one
    // that is asked for.
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
        // An engine makes such a list by itself, which may hide more.
        if are_masked_by_engines(host.at("MaskedPaths")) {
            host.remove(&["MaskedPaths"]);
        }
        if are_read_only_by_engines(host.at("ReadonlyPaths")) {
            host.remove(&["ReadonlyPaths"]);
        }
    }
}

/// Has the paths of the host that are mounted sent as they were judged.
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
