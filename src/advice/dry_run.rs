//! Verdicts without a daemon, for the examples of a policy and for `explain`. Objects that would be looked up are
//! assumed to be ordinary, unless something else is given.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::docker::{Call, Object};
use crate::policy::answers::{Answer, Answers, Lookup, NewVolume};
use crate::policy::objects::Container;
use crate::policy::owner::Owner;
use crate::policy::reason::Denial;
use crate::policy::request::{Context, Judgement, Request};
use crate::policy::rules::Rules;
use crate::policy::scope::refusal::hidden;
use crate::policyfile::example::Given;

/// Judges a request with assumed answers. Also returns the lookups whose answers were assumed and not given.
///
/// # Errors
///
/// The body is ambiguous.
pub fn judge<'a>(
    rules: &Rules,
    call: Call,
    text: &'a str,
    given: &[Given],
) -> Result<(Judgement<'a>, Vec<Lookup>), Denial> {
    let (mut known, mut supposed) = (Answers::default(), Vec::new());
    let mut request = Request::new(call);
    loop {
        let context = Context {
            known: &known,
            own: None,
        };
        match rules.evaluate(request, context) {
            Judgement::Inspect(inspected) => {
                request = inspected.with_body(text.as_bytes())?;
            }
            Judgement::Ask(asked, lookup) => {
                let (answer, is_given) = answer(&lookup, given);
                if !is_given {
                    supposed.push(lookup.clone());
                }
                known.learn(lookup, answer);
                request = asked;
            }
            Judgement::Allow(permit) if permit.grounds.is_hidden => {
                let denial = hidden(&permit.request.call);
                return Ok((Judgement::Deny(denial), supposed));
            }
            verdict @ (Judgement::Allow(_) | Judgement::Deny(_) | Judgement::Missing(_)) => {
                return Ok((verdict, supposed));
            }
        }
    }
}

/// The answer to a lookup, if the object is ordinary. What an audit record calls `@own` belongs to this owner.
pub(crate) fn ordinarily(lookup: &Lookup, owner: Owner<'_>) -> Answer {
    let own: Value = owner.labels().collect();
    let given = if matches!(lookup, Lookup::Container(name) if name == OWN) {
        Some(json!({"Config": {"Labels": own}}))
    } else if matches!(lookup, Lookup::Network(name) if name == OWN) {
        Some(json!({ "Labels": own }))
    } else {
        None
    };
    read(lookup, given.as_ref())
}

/// What audit records call an object that was created through the same policy.
pub(super) const OWN: &str = "@own";

/// The answer to a lookup, and whether it was given.
fn answer(lookup: &Lookup, given: &[Given]) -> (Answer, bool) {
    if let Lookup::Predecessor(name) = lookup {
        return replaced(name, given);
    }
    let target = lookup.call().map(|call| call.path()).unwrap_or_default();
    let found = given.iter().find(|(of, _)| *of == target);
    (read(lookup, found.map(|(_, given)| given)), found.is_some())
}

/// The answer about an ordinary object, changed by what is given.
fn read(lookup: &Lookup, given: Option<&Value>) -> Answer {
    let is_free = given.is_none() && matches!(lookup, Lookup::Tag(_) | Lookup::Volume(_));
    if is_free || given == Some(&Value::Null) {
        return Answer::Missing;
    }
    let mut reply = ordinary(lookup);
    if let Some(given) = given {
        merge(&mut reply, given);
    }
    let read = lookup.read(reply.to_string().as_bytes());
    read.unwrap_or(Answer::Missing)
}

/// The containers that are assumed to have been removed.
fn replaced(wanted: &str, given: &[Given]) -> (Answer, bool) {
    let mut found = Vec::new();
    for (of, given) in given {
        let Some(name) = of.strip_prefix("replaced ") else {
            continue;
        };
        let mut reply = container(&"0".repeat(64), name);
        merge(&mut reply, given);
        let read = Container::parse(reply.to_string().as_bytes());
        let is_wanted = wanted.is_empty() || wanted == name;
        found.extend(read.ok().filter(|_| is_wanted).map(Arc::new));
    }
    let is_given = !found.is_empty();
    (Answer::Containers(found), is_given)
}

/// The daemon's reply about an ordinary object.
fn ordinary(lookup: &Lookup) -> Value {
    let id = "0".repeat(64);
    match lookup {
        Lookup::Container(name) | Lookup::Predecessor(name) => container(&id, name),
        Lookup::DefaultRuntime => json!({"DefaultRuntime": "runc"}),
        Lookup::Exec(exec) => json!({
            "ID": exec,
            "ContainerID": id,
            "ProcessConfig": {"entrypoint": "sh", "arguments": [], "privileged": false, "user": ""},
        }),
        Lookup::Image(_) | Lookup::Tag(_) => json!({"Id": id}),
        Lookup::Labeled(..) | Lookup::UsersOf(_) => json!([]),
        Lookup::Moved { .. } | Lookup::Named(_) => Value::Null,
        Lookup::Network(name) => json!({
            "Id": id, "Name": name, "Driver": "bridge", "Labels": {},
            "IPAM": {"Config": [{"Subnet": "192.0.2.0/24"}]},
        }),
        Lookup::SwarmObject(Object::Task, _) => json!({"ID": id, "ServiceID": id}),
        Lookup::Service(name) | Lookup::SwarmObject(_, name) => {
            json!({"ID": id, "Spec": {"Name": name}})
        }
        Lookup::NewVolume(volume) => made(volume),
        Lookup::Volume(_) => json!({"Driver": "local", "Options": null}),
    }
}

/// The daemon's reply about a volume that it has created.
fn made(volume: &NewVolume) -> Value {
    let asked: Value = serde_json::from_str(&volume.body).unwrap_or_default();
    let driver = asked.get("Driver").and_then(Value::as_str);
    json!({
        "Driver": driver.filter(|driver| !driver.is_empty()).unwrap_or("local"),
        "Options": asked.get("DriverOpts"),
        "Labels": asked.get("Labels"),
    })
}

fn container(id: &str, name: &str) -> Value {
    json!({
        "Id": id,
        "Name": format!("/{name}"),
        "Config": {"Labels": {}},
        "HostConfig": {"NetworkMode": "default"},
        "Mounts": [],
        "NetworkSettings": {"Networks": {"bridge": {}}},
    })
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}
