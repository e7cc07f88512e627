//! What is sent instead of what was asked: the ids of the objects that were judged.
//!
//! What an engine stores and shows again stays as the client wrote it, as clients compare it and send it
//! back: `NetworkMode`, the keys of `EndpointsConfig`, `VolumesFrom` and `Links`. A network's id goes
//! beside its name, where every engine prefers it. A container's name is held still while the request is
//! on its way, as [`names`](super::names) says; one that could be the beginning of an id gets the slash
//! that engines show it with.

mod explicit;

use super::about::{container_id, network_id, object_id};
use super::names::is_hex;
use super::request::Request;
use super::stamp;
use crate::docker::network::is_user_defined;
use crate::docker::{Block, Call, Json, Operation, Subject};
use crate::policy::answers::{self, Answer, Answers, Lookup};
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
    objects(call, body.as_mut(), known);
    explicit::query(call);
    if policy.judges(Block::Archive) && policy.blocks().archive.paths.is_some() {
        explicit::archive_path(call);
    }
    let operation = call.operation();
    if let (Some(operation), Some(body)) = (operation, body) {
        explicit::body(operation, body);
        stamp::labels(operation, body, mark, policy.blocks());
    }
    let block = call.judged().block;
    if block.is_some_and(|block| policy.judges(block)) {
        stamp::image(call, policy.mark());
    }
    request
}

/// Puts the ids of what was looked up in the place of names: between the judgement and its use a name may
/// go to another object.
fn objects(call: &mut Call, body: Option<&mut Json>, known: &Answers) {
    if known.is_empty() {
        return;
    }
    path(call, known);
    query(call, known);
    if let Some(body) = body {
        containers(body, known);
        networks(call, body, known);
    }
}

fn path(call: &mut Call, known: &Answers) {
    let id = object_id(call, known);
    let Subject::Operation { names, .. } = &mut call.subject else {
        return;
    };
    if let (Some(id), Some(name)) = (id, names.first_mut()) {
        *name = id;
    }
}

fn query(call: &mut Call, known: &Answers) {
    if call.operation() == Some(Operation::ImageCommit) {
        let name = call.query.first("container");
        if let Some(id) = name.and_then(|name| container_id(known, name)) {
            call.query.set("container", &id);
        }
    }
    if call.operation() == Some(Operation::ImageBuild) {
        let mode = call.query.first("networkmode").unwrap_or_default();
        let pinned = match mode.strip_prefix("container:") {
            Some(name) => container_id(known, name).map(|id| format!("container:{id}")),
            None => network_id(known, mode),
        };
        if let Some(mode) = pinned {
            call.query.set("networkmode", &mode);
        }
    }
}

/// The containers that a body names.
fn containers(body: &mut Json, known: &Answers) {
    if let Some(Json::Text(text)) = body.get_mut("Container")
        && let Some(id) = container_id(known, text)
    {
        *text = id.into();
    }
    if let Some(host) = body.get_mut("HostConfig") {
        for key in ["IpcMode", "NetworkMode", "PidMode"] {
            if let Some(Json::Text(text)) = host.get_mut(key)
                && let Some(name) = text.strip_prefix("container:")
                && let Some(id) = container_id(known, name)
            {
                *text = format!("container:{id}").into();
            }
        }
        for key in ["Links", "VolumesFrom"] {
            if let Some(Json::List(texts)) = host.get_mut(key) {
                for text in texts {
                    first_part(text, known);
                }
            }
        }
    }
}

/// Makes sure that what stands before the colon means the container that was judged, even if that is
/// gone by then: with a slash before it, an engine takes it for a name and never for the beginning of an
/// id.
fn first_part(value: &mut Json, known: &Answers) {
    let Json::Text(text) = value else {
        return;
    };
    let (name, rest) = match text.split_once(':') {
        Some((name, rest)) => (name, Some(rest)),
        None => (&**text, None),
    };
    let container = answers::container(known, name).ok();
    let Some(container) = container.filter(|_| is_hex(name)) else {
        return;
    };
    let meant = if container.name == name {
        format!("/{name}")
    } else {
        container.id.clone()
    };
    *text = match rest {
        Some(rest) => format!("{meant}:{rest}"),
        None => meant,
    }
    .into();
}

