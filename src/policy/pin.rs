//! What is sent instead of what was asked: the ids of the containers that were judged, and the labels
//! that say by what.

use super::ask::Known;
use super::blocks::Blocks;
use super::facts::POLICY_LABEL;
use super::need::Block;
use crate::docker::{Call, Json, Object, Operation, Subject};

/// Puts the id of a container that was looked up in the place of its name, wherever it stands: between
/// the judgement and its use the name may go to another.
pub(super) fn containers(call: &mut Call, body: Option<&mut Json>, known: &Known) {
    if known.is_empty() {
        return;
    }
    let id = |name: &str| {
        let name = name.strip_prefix('/').unwrap_or(name);
        known.container(name).map(|container| container.id.clone())
    };
    let is_container = call.object_kind() == Some(Object::Container);
    if let Subject::Operation { names, .. } = &mut call.subject
        && is_container
        && let Some(name) = names.first_mut()
        && let Some(id) = id(name)
    {
        *name = id;
    }
    if call.operation() == Some(Operation::ImageCommit) {
        let found = call.query.first("container").and_then(id);
        if let Some(id) = found {
            call.query.set("container", &id);
        }
    }
    if call.operation() == Some(Operation::ImageBuild) {
        let mode = call.query.first("networkmode").unwrap_or_default();
        if let Some(id) = mode.strip_prefix("container:").and_then(id) {
            call.query.set("networkmode", &format!("container:{id}"));
        }
    }
    if let Some(body) = body {
        containers_of(body, &id);
    }
}

/// The same for the containers that a body names.
fn containers_of(body: &mut Json, id: &dyn Fn(&str) -> Option<String>) {
    if let Some(Json::Text(text)) = body.get_mut("Container")
        && let Some(id) = id(text)
    {
        *text = id.into();
    }
    if let Some(host) = body.get_mut("HostConfig") {
        for key in ["IpcMode", "NetworkMode", "PidMode"] {
            if let Some(Json::Text(text)) = host.get_mut(key)
                && let Some(id) = text.strip_prefix("container:").and_then(id)
            {
                *text = format!("container:{id}").into();
            }
        }
        if let Some(Json::List(from)) = host.get_mut("VolumesFrom") {
            for it in from {
                replace_first(it, id, false);
            }
        }
        links(host, id);
    }
    if let Some(endpoint) = body.get_mut("EndpointConfig") {
        links(endpoint, id);
    }
    let networking = body.get_mut("NetworkingConfig");
    if let Some(Json::Object(endpoints)) = networking.and_then(|it| it.get_mut("EndpointsConfig")) {
        for (_, endpoint) in endpoints {
            links(endpoint, id);
        }
    }
}

fn links(of: &mut Json, id: &dyn Fn(&str) -> Option<String>) {
    if let Some(Json::List(links)) = of.get_mut("Links") {
        for link in links {
            replace_first(link, id, true);
        }
    }
}

/// Replaces what stands before the colon. A link without an alias has its container's name for one.
fn replace_first(value: &mut Json, id: &dyn Fn(&str) -> Option<String>, is_link: bool) {
    if let Json::Text(text) = value {
        let (name, rest) = text
            .split_once(':')
            .map_or((&**text, None), |(name, rest)| (name, Some(rest)));
        if let Some(id) = id(name) {
            let alias = if is_link {
                Some(name.trim_start_matches('/'))
            } else {
                None
            };
            *text = rest
                .or(alias)
                .map_or_else(|| id.clone(), |rest| format!("{id}:{rest}"))
                .into();
        }
    }
}

/// The operations that make what can bear labels, and the blocks that they are judged by.
const BEARING: &[(Operation, Block)] = &[
    (Operation::ContainerCreate, Block::Create),
    (Operation::NetworkCreate, Block::Networks),
    (Operation::ServiceCreate, Block::Create),
    (Operation::ServiceUpdate, Block::Create),
    (Operation::VolumeCreate, Block::Volumes),
];

/// Sets the label that says through which policy something was made, if one did, and those that the policy
/// wants.
pub(super) fn labels(operation: Operation, body: &mut Json, policy: Option<&str>, blocks: &Blocks) {
    let block = match BEARING.iter().find(|(bearing, _)| *bearing == operation) {
        Some((_, block)) => *block,
        None => return,
    };
    let is_lifted = blocks.is_lifted(block);
    // A service that is updated keeps the marks that it was made with: one more would start its tasks anew.
    let is_made = operation != Operation::ServiceUpdate;
    let own = policy.filter(|_| is_made && !is_lifted);
    let own = own.map(|policy| (POLICY_LABEL, policy));
    let stamps: Vec<_> = blocks.create.labels.stamps().chain(own).collect();
    if stamps.is_empty() {
        return;
    }
    stamp(body, &stamps);
    let task = body.get_mut("TaskTemplate");
    if let Some(container) = task.and_then(|task| task.get_mut("ContainerSpec")) {
        stamp(container, &stamps);
    }
}

fn stamp(of: &mut Json, stamps: &[(&str, &str)]) {
    let Json::Object(members) = of else {
        return;
    };
    if !members.iter().any(|(key, _)| key == "Labels") {
        members.push(("Labels".into(), Json::Object(Vec::new())));
    }
    if let Some(Json::Object(labels)) = of.get_mut("Labels") {
        for (key, value) in stamps {
            let there = labels.iter().position(|(label, _)| label == key);
            // A mark that was granted is this policy's, or that of a container that is replaced: whoever
            // had the old one has the new one.
            if *key == POLICY_LABEL && there.is_some() {
                continue;
            }
            labels.retain(|(label, _)| label != key);
            let value = Json::Text((*value).to_owned().into());
            labels.push(((*key).to_owned().into(), value));
        }
    }
}

#[cfg(test)]
mod tests;
