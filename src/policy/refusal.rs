//! The messages of denials: what was denied, and what to write to allow it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

use super::answers::Lookup;
use super::hint::{Hints, Shortfall};
use super::names::READS_AS_ID;
use super::reason::{Denial, Reason};
use crate::docker::Block;
use crate::docker::body::BadBody;
use crate::docker::classify::nearest_route;
use crate::docker::json::{quoted, shortened};
use crate::docker::{Call, Document, Operation, Subject};
use crate::policy::keys::Key;
use crate::policy::objects::is_full_id;
use crate::policy::requirement::{Requirement, What};
use crate::policy::reserved::Taken;
use crate::policy::self_container::Reached;
use crate::policy::value::{BY_NOBODY, Value};
use crate::policyfile::file::Policy;
use crate::policyfile::raw_path::RawPath;

/// The denial of a body that is ambiguous, or that has something that no version of the API has.
pub(crate) fn bad_body(call: &Call, bad: &BadBody) -> Denial {
    let message = match bad {
        // It begins like the daemon's own message.
        BadBody::Json(bad) => bad.to_string(),
        BadBody::Doubled(_)
        | BadBody::Kind { .. }
        | BadBody::Misplaced { .. }
        | BadBody::Unknown(_) => format!("{}: {bad}", entry(call)),
    };
    Denial::new(Reason::BadBody, message)
}

/// The denial of what the settings deny for every policy.
pub(crate) fn denied(call: &Call) -> Denial {
    let entry = entry(call);
    Denial::new(
        Reason::Denied,
        format!("{entry} is denied by the settings; to allow it, remove it from `deny` there"),
    )
}

/// The denial of what none of the policies allows.
pub(crate) fn not_granted(
    policies: &[Policy],
    variant: impl FnOnce() -> Option<String>,
    call: &Call,
) -> Denial {
    let entry = entry(call);
    let denying = policies.iter().find(|policy| policy.deny.covers(call));
    let taken = denying.map(|policy| taken_out(policy, call));
    match &call.subject {
        Subject::Operation { operation, .. } => {
            let way = policies
                .iter()
                .find_map(|policy| policy.ways.get(operation));
            let has = |block: &Block| policies.iter().any(|policy| policy.blocks.has(*block));
            let block = operation.spec().judged.block.filter(|block| !has(block));
            let narrow = block.map(|block| format!(", and limit it in [{}]", block.name()));
            let add = || {
                let narrow = narrow.unwrap_or_default();
                let variant = variant().map(|variant| [&variant, ", or "].concat());
                let variant = variant.unwrap_or_default();
                format!("{variant}add \"{entry}\" to allow{narrow}")
            };
            let way = way.cloned().or(taken).unwrap_or_else(add);
            let message = format!("{entry} is not allowed; to allow it, {way}");
            Denial::new(Reason::NotGranted, message)
        }
        Subject::Outside { path } => {
            // Podman's own paths resemble Docker's, but are meant as they are.
            let is_podmans = path.starts_with("/libpod/");
            let near = nearest_route(call.method.as_str(), path).filter(|_| !is_podmans);
            let near = near.map(|near| format!(", the nearest is {near}"));
            let near = near.unwrap_or_default();
            let way = policies.iter().find_map(|policy| policy.way_to_paths);
            let add = || match RawPath::parse(call.method.as_str(), path) {
                Ok(_) if instead(path).is_some() => instead(path).unwrap_or_default().to_owned(),
                Ok(_) => format!("{FORWARD}, add \"{}\" to allow", allowing(call)),
                Err(_) => "no policy can allow it".to_owned(),
            };
            let way = way.map(str::to_owned);
            let way = way.or(taken.map(|taken| format!("{FORWARD}, {taken}")));
            let way = way.unwrap_or_else(add);
            let message = format!("{entry} is not an operation of the Docker API{near}; {way}");
            Denial::new(Reason::UnknownOperation, message)
        }
    }
}

