//! The bodies that are judged: every field that any API version from 1.24 to 1.56 has, one line each.
//!
//! A body is walked along its table. What the table does not have is refused, what it has must be of
//! its shape, and what is left is known whole: a policy reads what it must judge, and the daemon gets
//! a rendering of the same values. A new field of the API is one more line.
//!
//! Source: `api/swagger.yaml` of moby/moby for the fields; its handlers for what they do.

mod container;

use super::json::{BadJson, Json, folded};

/// One field of an object.
#[derive(Debug)]
pub struct Field {
    /// Its key, spelled as the API spells it.
    pub name: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// What it means to a policy.
    pub class: Class,
}

/// What may stand at a place.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// A number without fraction or exponent.
    Integer,
    /// A number.
    Number,
    /// A string.
    Text,
    /// A string, or an array of strings: engines before 29 take either.
    TextOrTexts,
    /// An array of these.
    List(&'static Shape),
    /// An object of any keys with these.
    Map(&'static Shape),
    /// An object of these fields.
    Object(&'static [Field]),
}

/// What a field means to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It concerns the object alone, or its fields have classes of their own.
    Harmless,
    /// A rule decides; the fields within it are part of that.
    Judged(Topic),
    /// Within a judged field.
    Part,
    /// No rule grants it.
    Refused,
    /// A real client sends it, no engine reads it, and it is dropped.
    Ignored,
}

/// What a judged field asks for. The list is closed: each has a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Host paths and volumes in the short form.
    Binds,
    /// Capabilities that are added.
    CapabilityAdd,
    /// A cgroup to be under.
    CgroupParent,
    /// The cgroup namespace.
    CgroupNamespace,
    /// Rules for devices of the cgroup.
    DeviceCgroupRules,
    /// GPUs and the like.
    DeviceRequests,
    /// Devices of the host.
    Devices,
    /// Environment.
    Environment,
    /// The image.
    Image,
    /// The IPC namespace.
    IpcNamespace,
    /// Labels.
    Labels,
    /// Links to other containers.
    Links,
    /// The log driver and its options.
    LogDriver,
    /// A limit on a resource.
    Limit,
    /// Paths of the kernel that are hidden.
    MaskedPaths,
    /// Mounts in the long form.
    Mounts,
    /// The networks of a container.
    Networks,
    /// The network namespace, or a network.
    NetworkMode,
    /// The process namespace.
    PidNamespace,
    /// Ports of the host.
    Ports,
    /// Everything at once.
    Privileged,
    /// Paths of the kernel that are read-only.
    ReadonlyPaths,
    /// What restarts it.
    Restart,
    /// The runtime.
    Runtime,
    /// Options of the kernel's security modules.
    SecurityOptions,
    /// Settings of the kernel.
    Sysctls,
    /// Memory mounts with options.
    Tmpfs,
    /// The user.
    User,
    /// The user namespace.
    UserNamespace,
    /// The host name's namespace.
    UtsNamespace,
    /// Who makes volumes.
    VolumeDriver,
    /// Volumes of the image or without name.
    AnonymousVolumes,
    /// Containers whose volumes are taken over.
    VolumesFrom,
}

/// Why a body is refused before any rule is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// It is no strict JSON.
    #[error(transparent)]
    Json(#[from] BadJson),
    /// A key differs from a field's by case alone, which the daemon takes for the same.
    #[error("{path} is spelled {right}")]
    Case {
        /// Where.
        path: String,
        /// The right spelling of the key.
        right: &'static str,
    },
    /// What stands there is of another kind.
    #[error("{path} must be {want}")]
    Kind {
        /// Where.
        path: String,
        /// What may stand there.
        want: &'static str,
    },
    /// No version of the API has the field.
    #[error("no field of the API is called {0}")]
    Unknown(String),
}

/// A field that a policy must judge, as it stands in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Where it stands, as `HostConfig.Privileged`.
    pub path: String,
    /// What it asks for; nothing grants what is refused.
    pub topic: Option<Topic>,
    /// Its value, never null.
    pub value: &'a Json,
}

/// Parses a body and keeps what its table has: unknown keys refuse it, ignored ones and nulls are
/// dropped.
///
/// # Errors
///
/// The first thing that is wrong; the caller answers 400.
pub fn parse(bytes: &[u8], table: &'static [Field]) -> Result<Json, BadBody> {
    let mut value = Json::parse(bytes)?;
    keep(&mut value, Shape::Object(table), "")?;
    Ok(value)
}

