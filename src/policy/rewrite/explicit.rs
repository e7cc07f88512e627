//! What a verdict rests on is said, where a request leaves it to what an engine takes for it.

use crate::docker::body::{are_masked_by_engines, are_read_only_by_engines};
use crate::docker::mount::clean_short;
use crate::docker::path::cleaned;
use crate::docker::{Call, Json, Operation, ps};

/// Says in the query what was read from it. Podman attaches everything that an attach does not name, and
/// knows no booleans but its own.
pub(crate) fn query(call: &mut Call) {
    if call.operation() == Some(Operation::ContainerAttach) {
        for key in ["logs", "stderr", "stdout", "stream"] {
            if call.query.first(key).is_some() {
                call.query.state(key, call.query.is_true(key));
            }
        }
        call.query.state("stdin", call.query.is_true("stdin"));
    } else if call.operation() == Some(Operation::ContainerTop)
        && let Some(arguments) = call.query.first("ps_args").and_then(ps::harmless)
    {
        call.query.set("ps_args", &arguments);
    }
}

/// Has the path of an upload sent as it was judged.
pub(crate) fn archive_path(call: &mut Call) {
    if call.operation() != Some(Operation::PutContainerArchive) {
        return;
    }
    // Without a path the daemon denies it.
    if let Some(path) = call.query.first("path").filter(|path| !path.is_empty()) {
        let path = cleaned(path).into_owned();
        call.query.set("path", &path);
    }
}

/// Has the paths of the host that are mounted sent as they were judged.
fn sources(of: Option<&mut Json>) {
    let Some(of) = of else {
        return;
    };
    if let Some(Json::List(binds)) = of.get_mut("Binds") {
        for bind in binds {
            if let Json::Text(text) = bind
                && let Some(clean) = clean_short(text)
            {
                *text = clean.into();
            }
        }
    }
    if let Some(Json::List(mounts)) = of.get_mut("Mounts") {
        for mount in mounts {
            let is_bind = mount.get("Type").and_then(Json::text) == Some("bind");
            if let Some(Json::Text(source)) = mount.get_mut("Source").filter(|_| is_bind) {
                *source = cleaned(source).into_owned().into();
            }
        }
    }
}

/// Says in the body what was read from it.
pub(crate) fn body(operation: Operation, body: &mut Json) {
    if operation == Operation::NetworkCreate {
        // Docker before 25 makes a second network of the same name otherwise, which makes the name useless.
        set(body, "CheckDuplicate", Json::Bool(true));
    }
    sources(body.get_mut("HostConfig"));
    let task = body.get_mut("TaskTemplate");
    sources(task.and_then(|task| task.get_mut("ContainerSpec")));
    if let Some(endpoint) = body.get_mut("EndpointConfig") {
        without_state(endpoint);
    }
    let networking = body.get_mut("NetworkingConfig");
    if let Some(Json::Object(endpoints)) = networking.and_then(|it| it.get_mut("EndpointsConfig")) {
        for (_, endpoint) in endpoints {
            without_state(endpoint);
        }
    }
    if operation == Operation::ContainerCreate
        && let Some(host) = body.get_mut("HostConfig")
        && !host.get("Privileged").is_some_and(Json::is_true)
    {
        leave_to_engine(host, "MaskedPaths", are_masked_by_engines);
        leave_to_engine(host, "ReadonlyPaths", are_read_only_by_engines);
    }
}

/// Takes out of a place on a network what the daemon fills in itself. Clients send it back from an inspection,
/// and Podman takes the address for one that is asked for.
fn without_state(endpoint: &mut Json) {
    if let Json::Object(members) = endpoint {
        members.retain(|(key, _)| key != "IPAddress" && key != "GlobalIPv6Address");
    }
}

/// Takes a list out that an engine would make by itself: this one may hide more.
fn leave_to_engine(host: &mut Json, key: &str, is_default: fn(&Json) -> bool) {
    if host.get(key).is_some_and(is_default)
        && let Json::Object(members) = host
    {
        members.retain(|(name, _)| name != key);
    }
}

fn set(of: &mut Json, key: &'static str, value: Json<'static>) {
    if let Some(old) = of.get_mut(key) {
        *old = value;
    } else if let Json::Object(members) = of {
        members.push((key.into(), value));
    }
}
