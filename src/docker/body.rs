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
mod field_meaning;
mod hidden;
mod keep;
mod network;
mod service;
mod table;
mod volume;

use std::fmt::Write;

use keep::Keeper;

use super::json::{BadJson, Json, shortened};
use super::table::Operation;

pub use exec::asks_to_detach;
pub use field_meaning::FieldMeaning;
pub use hidden::{are_masked_by_engines, are_read_only_by_engines};
pub use table::{Class, Field, Shape, Table, Zero};

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
    (Operation::ServiceUpdate, &service::SERVICE_UPDATE),
    (Operation::VolumeCreate, &volume::VOLUME_CREATE),
    (Operation::VolumeUpdate, &volume::VOLUME_UPDATE),
];

/// Why a body is refused before any rule is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// It is no strict JSON.
    #[error(transparent)]
    Json(#[from] BadJson),
    /// A field is there with two values. The daemon does not regard case.
    #[error(
        "{0} is sent twice with different values (letters of either case are the same): send it once"
    )]
    Doubled(String),
    /// What stands there is of another kind.
    #[error("{path} must be {want}")]
    Kind {
        /// Where.
        path: String,
        /// What may stand there.
        want: &'static str,
    },
    /// A field of `HostConfig` stands beside it. Some engines read it there, others do not.
    #[error("{path} is read by some engines only: send it as HostConfig.{right}")]
    Misplaced {
        /// Where.
        path: String,
        /// The field.
        right: &'static str,
    },
    /// No version of the API has the field.
    #[error("{0} is not a field of the Docker API: leave it out")]
    Unknown(String),
}

impl BadBody {
    /// Whether the body can be sent on all the same, as it was understood but for what the daemon itself ignores or
    /// refuses.
    fn can_be_rebuilt(&self) -> bool {
        match self {
            Self::Kind { .. } | Self::Unknown(_) => true,
            Self::Doubled(_) | Self::Json(_) | Self::Misplaced { .. } => false,
        }
    }
}

/// A body, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// What its table has of it, each field in the daemon's own spelling.
    pub value: Json<'a>,
    /// The first thing that the daemon itself would ignore or refuse, which is left as it was. Such a body is for
    /// those who only observe.
    pub flaw: Option<BadBody>,
}

/// A field that a policy must judge, as it stands in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Where it stands, as `HostConfig.Privileged`.
    pub path: String,
    /// What it asks for; nothing grants what has no topic.
    pub meaning: Option<FieldMeaning>,
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
/// A key in another case is the field's, as it is to the daemon, and a field that is there twice with the same value
/// is there once. Fields that are ignored and nulls are dropped, as the daemon makes nothing of them; a null that
/// stands under a key of a map becomes the value that the daemon takes it for. A body that is null is
/// an empty object.
///
/// # Errors
///
/// The first thing that is wrong; the caller answers 400.
pub fn parse<'a>(bytes: &'a [u8], table: &'static Table) -> Result<Json<'a>, BadBody> {
    let Parsed { value, flaw } = parse_with_flaws(bytes, table)?;
    flaw.map_or(Ok(value), Err)
}

/// The same, but goes on where the daemon itself would ignore or refuse something.
///
/// # Errors
///
/// The first thing that has more than one reading, or none.
pub fn parse_with_flaws<'a>(bytes: &'a [u8], table: &'static Table) -> Result<Parsed<'a>, BadBody> {
    let mut value = Json::parse_with_doubles(bytes)?;
    if value == Json::Null {
        value = Json::Object(Vec::new());
    }
    let mut keeper = Keeper::default();
    keeper.keep(&mut value, Shape::Object(table), Path::Root)?;
    let flaw = keeper.flaw;
    Ok(Parsed { value, flaw })
}

/// Whether the body of an operation that takes none says nothing: JSON that is empty, of no more bytes than the daemon
/// lets pass there.
///
/// Source: `postContainersStart` of moby/moby, which allows what old clients sent for nothing.
#[must_use]
pub fn says_nothing(bytes: &[u8]) -> bool {
    let is_nothing = |value| match value {
        Json::Null => true,
        Json::Text(text) => text.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(_) | Json::Number(_) | Json::List(_) => false,
    };
    let is_blank = || bytes.trim_ascii().is_empty();
    bytes.len() <= MAX_OF_NOTHING && (is_blank() || Json::parse(bytes).is_ok_and(is_nothing))
}

/// The most bytes of a body that says nothing.
pub const MAX_OF_NOTHING: usize = 7;

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
    let meaning = match field.class {
        Class::Judged(meaning) | Class::Keys(meaning) => Some(meaning),
        Class::Refused => None,
        Class::Harmless => return collect(value, field.shape, path, found),
        Class::Part | Class::Ignored => return,
    };
    if field.zero == Zero::Meant || !is_zero(value, field.shape) {
        let path = path.name();
        found.push(Asked {
            path,
            meaning,
            value,
        });
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
