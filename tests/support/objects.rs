//! The objects that a fake daemon has: whatever is looked up exists and is ordinary, except for volumes.

use std::fmt::Write;

use serde_json::{Value, json};

/// The full id of the object with this name; a full id is its own.
pub(crate) fn id(name: &str) -> String {
    let is_id = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id {
        return name.to_owned();
    }
    let mut digits = String::new();
    for byte in name.bytes() {
        // Writing to a String cannot fail.
        _ = write!(digits, "{byte:02x}");
    }
    format!("{digits:0<64}")[..64].to_owned()
}

/// The daemon's usual answer for a target; `None` if it does not have it.
pub(crate) fn usual(target: &str) -> Option<Value> {
    let segments: Vec<_> = target.split('/').skip(1).collect();
    Some(match segments[..] {
        ["containers", name, "json"] => json!({
            "Id": id(name),
            "Name": format!("/{name}"),
            "Config": {"Labels": {}},
            "HostConfig": {"NetworkMode": "default"},
            "Mounts": [],
            "NetworkSettings": {"Networks": {"bridge": {}}},
        }),
        ["exec", exec, "json"] => json!({
            "ID": exec,
            "ContainerID": id("web"),
            "ProcessConfig": {"entrypoint": "sh", "arguments": ["-c", "true"], "privileged": false},
        }),
        ["networks", name] => json!({
            "Id": id(name),
            "Name": name,
            "Driver": "bridge",
            "Labels": {},
            "Containers": {},
        }),
        ["images", name, "json"] if !name.contains(':') => json!({"Id": id(name), "Config": {}}),
        ["services", name] => json!({"ID": id(name)}),
        ["info"] => json!({"DefaultRuntime": "runc"}),
        _ => return None,
    })
}

/// The daemon's answer about a volume that it was asked to create.
pub(crate) fn made(asked: &Value) -> Value {
    json!({
        "Name": asked["Name"],
        "Driver": "local",
        "Options": asked["DriverOpts"],
        "Labels": asked["Labels"],
    })
}

/// The same with additional or different fields.
pub(crate) fn with(target: &str, more: &Value) -> Value {
    let mut object = usual(target).unwrap_or_else(|| json!({"Driver": "local", "Options": {}}));
    merge(&mut object, more);
    object
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