/// What to do instead of requesting a path that monitors and browsers try, and that no daemon has.
pub(crate) fn instead(path: &str) -> Option<&'static str> {
    match path {
        "/metrics" => {
            Some("metrics have a listener of their own: set metrics.listen in the settings")
        }
        "/health" | "/healthcheck" | "/healthz" | "/live" | "/livez" | "/ready" | "/readyz"
        | "/status" => Some("request /_ping, or run `dockgate healthcheck`"),
        "/" | "/favicon.ico" | "/index.html" | "/robots.txt" => Some("Dockgate has no web pages"),
        _ => None,
    }
}

/// What to do with the entries of a policy's `deny`, which win over its `allow`.
fn taken_out(policy: &Policy, call: &Call) -> String {
    let entries = policy.deny.written(call);
    let taken = entries.map(|written| format!("remove {} from deny", quoted(&written.text)));
    let mut ways: Vec<_> = taken.collect();
    let mut parents = policy.parents.iter();
    if !policy.allow.covers(call) && !parents.any(|parent| parent.grants(call)) {
        ways.push(format!("add {} to allow", quoted(&entry(call))));
    }
    ways.join(" and ")
}

/// The denial of what would reach Dockgate's own container.
pub(crate) fn reaches_own(call: &Call, reached: &Reached) -> Denial {
    let Reached { path, what } = reached;
    let message = format!("{}: {path} {what}", entry(call));
    Denial::new(Reason::OwnContainer, message)
}

/// The denial of a request that names a missing object, in the daemon's own words.
pub(crate) fn missing(call: &Call, lookup: &Lookup) -> Denial {
    let message = match lookup {
        Lookup::Container(name) | Lookup::Predecessor(name) => format!("No such container: {name}"),
        Lookup::DefaultRuntime => "the daemon does not report its default runtime".to_owned(),
        Lookup::Exec(id) => format!("No such exec instance: {id}"),
        Lookup::Image(name) | Lookup::Moved { name, .. } | Lookup::Tag(name) => {
            format!("No such image: {name}")
        }
        Lookup::Named(owner) => format!("no image got a name from {owner}"),
        Lookup::Labeled(_, label) => format!("nothing has the label {label}"),
        Lookup::Network(name) => format!("network {name} not found"),
        Lookup::Service(name) => format!("service {name} not found"),
        Lookup::SwarmObject(kind, name) => format!("{} {name} not found", kind.noun()),
        Lookup::UsersOf(name) | Lookup::Volume(name) => format!("get {name}: no such volume"),
        Lookup::NewVolume(volume) => format!("get {}: no such volume", volume.name),
    };
    let is_image = matches!(
        lookup,
        Lookup::Image(_) | Lookup::Moved { .. } | Lookup::Tag(_)
    );
    // The docker CLI takes a 404 here to mean that the image is missing, and pulls it.
    let reason = if call.judged().body == Some(Document::Container) && !is_image {
        Reason::ReferenceNotFound
    } else {
        Reason::NotFound
    };
    Denial::new(reason, message)
}

/// The denial of what would become a client, or change what tells clients apart. It does not say which client.
pub(crate) fn is_reserved(call: &Call, taken: &Taken) -> Denial {
    let Taken { path, value, what } = taken;
    let value = quoted(shortened(value));
    let message = format!("{}: {path} {value} {what}", entry(call));
    Denial::new(Reason::Reserved, message)
}

