//! What BuildKit does with the result of a build, and where it gets its cache.
//!
//! Shape of `outputs`: a JSON array of `{"Type": "moby", "Attrs": {"name": "a:1,b:2", "push": "true"}}`. Shape of
//! `cachefrom`: a JSON array of image names. The classic builder does not read `outputs`, and its cache is local.
//!
//! Source: `builder/builder-next` of moby/moby, `exporter/containerimage` of moby/buildkit.

use super::collector::{Read, Requirements, unclear_query as unclear};
use crate::docker::{Call, Json};
use crate::policy::keys::Key;
use crate::policy::reason::Denial;

/// The query keys of a build that the daemon reads.
pub(super) const KEYS: &[&str] = &[
    "buildargs",
    "buildid",
    "cachefrom",
    "cgroupparent",
    "cpuperiod",
    "cpuquota",
    "cpusetcpus",
    "cpusetmems",
    "cpushares",
    "dockerfile",
    "extrahosts",
    "forcerm",
    "isolation",
    "labels",
    "memory",
    "memswap",
    "networkmode",
    "nocache",
    "outputs",
    "platform",
    "pull",
    "q",
    "remote",
    "rm",
    "securityopt",
    "session",
    "shmsize",
    "squash",
    "t",
    "target",
    "ulimits",
    "version",
];

/// Whether BuildKit makes an image, and not the classic builder.
pub(crate) fn is_by_buildkit(call: &Call) -> bool {
    call.query.first("version") == Some("2")
}

/// Reads the outputs and the cache images.
pub(super) fn read(requirements: &mut Requirements, call: &Call) -> Read {
    if !is_by_buildkit(call) {
        return Ok(());
    }
    let mut is_any_pushed = false;
    for output in items(call, OUTPUTS)?.items() {
        is_any_pushed |= read_output(requirements, output)?;
    }
    // The daemon replaces the names in an output with those in `t`.
    let tags = call.query.pairs().filter(|(key, _)| *key == "t");
    for (_, name) in tags.filter(|(_, name)| is_any_pushed && !name.is_empty()) {
        requirements.push(OUTPUTS, Key::Push.asks(name));
    }
    for image in items(call, "cachefrom")?.items() {
        let image = image.text().ok_or_else(|| unclear("cachefrom", LIST))?;
        requirements.push("cachefrom", Key::Pull.asks(image));
    }
    Ok(())
}

/// The query key of the outputs.
pub(super) const OUTPUTS: &str = "outputs";
const LIST: &str = "must be a JSON array of image names, such as [\"registry/image:tag\"]";
const SHAPE: &str =
    r#"must be a JSON array such as [{"Type":"moby","Attrs":{"name":"registry/image:tag"}}]"#;

/// A JSON array in the query; empty without the key.
fn items<'a>(call: &'a Call, key: &str) -> Result<Json<'a>, Denial> {
    let text = call.query.first(key).unwrap_or_default();
    if text.is_empty() {
        return Ok(Json::List(Vec::new()));
    }
    match Json::parse(text.as_bytes()) {
        Ok(list @ (Json::List(_) | Json::Null)) => Ok(list),
        Ok(Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_)) | Err(_) => {
            Err(unclear(key, if key == OUTPUTS { SHAPE } else { LIST }))
        }
    }
}

fn read_output(requirements: &mut Requirements, output: &Json) -> Result<bool, Denial> {
    let mut members = output.members().iter();
    if !members.all(|(key, _)| matches!(&**key, "Type" | "Attrs")) {
        return Err(unclear(OUTPUTS, SHAPE));
    }
    let (kind, attributes) = (output.at("Type").text(), output.at("Attrs"));
    let (Some(kind), Json::Object(_) | Json::Null) = (kind, attributes) else {
        return Err(unclear(OUTPUTS, SHAPE));
    };
    match kind {
        "moby" | "image" => read_image(requirements, attributes),
        // Only the cache is kept, or the files go to the client through its session.
        "cacheonly" | "local" | "tar" if attributes.members().is_empty() => Ok(false),
        _ => {
            requirements.push(OUTPUTS, Key::BuildUnrestricted.flag());
            Ok(false)
        }
    }
}

/// An image in the daemon's store: its names, and whether it is pushed.
fn read_image(requirements: &mut Requirements, attributes: &Json) -> Result<bool, Denial> {
    let (mut names, mut is_pushed) = (Vec::new(), false);
    for (key, value) in attributes.members() {
        let value = value.text().ok_or_else(|| unclear(OUTPUTS, SHAPE))?;
        match &**key {
            "name" => names.extend(value.split(',')),
            // An empty value means true.
            "push" => is_pushed |= !FALSE.contains(&value),
            key if HARMLESS.contains(&key) => {}
            _ => requirements.push(OUTPUTS, Key::BuildUnrestricted.flag()),
        }
    }
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        requirements.push(OUTPUTS, Key::Tag.asks(name));
        if is_pushed {
            requirements.push(OUTPUTS, Key::Push.asks(name));
        }
    }
    Ok(is_pushed)
}

/// What Go's `ParseBool` reads as false.
const FALSE: &[&str] = &["0", "F", "FALSE", "False", "f", "false"];

/// Attributes that only say how the image is packed.
const HARMLESS: &[&str] = &[
    "compression",
    "compression-level",
    "force-compression",
    "oci-mediatypes",
    "rewrite-timestamp",
    "unpack",
];