/// What of a body that was kept a policy must judge, in the order of the body.
#[must_use]
pub fn asked<'a>(value: &'a Json, table: &'static [Field]) -> Vec<Asked<'a>> {
    let mut found = Vec::new();
    collect(value, Shape::Object(table), "", &mut found);
    found
}

impl Shape {
    fn expected(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::TextOrTexts => "a string or an array of strings",
            Self::List(_) => "an array",
            Self::Map(_) | Self::Object(_) => "an object",
        }
    }
}

/// Checks a value against its shape and drops what is not to be sent on.
fn keep(value: &mut Json, shape: Shape, path: &str) -> Result<(), BadBody> {
    let fits = match (shape, &mut *value) {
        (Shape::Bool, Json::Bool(_))
        | (Shape::Text | Shape::TextOrTexts, Json::Text(_))
        | (Shape::Number, Json::Number(_)) => true,
        (Shape::Integer, Json::Number(number)) => !number.contains(['.', 'e', 'E']),
        (Shape::TextOrTexts, Json::List(values)) => {
            keep_each(values, Shape::Text, path)?;
            true
        }
        (Shape::List(inner), Json::List(values)) => {
            keep_each(values, *inner, path)?;
            true
        }
        (Shape::Map(inner), Json::Object(members)) => {
            for (key, value) in members.iter_mut().filter(|(_, value)| *value != Json::Null) {
                keep(value, *inner, &at(path, key))?;
            }
            true
        }
        (Shape::Object(fields), Json::Object(members)) => {
            keep_members(members, fields, path)?;
            true
        }
        (_, Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) | Json::Object(_)) => false,
    };
    let path = || path.to_owned();
    let kind = || BadBody::Kind { path: path(), want: shape.expected() };
    if fits { Ok(()) } else { Err(kind()) }
}

fn keep_each(values: &mut [Json], shape: Shape, path: &str) -> Result<(), BadBody> {
    for (place, value) in values.iter_mut().enumerate() {
        keep(value, shape, &format!("{path}[{place}]"))?;
    }
    Ok(())
}

fn keep_members(
    members: &mut Vec<(String, Json)>,
    fields: &'static [Field],
    path: &str,
) -> Result<(), BadBody> {
    let mut kept = Vec::with_capacity(members.len());
    for (key, mut value) in members.drain(..) {
        let here = at(path, &key);
        match fields.iter().find(|field| field.name == key) {
            Some(field) if field.class == Class::Ignored => {}
            // The daemon leaves what it has, as without the key.
            Some(_) if value == Json::Null => {}
            Some(field) => {
                keep(&mut value, field.shape, &here)?;
                kept.push((key, value));
            }
            None => {
                let key = folded(&key);
                if let Some(near) = fields.iter().find(|field| folded(field.name) == key) {
                    return Err(BadBody::Case { path: here, right: near.name });
                }
                if value != Json::Null {
                    return Err(BadBody::Unknown(here));
                }
            }
        }
    }
    *members = kept;
    Ok(())
}

fn collect<'a>(value: &'a Json, shape: Shape, path: &str, found: &mut Vec<Asked<'a>>) {
    match (shape, value) {
        (Shape::Object(fields), Json::Object(members)) => {
            for (key, value) in members {
                let field = fields.iter().find(|field| field.name == key);
                let Some(field) = field else { continue };
                let path = at(path, key);
                let topic = match field.class {
                    Class::Harmless => {
                        collect(value, field.shape, &path, found);
                        continue;
                    }
                    Class::Judged(topic) => Some(topic),
                    Class::Refused => None,
                    Class::Part | Class::Ignored => continue,
                };
                found.push(Asked { path, topic, value });
            }
        }
        (Shape::List(inner), Json::List(values)) => {
            for (place, value) in values.iter().enumerate() {
                collect(value, *inner, &format!("{path}[{place}]"), found);
            }
        }
        (Shape::Map(inner), Json::Object(members)) => {
            for (key, value) in members {
                collect(value, *inner, &at(path, key), found);
            }
        }
        (
            Shape::Bool | Shape::Integer | Shape::Number | Shape::Text | Shape::TextOrTexts
            | Shape::List(_) | Shape::Map(_) | Shape::Object(_),
            _,
        ) => {}
    }
}

/// The path of a key.
fn at(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