/// Puts the ids of the networks that a body names beside their names, or in their place where nothing
/// shows them again.
fn networks(call: &Call, body: &mut Json, known: &Answers) {
    if call.operation() == Some(Operation::ContainerCreate) {
        endpoints(body, known);
    } else if call.operation() == Some(Operation::NetworkConnect)
        && let Some(id) = call.object().filter(|name| is_full_id(name))
        && let Some(endpoint) = object_mut(body, "EndpointConfig")
    {
        // The engine takes the name of the path's network again, unless there is an id here too.
        set(endpoint, "NetworkID", id);
    }
    // Those of services; a null stands for none.
    targets(body, known);
    if let Some(task) = body.get_mut("TaskTemplate") {
        targets(task, known);
    }
}

/// The networks of a new container. Without an endpoint, an engine makes one under the network's name.
fn endpoints(body: &mut Json, known: &Answers) {
    let mode = body
        .get("HostConfig")
        .and_then(|host| host.get("NetworkMode"));
    let mode = mode.and_then(Json::text).unwrap_or_default();
    let joined = match known.answer(&Lookup::Network(mode.to_owned())) {
        Some(Answer::Network(network)) if is_user_defined(mode) => Some(network.name.clone()),
        Some(_) | None => None,
    };
    let is_off = body.get("NetworkDisabled").is_some_and(Json::is_true);
    let endpoints = body
        .get("NetworkingConfig")
        .and_then(|it| it.get("EndpointsConfig"));
    let has_endpoints = endpoints.is_some_and(|it| !it.members().is_empty());
    let id = network_id(known, mode);
    if let (Some(name), Some(id), false, false) = (joined, id, is_off, has_endpoints)
        && let Some(networking) = object_mut(body, "NetworkingConfig")
        && let Some(endpoints) = object_mut(networking, "EndpointsConfig")
        && let Some(endpoint) = object_mut(endpoints, &name)
    {
        set(endpoint, "NetworkID", &id);
        return;
    }
    let endpoints = body
        .get_mut("NetworkingConfig")
        .and_then(|it| it.get_mut("EndpointsConfig"));
    let Some(Json::Object(endpoints)) = endpoints else {
        return;
    };
    for (name, endpoint) in endpoints {
        match network_id(known, name) {
            Some(id) => set(endpoint, "NetworkID", &id),
            // The engine's own networks are found by their names; what was not judged by an id has none.
            None => remove(endpoint, "NetworkID"),
        }
    }
}

/// The networks of a service's tasks, which a client's command line names by their ids as well.
fn targets(of: &mut Json, known: &Answers) {
    let Some(Json::List(attachments)) = of.get_mut("Networks") else {
        return;
    };
    for attachment in attachments {
        if let Some(Json::Text(target)) = attachment.get_mut("Target")
            && let Some(id) = network_id(known, target)
        {
            *target = id.into();
        }
    }
}

/// The object under a key, an empty one if nothing is there.
fn object_mut<'j, 'a>(of: &'j mut Json<'a>, key: &str) -> Option<&'j mut Json<'a>> {
    let Json::Object(members) = of else {
        return None;
    };
    if !members.iter().any(|(name, _)| name == key) {
        members.push((key.to_owned().into(), Json::Object(Vec::new())));
    }
    of.get_mut(key)
}

fn set(of: &mut Json, key: &str, value: &str) {
    remove(of, key);
    if let Json::Object(members) = of {
        members.push((key.to_owned().into(), Json::Text(value.to_owned().into())));
    }
}

fn remove(of: &mut Json, key: &str) {
    if let Json::Object(members) = of {
        members.retain(|(name, _)| name != key);
    }
}

#[cfg(test)]
mod tests;
