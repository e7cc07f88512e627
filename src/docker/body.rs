//! The bodies that are judged: every field that any API version from 1.24 to 1.56 has, one line each.
//!
//! A body is walked along its table. What the table does not have is refused, what it has must be of
//! its shape, and what is left is known whole: a policy reads what it must judge, and the daemon gets
//! a rendering of the same values. A new field of the API is one more line.
//!
//! Shapes are no ranges: a number that the daemon's type cannot hold, or a text that it cannot parse,
//! is the daemon's to refuse.
//!
//! Source: `api/swagger.yaml` of moby/moby for the fields, `api/types` for their names and types, its
//! handlers for what they do; Go's `encoding/json` for how they are read.

mod container;
mod exec;
mod hidden;
mod network;
mod service;
mod table;
mod topic;
mod volume;

use std::borrow::Cow;
use std::fmt::Write;

use super::json::{BadJson, Json, Member, shortened};
use super::operation::Operation;

pub use hidden::{are_masked_by_engines, are_read_only_by_engines};
pub use table::{Class, Field, Shape, Table, Zero};
pub use topic::Topic;

/// The operations whose bodies are judged.
static TABLES: &[(Operation, &Table)] = &[
    (Operation::ContainerCreate, &container::CONTAINER_CREATE),
    (Operation::ContainerExec, &exec::CONTAINER_EXEC),
    (Operation::ContainerUpdate, &container::CONTAINER_UPDATE),
    (Operation::ExecStart, &exec::EXEC_START),
    (Operation::ImageCommit, &container::IMAGE_COMMIT),
    (Operation::NetworkConnect, &network::NETWORK_CONNECT),
    (Operation::NetworkCreate, &network::NETWORK_CREATE),
    (Operation::NetworkDisconnect, &network::NETWORK_DISCONNECT),
    (Operation::ServiceCreate, &service::SERVICE),
    (Operation::ServiceUpdate, &service::SERVICE),
    (Operation::VolumeCreate, &volume::VOLUME_CREATE),
    (Operation::VolumeUpdate, &volume::VOLUME_UPDATE),
];

/// Why a body is refused before any rule is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// It is no strict JSON.
    #[error(transparent)]
    Json(#[from] BadJson),
    /// A key differs from a field's by case alone, which the daemon takes for the same.
    #[error("{path} must be spelled {right}")]
    Case {
        /// Where.
        path: String,
        /// The right spelling of the key.
        right: &'static str,
    },
    /// A field stands there in both of its spellings.
    #[error("{path} is {field}, which stands there too: send it once")]
    Doubled {
        /// Where, in the spelling that came later.
        path: String,
        /// The field.
        field: &'static str,
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
    /// What it asks for; nothing grants what has no topic.
    pub topic: Option<Topic>,
    /// Its value. No null is in it.
    pub value: &'a Json<'a>,
}

/// The fields of an operation's body, if it is judged.
#[must_use]
pub fn table(operation: Operation) -> Option<&'static Table> {
    let mut tables = TABLES.iter();
    let found = tables.find(|(listed, _)| *listed == operation);
    found.map(|(_, table)| *table)
}

/// The fields of `HostConfig`, which an inspection of a container has too.
#[must_use]
pub fn host_config() -> &'static Table {
    &container::HOST_CONFIG
}

/// Parses a body and keeps what its table has, each field in the daemon's own spelling.
///
/// Fields that are ignored and nulls are dropped, as the daemon makes nothing of them; a null that
/// stands under a key of a map becomes the value that the daemon takes it for. A body that is null is
/// an empty object.
///
/// # Errors
///
/// The first thing that is wrong; the caller answers 400.
pub fn parse<'a>(bytes: &'a [u8], table: &'static Table) -> Result<Json<'a>, BadBody> {
    let mut value = Json::parse(bytes)?;
    if value == Json::Null {
        return Ok(Json::Object(Vec::new()));
    }
    keep(&mut value, Shape::Object(table), Path::Root)?;
    Ok(value)
}

/// What of a body that was kept a policy must judge, in the order of the body.
///
/// A zero value is left out where it means the same as none: the daemon's own client sends `""`,
/// `0`, `false` or `{}` for everything that it was not asked for.
#[must_use]
pub fn asked<'a>(value: &'a Json<'a>, table: &'static Table) -> Vec<Asked<'a>> {
    let mut found = Vec::new();
    collect(value, Shape::Object(table), Path::Root, &mut found);
    found
}