/// The denial of a name that already finds another object.
pub(crate) fn reads_as_id(call: &Call, requirement: &Requirement) -> Denial {
    let value = requirement.what.value().unwrap_or_default();
    let message = format!(
        "{}: {} {} {READS_AS_ID}",
        entry(call),
        requirement.path,
        quoted(shortened(&value))
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of a name that would make a key select a container that it does not select now.
pub(crate) fn renamed(call: &Call, name: &str, key: &str) -> Denial {
    let name = quoted(shortened(name));
    let message = format!(
        "{}: {key} selects containers by the name {name}, and this container is not one of them yet: choose \
         another name, or add the name that it has now to {key}",
        entry(call)
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of a request whose operation is allowed, but not what it asks for. `variant` is a built-in policy that
/// would allow all of it.
pub(crate) fn restricted(call: &Call, shortfall: &Shortfall<'_>, variant: Option<&str>) -> Denial {
    let (blocks, entered) = (shortfall.blocks, shortfall.entered.as_ref());
    let hints = Hints { blocks, entered };
    let mut seen = HashSet::new();
    let requirements = shortfall.requirements.iter();
    let mut distinct = requirements.filter(|requirement| seen.insert(&requirement.what));
    let shown = distinct.by_ref().take(SHOWN);
    let shown: Vec<_> = shown.map(|it| refusal(it, hints)).collect();
    let mut message = format!("{}: {}", entry(call), shown.join("; "));
    let more = distinct.count();
    // A String takes every write.
    if more > 0 {
        _ = write!(message, "; and {more} more");
    }
    if let Some(difference) = shortfall.differences.first() {
        let (key, other) = match call.operation() {
            Some(Operation::ServiceUpdate) => (Key::Unchanged, " differs from the service"),
            _ => (
                Key::Replaces,
                " differs from the container that it replaces",
            ),
        };
        let key = key.name();
        _ = write!(message, "; {key} does not allow it either: {difference}");
        let is_path = !difference.contains(' ');
        message += if is_path { other } else { "" };
    }
    if let Some(variant) = variant {
        _ = write!(message, "; to allow all of it, {variant}");
    }
    Denial::new(Reason::Restricted, message)
}

/// What can be done about a path that is not an operation.
const FORWARD: &str = "to forward it to the daemon anyway";

/// How many requirements a message names.
pub(crate) const SHOWN: usize = 3;

/// What the message says of one requirement that is not allowed.
pub(crate) fn refusal(requirement: &Requirement, hints: Hints<'_>) -> String {
    let path = &requirement.path;
    let value = asked(&requirement.what);
    let value = value.map(|value| quoted(shortened(&value)));
    let Some(remedy) = hints.remedy(&requirement.what) else {
        let value = value.unwrap_or_default();
        return format!("{path} {value} is not allowed: {BY_NOBODY}");
    };
    let refused = match &requirement.what {
        What::Key(Key::ArchiveIntoPrivileged | Key::ExecIntoPrivileged, _) => entered(path, hints),
        What::Key(_, Value::Limits(asked)) => {
            let beyond = hints.blocks.create.limits.beyond(asked);
            let parts = beyond.iter().map(|(key, limits)| format!("{key} {limits}"));
            let parts = parts.collect::<Vec<_>>().join("; ");
            format!("{path} exceeds create.limits ({parts})")
        }
        What::Key(..) | What::Touch(_) => {
            let value = value.map(|value| format!(" {value}")).unwrap_or_default();
            format!("{path}{value} is not allowed")
        }
    };
    format!("{refused}; to allow it, {remedy}")
}

/// What was asked for, in the client's own words. The entry of the key can be another word.
fn asked(what: &What) -> Option<Cow<'_, str>> {
    match what.key() {
        Some(Key::HostNamespace) => Some("host".into()),
        _ => what.value(),
    }
}

/// Which container the client would enter, and what it has that `[create]` does not allow.
fn entered(path: &str, hints: Hints<'_>) -> String {
    let Some(entered) = hints.entered else {
        return format!("{path} has more than [create] allows");
    };
    let has = entered.has.iter().take(SHOWN).map(|requirement| {
        let value = asked(&requirement.what);
        let value = value.map(|value| format!(" {}", quoted(shortened(&value))));
        format!("{}{}", requirement.path, value.unwrap_or_default())
    });
    let mut has: Vec<_> = has.collect();
    if entered.has.len() > SHOWN {
        has.push(format!("{} more", entered.has.len() - SHOWN));
    }
    let name = quoted(shortened(&entered.name));
    if has.is_empty() {
        format!("the container {name} has more than [create] allows")
    } else {
        let has = has.join(", ");
        format!("the container {name} has {has}, which [create] does not allow")
    }
}

/// The entry of `allow` for the call and those like it: with `{}` for each full id.
pub(crate) fn allowing(call: &Call) -> String {
    let entry = entry(call);
    let parts = entry
        .split('/')
        .map(|it| if is_full_id(it) { "{}" } else { it });
    parts.collect::<Vec<_>>().join("/")
}

/// The entry of `allow` or `deny` that names the call.
pub(crate) fn entry(call: &Call) -> String {
    match &call.subject {
        Subject::Operation { operation, .. } => operation.to_string(),
        Subject::Outside { path } => format!("{} {path}", call.method.as_str()),
    }
}