/// What nearly all bodies have room in, so that their rendering is not moved as it grows.
const USUAL_BYTES: usize = 4096;

/// The bytes to send for a body that was kept.
///
/// `HostConfig` is always among them: without it, engines up to 26.1 look for its fields one level
/// above.
#[must_use]
pub fn rendered(value: &Json, operation: Operation) -> String {
    let mut text = String::with_capacity(USUAL_BYTES);
    value.render(&mut text);
    if operation == Operation::ContainerCreate && value.get("HostConfig").is_none() {
        // The object ends in its brace.
        text.pop();
        text.push_str(if text.len() > 1 { "," } else { "" });
        text.push_str("\"HostConfig\":{}}");
    }
    text
}

/// Where in a body something stands.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Place(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// How it is called, as `HostConfig.Privileged`. Every field that is judged has this made.
    fn name(&self) -> String {
        let mut name = String::with_capacity(32);
        self.append(&mut name);
        name
    }

    fn append(&self, to: &mut String) {
        match self {
            Self::Root => to.push_str("the body"),
            Self::Key(above, key) => {
                if !matches!(above, Self::Root) {
                    above.append(to);
                    to.push('.');
                }
                to.push_str(shortened(key));
            }
            Self::Place(above, place) => {
                above.append(to);
                // A String takes every write.
                _ = write!(to, "[{place}]");
            }
        }
    }
}

/// Checks a value against its shape and drops what is not to be sent on.
fn keep(value: &mut Json, shape: Shape, path: Path<'_>) -> Result<(), BadBody> {
    let fits = match (shape, &mut *value) {
        (Shape::Any, _)
        | (Shape::Bool, Json::Bool(_))
        | (Shape::Number, Json::Number(_))
        | (Shape::Text | Shape::TextOrTexts, Json::Text(_)) => true,
        (Shape::Integer, Json::Number(number)) => !number.contains(['.', 'e', 'E']),
        (Shape::Nothing, Json::List(values)) => values.is_empty(),
        (Shape::TextOrTexts, Json::List(values)) => {
            return keep_each(values, Shape::Text, path);
        }
        (Shape::List(inner), Json::List(values)) => return keep_each(values, *inner, path),
        (Shape::Map(inner), Json::Object(members)) => return keep_map(members, *inner, path),
        (Shape::Object(table), Json::Object(members)) => {
            return keep_members(members, table, path);
        }
        (
            _,
            Json::Null
            | Json::Bool(_)
            | Json::Number(_)
            | Json::Text(_)
            | Json::List(_)
            | Json::Object(_),
        ) => false,
    };
    if fits { Ok(()) } else { Err(kind(shape, path)) }
}

fn kind(shape: Shape, path: Path<'_>) -> BadBody {
    BadBody::Kind {
        path: path.name(),
        want: shape.expected(),
    }
}

fn keep_each(values: &mut [Json], shape: Shape, path: Path<'_>) -> Result<(), BadBody> {
    let mut places = values.iter_mut().enumerate();
    places.try_for_each(|(place, value)| keep(value, shape, Path::Place(&path, place)))
}

fn keep_map(members: &mut [Member<'_>], shape: Shape, path: Path<'_>) -> Result<(), BadBody> {
    for (key, value) in members {
        let path = Path::Key(&path, key);
        if *value == Json::Null {
            *value = nothing(shape).ok_or_else(|| kind(shape, path))?;
        }
        keep(value, shape, path)?;
    }
    Ok(())
}

/// What the daemon takes a null for that stands under a key of a map. A null for an object with
/// fields is refused: engines differ on it.
fn nothing(shape: Shape) -> Option<Json<'static>> {
    match shape {
        Shape::Text => Some(Json::Text(Cow::Borrowed(""))),
        Shape::List(_) => Some(Json::List(Vec::new())),
        Shape::Object(table) if table.is_empty() => Some(Json::Object(Vec::new())),
        Shape::Any
        | Shape::Bool
        | Shape::Integer
        | Shape::Nothing
        | Shape::Number
        | Shape::TextOrTexts
        | Shape::Map(_)
        | Shape::Object(_) => None,
    }
}

fn keep_members(
    members: &mut Vec<Member<'_>>,
    table: &'static Table,
    path: Path<'_>,
) -> Result<(), BadBody> {
    let mut spelled = Vec::new();
    let mut bad = None;
    members.retain_mut(|(key, value)| {
        if bad.is_some() {
            return false;
        }
        let is_kept = keep_member(key, value, table, path, &mut spelled);
        is_kept.unwrap_or_else(|why| {
            bad = Some(why);
            false
        })
    });
    bad.map_or(Ok(()), Err)
}

/// Whether a member is sent on. Its key is brought into the daemon's own spelling.
fn keep_member(
    key: &mut Cow<'_, str>,
    value: &mut Json,
    table: &'static Table,
    path: Path<'_>,
    spelled: &mut Vec<&'static str>,
) -> Result<bool, BadBody> {
    let here = Path::Key(&path, key);
    let Some(field) = table.field(key) else {
        return must_be_nothing(key, value, table, here).map(|()| false);
    };
    if field.also.is_some() {
        if spelled.contains(&field.name) {
            let (path, field) = (here.name(), field.name);
            return Err(BadBody::Doubled { path, field });
        }
        spelled.push(field.name);
    }
    // The daemon leaves what it has, as without the key.
    if *value == Json::Null {
        return Ok(false);
    }
    keep(value, field.shape, here)?;
    if key != field.name {
        *key = Cow::Borrowed(field.name);
    }
    Ok(field.class != Class::Ignored)
}

/// Passes a key that no field has, if no version of the daemon can make anything of it.
fn must_be_nothing(
    key: &str,
    value: &Json,
    table: &'static Table,
    path: Path<'_>,
) -> Result<(), BadBody> {
    if let Some(near) = table.nearly(key) {
        let (path, right) = (path.name(), near.name);
        return Err(BadBody::Case { path, right });
    }
    if *value != Json::Null {
        return Err(BadBody::Unknown(path.name()));
    }
    Ok(())
}

fn collect<'a>(value: &'a Json<'a>, shape: Shape, path: Path<'_>, found: &mut Vec<Asked<'a>>) {
    match (shape, value) {
        (Shape::Object(table), Json::Object(members)) => {
            for (key, value) in members {
                if let Some(field) = table.field(key) {
                    collect_field(value, field, Path::Key(&path, key), found);
                }
            }
        }
        (Shape::List(inner), Json::List(values)) => {
            for (place, value) in values.iter().enumerate() {
                collect(value, *inner, Path::Place(&path, place), found);
            }
        }
        (Shape::Map(inner), Json::Object(members)) => {
            for (key, value) in members {
                collect(value, *inner, Path::Key(&path, key), found);
            }
        }
        (
            Shape::Any
            | Shape::Bool
            | Shape::Integer
            | Shape::Nothing
            | Shape::Number
            | Shape::Text
            | Shape::TextOrTexts
            | Shape::List(_)
            | Shape::Map(_)
            | Shape::Object(_),
            _,
        ) => {}
    }
}

fn collect_field<'a>(
    value: &'a Json<'a>,
    field: &Field,
    path: Path<'_>,
    found: &mut Vec<Asked<'a>>,
) {
    let topic = match field.class {
        Class::Judged(topic) | Class::Keys(topic) => Some(topic),
        Class::Refused => None,
        Class::Harmless => return collect(value, field.shape, path, found),
        Class::Part | Class::Ignored => return,
    };
    if field.zero == Zero::Meant || !is_zero(value, field.shape) {
        let path = path.name();
        found.push(Asked { path, topic, value });
    }
    if let Class::Keys(_) = field.class {
        collect(value, field.shape, path, found);
    }
}

fn is_zero(value: &Json, shape: Shape) -> bool {
    match (value, shape) {
        (Json::Null, _) => true,
        (Json::Bool(is_set), _) => !is_set,
        (Json::Number(number), _) => matches!(&**number, "0" | "-0"),
        (Json::Text(text), _) => text.is_empty(),
        (Json::List(values), _) => values.is_empty(),
        (Json::Object(members), Shape::Object(table)) => members.iter().all(|(key, value)| {
            let field = table.field(key);
            field.is_some_and(|field| is_zero(value, field.shape))
        }),
        (Json::Object(members), _) => members.is_empty(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
